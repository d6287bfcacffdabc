#include "inputs/statsd/names.h"

#include <algorithm>
#include <sstream>
#include <utility>

namespace holdfast::statsd {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\v\f";

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> found;
  for (std::string word; in >> word;) found.push_back(std::move(word));
  return found;
}

void append_part(std::string_view part, std::string_view joiner, bool& first, std::string& out) {
  if (!std::exchange(first, false)) out += joiner;
  out += part;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-.;=").find(c) != std::string_view::npos;
}

std::string sanitized(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i] == '/' ? '-' : name[i];
    if (kBlanks.find(c) != std::string_view::npos) {
      const bool again = i > 0 && kBlanks.find(name[i - 1]) != std::string_view::npos;
      if (!again) out += '_';
    } else if (is_plain(c)) {
      out += c;
    }
  }
  return out;
}

std::string converted(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '-') {
      out += "__";
    } else {
      out += c == '.' ? '_' : c;
    }
  }
  return out;
}

// Exact parts before `*`, longer filters before shorter ones that say the same.
bool is_more_exact(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if ((a[i] == "*") != (b[i] == "*")) return b[i] == "*";
  }
  return a.size() > b.size();
}

base::Result<Tags> parse_fixed_tags(std::string_view text) {
  Tags tags;
  for (const auto pair : split(text, ',')) {
    const std::size_t equals = pair.find('=');
    if (equals == 0 || equals == std::string_view::npos || equals + 1 == pair.size()) {
      return base::fail(base::ErrorCode::kInvalid, "found `{}`, expected key=value", pair);
    }
    tags.insert_or_assign(std::string(pair.substr(0, equals)),
                          std::string(pair.substr(equals + 1)));
  }
  return tags;
}

}  // namespace

base::Result<Names> Names::compile(NameOptions options) {
  Names names;
  for (const std::string& text : options.templates) {
    auto rule = parse_template(text);
    if (!rule) {
      return base::fail(base::ErrorCode::kInvalid, "`{}`: {}", text, rule.error().message);
    }
    names.templates_.push_back(std::move(*rule));
  }
  std::stable_sort(
      names.templates_.begin(), names.templates_.end(),
      [](const Template& a, const Template& b) { return is_more_exact(a.filter, b.filter); });
  names.options_ = std::move(options);
  return names;
}

base::Result<Names::Template> Names::parse_template(const std::string& text) {
  auto parts = words(text);
  Template rule;
  const bool has_tags = parts.size() > 1 && parts.back().find('=') != std::string::npos;
  if (has_tags) {
    auto tags = parse_fixed_tags(parts.back());
    if (!tags) return tl::unexpected(tags.error());
    rule.tags = std::move(*tags);
    parts.pop_back();
  }
  if (parts.empty() || parts.size() > 3) {
    return base::fail(base::ErrorCode::kInvalid,
                      "expected [separator] [filter] template [key=value,...]");
  }
  if (parts.size() == 3) {
    if (parts.front().size() != 1) {
      return base::fail(base::ErrorCode::kInvalid,
                        "found the separator `{}`, expected one character", parts.front());
    }
    rule.separator = parts.front().front();
    parts.erase(parts.begin());
  }
  if (parts.size() == 2) {
    for (const auto part : split(parts.front(), rule.separator)) rule.filter.emplace_back(part);
  }
  for (const auto part : split(parts.back(), rule.separator)) rule.parts.emplace_back(part);
  const auto count = [&](std::string_view name) {
    return std::count(rule.parts.begin(), rule.parts.end(), name);
  };
  if (count("measurement*") > 0 && count("field*") > 0) {
    return base::fail(base::ErrorCode::kInvalid,
                      "`measurement*` and `field*` cannot both take the rest");
  }
  return rule;
}

const Names::Template* Names::match(std::string_view name) const {
  for (const Template& rule : templates_) {
    const auto parts = split(name, rule.separator);
    if (rule.filter.size() > parts.size()) continue;
    bool fits = true;
    for (std::size_t i = 0; i < rule.filter.size() && fits; ++i) {
      fits = rule.filter[i] == "*" || rule.filter[i] == parts[i];
    }
    if (fits) return &rule;
  }
  return nullptr;
}

void Names::apply(const Template& rule, std::string_view name, Name& out) const {
  const auto parts = split(name, rule.separator);
  bool first_of_name = true;
  bool first_of_field = true;
  Tags found = rule.tags;
  for (std::size_t i = 0; i < std::min(parts.size(), rule.parts.size()); ++i) {
    const std::string& what = rule.parts[i];
    const bool rest = what.ends_with('*');
    if (what == "measurement" || what == "measurement*") {
      for (std::size_t k = i; k < (rest ? parts.size() : i + 1); ++k) {
        append_part(parts[k], options_.separator, first_of_name, out.measurement);
      }
    } else if (what == "field" || what == "field*") {
      for (std::size_t k = i; k < (rest ? parts.size() : i + 1); ++k) {
        append_part(parts[k], options_.separator, first_of_field, out.field);
      }
    } else if (!what.empty()) {
      const auto [place, is_new] = found.try_emplace(what, parts[i]);
      if (!is_new) place->second += options_.separator + std::string(parts[i]);
    }
    if (rest) break;
  }
  // Those of the template win over those of the bucket.
  for (auto& [key, value] : found) out.tags.insert_or_assign(key, std::move(value));
}

Name Names::parse(std::string_view bucket) const {
  Name out;
  auto parts = split(bucket, ',');
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::size_t equals = parts[i].find('=');
    if (equals == 0 || equals == std::string_view::npos) continue;
    out.tags.insert_or_assign(std::string(parts[i].substr(0, equals)),
                              std::string(parts[i].substr(equals + 1)));
  }
  std::string name(parts.front());
  if (options_.sanitize) name = sanitized(name);
  // What stands behind a blank is not of the name.
  const std::size_t begin = std::min(name.find_first_not_of(kBlanks), name.size());
  name = name.substr(begin, name.find_first_of(kBlanks, begin) - begin);
  if (const Template* rule = match(name)) apply(*rule, name, out);
  if (out.measurement.empty()) {
    bool first = true;
    for (const auto part : split(name, '.')) {
      append_part(part, options_.separator, first, out.measurement);
    }
  }
  if (options_.convert) out.measurement = converted(out.measurement);
  if (out.field.empty()) out.field = "value";
  return out;
}

}  // namespace holdfast::statsd

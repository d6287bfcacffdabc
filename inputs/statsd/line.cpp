#include "inputs/statsd/line.h"

#include <charconv>
#include <cmath>
#include <optional>

namespace holdfast::statsd {
namespace {

// Less would make one value stand for more events than anybody counts.
constexpr double kLeastRate = 1e-6;

std::string_view take_until(std::string_view& rest, char end, bool& found) {
  const std::size_t at = rest.find(end);
  found = at != std::string_view::npos;
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(found ? at + 1 : rest.size());
  return part;
}

std::optional<Kind> kind_of(std::string_view text) {
  if (text == "c") return Kind::kCounter;
  if (text == "g") return Kind::kGauge;
  if (text == "s") return Kind::kSet;
  if (text == "ms") return Kind::kTiming;
  if (text == "h") return Kind::kHistogram;
  if (text == "d") return Kind::kDistribution;
  return std::nullopt;
}

template <class... Args>
auto invalid(fmt::format_string<Args...> format, Args&&... args) {
  return base::fail(base::ErrorCode::kInvalid, format, std::forward<Args>(args)...);
}

// "@0.5"
base::Status parse_rate(std::string_view text, Sample& out) {
  if (!text.starts_with('@')) return base::ok();  // something newer than us: left alone
  if (!parse_number(text.substr(1), out.rate) || out.rate < kLeastRate) {
    return invalid("found `{}`, expected a sample rate such as @0.1", text);
  }
  return base::ok();
}

base::Status parse_value(std::string_view text, Sample& out) {
  const bool sign = text.starts_with('-') || text.starts_with('+');
  const bool may_have_sign =
      out.kind == Kind::kGauge || out.kind == Kind::kCounter || out.kind == Kind::kDistribution;
  if (sign && !may_have_sign) return invalid("found `{}`, expected a value without a sign", text);
  out.relative = sign;
  out.text = text;
  if (out.kind == Kind::kSet) return base::ok();
  if (!parse_number(text, out.number)) return invalid("found `{}`, expected a number", text);
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out.whole);
  out.is_whole = problem == std::errc() && end == text.data() + text.size();
  return base::ok();
}

// "value|type|@rate"; what else there may be is left alone.
base::Result<Sample> parse_sample(std::string_view text) {
  bool more = false;
  const std::string_view value = take_until(text, '|', more);
  if (!more) return invalid("found `{}`, expected value|type", value);
  const std::string_view type = take_until(text, '|', more);
  const auto kind = kind_of(type);
  if (!kind) return invalid("found the type `{}`, expected c, g, s, ms, h or d", type);
  Sample sample;
  sample.kind = *kind;
  while (more) {
    const std::string_view part = take_until(text, '|', more);
    if (auto rate = parse_rate(part, sample); !rate) return tl::unexpected(rate.error());
  }
  if (auto parsed = parse_value(value, sample); !parsed) return tl::unexpected(parsed.error());
  return sample;
}

// Takes Datadog's parts off the line: what is left is in `plain`.
void take_datadog(std::string_view text, const Dialect& dialect, Tags& tags, std::string& plain) {
  bool more = false;
  plain = take_until(text, '|', more);  // a bucket may be called c, too
  while (more) {
    const std::string_view part = take_until(text, '|', more);
    if (part.starts_with('#')) {
      parse_tags(part.substr(1), tags);
    } else if (part.starts_with("c:")) {
      if (dialect.keep_container) tags["container"] = part.substr(2);
    } else {
      plain += '|';
      plain += part;
    }
  }
}

}  // namespace

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kCounter:
      return "counter";
    case Kind::kGauge:
      return "gauge";
    case Kind::kSet:
      return "set";
    case Kind::kTiming:
      return "timing";
    case Kind::kHistogram:
      return "histogram";
    case Kind::kDistribution:
      return "distribution";
  }
  return "";
}

bool parse_number(std::string_view text, double& out) {
  // from_chars knows no plus, and takes "inf" and "nan", which no database does.
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  return problem == std::errc() && end == text.data() + text.size() && std::isfinite(out);
}

void parse_tags(std::string_view text, Tags& out) {
  bool more = !text.empty();
  while (more) {
    const std::string_view part = take_until(text, ',', more);
    bool has_value = false;
    std::string_view value = part;
    const std::string_view key = take_until(value, ':', has_value);
    if (key.empty()) continue;
    out.insert_or_assign(std::string(key), value.empty() ? "true" : std::string(value));
  }
}

base::Status parse_line(std::string_view text, const Dialect& dialect, Line& out) {
  out.samples.clear();
  out.tags.clear();
  if (dialect.datadog) {  // tags have colons of their own: they go first
    take_datadog(text, dialect, out.tags, out.plain);
    text = out.plain;
  }
  bool more = false;
  out.bucket = take_until(text, ':', more);
  if (!more) return invalid("found `{}`, expected bucket:value|type", out.bucket);
  if (out.bucket.empty()) return invalid("found no name in front of `:{}`", text);
  while (more) {
    auto sample = parse_sample(take_until(text, ':', more));
    if (!sample) return tl::unexpected(sample.error());
    out.samples.push_back(*sample);
  }
  return base::ok();
}

}  // namespace holdfast::statsd

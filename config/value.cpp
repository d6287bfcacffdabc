// Values and tables of the configuration, and how they are shown in messages.
#include "config/value.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

namespace holdfast::config {
namespace {

constexpr std::size_t kShownBytes = 60;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// The credentials of a URL are not for messages: all between "://" and the last '@', and a query,
// which may have a user and a password too.
std::string without_credentials(std::string_view text) {
  const auto scheme = text.find("://");
  if (scheme == std::string_view::npos) return std::string(text);
  const auto at = text.rfind('@');
  const bool has_user = at != std::string_view::npos && at > scheme;
  const std::string_view rest = text.substr(has_user ? at : scheme + 3);
  const auto query = rest.find('?');
  return fmt::format("{}{}{}{}", text.substr(0, scheme + 3), has_user ? "***" : "",
                     rest.substr(0, query), query == std::string_view::npos ? "" : "?***");
}

// At most kShownBytes of the text, cut between characters.
std::string shortened(std::string_view whole) {
  const std::string text = without_credentials(whole);
  if (text.size() <= kShownBytes) return quoted(text);
  std::size_t end = kShownBytes;
  while (end > 0 && is_continuation(text[end])) --end;
  std::string out = quoted(std::string_view(text).substr(0, end));
  out.insert(out.size() - 1, "...");
  return out;
}

// Stays a float when it is read again.
std::string shown_float(double value) {
  std::string out = fmt::format("{}", value);
  const bool is_integral = out.find_first_not_of("-0123456789") == std::string::npos;
  return is_integral ? out + ".0" : out;
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04X}", byte);
    } else {
      out += c;
    }
  }
  out += '"';
  return out;
}

std::string_view Value::kind() const {
  if (date_time) return "a date or time";
  switch (data.index()) {
    case 0:
      return "a bool";
    case 1:
      return "an integer";
    case 2:
      return "a float";
    case 3:
      return "a string";
    case 4:
      return "a list";
    default:
      return "a table";
  }
}

std::string Value::shown() const {
  if (const bool* flag = std::get_if<bool>(&data)) return *flag ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&data)) return fmt::format("{}", *integer);
  if (const double* number = std::get_if<double>(&data)) return shown_float(*number);
  if (const auto* text = std::get_if<std::string>(&data)) {
    return date_time ? fmt::format("the date or time {}", *text) : shortened(*text);
  }
  return std::string(kind());
}

void Table::add(std::string key, Position key_position, Value value) {
  Entry entry{std::move(key), std::move(key_position), std::move(value)};
  const auto same = std::find_if(entries_.begin(), entries_.end(),
                                 [&entry](const Entry& other) { return other.key == entry.key; });
  if (same == entries_.end()) {
    entries_.push_back(std::move(entry));
  } else {
    *same = std::move(entry);
  }
}

void Table::overlay(Table later) {
  if (name_.empty()) name_ = std::move(later.name_);
  if (!where_.file) where_ = std::move(later.where_);
  for (Entry& entry : later.entries_) {
    const auto same = std::find_if(entries_.begin(), entries_.end(),
                                   [&entry](const Entry& other) { return other.key == entry.key; });
    if (same == entries_.end()) {
      entries_.push_back(std::move(entry));
      continue;
    }
    entry.overridden = std::move(same->overridden);
    entry.overridden.push_back(std::move(*same));
    entry.overridden.back().overridden.clear();
    *same = std::move(entry);
  }
}

Table::Entry* Table::take(std::string_view key) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [key](const Entry& entry) { return entry.key == key; });
  if (found == entries_.end()) return nullptr;
  found->used = true;
  return &*found;
}

const Table::Entry* Table::find(std::string_view key) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [key](const Entry& entry) { return entry.key == key; });
  return found == entries_.end() ? nullptr : &*found;
}

const Position& Table::where(std::string_view key) const {
  const Entry* const entry = find(key);
  return entry != nullptr ? entry->where : where_;
}

std::string Table::in_name() const {
  return name_.empty() ? std::string() : fmt::format(" in {}", name_);
}

void Table::report_unused(Diagnostics& diagnostics,
                          const std::vector<std::string_view>& known) const {
  for (const Entry& entry : entries_) {
    if (entry.used) continue;
    const std::string message = fmt::format("unknown option `{}`{}{}", entry.key, in_name(),
                                            did_you_mean(entry.key, known));
    const std::string_view near = nearest_name(entry.key, known);
    for (const Entry& earlier : entry.overridden) {
      diagnostics.error(earlier.where, message).suggestion = near;
    }
    diagnostics.error(entry.where, message).suggestion = near;
  }
}

}  // namespace holdfast::config

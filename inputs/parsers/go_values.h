// Numbers and booleans in the spellings that Telegraf's formats take, which are those of Go.
// Internal to the parsers.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace holdfast::parsers {

// The whole text, a sign in front allowed; nothing for anything else or what the type cannot hold.
// A float may be infinite or not a number.
template <class Number>
[[nodiscard]] std::optional<Number> number_of(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

[[nodiscard]] inline std::optional<bool> boolean_of(std::string_view text) {
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == yes) return true;
  }
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

}  // namespace holdfast::parsers

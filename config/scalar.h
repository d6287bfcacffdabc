// Unquoted TOML values: numbers, bools, dates (TOML 1.0.0).
#pragma once

#include <string>
#include <string_view>

namespace holdfast::config {

// True for true and false, and for integers and floats that fit 64 bits.
[[nodiscard]] bool is_number_or_bool(std::string_view token);

// True for what begins as a date or a time does.
[[nodiscard]] bool looks_like_date_time(std::string_view token);

// What is wrong with an unquoted value, in words; empty if nothing is. Dates and times are not
// checked beyond their beginning. The token itself never enters the text: it may be a secret that
// lacks its quotes.
[[nodiscard]] std::string scalar_problem(std::string_view token);

}  // namespace holdfast::config

// Numbers of line protocol, checked by hand: most are a few digits, and from_chars on each would be
// most of the cost of a line. Internal to agent/line.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::line {

enum class NumberKind : std::uint8_t { kInvalid, kFloat, kInteger, kUnsigned };

struct Number {
  NumberKind kind = NumberKind::kInvalid;
  // A float as only InfluxDB 1.x and 2.x take it: `.5` or `5.`. InfluxDB 3 wants digits on both
  // sides of the point.
  bool bare_point = false;
  bool out_of_range = false;         // well formed, but too large for its type; kind is kInvalid
  std::uint64_t unsigned_value = 0;  // of a kUnsigned
};

// The whole of `token`: [-]digits[.digits][e[+-]digits] | [-]digits`i` | digits`u`.
[[nodiscard]] Number parse_number(std::string_view token);

// [-]digits; nothing when it is anything else. `out_of_range` is set if only the size is wrong.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view digits,
                                                        bool& out_of_range);

}  // namespace holdfast::line

// Grammar and range of numbers: what InfluxDB 1.x, 2.x and 3 all read as the same finite value.
#include "agent/line/number.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <system_error>

#include "agent/line/rules.h"

namespace holdfast::line {
namespace {

[[nodiscard]] std::size_t count_digits(std::string_view text, std::size_t from) {
  std::size_t at = from;
  while (at < text.size() && is_digit(text[at])) {
    ++at;
  }
  return at - from;
}

// Eight digits at once: pairs, then fours, then all, a multiplication each. False if they are not.
[[nodiscard]] bool add_eight_digits(const char* digits, std::uint64_t& value) {
  std::uint64_t word = 0;
  std::memcpy(&word, digits, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  constexpr std::uint64_t kOver = 0x7676767676767676U;  // lifts what is above 9 to the high bit
  word ^= 0x3030303030303030U;                          // '0' to '9' become 0 to 9
  if (((((word & ~kHighBits) + kOver) | word) & kHighBits) != 0) return false;
  word = (word * 10 + (word >> 8U)) & 0x00FF00FF00FF00FFU;
  word = (word * 100 + (word >> 16U)) & 0x0000FFFF0000FFFFU;
  word = (word * 10'000 + (word >> 32U)) & 0xFFFFFFFFU;
  value = value * 100'000'000 + word;
  return true;
}

// Nothing, and `out_of_range` left alone, if these are no digits; they are at least one.
[[nodiscard]] std::optional<std::uint64_t> parse_unsigned(std::string_view digits,
                                                          bool& out_of_range) {
  std::uint64_t value = 0;
  const std::size_t safe = std::min<std::size_t>(digits.size(), 19);  // 10^19 - 1 fits
  std::size_t at = 0;
  for (; at + 8 <= safe; at += 8) {
    if (!add_eight_digits(digits.data() + at, value)) return std::nullopt;
  }
  for (; at < safe; ++at) {
    if (!is_digit(digits[at])) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(digits[at] - '0');
  }
  if (at == digits.size()) return value;
  if (count_digits(digits, at) != digits.size() - at) return std::nullopt;
  for (; at < digits.size(); ++at) {
    const auto digit = static_cast<std::uint64_t>(digits[at] - '0');
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
    if (value > (kMax - digit) / 10) {
      out_of_range = true;
      return std::nullopt;
    }
    value = value * 10 + digit;
  }
  return value;
}

// The digits of a float around its point.
struct FloatParts {
  std::string_view whole;
  std::string_view fraction;
  std::string_view exponent;  // with its sign
};

// True if the value would round to infinity. Decides by the power of ten of the first digit; only
// at the edge (1e308 up to 9.99e308) the number is read in full.
[[nodiscard]] bool overflows(std::string_view token, const FloatParts& parts) {
  constexpr std::int64_t kMaxPower = std::numeric_limits<double>::max_exponent10;
  if (parts.exponent.empty() && parts.whole.size() <= static_cast<std::size_t>(kMaxPower)) {
    return false;
  }
  std::int64_t power = 0;
  const std::size_t first = parts.whole.find_first_not_of('0');
  if (first != std::string_view::npos) {
    power = static_cast<std::int64_t>(parts.whole.size() - first) - 1;
  } else {
    const std::size_t zeros = parts.fraction.find_first_not_of('0');
    if (zeros == std::string_view::npos) {
      return false;  // zero, whatever its exponent
    }
    power = -static_cast<std::int64_t>(zeros) - 1;
  }
  if (!parts.exponent.empty()) {
    const bool negative = parts.exponent.front() == '-';
    const bool has_sign = negative || parts.exponent.front() == '+';
    std::int64_t exponent = 0;
    for (const char byte : parts.exponent.substr(has_sign ? 1 : 0)) {
      exponent = std::min<std::int64_t>(exponent * 10 + (byte - '0'), INT32_MAX * 1000LL);
    }
    power += negative ? -exponent : exponent;
  }
  if (power != kMaxPower) {
    return power > kMaxPower;
  }
  double value = 0;
  const auto result = std::from_chars(token.data(), token.data() + token.size(), value);
  return result.ec == std::errc::result_out_of_range || !std::isfinite(value);
}

// `at` is behind the whole digits.
[[nodiscard]] Number parse_float(std::string_view token, std::size_t sign, std::size_t at) {
  Number number;
  FloatParts parts;
  parts.whole = token.substr(sign, at - sign);
  if (at < token.size() && token[at] == '.') {
    const std::size_t digits = count_digits(token, at + 1);
    parts.fraction = token.substr(at + 1, digits);
    at += 1 + digits;
    number.bare_point = parts.whole.empty() || parts.fraction.empty();
  }
  if (parts.whole.empty() && parts.fraction.empty()) {
    return {};
  }
  if (at < token.size() && (token[at] == 'e' || token[at] == 'E')) {
    std::size_t digits = at + 1;
    if (digits < token.size() && (token[digits] == '+' || token[digits] == '-')) {
      ++digits;
    }
    if (digits == token.size()) {
      return {};
    }
    const std::size_t end = digits + count_digits(token, digits);
    parts.exponent = token.substr(at + 1);
    at = end;
  }
  if (at != token.size()) {
    return {};
  }
  number.out_of_range = overflows(token, parts);
  number.kind = number.out_of_range ? NumberKind::kInvalid : NumberKind::kFloat;
  return number;
}

}  // namespace

Number parse_number(std::string_view token) {
  const std::size_t sign = !token.empty() && token.front() == '-' ? 1 : 0;
  const std::size_t at = sign + count_digits(token, sign);
  const bool is_suffixed = at > sign && at + 1 == token.size();
  Number number;
  if (is_suffixed && token[at] == 'i') {
    const bool good = parse_integer(token.substr(0, at), number.out_of_range).has_value();
    number.kind = good ? NumberKind::kInteger : NumberKind::kInvalid;
    return number;
  }
  if (is_suffixed && token[at] == 'u' && sign == 0) {
    const auto value = parse_unsigned(token.substr(0, at), number.out_of_range);
    number.kind = value ? NumberKind::kUnsigned : NumberKind::kInvalid;
    number.unsigned_value = value.value_or(0);
    return number;
  }
  return parse_float(token, sign, at);
}

std::optional<std::int64_t> parse_integer(std::string_view digits, bool& out_of_range) {
  const bool negative = !digits.empty() && digits.front() == '-';
  const std::string_view unsigned_digits = digits.substr(negative ? 1 : 0);
  if (unsigned_digits.empty()) {
    return std::nullopt;
  }
  constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
  const auto value = parse_unsigned(unsigned_digits, out_of_range);
  if (!value) {
    return std::nullopt;
  }
  if (*value > kMax + (negative ? 1 : 0)) {
    out_of_range = true;
    return std::nullopt;
  }
  return static_cast<std::int64_t>(negative ? 0 - *value : *value);
}

}  // namespace holdfast::line

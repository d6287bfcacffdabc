// Checks unquoted values before the TOML library sees them: it reads integers beyond 64 bits as
// zero, and says little about what it does not understand.
#include "config/scalar.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>

namespace holdfast::config {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The digits without the `_` between them; nothing if an `_` does not stand between two digits.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '_') {
      out += text[at];
      continue;
    }
    const bool between = at > 0 && at + 1 < text.size() &&
                         std::isxdigit(static_cast<unsigned char>(text[at - 1])) != 0 &&
                         std::isxdigit(static_cast<unsigned char>(text[at + 1])) != 0;
    if (!between) return std::nullopt;
  }
  return out;
}

enum class Check { kGood, kBad, kOutOfRange };

struct Radix {
  std::string_view prefix;
  int base;
  std::size_t most_digits;  // what the TOML library reads without overflow
};
constexpr std::array kRadixes{Radix{"0x", 16, 16}, Radix{"0o", 8, 20}, Radix{"0b", 2, 62}};

template <class Number>
Check check_number(std::string_view digits, auto... format) {
  Number value{};
  const char* const end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, value, format...);
  if (error == std::errc::result_out_of_range) return Check::kOutOfRange;
  return error == std::errc() && at == end && !digits.empty() ? Check::kGood : Check::kBad;
}

Check check_prefixed(std::string_view digits, const Radix& radix) {
  if (digits.starts_with('-')) return Check::kBad;
  const Check check = check_number<std::int64_t>(digits, radix.base);
  return check == Check::kGood && digits.size() > radix.most_digits ? Check::kOutOfRange : check;
}

// A decimal number as TOML writes it: no leading zero, digits on both sides of a point, no point
// in an exponent.
bool is_decimal_shape(std::string_view text) {
  const auto skip_digits = [&text] {
    const std::size_t count = static_cast<std::size_t>(
        std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
    text.remove_prefix(count);
    return count;
  };
  const bool zero = text.starts_with('0');
  const std::size_t whole = skip_digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (skip_digits() == 0) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (skip_digits() == 0) return false;
  }
  return text.empty();
}

Check check_token(std::string_view token) {
  if (token == "true" || token == "false") return Check::kGood;
  const auto digits = without_underscores(token);
  if (!digits) return Check::kBad;
  for (const Radix& radix : kRadixes) {
    if (digits->starts_with(radix.prefix)) {
      return check_prefixed(std::string_view(*digits).substr(radix.prefix.size()), radix);
    }
  }
  std::string_view number = *digits;
  const bool has_plus = number.starts_with('+');
  if (has_plus) number.remove_prefix(1);
  std::string_view unsigned_part = number;
  if (!has_plus && unsigned_part.starts_with('-')) unsigned_part.remove_prefix(1);
  if (unsigned_part == "inf" || unsigned_part == "nan") return Check::kGood;
  if (!is_decimal_shape(unsigned_part)) return Check::kBad;
  const bool is_integer = std::all_of(unsigned_part.begin(), unsigned_part.end(), is_digit);
  return is_integer ? check_number<std::int64_t>(number, 10) : check_number<double>(number);
}

bool is_other_bool(std::string_view token) {
  constexpr std::array<std::string_view, 6> kWords{"true", "false", "yes", "no", "on", "off"};
  std::string lower;
  for (const char c : token)
    lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

}  // namespace

bool is_number_or_bool(std::string_view token) { return check_token(token) == Check::kGood; }

bool looks_like_date_time(std::string_view token) {
  const auto digits_then = [token](std::size_t count, char mark) {
    return token.size() > count && token[count] == mark &&
           std::all_of(token.begin(), token.begin() + static_cast<std::ptrdiff_t>(count), is_digit);
  };
  return digits_then(4, '-') || digits_then(2, ':');
}

std::string scalar_problem(std::string_view token) {
  if (looks_like_date_time(token)) return {};
  switch (check_token(token)) {
    case Check::kGood:
      return {};
    case Check::kOutOfRange:
      return "the number is out of range";
    case Check::kBad:
      break;
  }
  if (is_other_bool(token)) return "a bool is written true or false";
  if (token.find_first_not_of("0123456789._+-eE") == std::string_view::npos) {
    return "this is not a number as TOML writes it";
  }
  const bool starts_as_number = is_digit(token.empty() ? ' ' : token.front());
  return starts_as_number ? R"(a text such as "10s" needs quotes)" : "a text needs quotes";
}

}  // namespace holdfast::config

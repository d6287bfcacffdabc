// The three forms differ at once: a date has a dash after four digits, Unix seconds are a plain
// number, all else is a duration.
#include "agent/time_argument.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <optional>

#include "config/units.h"

namespace holdfast::agent {
namespace {

using base::ErrorCode;
using base::fail;

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::size_t kFractionDigits = 9;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes exactly `digits` digits off the front.
std::optional<int> take_number(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  const std::string_view part = text.substr(0, digits);
  if (!std::all_of(part.begin(), part.end(), is_digit)) return std::nullopt;
  int value = 0;
  std::from_chars(part.data(), part.data() + part.size(), value);
  text.remove_prefix(digits);
  return value;
}

bool take_one_of(std::string_view& text, std::string_view allowed) {
  if (text.empty() || allowed.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// ".25" → 250,000,000 ns; none at all is 0. Digits beyond nanoseconds do not count.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
  if (!take_one_of(text, ".")) return 0;
  std::int64_t ns = 0;
  std::size_t digits = 0;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), ++digits) {
    if (digits < kFractionDigits) ns = ns * 10 + (text.front() - '0');
  }
  if (digits == 0) return std::nullopt;
  for (; digits < kFractionDigits; ++digits) ns *= 10;
  return ns;
}

// "Z", "+02:00" → seconds east of UTC.
std::optional<int> take_offset(std::string_view& text) {
  if (take_one_of(text, "Zz")) return 0;
  if (text.empty()) return std::nullopt;
  const int sign = text.front() == '-' ? -1 : 1;
  if (!take_one_of(text, "+-")) return std::nullopt;
  const auto hours = take_number(text, 2);
  if (!hours || *hours > 23 || !take_one_of(text, ":")) return std::nullopt;
  const auto minutes = take_number(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

std::optional<std::int64_t> ns_of(std::int64_t seconds, std::int64_t fraction_ns) {
  constexpr std::int64_t kLimit = std::numeric_limits<std::int64_t>::max() / kSecondNs - 1;
  if (seconds > kLimit || seconds < -kLimit) return std::nullopt;
  return seconds * kSecondNs + fraction_ns;
}

std::optional<std::int64_t> parse_date(std::string_view text) {
  const auto year = take_number(text, 4);
  if (!year || !take_one_of(text, "-")) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take_one_of(text, "-")) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day || !take_one_of(text, "Tt ")) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take_one_of(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59 || !take_one_of(text, ":")) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second || *second > 60) return std::nullopt;
  const auto fraction_ns = take_fraction(text);
  if (!fraction_ns) return std::nullopt;
  const auto offset = take_offset(text);
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!offset || !text.empty() || !date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ns_of(days * 86'400 + *hour * 3600 + *minute * 60 + *second - *offset, *fraction_ns);
}

std::optional<std::int64_t> parse_seconds(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  const auto fraction_ns = take_fraction(text);
  if (!fraction_ns || !text.empty()) return std::nullopt;
  return ns_of(seconds, *fraction_ns);
}

}  // namespace

base::Result<std::int64_t> parse_moment(std::string_view text, std::int64_t now_ns) {
  const auto wrong = [&] {
    return fail(ErrorCode::kInvalid,
                "`{}` is not a time; expected 2026-01-31T12:00:00Z, a duration before now (2h), or "
                "Unix seconds",
                text);
  };
  if (text.empty()) return wrong();
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
  if (plain) {
    const auto moment = parse_seconds(text);
    if (!moment) return wrong();
    return *moment;
  }
  if (text.size() > 4 && text[4] == '-') {
    const auto moment = parse_date(text);
    if (!moment) return wrong();
    return *moment;
  }
  const auto ago = config::parse_duration(text);
  if (!ago) return wrong();
  return now_ns - ago->count();
}

}  // namespace holdfast::agent

// Durations and sizes: reading what people write, and writing it exactly.
#include "config/units.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>

#include <fmt/format.h>

namespace holdfast::config {
namespace {

using base::Duration;
using base::ErrorCode;
using base::Result;

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// Longer names first where one begins another ("ms" before "m").
constexpr std::array kDurationUnits{
    Unit{"ns", 1},
    Unit{"us", 1'000},
    Unit{"\u00b5s", 1'000},  // micro sign
    Unit{"\u03bcs", 1'000},  // Greek mu
    Unit{"ms", 1'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"h", 3'600'000'000'000},
    Unit{"d", 86'400'000'000'000},
};

constexpr std::array kBinaryUnits{
    Unit{"EiB", 1ULL << 60}, Unit{"PiB", 1ULL << 50}, Unit{"TiB", 1ULL << 40},
    Unit{"GiB", 1ULL << 30}, Unit{"MiB", 1ULL << 20}, Unit{"KiB", 1ULL << 10},
};

constexpr std::array kDecimalUnits{
    Unit{"EB", 1'000'000'000'000'000'000},
    Unit{"PB", 1'000'000'000'000'000},
    Unit{"TB", 1'000'000'000'000},
    Unit{"GB", 1'000'000'000},
    Unit{"MB", 1'000'000},
    Unit{"KB", 1'000},
};

constexpr std::uint64_t kMaxNanoseconds = std::numeric_limits<std::int64_t>::max();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view take_digits(std::string_view& text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

// A decimal number without a sign, kept as written so that multiplying by a unit is exact.
struct Decimal {
  std::string_view whole;
  std::string_view fraction;
};

std::optional<Decimal> take_decimal(std::string_view& text) {
  Decimal out;
  out.whole = take_digits(text);
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    out.fraction = take_digits(text);
  }
  if (out.whole.empty() && out.fraction.empty()) return std::nullopt;
  return out;
}

// number * factor, the fraction rounded down; nothing when it exceeds `limit`.
std::optional<std::uint64_t> times(const Decimal& number, std::uint64_t factor,
                                   std::uint64_t limit) {
  std::uint64_t whole = 0;
  for (const char c : number.whole) {
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (digit > limit || whole > (limit - digit) / 10) return std::nullopt;
    whole = whole * 10 + digit;
  }
  if (whole > limit / factor) return std::nullopt;
  // 15 digits times the largest factor of a duration stay exact in an 80-bit long double.
  std::uint64_t numerator = 0;
  long double scale = 1;
  for (const char c : number.fraction.substr(0, 15)) {
    numerator = numerator * 10 + static_cast<std::uint64_t>(c - '0');
    scale *= 10;
  }
  const auto part = static_cast<std::uint64_t>(static_cast<long double>(numerator) *
                                               static_cast<long double>(factor) / scale);
  const std::uint64_t product = whole * factor;
  if (part > limit - product) return std::nullopt;
  return product + part;
}

tl::unexpected<base::Error> not_a_duration(std::string_view text) {
  return base::fail(ErrorCode::kInvalid, "\"{}\" is not a duration such as \"10s\" or \"1m30s\"",
                    text);
}

tl::unexpected<base::Error> duration_too_large() {
  return base::fail(ErrorCode::kTooLarge, "a duration may be 106751 days (292 years) at most");
}

Duration from_count(std::uint64_t nanoseconds) {
  return Duration(static_cast<std::int64_t>(nanoseconds));
}

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

// The factor of "", "B", "K", "KB", "Ki", "KiB"...
std::optional<std::uint64_t> size_factor(std::string_view suffix) {
  if (suffix.empty() || same_ignoring_case(suffix, "B")) return 1;
  const auto find_in = [suffix](const auto& units) -> std::optional<std::uint64_t> {
    for (const Unit& unit : units) {
      const bool full = same_ignoring_case(suffix, unit.name);
      const bool short_form = same_ignoring_case(suffix, unit.name.substr(0, unit.name.size() - 1));
      if (full || short_form) return unit.factor;
    }
    return std::nullopt;
  };
  const auto binary = find_in(kBinaryUnits);
  return binary ? binary : find_in(kDecimalUnits);
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  std::string_view rest = text;
  if (rest.empty()) return Duration::zero();
  if (rest.front() == '+') rest.remove_prefix(1);
  if (!rest.empty() && rest.front() == '-') {
    return base::fail(ErrorCode::kInvalid, "\"{}\" is negative; a duration is zero or more", text);
  }
  std::uint64_t total = 0;
  bool is_first = true;
  do {
    const auto number = take_decimal(rest);
    if (!number) return not_a_duration(text);
    const auto* const unit =
        std::find_if(kDurationUnits.begin(), kDurationUnits.end(),
                     [rest](const Unit& candidate) { return rest.starts_with(candidate.name); });
    const bool bare_seconds = is_first && rest.empty();
    if (unit == kDurationUnits.end() && !bare_seconds) return not_a_duration(text);
    if (!bare_seconds) rest.remove_prefix(unit->name.size());
    const auto part =
        times(*number, bare_seconds ? 1'000'000'000 : unit->factor, kMaxNanoseconds - total);
    if (!part) return duration_too_large();
    total += *part;
    is_first = false;
  } while (!rest.empty());
  return from_count(total);
}

Result<Duration> duration_from_seconds(double seconds) {
  if (std::isnan(seconds) || seconds < 0) {
    return base::fail(ErrorCode::kInvalid, "{} s is negative or not a number", seconds);
  }
  const long double nanoseconds = std::round(static_cast<long double>(seconds) * 1e9L);
  if (nanoseconds > static_cast<long double>(kMaxNanoseconds)) return duration_too_large();
  return from_count(static_cast<std::uint64_t>(nanoseconds));
}

Result<Bytes> parse_bytes(std::string_view text) {
  std::string_view rest = text;
  const auto number = take_decimal(rest);
  if (!number) {
    return base::fail(ErrorCode::kInvalid, "\"{}\" is not a size such as \"64MiB\" or 4096", text);
  }
  if (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  const auto factor = size_factor(rest);
  if (!factor) {
    return base::fail(ErrorCode::kInvalid, "\"{}\" is not a size such as \"64MiB\" or 4096", text);
  }
  const auto count = times(*number, *factor, std::numeric_limits<std::uint64_t>::max());
  if (!count) return base::fail(ErrorCode::kTooLarge, "\"{}\" is more than 2^64 bytes", text);
  return Bytes{*count};
}

std::string format_bytes(std::uint64_t count) {
  for (const Unit& unit : kBinaryUnits) {
    if (count < unit.factor) continue;
    if (count % unit.factor == 0) return fmt::format("{}{}", count / unit.factor, unit.name);
    return fmt::format("{:.1f}{}", static_cast<double>(count) / static_cast<double>(unit.factor),
                       unit.name);
  }
  return fmt::format("{}B", count);
}

std::string exact_bytes(std::uint64_t count) {
  if (count == 0) return "0B";
  for (const Unit& unit : kBinaryUnits) {
    if (count % unit.factor == 0) return fmt::format("{}{}", count / unit.factor, unit.name);
  }
  for (const Unit& unit : kDecimalUnits) {
    if (count % unit.factor == 0) return fmt::format("{}{}", count / unit.factor, unit.name);
  }
  return fmt::format("{}B", count);
}

std::string exact_duration(Duration duration) {
  if (duration == Duration::zero()) return "0s";
  auto rest = static_cast<std::uint64_t>(duration.count());
  std::string out;
  // Whole days are said as days; 36h reads better than 1d12h.
  if (rest % 86'400'000'000'000 == 0) return fmt::format("{}d", rest / 86'400'000'000'000);
  constexpr std::array kParts{
      Unit{"h", 3'600'000'000'000}, Unit{"m", 60'000'000'000}, Unit{"s", 1'000'000'000},
      Unit{"ms", 1'000'000},        Unit{"us", 1'000},         Unit{"ns", 1}};
  for (const Unit& part : kParts) {
    if (rest < part.factor) continue;
    out += fmt::format("{}{}", rest / part.factor, part.name);
    rest %= part.factor;
  }
  return out;
}

}  // namespace holdfast::config

// Retry-After and the three forms of an HTTP-date.
#include "outputs/retry_after.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace holdfast::outputs {
namespace {

using std::chrono::sys_seconds;

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> kDays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr std::array<std::string_view, 7> kLongDays{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                    "Friday", "Saturday", "Sunday"};

// Eats a text piece by piece; once something does not fit, everything fails.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  void literal(std::string_view expected) {
    if (!rest_.starts_with(expected)) return fail();
    rest_.remove_prefix(expected.size());
  }
  // Exactly `digits` digits.
  int number(std::size_t digits) {
    if (rest_.size() < digits) return fail(), 0;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const char c = rest_[i];
      if (c < '0' || c > '9') return fail(), 0;
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }
  // One of the names; its index.
  template <std::size_t N>
  int name(const std::array<std::string_view, N>& names) {
    for (std::size_t i = 0; i < N; ++i) {
      if (rest_.starts_with(names[i])) {
        rest_.remove_prefix(names[i].size());
        return static_cast<int>(i);
      }
    }
    return fail(), 0;
  }
  [[nodiscard]] bool starts_with(std::string_view text) const { return rest_.starts_with(text); }
  [[nodiscard]] bool done() const { return good_ && rest_.empty(); }

 private:
  void fail() {
    good_ = false;
    rest_ = {};
  }

  std::string_view rest_;
  bool good_ = true;
};

struct Fields {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

void read_time(Scanner& in, Fields& f) {
  f.hour = in.number(2);
  in.literal(":");
  f.minute = in.number(2);
  in.literal(":");
  f.second = in.number(2);
}

std::optional<sys_seconds> to_time(const Fields& f) {
  const std::chrono::year_month_day date{std::chrono::year(f.year),
                                         std::chrono::month(static_cast<unsigned>(f.month)),
                                         std::chrono::day(static_cast<unsigned>(f.day))};
  // Second 60 is a leap second.
  if (!date.ok() || f.hour > 23 || f.minute > 59 || f.second > 60) return std::nullopt;
  return sys_seconds(std::chrono::sys_days(date)) + std::chrono::hours(f.hour) +
         std::chrono::minutes(f.minute) + std::chrono::seconds(f.second);
}

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<sys_seconds> parse_imf_fixdate(std::string_view text) {
  Scanner in(text);
  Fields f;
  (void)in.name(kDays);
  in.literal(", ");
  f.day = in.number(2);
  in.literal(" ");
  f.month = in.name(kMonths) + 1;
  in.literal(" ");
  f.year = in.number(4);
  in.literal(" ");
  read_time(in, f);
  in.literal(" GMT");
  return in.done() ? to_time(f) : std::nullopt;
}

int current_year(base::WallTime now) {
  const std::chrono::year_month_day date{std::chrono::floor<std::chrono::days>(now)};
  return static_cast<int>(date.year());
}

// "Sunday, 06-Nov-94 08:49:37 GMT"
std::optional<sys_seconds> parse_rfc850(std::string_view text, base::WallTime now) {
  Scanner in(text);
  Fields f;
  (void)in.name(kLongDays);
  in.literal(", ");
  f.day = in.number(2);
  in.literal("-");
  f.month = in.name(kMonths) + 1;
  in.literal("-");
  const int short_year = in.number(2);
  in.literal(" ");
  read_time(in, f);
  in.literal(" GMT");
  const int this_year = current_year(now);
  f.year = this_year / 100 * 100 + short_year;
  if (f.year > this_year + 50) f.year -= 100;
  if (f.year <= this_year - 50) f.year += 100;
  return in.done() ? to_time(f) : std::nullopt;
}

// "Sun Nov  6 08:49:37 1994"
std::optional<sys_seconds> parse_asctime(std::string_view text) {
  Scanner in(text);
  Fields f;
  (void)in.name(kDays);
  in.literal(" ");
  f.month = in.name(kMonths) + 1;
  in.literal(" ");
  if (in.starts_with(" ")) {
    in.literal(" ");
    f.day = in.number(1);
  } else {
    f.day = in.number(2);
  }
  in.literal(" ");
  read_time(in, f);
  in.literal(" ");
  f.year = in.number(4);
  return in.done() ? to_time(f) : std::nullopt;
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::optional<base::Duration> parse_delta_seconds(std::string_view text) {
  constexpr auto kMax =
      std::chrono::duration_cast<std::chrono::seconds>(base::Duration::max()).count();
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || text.front() == '-' || seconds > kMax) return std::nullopt;
  return base::Duration(std::chrono::seconds(seconds));
}

}  // namespace

std::optional<sys_seconds> parse_http_date(std::string_view text, base::WallTime now) {
  if (auto time = parse_imf_fixdate(text)) return time;
  if (auto time = parse_rfc850(text, now)) return time;
  return parse_asctime(text);
}

std::optional<base::Duration> parse_retry_after(std::string_view value, std::string_view date,
                                                base::WallTime now) {
  value = trim(value);
  if (value.empty()) return std::nullopt;
  if (auto seconds = parse_delta_seconds(value)) return seconds;
  const auto until = parse_http_date(value, now);
  if (!until) return std::nullopt;
  const auto answered = parse_http_date(trim(date), now);
  // In whole seconds: a date may lie beyond what nanoseconds can count.
  const std::chrono::seconds wait =
      *until - (answered ? *answered : std::chrono::floor<std::chrono::seconds>(now));
  constexpr auto kMax = std::chrono::duration_cast<std::chrono::seconds>(base::Duration::max());
  return base::Duration(std::clamp(wait, std::chrono::seconds(0), kMax));
}

}  // namespace holdfast::outputs

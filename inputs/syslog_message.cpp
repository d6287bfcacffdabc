// What RFC 5424 and RFC 3164 have in common.
#include "inputs/syslog_message.h"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/core.h>

namespace holdfast::inputs {
namespace {

constexpr std::array<std::string_view, 8> kSeverities = {"emerg",   "alert",  "crit", "err",
                                                         "warning", "notice", "info", "debug"};
constexpr std::array<std::string_view, 24> kFacilities = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog",   "lpr",     "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "security", "console", "solaris-cron",
    "local0", "local1", "local2",   "local3", "local4", "local5",   "local6",  "local7"};

constexpr unsigned kLargestPriority = 191;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "Z", "+01:00", as seconds east of Greenwich.
std::optional<std::int64_t> parse_zone(std::string_view text) {
  if (text == "Z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const int hours = syslog::two_digits(text, 1);
  const int minutes = syslog::two_digits(text, 4);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  const std::int64_t seconds = (hours * 60 + minutes) * 60;
  return text[0] == '-' ? -seconds : seconds;
}

// ".003" from the front, in ns; nothing there is 0.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
  if (!text.starts_with('.')) return 0;
  const auto digits = static_cast<std::size_t>(
      std::find_if_not(text.begin() + 1, text.end(), is_digit) - (text.begin() + 1));
  if (digits == 0 || digits > 9) return std::nullopt;
  std::int64_t ns = 0;
  for (std::size_t i = 0; i < 9; ++i) ns = ns * 10 + (i < digits ? text[i + 1] - '0' : 0);
  text.remove_prefix(digits + 1);
  return ns;
}

}  // namespace

std::string_view severity_name(unsigned severity) { return kSeverities.at(severity); }
std::string_view facility_name(unsigned facility) { return kFacilities.at(facility); }

namespace syslog {

tl::unexpected<base::Error> Scanner::error(std::string_view expected) const {
  constexpr std::size_t kShown = 40;
  const std::string_view found = rest().substr(0, kShown);
  return base::fail(base::ErrorCode::kInvalid, "column {}: found {}, expected {}", at_ + 1,
                    found.empty() ? "the end" : fmt::format("`{}`", found), expected);
}

base::Status take_priority(Scanner& in, SyslogMessage& out) {
  constexpr std::string_view kExpected = "a priority from <0> to <191>";
  const std::string_view text = in.rest();
  const std::size_t end = text.substr(0, 5).find('>');
  if (!text.starts_with('<') || end == std::string_view::npos || end < 2) {
    return in.error(kExpected);
  }
  const std::string_view digits = text.substr(1, end - 1);
  unsigned priority = 0;
  for (const char c : digits) {
    if (!is_digit(c)) return in.error(kExpected);
    priority = priority * 10 + static_cast<unsigned>(c - '0');
  }
  const bool padded = digits.size() > 1 && digits.front() == '0';
  if (padded || priority > kLargestPriority) return in.error(kExpected);
  out.facility = priority / 8;
  out.severity = priority % 8;
  in.skip(end + 1);
  return base::ok();
}

int two_digits(std::string_view text, std::size_t at) {
  if (text.size() < at + 2 || !is_digit(text[at]) || !is_digit(text[at + 1])) return -1;
  return (text[at] - '0') * 10 + (text[at + 1] - '0');
}

std::optional<std::int64_t> seconds_of(const CivilTime& time) {
  using namespace std::chrono;
  if (time.month < 1 || time.day < 1) return std::nullopt;
  const year_month_day date{year(time.year), month(static_cast<unsigned>(time.month)),
                            day(static_cast<unsigned>(time.day))};
  const auto below = [](int value, int limit) { return value >= 0 && value < limit; };
  if (!date.ok() || !below(time.hour, 24) || !below(time.minute, 60) || !below(time.second, 60)) {
    return std::nullopt;
  }
  const std::int64_t days = sys_days(date).time_since_epoch().count();
  return ((days * 24 + time.hour) * 60 + time.minute) * 60 + time.second;
}

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd";
  if (text.size() < kForm.size()) return std::nullopt;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] == 'd' ? !is_digit(text[i]) : text[i] != kForm[i]) return std::nullopt;
  }
  const CivilTime civil{two_digits(text, 0) * 100 + two_digits(text, 2),
                        two_digits(text, 5),
                        two_digits(text, 8),
                        two_digits(text, 11),
                        two_digits(text, 14),
                        two_digits(text, 17)};
  // What nanoseconds in 64 bits reach from.
  if (civil.year < 1678 || civil.year > 2261) return std::nullopt;
  text.remove_prefix(kForm.size());
  const auto seconds = seconds_of(civil);
  const auto fraction = take_fraction(text);
  const auto zone = parse_zone(text);
  if (!seconds || !fraction || !zone) return std::nullopt;
  return (*seconds - *zone) * kNsPerSecond + *fraction;
}

}  // namespace syslog

}  // namespace holdfast::inputs

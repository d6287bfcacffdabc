// RFC 3164: <PRI>TIMESTAMP HOSTNAME TAG[PID]: CONTENT, as programs write it more or less.
#include <algorithm>
#include <array>
#include <chrono>

#include "inputs/syslog_message.h"

namespace holdfast::inputs {
namespace {

using syslog::Scanner;

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kSecondsPerDay = 24 * 60 * 60;

// "Oct  9 22:14:15"
constexpr std::size_t kStampBytes = 15;

std::optional<std::int64_t> parse_stamp(std::string_view text, base::WallTime now) {
  using namespace std::chrono;
  if (text.size() < kStampBytes || text[3] != ' ' || text[6] != ' ' || text[9] != ':' ||
      text[12] != ':') {
    return std::nullopt;
  }
  const auto month_at = std::find(kMonths.begin(), kMonths.end(), text.substr(0, 3));
  if (month_at == kMonths.end()) return std::nullopt;
  const bool one_digit = text[4] == ' ';
  const int day = one_digit ? text[5] - '0' : syslog::two_digits(text, 4);
  if (day > 31 || (one_digit && day > 9)) return std::nullopt;
  const year_month_day today(floor<days>(now));
  syslog::CivilTime civil{int{today.year()},
                          static_cast<int>(month_at - kMonths.begin()) + 1,
                          day,
                          syslog::two_digits(text, 7),
                          syslog::two_digits(text, 10),
                          syslog::two_digits(text, 13)};
  auto seconds = syslog::seconds_of(civil);
  const std::int64_t now_seconds = floor<std::chrono::seconds>(now).time_since_epoch().count();
  // In January of what was sent in December; and on a 29th of February that this year lacks.
  if (!seconds || *seconds > now_seconds + kSecondsPerDay) {
    --civil.year;
    seconds = syslog::seconds_of(civil);
  }
  if (!seconds) return std::nullopt;
  return *seconds * kNsPerSecond;
}

base::Status take_timestamp(Scanner& in, base::WallTime now, SyslogMessage& out) {
  const std::string_view text = in.rest();
  std::size_t size = kStampBytes;
  out.timestamp_ns = parse_stamp(text, now);
  if (!out.timestamp_ns) {
    size = std::min(text.find(' '), text.size());
    out.timestamp_ns = syslog::parse_rfc3339(text.substr(0, size));
  }
  if (!out.timestamp_ns) return in.error("a time such as `Oct 11 22:14:15`");
  in.skip(size);
  return base::ok();
}

bool is_tag_char(char c) { return c > 32 && c < 127 && c != '[' && c != ':' && c != ']'; }

// "su[230]:" or "su:" at the front; none of them is no error: then all is the message.
void take_tag(Scanner& in, SyslogMessage& out) {
  const std::string_view text = in.rest();
  const auto name_end = static_cast<std::size_t>(
      std::find_if_not(text.begin(), text.end(), is_tag_char) - text.begin());
  std::size_t end = name_end;
  std::string_view procid;
  if (end < text.size() && text[end] == '[') {
    const std::size_t close = text.find_first_of("] ", end);
    if (close == std::string_view::npos || text[close] == ' ') return;
    procid = text.substr(end + 1, close - end - 1);
    end = close + 1;
  }
  const bool colon = end < text.size() && text[end] == ':';
  if (name_end == 0 || (!colon && procid.empty())) return;
  out.appname = text.substr(0, name_end);
  out.procid = procid;
  in.skip(end + (colon ? 1 : 0));
  (void)in.take(' ');
}

// What a program writes to the socket of its own host has none.
void take_hostname(Scanner& in, SyslogMessage& out) {
  const std::string_view text = in.rest();
  const std::string_view word = text.substr(0, text.find(' '));
  const bool tag = word.ends_with(':') || word.find('[') != std::string_view::npos;
  if (tag || word.empty() || word.size() == text.size()) return;
  if (!std::all_of(word.begin(), word.end(), [](char c) { return c > 32 && c < 127; })) return;
  out.hostname = word;
  in.skip(word.size() + 1);
}

}  // namespace

base::Status parse_rfc3164(std::string_view text, base::WallTime now, SyslogMessage& out) {
  Scanner in(text);
  if (auto taken = syslog::take_priority(in, out); !taken) return taken;
  out.begun = true;
  if (auto taken = take_timestamp(in, now, out); !taken) return taken;
  if (in.done()) return base::ok();
  if (!in.take(' ')) return in.error("a blank");
  take_hostname(in, out);
  take_tag(in, out);
  if (!in.done()) out.message = in.rest();
  return base::ok();
}

}  // namespace holdfast::inputs

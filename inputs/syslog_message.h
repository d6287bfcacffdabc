// Syslog messages as text → their parts (RFC 5424, RFC 3164). Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace holdfast::inputs {

// Views are into the text. What the message does not have, or has as "-", is empty.
struct SyslogMessage {
  struct Element {
    std::string_view id;
    std::vector<std::pair<std::string_view, std::string>> params;  // values without escapes
  };

  // Set once the message is known to be one: its priority was read, and in RFC 5424 its version.
  bool begun = false;
  unsigned facility = 0;  // 0 to 23
  unsigned severity = 0;  // 0 to 7
  std::optional<unsigned> version{};
  std::optional<std::int64_t> timestamp_ns{};  // since the Unix epoch
  std::string_view hostname{};
  std::string_view appname{};
  std::string_view procid{};
  std::string_view msgid{};
  std::vector<Element> elements{};
  std::optional<std::string_view> message{};  // none: there is no such part
};

// "err", "local4".
[[nodiscard]] std::string_view severity_name(unsigned severity);
[[nodiscard]] std::string_view facility_name(unsigned facility);

// After an error (kInvalid, with the column it is at, from 1, what was found and what was expected)
// `out` holds what stands in front of it.
[[nodiscard]] base::Status parse_rfc5424(std::string_view text, SyslogMessage& out);
// The timestamp has no year: it is the one of `now`, or the one before if that would lie more than
// a day ahead; and no zone: it is taken for UTC. One as in RFC 5424 is taken, too.
[[nodiscard]] base::Status parse_rfc3164(std::string_view text, base::WallTime now,
                                         SyslogMessage& out);

// What both have in common.
namespace syslog {

// Reads from the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }
  [[nodiscard]] bool done() const { return at_ == text_.size(); }
  [[nodiscard]] bool take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip(std::size_t bytes) { at_ += bytes; }
  [[nodiscard]] tl::unexpected<base::Error> error(std::string_view expected) const;

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// "<34>"
[[nodiscard]] base::Status take_priority(Scanner& in, SyslogMessage& out);
// "2003-10-11T22:14:15.003Z", up to nine digits behind the point, in ns since the epoch.
[[nodiscard]] std::optional<std::int64_t> parse_rfc3339(std::string_view text);
// Exactly two digits at `at`, or -1.
[[nodiscard]] int two_digits(std::string_view text, std::size_t at);
// Since the epoch; nothing if there is no such day or time.
struct CivilTime {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};
[[nodiscard]] std::optional<std::int64_t> seconds_of(const CivilTime& time);

}  // namespace syslog

}  // namespace holdfast::inputs

// ZoneRules: the offsets of one time zone, for times that say none. The C library knows one zone
// for the whole process only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace holdfast::parsers {

// Immutable, thread-safe. A default-made one is UTC.
class ZoneRules {
 public:
  ZoneRules() = default;
  // "", "UTC", "Local" (that of the system) or a name of the system's zone files, such as
  // "Europe/Berlin". kInvalid if there is no such zone or its file is damaged.
  [[nodiscard]] static base::Result<ZoneRules> load(const std::string& name);
  // The content of a zone file (RFC 8536).
  [[nodiscard]] static base::Result<ZoneRules> parse(std::string_view file);

  // Seconds east of UTC at this time, seconds since 1970.
  [[nodiscard]] std::int64_t offset_at(std::int64_t unix_s) const;
  // What a clock on the wall shows, as seconds since 1970 were it UTC, to seconds since 1970. Of a
  // time that the clock skips or shows twice, one of the two neighbouring offsets is taken.
  [[nodiscard]] std::int64_t to_unix(std::int64_t local_s) const;

 private:
  struct Transition {
    std::int64_t at;      // seconds since 1970
    std::int64_t offset;  // from then on
  };
  // A day of the year on which the clock is changed, in the forms of POSIX.
  struct Change {
    char kind = 'M';  // M: month, week, day; J: day from 1, never 29 February; 0: day from 0
    int month = 0, week = 0, day = 0;
    std::int64_t time_s = 0;  // of the day, by the clock before the change
  };
  // What is so for all years behind the transitions.
  struct Yearly {
    std::int64_t standard = 0;
    std::int64_t summer = 0;
    std::optional<Change> to_summer, to_standard;
  };
  class FileReader;
  class RuleReader;

  [[nodiscard]] static std::int64_t day_of(const Change& change, int year);
  [[nodiscard]] static std::int64_t offset_of(const Yearly& rule, std::int64_t unix_s);

  std::int64_t first_offset_ = 0;  // before the first transition
  std::vector<Transition> transitions_;
  std::optional<Yearly> yearly_;
};

}  // namespace holdfast::parsers

// TimeFormat: texts as times, with formats as Go's time package has them ("2006-01-02 15:04:05
// MST"), by which users of Telegraf describe timestamps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "inputs/parsers/zone_rules.h"

namespace holdfast::parsers {

// Compiled once, cheap to copy. Not thread-safe: it remembers the last zone that a text named.
class TimeFormat {
 public:
  // `format` is `unix`, `unix_ms`, `unix_us` or `unix_ns`; one of Go's names (RFC3339, ANSIC, ...,
  // upper or lower case); or a layout. `zone` is for texts that say none (ZoneRules::load).
  // kInvalid if there is nothing of a time in the format, or no such zone.
  [[nodiscard]] static base::Result<TimeFormat> compile(std::string_view format,
                                                        const std::string& zone);

  // Nanoseconds since 1970; `now_ns` gives the year where the format has none. kInvalid when the
  // text does not have the format, or is before 1677 or after 2262. Errors quote the text.
  [[nodiscard]] base::Result<std::int64_t> parse(std::string_view text, std::int64_t now_ns);

 private:
  enum class Kind : std::uint8_t {
    kLiteral,
    kLongMonth,
    kShortMonth,
    kMonth,
    kMonth2,
    kLongWeekday,
    kShortWeekday,
    kDay,
    kDayPadded,
    kDay2,
    kYearDayPadded,
    kYearDay3,
    kHour,
    kHour12,
    kHour12Two,
    kMinute,
    kMinute2,
    kSecond,
    kSecond2,
    kYear4,
    kYear2,
    kUpperPm,
    kLowerPm,
    kZoneName,
    kOffset,
    kFraction,
    kFractionOpen,
  };
  struct Token {
    Kind kind = Kind::kLiteral;
    std::string text{};      // as in the layout
    std::size_t digits = 0;  // of a kFraction
  };
  struct Fields;
  class Reader;

  [[nodiscard]] static Token next_token(std::string_view layout);
  [[nodiscard]] static Token digit_token(std::string_view layout);
  [[nodiscard]] static Token offset_token(std::string_view layout);
  [[nodiscard]] base::Result<std::int64_t> parse_unix(std::string_view text) const;
  [[nodiscard]] const ZoneRules* zone_named(const std::string& name);
  [[nodiscard]] base::Result<std::int64_t> time_of(const Fields& fields, std::int64_t now_ns);

  std::int64_t unix_unit_ = 0;  // ns; 0: a layout
  std::vector<Token> layout_;
  ZoneRules zone_;
  std::string last_zone_name_ = "UTC";
  ZoneRules last_zone_;
};

}  // namespace holdfast::parsers

// Retry-After (RFC 9110 §10.2.3): how long a server asks to be left alone.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "agent/base/clock.h"

namespace holdfast::outputs {

// The three forms of an HTTP-date (RFC 9110 §5.6.7): IMF-fixdate, RFC 850, asctime. A two-digit
// year is the one nearest to `now` that is not more than 50 years ahead. Nothing for any other
// text.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text,
                                                                      base::WallTime now);

// Seconds, or a date measured against `date` (the answer's own Date header, empty if there was
// none), or against `now` without a readable one. A date in the past means zero. Nothing for
// garbage, a sign, a fraction, or a number of seconds that does not fit.
[[nodiscard]] std::optional<base::Duration> parse_retry_after(std::string_view value,
                                                              std::string_view date,
                                                              base::WallTime now);

}  // namespace holdfast::outputs

// Datadog's messages that are no metrics: events and service checks.
#pragma once

#include <string_view>

#include "agent/base/result.h"
#include "agent/line/point.h"

namespace holdfast::statsd {

// `_e{<title bytes>,<text bytes>}:title|text|...`
[[nodiscard]] bool is_event(std::string_view text);
// `_sc|name|status|...`
[[nodiscard]] bool is_service_check(std::string_view text);

// The point, with the time of arrival; `source` is the sender's address. kInvalid says what was
// found and expected; then `out` is of no use.
[[nodiscard]] base::Status parse_event(std::string_view text, std::string_view source,
                                       std::int64_t now_ns, line::Point& out);
[[nodiscard]] base::Status parse_service_check(std::string_view text, std::string_view source,
                                               std::int64_t now_ns, line::Point& out);

}  // namespace holdfast::statsd

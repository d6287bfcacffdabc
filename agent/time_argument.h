// A moment as a person types it on the command line.
#pragma once

#include <cstdint>
#include <string_view>

#include "agent/base/result.h"

namespace holdfast::agent {

// "2026-01-31T12:00:00Z" (RFC 3339, any offset, fractions of a second), "2h" (so long before
// `now_ns`), "1769860800" or "1769860800.5" (Unix seconds) → ns since the Unix epoch.
[[nodiscard]] base::Result<std::int64_t> parse_moment(std::string_view text, std::int64_t now_ns);

}  // namespace holdfast::agent

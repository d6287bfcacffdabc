// Durations and sizes as people write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace holdfast::config {

struct Bytes {
  std::uint64_t count = 0;
  friend bool operator==(Bytes, Bytes) = default;
};

// "10s", "1h30m", "250ms", "1.5h", "1d", "0s", "" (zero). A bare number is seconds ("10", "0.5").
// Units: ns us µs ms s m h d. Negative durations and overflow (over 292 years, kTooLarge) are
// errors.
[[nodiscard]] base::Result<base::Duration> parse_duration(std::string_view text);

// "64MiB", "10MB", "512KiB", "4096". Decimal units are powers of 1000, binary ones of 1024;
// upper or lower case, "B" optional.
[[nodiscard]] base::Result<Bytes> parse_bytes(std::string_view text);

// A number of seconds as a duration; an error when negative, not finite or over 292 years.
[[nodiscard]] base::Result<base::Duration> duration_from_seconds(double seconds);

// For people: "64MiB", "1.5KiB", "512B"; rounded to one decimal.
[[nodiscard]] std::string format_bytes(std::uint64_t count);

// Exact forms that the parsers above read back as the same value: "1m30s", "64MiB", "10MB",
// "1001B".
[[nodiscard]] std::string exact_duration(base::Duration duration);
[[nodiscard]] std::string exact_bytes(std::uint64_t count);

}  // namespace holdfast::config

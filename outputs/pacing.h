// Pacing: how fast a backlog may follow (backfill_rate) and how much a link may carry (rate_limit).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace holdfast::outputs {

// A share of the time, in percent, or bytes per second on the wire. One of them is zero.
struct BackfillRate {
  unsigned percent = 0;  // 1 to 100
  std::uint64_t bytes_per_s = 0;
  friend bool operator==(const BackfillRate&, const BackfillRate&) = default;
};
// "50%", or a size for each second: "20KB". kInvalid says what is expected.
[[nodiscard]] base::Result<BackfillRate> parse_backfill_rate(std::string_view text);

// What a request carries besides its body, both ways: headers and a short answer.
inline constexpr std::uint64_t kRequestOverhead = 512;

// Time that bytes take at a rate; zero without one.
[[nodiscard]] inline base::Duration time_for(std::uint64_t bytes, std::uint64_t bytes_per_s) {
  if (bytes_per_s == 0) return {};
  return std::chrono::duration_cast<base::Duration>(
      std::chrono::duration<double>(static_cast<double>(bytes) / static_cast<double>(bytes_per_s)));
}

// When the backlog may go on after a request that took so long and carried so much.
[[nodiscard]] inline base::Duration pause_after(const BackfillRate& rate, base::Duration took,
                                                std::uint64_t bytes) {
  if (rate.percent > 0) return took * (100 - rate.percent) / rate.percent;
  return std::max(base::Duration::zero(), time_for(bytes, rate.bytes_per_s) - took);
}

}  // namespace holdfast::outputs

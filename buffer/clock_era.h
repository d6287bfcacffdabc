// When times of the wall clock can be compared: as long as it goes on beside the boot clock.
#pragma once

#include <cstdint>

#include "agent/base/clock.h"

namespace holdfast::buffer {

// Stands still but when the wall clock is set.
[[nodiscard]] inline std::int64_t wall_minus_boot(const base::Clock& clock) {
  return clock.wall_ns() - clock.boot().time_since_epoch().count();
}

// Two values of wall_minus_boot() with a step of the wall clock of more than 60 s in between.
[[nodiscard]] constexpr bool clock_stepped(std::int64_t before_ns, std::int64_t after_ns) {
  constexpr std::int64_t kStepNs = 60'000'000'000;
  const std::int64_t step = after_ns - before_ns;
  return step > kStepNs || step < -kStepNs;
}

}  // namespace holdfast::buffer

// Schedule: when an input is due. Pure arithmetic on the wall clock (telegraf-compatible: aligned
// to multiples of the interval, a fresh jitter each time, no drift).
#pragma once

#include "agent/base/clock.h"
#include "agent/base/random.h"

namespace holdfast::agent {

struct ScheduleOptions {
  base::Duration interval{};  // > 0
  base::Duration jitter{};
  base::Duration offset{};
  bool round = true;
};

class Schedule {
 public:
  explicit Schedule(const ScheduleOptions& options) : options_(options) {}

  // The first gather: at the next multiple of the interval (but not within a hundredth of one,
  // which would make the first period useless), or at once when not rounding. Then plus offset and
  // jitter.
  [[nodiscard]] base::WallTime first(base::WallTime now, base::Random& random);
  // The following one: one interval after the last due time, so that nothing drifts. When that is
  // in the past (a missed tick, suspend) or more than two intervals ahead (a clock set back), the
  // schedule starts anew from `now`.
  [[nodiscard]] base::WallTime next(base::WallTime now, base::Random& random);

 private:
  [[nodiscard]] base::WallTime aligned(base::WallTime now) const;
  [[nodiscard]] base::WallTime due(base::Random& random) const;

  ScheduleOptions options_;
  base::WallTime base_{};  // due time without offset and jitter
};

}  // namespace holdfast::agent

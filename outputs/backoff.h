// Backoff: waits between failed attempts, exponential with full jitter: uniform below a bound that
// doubles with each failure, so that many agents do not come back at the same moment.
#pragma once

#include <algorithm>
#include <chrono>

#include "agent/base/clock.h"
#include "agent/base/random.h"

namespace holdfast::outputs {

class Backoff {
 public:
  static constexpr base::Duration kBase = std::chrono::seconds(1);
  static constexpr base::Duration kCap = std::chrono::seconds(300);

  // The wait after one more failure: uniform in [0, min(kCap, kBase * 2^failures)).
  [[nodiscard]] base::Duration next(base::Random& random) {
    const base::Duration bound = bound_;
    bound_ = std::min(kCap, bound_ * 2);
    return random.below(bound);
  }
  void reset() { bound_ = kBase; }

 private:
  base::Duration bound_ = kBase;
};

}  // namespace holdfast::outputs

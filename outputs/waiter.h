// Waiter: how a worker sleeps. A seam, so that tests move time instead of spending it.
#pragma once

#include <memory>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace holdfast::outputs {

// wait_until() is called by one thread, wake() by any.
class Waiter {
 public:
  virtual ~Waiter() = default;
  // Returns at `deadline` by the boot clock, or as soon as wake() is called; at once if it was
  // called since the last wait. May return early: the caller looks at the clock again.
  virtual void wait_until(base::BootTime deadline) = 0;
  virtual void wake() = 0;
};

// Waits on the kernel's CLOCK_BOOTTIME, which counts suspend. Fails when descriptors run out.
[[nodiscard]] base::Result<std::unique_ptr<Waiter>> make_boot_waiter();

}  // namespace holdfast::outputs

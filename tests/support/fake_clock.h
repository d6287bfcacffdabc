// A clock that stands still until a test moves it. Thread-safe.
#pragma once

#include <mutex>
#include <string>
#include <utility>

#include "agent/base/clock.h"

namespace holdfast::test {

class FakeClock final : public base::Clock {
 public:
  [[nodiscard]] base::WallTime wall() const override {
    const std::lock_guard lock(mutex_);
    return wall_;
  }
  [[nodiscard]] base::BootTime boot() const override {
    const std::lock_guard lock(mutex_);
    return boot_;
  }
  [[nodiscard]] std::string boot_id() const override {
    const std::lock_guard lock(mutex_);
    return boot_id_;
  }

  // Time passes: both clocks move.
  void advance(base::Duration by) {
    const std::lock_guard lock(mutex_);
    wall_ += by;
    boot_ += by;
  }
  // Somebody sets the wall clock.
  void step_wall(base::Duration by) {
    const std::lock_guard lock(mutex_);
    wall_ += by;
  }
  void set_wall(base::WallTime time) {
    const std::lock_guard lock(mutex_);
    wall_ = time;
  }
  // The machine starts again: a new boot id, the boot clock from zero.
  void reboot(std::string boot_id) {
    const std::lock_guard lock(mutex_);
    boot_id_ = std::move(boot_id);
    boot_ = base::BootTime{};
  }

 private:
  mutable std::mutex mutex_;
  base::WallTime wall_{std::chrono::seconds(1'760'000'000)};
  base::BootTime boot_{std::chrono::seconds(100)};
  std::string boot_id_ = "11111111-2222-3333-4444-555555555555";
};

}  // namespace holdfast::test

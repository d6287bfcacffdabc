// A Waiter whose sleeper wakes when the test moves the fake clock, never by itself.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

#include "outputs/waiter.h"
#include "tests/support/fake_clock.h"

namespace holdfast::test {

class FakeWaiter final : public outputs::Waiter {
 public:
  explicit FakeWaiter(FakeClock& clock) : clock_(clock) {}

  void wait_until(base::BootTime deadline) override {
    std::unique_lock lock(mutex_);
    deadline_ = deadline;
    if (!woken_ && clock_.boot() < deadline) {
      parked_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return !parked_; });
    }
    woken_ = false;
  }

  void wake() override {
    const std::lock_guard lock(mutex_);
    ++wakes_;
    woken_ = true;
    parked_ = false;
    changed_.notify_all();
  }

  // Time passes; a sleeper whose deadline is reached goes on.
  void advance(base::Duration by) {
    const std::lock_guard lock(mutex_);
    clock_.advance(by);
    if (clock_.boot() >= deadline_) parked_ = false;
    changed_.notify_all();
  }

  // Waits until the sleeper sleeps; until when by the fake clock, or nothing if it does not come to
  // rest within 20 s of real time.
  [[nodiscard]] std::optional<base::BootTime> parked_until() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(20), [this] { return parked_; })) {
      return std::nullopt;
    }
    return deadline_;
  }

  [[nodiscard]] int wakes() const {
    const std::lock_guard lock(mutex_);
    return wakes_;
  }

 private:
  FakeClock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  base::BootTime deadline_{};
  bool parked_ = false;
  bool woken_ = false;
  int wakes_ = 0;
};

}  // namespace holdfast::test

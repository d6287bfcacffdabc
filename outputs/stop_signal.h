// StopSignal: tells a running attempt that the agent stops, and until when it may go on.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include "agent/base/clock.h"

namespace holdfast::outputs {

// One for each worker. Thread-safe: requested from outside, read by the worker's thread.
class StopSignal {
 public:
  // The first call counts; later ones may only bring the deadline forward.
  void request(base::BootTime deadline) {
    const std::int64_t wanted = deadline.time_since_epoch().count();
    std::int64_t current = deadline_ns_.load();
    while (wanted < current && !deadline_ns_.compare_exchange_weak(current, wanted)) {
    }
  }
  [[nodiscard]] bool requested() const { return deadline_ns_.load() != kNever; }
  // Far in the future while nobody has asked.
  [[nodiscard]] base::BootTime deadline() const {
    return base::BootTime{base::Duration(deadline_ns_.load())};
  }
  // True once the time for last words is over: give up now.
  [[nodiscard]] bool expired(base::BootTime now) const { return now >= deadline(); }

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  std::atomic<std::int64_t> deadline_ns_{kNever};
};

}  // namespace holdfast::outputs

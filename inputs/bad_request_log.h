// Bad requests in log and counters, one line now and then.
#pragma once

#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "inputs/accumulator.h"

namespace holdfast::inputs {

// Shared with answers that come late. Thread-safe. Clock and counters outlive it.
class BadRequestLog {
 public:
  BadRequestLog(base::Logger log, const base::Clock& clock, InputCounters& counters)
      : log_(std::move(log)), clock_(clock), counters_(counters) {}

  // Keeps `problem` as last error and warns of it, at most once in 10 s.
  void note(std::string_view remote, int status, std::string_view problem);

 private:
  base::Logger log_;
  const base::Clock& clock_;
  InputCounters& counters_;
  base::LogThrottle throttle_{std::chrono::seconds(10)};
};

}  // namespace holdfast::inputs

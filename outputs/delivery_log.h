// DeliveryLog: what an output says in the log of its attempts: the first failure at once, the same
// one again seldom, recovery with how long it took, refused points with a line and the reason.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "outputs/batch.h"
#include "outputs/output.h"

namespace holdfast::outputs {

// For the worker's thread.
class DeliveryLog {
 public:
  explicit DeliveryLog(base::Logger log) : log_(std::move(log)) {}

  // An attempt failed and the points are kept; the next one comes in `wait`.
  void failure(const Decision& decision, base::Duration wait, std::uint64_t pending,
               base::BootTime now);
  // An attempt was answered; says so if there was a failure before.
  void recovery(base::BootTime now);
  // `rejected` points of the batch were refused for good.
  void rejected(const Batch& batch, std::uint64_t rejected, const Decision& decision,
                base::BootTime now);
  // A refused batch is sent again in parts.
  void splitting(std::uint64_t points, const Decision& decision, base::BootTime now);
  void unreadable(std::uint64_t points, const std::string& reason);
  void smaller_batches(std::uint64_t points);
  void smaller_requests(std::uint64_t bytes);
  void resumed_wait(base::Duration wait);

 private:
  static constexpr base::Duration kRepeat = std::chrono::minutes(5);

  base::Logger log_;
  base::LogThrottle rejections_{std::chrono::seconds(10)};
  base::LogThrottle splits_{std::chrono::minutes(1)};
  std::optional<base::BootTime> failing_since_;
  std::optional<Action> last_action_;   // of the last failure said
  base::BootTime next_failure_line_{};  // the same failure is not said again before
};

}  // namespace holdfast::outputs

// The words of an output about its attempts.
#include "outputs/delivery_log.h"

#include <string_view>

namespace holdfast::outputs {
namespace {

std::string_view plural(std::uint64_t points) { return points == 1 ? "point" : "points"; }

}  // namespace

void DeliveryLog::failure(const Decision& decision, base::Duration wait, std::uint64_t pending,
                          base::BootTime now) {
  if (!failing_since_) failing_since_ = now;
  if (last_action_ == decision.action && now < next_failure_line_) return;
  last_action_ = decision.action;
  next_failure_line_ = now + kRepeat;
  const std::string line =
      fmt::format("not delivered, {} {} kept, next attempt in {}: {}", pending, plural(pending),
                  base::format_duration(wait), decision.reason);
  if (decision.action == Action::kMisconfigured) {
    log_.error("{}", line);
  } else {
    log_.warn("{}", line);
  }
}

void DeliveryLog::recovery(base::BootTime now) {
  if (failing_since_) {
    log_.info("delivering again after {}", base::format_duration(now - *failing_since_));
  }
  failing_since_.reset();
  last_action_.reset();
}

void DeliveryLog::rejected(const Batch& batch, std::uint64_t rejected, const Decision& decision,
                           base::BootTime now) {
  std::uint64_t suppressed = 0;
  if (!rejections_.allow(now, suppressed)) return;
  const bool named = decision.bad_line > 0 && decision.bad_line <= batch.sent_points();
  log_.error("{} of {} points rejected by the server{}: {}; {}: {}", rejected, batch.sent_points(),
             decision.may_be_stored ? " (some may be stored)" : "", decision.reason,
             named ? fmt::format("line {}", decision.bad_line) : "first line",
             named ? batch.line(decision.bad_line) : batch.first_line());
  if (suppressed > 0) log_.error("{} more batches were rejected since the last line", suppressed);
}

void DeliveryLog::splitting(std::uint64_t points, const Decision& decision, base::BootTime now) {
  std::uint64_t suppressed = 0;
  if (!splits_.allow(now, suppressed)) return;
  log_.warn("a batch of {} points was refused, it is sent again in parts to find the bad lines: {}",
            points, decision.reason);
}

void DeliveryLog::unreadable(std::uint64_t points, const std::string& reason) {
  log_.error("{} {} cannot be read from the ring and count as rejected: {}", points, plural(points),
             reason);
}

void DeliveryLog::smaller_batches(std::uint64_t points) {
  log_.warn("the server finds the request too large: at most {} {} a request from now on", points,
            plural(points));
}

void DeliveryLog::smaller_requests(std::uint64_t bytes) {
  log_.warn("the server takes at most {} bytes in a request: smaller ones from now on", bytes);
}

void DeliveryLog::resumed_wait(base::Duration wait) {
  log_.info("the server asked for a wait before the restart: nothing is sent for {}",
            base::format_duration(wait));
}

}  // namespace holdfast::outputs

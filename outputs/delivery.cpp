// Which batch goes out when, and what its outcome does to the reader.
#include "outputs/delivery.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

namespace holdfast::outputs {
namespace {

constexpr std::uint64_t kDefaultBatchSize = 5000;
constexpr base::Duration kDefaultFlushInterval = std::chrono::seconds(10);

// When an announced wait ends by this boot's clock. On another boot neither clock alone can be
// trusted: the shorter of what was left and what the wall clock says.
base::Duration remaining_wait(const buffer::NotBefore& wait, const base::Clock& clock) {
  const std::string boot_id = clock.boot_id();
  const std::string_view stored(wait.boot_id.data(), wait.boot_id.size());
  const base::Duration longest(wait.remaining_ns);
  if (!boot_id.empty() && stored.starts_with(boot_id)) {
    return std::min(longest, base::BootTime(base::Duration(wait.boot_ns)) - clock.boot());
  }
  return std::min(longest, base::Duration(wait.wall_ns - clock.wall_ns()));
}

}  // namespace

std::string_view state_name(OutputState state) {
  switch (state) {
    case OutputState::kIdle:
      return "idle";
    case OutputState::kOk:
      return "ok";
    case OutputState::kWaiting:
      return "waiting";
    case OutputState::kBackoff:
      return "backoff";
    case OutputState::kMisconfigured:
      return "misconfigured";
  }
  return "unknown";
}

Delivery::Delivery(std::unique_ptr<Output> output, const WorkerOptions& options,
                   DeliveryContext context)
    : output_(std::move(output)),
      options_(options),
      context_(std::move(context)),
      log_(context_.log),
      rejected_store_(options_, context_.output, context_.reader_id, context_.clock, context_.log) {
  if (options_.flush_interval <= base::Duration::zero()) {
    options_.flush_interval = kDefaultFlushInterval;
  }
  const base::BootTime now = context_.clock.boot();
  status_.reader = context_.reader_id;
  status_.batch_size = options_.metric_batch_size > 0
                           ? static_cast<std::uint64_t>(options_.metric_batch_size)
                           : kDefaultBatchSize;
  status_.flush_interval = options_.flush_interval + options_.flush_jitter;
  status_.moved_at = now;
  not_before_ = now;
  schedule_flush(now);
  resume_announced_wait();
}

base::BootTime Delivery::step(const StopSignal& stop) {
  const base::BootTime now = context_.clock.boot();
  if (now < not_before()) return not_before();
  const OutputState before = state();
  const bool failing = before != OutputState::kIdle && before != OutputState::kOk;
  // After a failed attempt the backlog is as overdue as it was at the last flush.
  const bool flush = failing || now >= next_flush_;
  std::uint64_t wanted = flush ? pending() : 0;
  while (!stop.requested() && (wanted > 0 || pending() >= status_.batch_size)) {
    const Moved moved = send_batch(stop);
    if (!moved) return not_before();
    if (*moved == 0) break;
    wanted -= std::min(wanted, *moved);
  }
  if (pending() == 0) mark_moved();
  if (flush) schedule_flush(context_.clock.boot());
  return next_flush_;
}

void Delivery::finish(const StopSignal& stop) {
  if (state() == OutputState::kWaiting && context_.clock.boot() < not_before()) return;
  while (pending() > 0 && !stop.expired(context_.clock.boot())) {
    const Moved moved = send_batch(stop);
    if (!moved || *moved == 0) return;
  }
}

Delivery::Moved Delivery::send_batch(const StopSignal& stop) {
  const std::uint64_t batch_size = status_.batch_size;
  const std::uint64_t bytes = options_.max_batch_bytes.count;
  auto blocks = context_.ring.read(
      context_.reader, {.max_points = batch_size, .max_raw_bytes = bytes, .max_bytes = bytes},
      Batch::kPrefix);
  if (!blocks) {
    keep({.action = Action::kRetry, .reason = blocks.error().message});
    return std::nullopt;
  }
  if (blocks->blocks.empty()) return 0;
  const std::uint64_t points = blocks->points;
  auto batch = Batch::from_blocks(std::move(*blocks), batch_size);
  if (!batch) {
    // The ring has checked the bytes: trying again would only find the same, for ever.
    context_.ring.acknowledge(context_.reader, points, {.rejected = points});
    log_.unreadable(points, batch.error().message);
    return points;
  }
  const Attempt attempt = output_->deliver(*batch, stop);
  count(attempt);
  return apply(attempt, *batch);
}

Delivery::Moved Delivery::apply(const Attempt& attempt, const Batch& batch) {
  const Decision& decision = attempt.decision;
  if (decision.action == Action::kDelivered || decision.action == Action::kRejected) {
    settle(batch, decision);
    return batch.points();
  }
  context_.ring.release(context_.reader);
  keep(decision);
  return std::nullopt;
}

// The server has answered for good: the reader moves.
void Delivery::settle(const Batch& batch, const Decision& decision) {
  const bool refused = decision.action == Action::kRejected;
  const std::uint64_t rejected =
      refused ? batch.points() : std::min(decision.rejected, batch.points());
  // Kept first: a kill between the two leaves a duplicate rather than nothing.
  if (rejected == batch.points()) rejected_store_.keep(batch, decision, output_->destination());
  context_.ring.acknowledge(context_.reader, batch.points(), {.rejected = rejected});
  backoff_.reset();
  forget_announced_wait();
  const base::BootTime now = context_.clock.boot();
  log_.recovery(now);
  if (rejected > 0) log_.rejected(batch, rejected, decision, now);
  if (decision.lower_batch_size) lower_batch_size(batch.points());
  const std::lock_guard lock(mutex_);
  status_.state = OutputState::kOk;
  status_.moved_at = now;
  if (rejected > 0) status_.last_error = decision.reason;
}

// The points stay; decides how long nothing is sent.
void Delivery::keep(const Decision& decision) {
  switch (decision.action) {
    case Action::kWait:
      if (decision.wait > base::Duration::zero()) {
        return hold(OutputState::kWaiting, announce_wait(decision.wait), decision);
      }
      break;  // "at once" is a permission: without a pace of our own it would be a busy loop
    case Action::kMisconfigured:
      forget_announced_wait();
      return hold(OutputState::kMisconfigured, kMisconfiguredRetry, decision);
    case Action::kRetry:
    case Action::kDelivered:
    case Action::kRejected:
      break;
  }
  forget_announced_wait();
  hold(OutputState::kBackoff, backoff_.next(context_.random), decision);
}

void Delivery::hold(OutputState state, base::Duration wait, const Decision& decision) {
  const base::BootTime now = context_.clock.boot();
  log_.failure(decision, wait, pending(), now);
  const std::lock_guard lock(mutex_);
  status_.state = state;
  status_.last_error = decision.reason;
  not_before_ = now + wait;
}

// Writes the wait into the ring, so that a restart does not shorten it. Returns its length, capped.
base::Duration Delivery::announce_wait(base::Duration wait) {
  wait = std::min(wait, options_.max_retry_after);
  buffer::NotBefore until;
  until.wall_ns = context_.clock.wall_ns() + wait.count();
  until.boot_ns = (context_.clock.boot() + wait).time_since_epoch().count();
  until.remaining_ns = wait.count();
  const std::string boot_id = context_.clock.boot_id();
  std::copy_n(boot_id.begin(), std::min(boot_id.size(), until.boot_id.size()),
              until.boot_id.begin());
  context_.ring.set_not_before(context_.reader, until);
  wait_announced_ = true;
  return wait;
}

void Delivery::resume_announced_wait() {
  const buffer::NotBefore found = context_.ring.not_before(context_.reader);
  if (found == buffer::NotBefore{}) return;
  wait_announced_ = true;
  const base::Duration wait =
      std::min(remaining_wait(found, context_.clock), options_.max_retry_after);
  if (wait <= base::Duration::zero()) return;
  log_.resumed_wait(wait);
  const std::lock_guard lock(mutex_);
  status_.state = OutputState::kWaiting;
  status_.last_error = "the server asked for a wait before the restart";
  not_before_ = context_.clock.boot() + wait;
}

void Delivery::forget_announced_wait() {
  if (!wait_announced_) return;
  context_.ring.set_not_before(context_.reader, {});
  wait_announced_ = false;
}

void Delivery::lower_batch_size(std::uint64_t sent) {
  const std::uint64_t smaller = std::max<std::uint64_t>(1, std::min(status_.batch_size, sent) / 2);
  log_.smaller_batches(smaller);
  const std::lock_guard lock(mutex_);
  status_.batch_size = smaller;
}

void Delivery::schedule_flush(base::BootTime now) {
  next_flush_ = now + options_.flush_interval + context_.random.below(options_.flush_jitter);
}

void Delivery::mark_moved() {
  const std::lock_guard lock(mutex_);
  status_.moved_at = context_.clock.boot();
}

void Delivery::count(const Attempt& attempt) {
  const std::lock_guard lock(mutex_);
  // An output without requests of its own (file) makes one each time.
  status_.requests += std::max<std::size_t>(1, attempt.statuses.size());
  status_.bytes_sent += attempt.bytes_sent;
  for (const int status : attempt.statuses) ++status_.by_status[status];
}

OutputState Delivery::state() const {
  const std::lock_guard lock(mutex_);
  return status_.state;
}

base::BootTime Delivery::not_before() const {
  const std::lock_guard lock(mutex_);
  return not_before_;
}

std::uint64_t Delivery::pending() const { return context_.ring.pending_points(context_.reader); }

std::uint64_t Delivery::wake_at_points() const {
  const std::lock_guard lock(mutex_);
  const bool held = context_.clock.boot() < not_before_;
  return held ? std::numeric_limits<std::uint64_t>::max() : status_.batch_size;
}

OutputStatus Delivery::status() const {
  const std::lock_guard lock(mutex_);
  OutputStatus status = status_;
  const bool held = status.state != OutputState::kIdle && status.state != OutputState::kOk;
  if (held) {
    status.retry_in =
        std::max(base::Duration::zero(), base::Duration(not_before_ - context_.clock.boot()));
  }
  status.rejected_store = rejected_store_.status();
  return status;
}

}  // namespace holdfast::outputs

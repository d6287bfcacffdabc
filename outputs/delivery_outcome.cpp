// What the answer to a batch does to the reader, and how long nothing is sent after it.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "outputs/delivery.h"

namespace holdfast::outputs {
namespace {

using buffer::Part;

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

Delivery::Progress Delivery::apply(Decision decision, const Sent& sent) {
  if (is_poison(sent, decision)) {
    decision.action = Action::kRejected;
    decision.may_be_stored = true;
    decision.reason += fmt::format(" ({} times, while others pass)", Suspect::kAnswers + 1);
  } else if (decision.action == Action::kRejected && split(sent, decision)) {
    context_.ring.release(context_.reader);
    answered(sent, decision);
    return {};
  }
  if (decision.action == Action::kDelivered || decision.action == Action::kRejected) {
    settle(sent, decision);
    return {Progress::Kind::kAnswered, sent.batch.points()};
  }
  suspect_it(sent, decision);
  keep(decision);
  return {Progress::Kind::kHeld};
}

// Gives the batch back, and sees to it that there is another one to try when it has failed so often
// that one asks whose fault it is.
void Delivery::suspect_it(const Sent& sent, const Decision& decision) {
  if (sent.next.witness) {
    suspect_.hear_witness(false);
  } else if (decision.ambiguous) {
    suspect_.accuse({sent.next.part, sent.first, sent.batch.points()});
    const bool alone = backlog() == 0;
    if (suspect_.wants_witness() && alone) {
      if (context_.ring.set_flight_apart(context_.reader)) suspect_.move_to(Part::kOldest);
      return;
    }
  }
  context_.ring.release(context_.reader);
}

bool Delivery::is_poison(const Sent& sent, const Decision& decision) const {
  return decision.action == Action::kRetry && decision.ambiguous && !sent.next.witness &&
         suspect_.last_chance() && suspect_.is(sent.first);
}

// Not if some of it may be stored: then the server has sorted the good points out itself.
bool Delivery::may_split(const Decision& decision) const {
  return options_.on_rejected == "split" && !decision.may_be_stored;
}

// Whether the batch is to be sent again in parts.
bool Delivery::split(const Sent& sent, const Decision& decision) {
  if (!may_split(decision)) return false;
  const std::uint64_t points = sent.batch.points();
  // Lines are counted in the body, points in the ring.
  const std::uint64_t bad_line = sent.batch.filtered() == 0 ? decision.bad_line : 0;
  if (!splitter(sent.next.part).refused(points, bad_line)) return false;
  log_.splitting(points, decision, context_.clock.boot());
  if (decision.lower_batch_size) lower_batch_size(sent.batch, decision);
  return true;
}

// The server has answered for good: the reader moves.
void Delivery::settle(const Sent& sent, const Decision& decision) {
  const Batch& batch = sent.batch;
  const bool refused = decision.action == Action::kRejected;
  const bool all = refused && decision.rejected == 0;
  const std::uint64_t sent_points = batch.sent_points();
  const std::uint64_t rejected = all ? sent_points : std::min(decision.rejected, sent_points);
  // Kept first: a kill between the two leaves a duplicate rather than nothing.
  if (refused || rejected == sent_points) {
    rejected_store_.keep(batch, decision, output_->destination());
  }
  context_.ring.acknowledge(context_.reader, batch.points(),
                            {.rejected = rejected, .filtered = batch.filtered()});
  if (!refused || !may_split(decision)) splitter(sent.next.part).delivered(batch.points());
  if (rejected > 0) log_.rejected(batch, rejected, decision, context_.clock.boot());
  if (decision.lower_batch_size) lower_batch_size(batch, decision);
  answered(sent, decision);
}

// Nothing of it is for this output.
Delivery::Progress Delivery::leave_out(const Sent& sent) {
  const std::uint64_t points = sent.batch.points();
  context_.ring.acknowledge(context_.reader, points, {.filtered = points});
  splitter(sent.next.part).delivered(points);
  return {Progress::Kind::kAnswered, points};
}

// The server has spoken: what was held against it is over.
void Delivery::answered(const Sent& sent, const Decision& decision) {
  const bool recovered = failing();
  if (sent.next.witness) {
    suspect_.hear_witness(true);
  } else if (suspect_.batch() && suspect_.batch()->part == sent.next.part) {
    suspect_.forget();
  }
  backoff_.reset();
  forget_announced_wait();
  const base::BootTime now = context_.clock.boot();
  log_.recovery(now);
  {
    const std::lock_guard lock(mutex_);
    status_.state = OutputState::kOk;
    status_.moved_at = now;
    if (!decision.reason.empty()) status_.last_error = decision.reason;
  }
  if (recovered) set_backlog_apart();
}

// Under live_first, if there is more than a request takes.
void Delivery::set_backlog_apart() {
  if (fresh_ == Part::kLive && fresh() > status_.batch_size) {
    (void)context_.ring.set_apart(context_.reader);
  }
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

// Returns the wait's length, capped.
base::Duration Delivery::announce_wait(base::Duration wait) {
  wait = std::min(wait, options_.max_retry_after);
  announce({context_.clock.boot() + wait, output_->waits()});
  return wait;
}

void Delivery::forget_announced_wait() { announce({std::nullopt, output_->waits()}); }

void Delivery::announce(Announced waits) {
  if (waits == announced_) return;
  announced_ = std::move(waits);
  keep_waits();
}

// Writes the waits into the ring, so that a restart does not shorten them.
void Delivery::keep_waits() {
  const auto now = context_.clock.boot();
  const auto wall = context_.clock.wall_ns();
  buffer::NotBefore kept;
  if (announced_.all || !announced_.servers.empty()) {
    const std::string boot_id = context_.clock.boot_id();
    std::copy_n(boot_id.begin(), std::min(boot_id.size(), kept.boot_id.size()),
                kept.boot_id.begin());
  }
  if (announced_.all) {
    kept.boot_ns = announced_.all->time_since_epoch().count();
    kept.remaining_ns = base::Duration(*announced_.all - now).count();
    kept.wall_ns = wall + kept.remaining_ns;
  }
  for (const ServerWait& of : announced_.servers) {
    const std::int64_t left = base::Duration(of.until - now).count();
    kept.servers.push_back({of.server, wall + left, of.until.time_since_epoch().count(), left});
  }
  context_.ring.set_not_before(context_.reader, kept);
}

void Delivery::resume_announced_wait() {
  const buffer::NotBefore found = context_.ring.not_before(context_.reader);
  if (found == buffer::NotBefore{}) return;
  const base::BootTime now = context_.clock.boot();
  const auto left = [&](const buffer::NotBefore& wait) {
    return std::min(remaining_wait(wait, context_.clock), options_.max_retry_after);
  };
  for (const buffer::ServerWait& of : found.servers) {
    const base::Duration wait = left({of.wall_ns, of.boot_ns, of.remaining_ns, found.boot_id, {}});
    if (wait > base::Duration::zero()) output_->resume({of.server, now + wait});
  }
  const base::Duration wait = left(found);
  const bool waits = wait > base::Duration::zero();
  announced_ = {waits ? std::optional(now + wait) : std::nullopt, output_->waits()};
  keep_waits();  // by the clocks of now; those that are over are forgotten
  if (!waits) return;
  log_.resumed_wait(wait);
  const std::lock_guard lock(mutex_);
  status_.state = OutputState::kWaiting;
  status_.last_error = "the server asked for a wait before the restart";
  not_before_ = now + wait;
}

// By the size that the server names, whichever of the two it measures; else by half.
void Delivery::lower_batch_size(const Batch& batch, const Decision& decision) {
  constexpr std::uint64_t kFrame = 64;  // more than gzip puts around the blocks
  const std::uint64_t most = decision.max_body_bytes;
  const bool packed = most > kFrame && batch.gzip().size() > most;
  const bool raw = most > 0 && !packed && batch.raw_bytes() > most;
  if (packed && most - kFrame < max_bytes_) {
    max_bytes_ = most - kFrame;
    return log_.smaller_requests(most);
  }
  if (raw && most < max_raw_bytes_) {
    max_raw_bytes_ = most;
    return log_.smaller_requests(most);
  }
  const std::uint64_t smaller =
      std::max<std::uint64_t>(1, std::min(status_.batch_size, batch.points()) / 2);
  log_.smaller_batches(smaller);
  const std::lock_guard lock(mutex_);
  status_.batch_size = smaller;
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

Splitter& Delivery::splitter(Part part) {
  return part == Part::kLive ? live_splitter_ : oldest_splitter_;
}

OutputState Delivery::state() const {
  const std::lock_guard lock(mutex_);
  return status_.state;
}

bool Delivery::failing() const {
  const OutputState now = state();
  return now != OutputState::kIdle && now != OutputState::kOk;
}

base::BootTime Delivery::not_before() const {
  const std::lock_guard lock(mutex_);
  return not_before_;
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

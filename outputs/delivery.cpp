// Which batch goes out when. What its answer does is in delivery_outcome.cpp.
#include "outputs/delivery.h"

#include <algorithm>
#include <string>
#include <utility>

namespace holdfast::outputs {
namespace {

using buffer::Part;

constexpr std::uint64_t kDefaultBatchSize = 5000;
constexpr base::Duration kDefaultFlushInterval = std::chrono::seconds(10);
// Under a rate_limit no request carries more than the link may in so many seconds, but for a small
// one: else a single batch would take longer than its timeout.
constexpr std::uint64_t kSecondsOfLink = 10;
constexpr std::uint64_t kSmallRequest = 8U << 10U;

// What the link may carry in a second; 0: no limit.
std::uint64_t link_rate_of(const WorkerOptions& options) {
  const double period_s = std::chrono::duration<double>(options.rate_limit_period).count();
  if (options.rate_limit.count == 0 || period_s <= 0) return 0;
  const double bytes = static_cast<double>(options.rate_limit.count) / period_s;
  return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(bytes));
}

std::uint64_t bytes_of_batch(const WorkerOptions& options) {
  const std::uint64_t bytes = options.max_batch_bytes.count;
  const std::uint64_t rate = link_rate_of(options);
  if (rate == 0) return bytes;
  return std::min(bytes, std::max(kSmallRequest, rate * kSecondsOfLink));
}

Part other(Part part) { return part == Part::kLive ? Part::kOldest : Part::kLive; }

}  // namespace

Delivery::Delivery(std::unique_ptr<Output> output, const WorkerOptions& options,
                   DeliveryContext context)
    : output_(std::move(output)),
      options_(options),
      backfill_rate_(parse_backfill_rate(options.backfill_rate).value_or(BackfillRate{50, 0})),
      fresh_(options.drain == "live_first" ? Part::kLive : Part::kOldest),
      context_(std::move(context)),
      log_(context_.log),
      rejected_store_(options_, context_.output, context_.reader_id, context_.clock, context_.log),
      rewrite_rules_{{options.name_override, options.name_prefix, options.name_suffix},
                     options.filter,
                     {},
                     {}},
      rewriter_(rewrite_rules_),
      link_rate_(link_rate_of(options)),
      max_bytes_(bytes_of_batch(options)),
      max_raw_bytes_(options.max_batch_bytes.count) {
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
  not_before_ = next_backfill_ = link_free_ = now;
  schedule_flush(now);
  resume_announced_wait();
  set_backlog_apart();
}

base::BootTime Delivery::step(const StopSignal& stop) {
  const base::BootTime now = context_.clock.boot();
  const bool asked = flush_wanted_.exchange(false) && state() != OutputState::kWaiting;
  if (now < not_before() && !asked) return not_before();
  // After a failed attempt the backlog is as overdue as it was at the last flush.
  const bool flush = asked || failing() || now >= next_flush_;
  std::uint64_t wanted = flush ? fresh() : 0;
  while (!stop.requested()) {
    const auto next = choose(wanted);
    if (!next) break;
    const Progress progress = send(*next, stop);
    if (progress.kind == Progress::Kind::kHeld) return not_before();
    if (progress.kind == Progress::Kind::kNothing) break;
    if (next->part == fresh_) wanted -= std::min(wanted, progress.moved);
    wanted = std::min(wanted, fresh());
  }
  if (pending() == 0) mark_moved();
  if (flush && !(link_busy() && wanted > 0)) schedule_flush(context_.clock.boot());
  return next_call();
}

void Delivery::finish(const StopSignal& stop) {
  if (state() == OutputState::kWaiting && context_.clock.boot() < not_before()) return;
  while (pending() > 0 && !stop.expired(context_.clock.boot())) {
    next_backfill_ = context_.clock.boot();  // the time there is is short enough
    const auto next = choose(fresh());
    if (!next || send(*next, stop).kind != Progress::Kind::kAnswered) return;
  }
}

std::optional<Delivery::Next> Delivery::choose(std::uint64_t wanted) const {
  if (link_busy()) return std::nullopt;
  if (auto next = choose_in_doubt()) return next;
  const bool splitting = (fresh_ == Part::kLive ? live_splitter_ : oldest_splitter_).limit() > 0;
  const std::uint64_t there = fresh();
  if (there > 0 && (wanted > 0 || splitting || there >= status_.batch_size)) return next_of(fresh_);
  const bool backfill = fresh_ == Part::kLive && backlog() > 0;
  if (!backfill || context_.clock.boot() < next_backfill_) return std::nullopt;
  Next next = next_of(Part::kOldest);
  next.backfill = true;
  return next;
}

// While a batch is suspected: it again after another one has passed, that other one before.
std::optional<Delivery::Next> Delivery::choose_in_doubt() const {
  if (!suspect_.batch()) return std::nullopt;
  const Part part = suspect_.batch()->part;
  if (suspect_.last_chance()) return next_of(part);
  const bool two_parts = backlog() > 0 && pending() > backlog();
  if (!suspect_.wants_witness() || !two_parts) return std::nullopt;
  Next next = next_of(other(part));
  next.witness = true;
  return next;
}

Delivery::Next Delivery::next_of(Part part) const {
  Next next{.part = part, .most_points = status_.batch_size};
  const std::uint64_t limit = (part == Part::kLive ? live_splitter_ : oldest_splitter_).limit();
  if (limit > 0) next.most_points = std::min(next.most_points, limit);
  // The same batch again, not one that has grown meanwhile.
  const auto& suspected = suspect_.batch();
  if (suspected && suspected->part == part) {
    next.most_points = std::min(next.most_points, suspected->points);
  }
  return next;
}

base::BootTime Delivery::next_call() const {
  base::BootTime next = next_flush_;
  if (fresh_ == Part::kLive && backlog() > 0) next = std::min(next, next_backfill_);
  const std::lock_guard lock(mutex_);
  return std::max(next, link_free_);
}

Delivery::Progress Delivery::send(const Next& next, const StopSignal& stop) {
  auto blocks = context_.ring.read(
      context_.reader,
      {.max_points = next.most_points, .max_raw_bytes = max_raw_bytes_, .max_bytes = max_bytes_},
      Batch::kPrefix, next.part);
  if (!blocks) {
    keep({.action = Action::kRetry, .reason = blocks.error().message});
    return {Progress::Kind::kHeld};
  }
  if (blocks->blocks.empty()) {
    suspect_.forget();
    return {Progress::Kind::kNothing};
  }
  const std::uint64_t points = blocks->points;
  const std::uint64_t first =
      blocks->blocks.front().point_sequence + blocks->blocks.front().skip_points;
  auto batch = Batch::from_blocks(std::move(*blocks), next.most_points,
                                  rewrite_rules_.empty() ? nullptr : &rewriter_);
  if (!batch) {
    // The ring has checked the bytes: trying again would only find the same, for ever.
    context_.ring.acknowledge(context_.reader, points, {.rejected = points});
    log_.unreadable(points, batch.error().message);
    return {Progress::Kind::kAnswered, points};
  }
  Sent sent{next, first, std::move(*batch)};
  if (sent.batch.sent_points() == 0) return leave_out(sent);
  const base::BootTime start = context_.clock.boot();
  const Attempt attempt = output_->deliver(sent.batch, stop);
  count(attempt);
  pace(next, start, attempt);
  return apply(attempt.decision, sent);
}

void Delivery::pace(const Next& next, base::BootTime start, const Attempt& attempt) {
  const std::uint64_t requests = std::max<std::size_t>(1, attempt.statuses.size());
  const std::uint64_t bytes = attempt.bytes_sent + requests * kRequestOverhead;
  const base::BootTime now = context_.clock.boot();
  if (next.backfill) next_backfill_ = now + pause_after(backfill_rate_, now - start, bytes);
  const std::lock_guard lock(mutex_);
  link_free_ = std::max(link_free_, start) + time_for(bytes, link_rate_);
}

void Delivery::schedule_flush(base::BootTime now) {
  next_flush_ = now + options_.flush_interval + context_.random.below(options_.flush_jitter);
}

std::uint64_t Delivery::pending() const { return context_.ring.pending_points(context_.reader); }

std::uint64_t Delivery::fresh() const {
  return context_.ring.pending_points(context_.reader, fresh_);
}

std::uint64_t Delivery::backlog() const {
  const std::uint64_t all = pending();
  return all - std::min(all, context_.ring.pending_points(context_.reader, Part::kLive));
}

bool Delivery::link_busy() const {
  const std::lock_guard lock(mutex_);
  return context_.clock.boot() < link_free_;
}

bool Delivery::wants_waking() const {
  const std::lock_guard lock(mutex_);
  if (context_.clock.boot() < std::max(not_before_, link_free_)) return false;
  return fresh() >= status_.batch_size;
}

}  // namespace holdfast::outputs

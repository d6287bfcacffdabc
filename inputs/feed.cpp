// Handing over, once or until it succeeds. Parcels are settled on the I/O thread.
#include "inputs/feed.h"

#include <optional>
#include <utility>

#include <asio/post.hpp>

namespace holdfast::inputs {
namespace {

constexpr base::Duration kOpenBlockAge = std::chrono::seconds(1);
constexpr base::Duration kRetryInterval = std::chrono::seconds(1);
constexpr base::Duration kErrorLogInterval = std::chrono::seconds(10);

}  // namespace

struct Feed::Parcel {
  std::vector<line::LineChunk> chunks;
  buffer::Origin origin;
  WhenRefused when_refused;
  Done done;
  std::optional<asio::steady_timer> timer{};  // while it waits
  std::uint64_t not_accepted = 0;             // of the last attempt
  std::string reason{};
};

Feed::Feed(const ServiceContext& context, const base::Clock& clock, base::Logger log)
    : io_(context.io),
      pool_(context.pool),
      sink_(context.sink),
      rules_(context.rules),
      counters_(context.counters),
      clock_(clock),
      log_(std::move(log)),
      error_throttle_(kErrorLogInterval),
      refused_throttle_(kErrorLogInterval),
      flush_timer_(context.io) {}

Accumulator Feed::open() {
  Accumulator points(rules_, sink_.limits(), clock_.wall_ns(), counters_);
  points.tell_apart(last_ns_);
  return points;
}

void Feed::submit(Accumulator points, buffer::Origin origin, WhenRefused when_refused, Done done) {
  points.finish(clock_.wall_ns());
  log_errors(points);
  const auto parcel =
      std::make_shared<Parcel>(Parcel{points.take(), origin, when_refused, std::move(done)});
  ++pending_;
  if (!parcel->chunks.empty()) return hand_over(parcel);
  asio::post(io_, [self = shared_from_this(), parcel] { self->settle(parcel, true); });
}

void Feed::log_errors(const Accumulator& points) {
  if (points.errors().empty()) return;
  const std::lock_guard lock(log_mutex_);
  for (const base::Error& error : points.errors()) {
    std::uint64_t before = 0;
    if (error_throttle_.allow(clock_.boot(), before)) {
      log_.error("{} ({} more since the last one)", error.message, before);
    }
  }
}

void Feed::hand_over(const std::shared_ptr<Parcel>& parcel) {
  sink_.add(
      views_of(parcel->chunks), parcel->origin,
      [self = shared_from_this(), parcel](const base::Status& status, std::uint64_t not_accepted) {
        asio::post(self->io_, [self, parcel, status, not_accepted] {
          self->answered(parcel, status, not_accepted);
        });
      });
  asio::post(io_, [self = shared_from_this()] { self->flush_soon(); });
}

void Feed::flush_soon() {
  if (flush_due_ || pending_ == 0) return;
  flush_due_ = true;
  flush_timer_.expires_after(closed_ ? base::Duration{} : kOpenBlockAge);
  flush_timer_.async_wait([self = shared_from_this()](const std::error_code&) {
    self->flush_due_ = false;
    self->pool_([self] { self->sink_.flush(); });
  });
}

void Feed::answered(const std::shared_ptr<Parcel>& parcel, const base::Status& status,
                    std::uint64_t not_accepted) {
  // All in, although not known to be durable: handing over again would change nothing.
  if (status || not_accepted == 0) return settle(parcel, true);
  parcel->not_accepted = not_accepted;
  parcel->reason = status.error().message;
  // A line that fits no block never will.
  const bool hopeless = status.error().code == base::ErrorCode::kTooLarge;
  if (parcel->when_refused == WhenRefused::kDrop || closed_ || hopeless) return refuse(parcel);
  wait(parcel);
}

void Feed::wait(const std::shared_ptr<Parcel>& parcel) {
  std::uint64_t before = 0;
  if (refused_throttle_.allow(clock_.boot(), before)) {
    log_.warn("{} points have to wait, tried again every {}: {} ({} times before)",
              parcel->not_accepted, base::format_duration(kRetryInterval), parcel->reason, before);
  }
  waiting_.push_back(parcel);
  parcel->timer.emplace(io_, kRetryInterval);
  parcel->timer->async_wait([self = shared_from_this(), parcel](const std::error_code&) {
    std::erase(self->waiting_, parcel);
    parcel->timer.reset();
    if (self->closed_) return self->refuse(parcel);
    self->pool_([self, parcel] { self->hand_over(parcel); });
  });
}

void Feed::refuse(const std::shared_ptr<Parcel>& parcel) {
  counters_.not_accepted += parcel->not_accepted;
  std::uint64_t before = 0;
  if (refused_throttle_.allow(clock_.boot(), before)) {
    log_.error("{} points not accepted: {} ({} times before)", parcel->not_accepted, parcel->reason,
               before);
  }
  settle(parcel, false);
}

void Feed::settle(const std::shared_ptr<Parcel>& parcel, bool accepted) {
  // What it holds goes here, not with the sink's last word on some other thread.
  if (const Done done = std::exchange(parcel->done, {})) done(accepted);
  if (--pending_ > 0 || !closed_) return;
  asio::post(io_, std::exchange(closed_, [] {}));
}

void Feed::close(std::function<void()> closed) {
  closed_ = std::move(closed);
  for (const auto& parcel : waiting_) parcel->timer->cancel();
  if (pending_ == 0) return asio::post(io_, std::exchange(closed_, [] {}));
  // Nobody shall have to wait for the end of the second.
  flush_timer_.cancel();
  flush_soon();
}

}  // namespace holdfast::inputs

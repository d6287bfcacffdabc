// Feed: points of an input that receives them by itself, on their way to the buffer. Points of many
// reads share a block, which is closed a second after the first of them at the latest.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include <asio/steady_timer.hpp>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "buffer/block_sink.h"
#include "inputs/accumulator.h"
#include "inputs/input.h"

namespace holdfast::inputs {

// What becomes of points that the buffer does not take (full and told to refuse; kReceived also
// while the device fails).
enum class WhenRefused {
  kDrop,  // counted as not accepted, and logged now and then
  kWait,  // handed over again every second, until they are in or the feed is closed
};

// Made when the input starts, closed when it stops.
class Feed : public std::enable_shared_from_this<Feed> {
 public:
  // Called once, on the I/O thread: whether the points are in the ring (or, gathered ones while the
  // device fails, in memory).
  using Done = std::function<void(bool accepted)>;

  // Everything in the context outlives the feed until it is closed.
  Feed(const ServiceContext& context, const base::Clock& clock, base::Logger log);

  // For the points of one read; those without a time get that of now, each a nanosecond later than
  // the one before. Any thread.
  [[nodiscard]] Accumulator open();
  // Hands over what was added; errors that were added are logged now and then. `origin` is
  // kReceived if a kill must not lose the points once `done` has been told so, else kGathered.
  // Points handed over again may get into the ring twice, which harms nobody: they have their time.
  // Any thread.
  void submit(Accumulator points, buffer::Origin origin, WhenRefused when_refused, Done done = {});
  // Points submitted and not yet settled: what a sender that can wait should look at. I/O thread or
  // any other.
  [[nodiscard]] std::size_t pending() const { return pending_; }
  // No more attempts: what waits for one is counted as not accepted. `closed` is called on the I/O
  // thread when everything is settled, never from within. Submit nothing afterwards. I/O thread.
  void close(std::function<void()> closed);

 private:
  struct Parcel;

  void hand_over(const std::shared_ptr<Parcel>& parcel);
  void answered(const std::shared_ptr<Parcel>& parcel, const base::Status& status,
                std::uint64_t not_accepted);
  void wait(const std::shared_ptr<Parcel>& parcel);
  void refuse(const std::shared_ptr<Parcel>& parcel);
  void settle(const std::shared_ptr<Parcel>& parcel, bool accepted);
  void log_errors(const Accumulator& points);
  void flush_soon();

  asio::io_context& io_;
  std::function<void(std::function<void()>)> pool_;
  buffer::BlockSink& sink_;
  const PointRules& rules_;
  InputCounters& counters_;
  const base::Clock& clock_;
  base::Logger log_;
  std::atomic<std::size_t> pending_{0};
  std::atomic<std::int64_t> last_ns_{0};
  std::mutex log_mutex_;
  base::LogThrottle error_throttle_;    // under log_mutex_
  base::LogThrottle refused_throttle_;  // I/O thread, as the following
  asio::steady_timer flush_timer_;
  bool flush_due_ = false;
  std::vector<std::shared_ptr<Parcel>> waiting_;
  std::function<void()> closed_;
};

}  // namespace holdfast::inputs

// Delivery: what one output does with its backlog, as a state machine without a thread: which batch
// goes out when, what an attempt's outcome does to the reader, and when the next one is due.
// worker.h gives it a thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/random.h"
#include "buffer/ring.h"
#include "outputs/backoff.h"
#include "outputs/delivery_log.h"
#include "outputs/output.h"
#include "outputs/pacing.h"
#include "outputs/rejected_store.h"
#include "outputs/splitter.h"
#include "outputs/stop_signal.h"
#include "outputs/suspect.h"

namespace holdfast::outputs {

enum class OutputState {
  kIdle,           // has had nothing to send yet
  kOk,             // the last attempt was answered
  kWaiting,        // the server announced a wait (Retry-After)
  kBackoff,        // failing; trying again with growing waits
  kMisconfigured,  // a person must act
};
// "ok", "waiting"... as status shows it.
[[nodiscard]] std::string_view state_name(OutputState state);

struct OutputStatus {
  OutputState state = OutputState::kIdle;
  base::Duration retry_in{};  // until the next attempt may be made; zero in kIdle and kOk
  std::string last_error;     // the latest failure's words, also after recovery; empty if none
  std::string reader;         // id of this output's reader in the ring
  std::uint64_t requests = 0;
  std::uint64_t bytes_sent = 0;            // of request bodies
  std::map<int, std::uint64_t> by_status;  // answers by HTTP status; 0 = no answer
  std::uint64_t batch_size = 0;            // points; lower than configured after a 413
  base::Duration flush_interval{};         // the longest: jitter included
  // When the reader last moved or had nothing to do. Far behind with points pending: stalled.
  base::BootTime moved_at{};
  std::optional<RejectedStoreStatus> rejected_store;  // if there is one
};

struct DeliveryContext {
  buffer::Ring& ring;
  buffer::ReaderId reader;
  std::string reader_id;
  const base::Clock& clock;
  base::Random random;
  base::Logger log;
  std::string output{};  // "outputs.influxdb::alias", as people know it
};

// step() and finish() are for one thread; status() and wants_waking() for any.
class Delivery {
 public:
  static constexpr base::Duration kMisconfiguredRetry = std::chrono::seconds(60);

  // Zero values of metric_batch_size and flush_interval stand for 5000 and 10 s; backfill_rate must
  // be readable. An announced wait found in the ring is honoured.
  Delivery(std::unique_ptr<Output> output, const WorkerOptions& options, DeliveryContext context);

  // Looks after the files of refused batches; for the worker's thread, before it steps.
  void tend_rejected() { rejected_store_.tend(); }
  // Sends what is due: full batches at once, the rest every flush interval, nothing before the end
  // of a wait; under live_first the backlog in between. Returns when to be called again at the
  // latest.
  [[nodiscard]] base::BootTime step(const StopSignal& stop);
  // The last flush: sends what is pending until it is gone, an attempt fails, the link has
  // to rest, or `stop` has expired; nothing at all during an announced wait.
  void finish(const StopSignal& stop);

  // The next step() is a flush, backoff or not; an announced wait it does not shorten. Any thread.
  void flush_soon() { flush_wanted_ = true; }
  // With what is pending now step() has something to do before the time it returned.
  [[nodiscard]] bool wants_waking() const;
  [[nodiscard]] OutputStatus status() const;

 private:
  // What goes out next.
  struct Next {
    buffer::Part part = buffer::Part::kOldest;
    std::uint64_t most_points = 0;
    bool backfill = false;  // of the backlog, in the gaps
    bool witness = false;   // to see whether another batch than the suspect passes
  };
  // A batch on its way.
  struct Sent {
    Next next;
    std::uint64_t first = 0;  // number of its first point
    Batch batch;
  };
  // Waits that servers have asked for.
  struct Announced {
    std::optional<base::BootTime> all;  // nothing is sent sooner
    std::vector<ServerWait> servers;
    friend bool operator==(const Announced&, const Announced&) = default;
  };
  struct Progress {
    enum class Kind {
      kAnswered,  // or left behind: `moved` points are done
      kNothing,   // there was nothing to read
      kHeld,      // the attempt failed, the next one has to wait
    };
    Kind kind = Kind::kAnswered;
    std::uint64_t moved = 0;
  };

  // --- which batch, and when (delivery.cpp) ---
  [[nodiscard]] std::optional<Next> choose(std::uint64_t wanted) const;
  [[nodiscard]] std::optional<Next> choose_in_doubt() const;
  [[nodiscard]] Next next_of(buffer::Part part) const;
  [[nodiscard]] base::BootTime next_call() const;
  [[nodiscard]] Progress send(const Next& next, const StopSignal& stop);
  void pace(const Next& next, base::BootTime start, const Attempt& attempt);
  void schedule_flush(base::BootTime now);
  [[nodiscard]] std::uint64_t pending() const;
  [[nodiscard]] std::uint64_t fresh() const;    // of them, what a flush is about
  [[nodiscard]] std::uint64_t backlog() const;  // set apart
  [[nodiscard]] bool link_busy() const;

  // --- what an answer does (delivery_outcome.cpp) ---
  [[nodiscard]] Progress apply(Decision decision, const Sent& sent);
  void suspect_it(const Sent& sent, const Decision& decision);
  [[nodiscard]] bool is_poison(const Sent& sent, const Decision& decision) const;
  [[nodiscard]] bool may_split(const Decision& decision) const;
  [[nodiscard]] bool split(const Sent& sent, const Decision& decision);
  void settle(const Sent& sent, const Decision& decision);
  [[nodiscard]] Progress leave_out(const Sent& sent);
  void answered(const Sent& sent, const Decision& decision);
  void set_backlog_apart();
  void keep(const Decision& decision);
  void hold(OutputState state, base::Duration wait, const Decision& decision);
  [[nodiscard]] base::Duration announce_wait(base::Duration wait);
  void resume_announced_wait();
  void announce(Announced waits);
  void keep_waits();
  void forget_announced_wait();
  void lower_batch_size(const Batch& batch, const Decision& decision);
  void mark_moved();
  void count(const Attempt& attempt);
  [[nodiscard]] Splitter& splitter(buffer::Part part);
  [[nodiscard]] OutputState state() const;
  [[nodiscard]] bool failing() const;
  [[nodiscard]] base::BootTime not_before() const;

  std::unique_ptr<Output> output_;
  WorkerOptions options_;
  BackfillRate backfill_rate_;
  const buffer::Part fresh_;  // the part that a flush is about: kLive under live_first
  DeliveryContext context_;
  DeliveryLog log_;
  RejectedStore rejected_store_;
  line::RewriteRules rewrite_rules_;
  line::LineRewriter rewriter_;
  Backoff backoff_;
  Splitter oldest_splitter_, live_splitter_;
  Suspect suspect_;
  const std::uint64_t link_rate_;    // bytes for each second; 0: no limit
  std::uint64_t max_bytes_ = 0;      // of a batch as stored,
  std::uint64_t max_raw_bytes_ = 0;  // ... and of its lines
  base::BootTime next_flush_{};
  base::BootTime next_backfill_{};
  std::atomic<bool> flush_wanted_ = false;
  Announced announced_;  // what the ring keeps for us

  mutable std::mutex mutex_;  // guards what follows
  OutputStatus status_;
  base::BootTime not_before_{};  // no attempt sooner; in the past when there is nothing to wait for
  base::BootTime link_free_{};   // rate_limit: nothing sooner
};

}  // namespace holdfast::outputs

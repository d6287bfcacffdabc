// Delivery: what one output does with its backlog, as a state machine without a thread: which batch
// goes out when, what an attempt's outcome does to the reader, and when the next one is due.
// worker.h gives it a thread.
#pragma once

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
#include "outputs/rejected_store.h"
#include "outputs/stop_signal.h"

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

// step() and finish() are for one thread; status() and wake_at_points() for any.
class Delivery {
 public:
  static constexpr base::Duration kMisconfiguredRetry = std::chrono::seconds(60);

  // Zero values of metric_batch_size and flush_interval stand for 5000 and 10 s. An announced wait
  // found in the ring is honoured.
  Delivery(std::unique_ptr<Output> output, const WorkerOptions& options, DeliveryContext context);

  // Looks after the files of refused batches; for the worker's thread, before it steps.
  void tend_rejected() { rejected_store_.tend(); }
  // Sends what is due: full batches at once, the rest every flush interval, nothing before the end
  // of a wait. Returns when to be called again at the latest.
  [[nodiscard]] base::BootTime step(const StopSignal& stop);
  // The last flush: sends what is pending until it is gone, an attempt fails, or `stop` has
  // expired; nothing at all during an announced wait.
  void finish(const StopSignal& stop);

  // From so many pending points on step() has something to do before the time it returned.
  [[nodiscard]] std::uint64_t wake_at_points() const;
  [[nodiscard]] OutputStatus status() const;

 private:
  // Points the reader has moved by; zero if there was nothing to read, nothing if the attempt
  // failed and the next one has to wait.
  using Moved = std::optional<std::uint64_t>;

  [[nodiscard]] Moved send_batch(const StopSignal& stop);
  [[nodiscard]] Moved apply(const Attempt& attempt, const Batch& batch);
  void settle(const Batch& batch, const Decision& decision);
  void keep(const Decision& decision);
  void hold(OutputState state, base::Duration wait, const Decision& decision);
  [[nodiscard]] base::Duration announce_wait(base::Duration wait);
  void resume_announced_wait();
  void forget_announced_wait();
  void lower_batch_size(std::uint64_t sent);
  void schedule_flush(base::BootTime now);
  void mark_moved();
  void count(const Attempt& attempt);
  [[nodiscard]] OutputState state() const;
  [[nodiscard]] base::BootTime not_before() const;
  [[nodiscard]] std::uint64_t pending() const;

  std::unique_ptr<Output> output_;
  WorkerOptions options_;
  DeliveryContext context_;
  DeliveryLog log_;
  RejectedStore rejected_store_;
  Backoff backoff_;
  base::BootTime next_flush_{};
  bool wait_announced_ = false;  // the ring holds a not-before of ours

  mutable std::mutex mutex_;  // guards what follows
  OutputStatus status_;
  base::BootTime not_before_{};  // no attempt sooner; in the past when there is nothing to wait for
};

}  // namespace holdfast::outputs

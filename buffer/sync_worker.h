// SyncWorker: the one thread that tends a ring and syncs it: every `interval` when something new
// was appended, sooner when the ring asks for it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "buffer/ring.h"

namespace holdfast::buffer {

class SyncWorker {
 public:
  // `syncs` = false: only tends (sync = "never").
  SyncWorker(Ring& ring, base::Duration interval, bool syncs, base::Logger logger);
  // Ends the thread; does not sync (Ring::close does).
  ~SyncWorker();
  SyncWorker(const SyncWorker&) = delete;
  SyncWorker& operator=(const SyncWorker&) = delete;

  // From the next sync on. Thread-safe.
  void set_interval(base::Duration interval);

 private:
  void run(const std::stop_token& stop);

  Ring& ring_;
  const bool syncs_;
  const base::Logger logger_;
  base::LogThrottle throttle_{std::chrono::minutes(1)};
  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool wanted_ = false;
  base::Duration interval_;
  std::jthread thread_;
};

}  // namespace holdfast::buffer

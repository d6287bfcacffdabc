#include "buffer/sync_worker.h"

namespace holdfast::buffer {

SyncWorker::SyncWorker(Ring& ring, base::Duration interval, bool syncs, base::Logger logger)
    : ring_(ring), syncs_(syncs), logger_(std::move(logger)), interval_(interval) {
  ring_.on_sync_wanted([this] {
    const std::lock_guard lock(mutex_);
    wanted_ = true;
    wake_.notify_one();
  });
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

SyncWorker::~SyncWorker() {
  thread_.request_stop();
  thread_.join();
  ring_.on_sync_wanted({});
}

void SyncWorker::set_interval(base::Duration interval) {
  const std::lock_guard lock(mutex_);
  interval_ = interval;
}

void SyncWorker::run(const std::stop_token& stop) {
  ring_.tend();
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop, interval_, [this] { return wanted_; });
      wanted_ = false;
    }
    if (stop.stop_requested()) return;
    ring_.tend();
    if (!syncs_) continue;
    const auto synced = ring_.sync(false);
    std::uint64_t suppressed = 0;
    if (!synced && throttle_.allow(base::SystemClock().boot(), suppressed)) {
      logger_.error("{}; {} more times before", synced.error().message, suppressed);
    }
  }
}

}  // namespace holdfast::buffer

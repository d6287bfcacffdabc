// The thread around a Delivery.
#include "outputs/worker.h"

#include <utility>

namespace holdfast::outputs {

Worker::Worker(std::unique_ptr<Output> output, const WorkerOptions& options,
               DeliveryContext context, std::unique_ptr<Waiter> waiter)
    : delivery_(std::move(output), options, std::move(context)), waiter_(std::move(waiter)) {}

Worker::~Worker() {
  request_stop(base::BootTime::min());
  join();
}

void Worker::start() {
  thread_ = std::jthread([this] { run(); });
}

void Worker::notify() {
  if (delivery_.wants_waking()) waiter_->wake();
}

void Worker::flush() {
  delivery_.flush_soon();
  waiter_->wake();
}

void Worker::request_stop(base::BootTime deadline, LastFlush last_flush) {
  if (last_flush == LastFlush::kNo) last_flush_ = false;
  stop_.request(deadline);
  waiter_->wake();
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::run() {
  while (!stop_.requested()) {
    delivery_.tend_rejected();
    const base::BootTime next = delivery_.step(stop_);
    if (!stop_.requested()) waiter_->wait_until(next);
  }
  if (last_flush_) delivery_.finish(stop_);
  ended_ = true;
}

}  // namespace holdfast::outputs

// Worker: the thread of one output. It steps a Delivery and sleeps in between.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "agent/base/clock.h"
#include "outputs/delivery.h"
#include "outputs/stop_signal.h"
#include "outputs/waiter.h"

namespace holdfast::outputs {

enum class LastFlush { kYes, kNo };

// All functions may be called from any thread, join() from one. Destroying a running worker stops
// it without a last flush.
class Worker {
 public:
  // Everything in `context` outlives the worker. Nothing is sent before start().
  Worker(std::unique_ptr<Output> output, const WorkerOptions& options, DeliveryContext context,
         std::unique_ptr<Waiter> waiter);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();
  // Something was appended to the ring; cheap, and wakes the thread only if that makes a full
  // batch.
  void notify();
  // Sends what is pending now: for a person who does not want to wait. Not during an announced
  // wait.
  void flush();
  // Finish the request in flight, make one last flush (if asked, and unless an announced wait
  // forbids it), and end; all of it until `deadline`. Returns at once.
  void request_stop(base::BootTime deadline, LastFlush last_flush = LastFlush::kYes);
  // True once nothing is sent any more and no batch is in flight: join() is then quick.
  [[nodiscard]] bool ended() const { return ended_; }
  // Waits for the thread to end.
  void join();

  [[nodiscard]] OutputStatus status() const { return delivery_.status(); }

 private:
  void run();

  Delivery delivery_;
  std::unique_ptr<Waiter> waiter_;
  StopSignal stop_;
  std::atomic<bool> last_flush_{true};
  std::atomic<bool> ended_{false};
  std::jthread thread_;
};

}  // namespace holdfast::outputs

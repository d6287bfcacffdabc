// A worker with its thread, ring and influxdb output; only HTTP and time are scripted.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "outputs/worker.h"
#include "outputs/write_output.h"
#include "tests/outputs/scripted_client.h"
#include "tests/support/fake_ring.h"
#include "tests/support/fake_waiter.h"

namespace holdfast::test {

inline constexpr base::Duration kFlush = std::chrono::seconds(10);

class WorkerTest : public testing::Test {
 public:
  WorkerTest() = default;
  WorkerTest(const WorkerTest&) = delete;
  WorkerTest& operator=(const WorkerTest&) = delete;

 protected:
  ~WorkerTest() override {
    if (worker_) worker_->request_stop(base::BootTime::min());
  }

  void start(outputs::WorkerOptions options = {}, bool create_database = false) {
    options.flush_interval = kFlush;
    outputs::WriteTarget target;
    target.servers = {{"http://h", "http://h/write", "http://h/query", {}, {}}};
    target.parameters = {{"db", "t"}};
    target.create_databases = create_database;
    const auto client = [this](const outputs::WriteServer&) {
      return std::make_unique<ScriptedClient>(http_);
    };
    auto output = *outputs::make_write_output(std::move(target), client, {clock_, {}});
    auto waiter = std::make_unique<FakeWaiter>(clock_);
    waiter_ = waiter.get();
    worker_ = std::make_unique<outputs::Worker>(
        std::move(output), options,
        outputs::DeliveryContext{
            ring_, 0, "reader", clock_, base::Random(7), {}, "outputs.influxdb"},
        std::move(waiter));
    worker_->start();
    rest();
  }

  // Until the worker sleeps; for how long from now.
  base::Duration rest() {
    const auto until = waiter_->parked_until();
    EXPECT_TRUE(until) << "the worker does not come to rest";
    return until.value_or(base::BootTime{}) - clock_.boot();
  }
  void append(std::uint32_t points) {
    ring_.append_points(points);
    worker_->notify();
  }
  base::Duration pass(base::Duration time) {
    waiter_->advance(time);
    return rest();
  }
  // Ends the current flush interval with `points` pending, so that one request goes out.
  base::Duration flush(std::uint32_t points) {
    append(points);
    return pass(rest());
  }
  void restart(const outputs::WorkerOptions& options = {}) {
    worker_->request_stop(base::BootTime::min());
    worker_->join();
    start(options);
  }

  FakeClock clock_;
  FakeRing ring_;
  HttpScript http_{clock_};
  FakeWaiter* waiter_ = nullptr;
  std::unique_ptr<outputs::Worker> worker_;
};

}  // namespace holdfast::test

// The plugin `influxdb` against a real InfluxDB, from a real ring, with a real worker and real
// time.
#include <csignal>
#include <functional>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "buffer/memory_file.h"
#include "outputs/worker.h"
#include "tests/outputs/plugin_table.h"
#include "tests/support/fake_ring.h"
#include "tests/support/influxdb_server.h"

namespace holdfast::outputs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool wait_until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return true;
}

class RealInfluxdbTest : public testing::Test {
 protected:
  void open_ring() {
    auto ring = buffer::Ring::open(std::make_unique<buffer::MemoryFile>(), {.size = 8U << 20},
                                   clock_, base::Random(1));
    ASSERT_TRUE(ring) << ring.error().message;
    ring_ = std::move(*ring);
    auto reader = ring_->attach("reader");
    ASSERT_TRUE(reader);
    reader_ = *reader;
  }

  void start_worker(const std::string& options, const WorkerOptions& worker_options) {
    auto made = test::make_output("influxdb", options, {clock_, {}});
    ASSERT_TRUE(made.output) << (made.problems.empty() ? "" : made.problems[0]);
    auto waiter = make_boot_waiter();
    ASSERT_TRUE(waiter);
    worker_ = std::make_unique<Worker>(
        std::move(made.output), worker_options,
        DeliveryContext{*ring_, reader_, "reader", clock_, base::Random(2), {}},
        std::move(*waiter));
    ring_->on_append([this] { worker_->notify(); });
    worker_->start();
  }

  void append(std::uint32_t points) {
    buffer::Block block = test::make_block(test::numbered_lines(appended_, points), points);
    ASSERT_TRUE(ring_->append(block));
    appended_ += points;
  }
  bool drained() {
    return wait_until([this] { return ring_->pending_points(reader_) == 0; });
  }
  buffer::Ledger ledger() const { return ring_->info().readers.at(0).ledger; }
  static std::uint64_t count(const test::InfluxdbServer& server) {
    const auto points = server.count("telegraf", "m", "seq");
    EXPECT_TRUE(points) << points.error().message;
    return points.value_or(0);
  }

  base::SystemClock clock_;
  std::unique_ptr<buffer::Ring> ring_;
  buffer::ReaderId reader_ = 0;
  std::unique_ptr<Worker> worker_;
  std::uint64_t appended_ = 0;
};

constexpr auto kSoon = milliseconds(20);

TEST_F(RealInfluxdbTest, EveryPointArrivesAcrossAKilledServer) {
  test::InfluxdbServer server;
  const auto started = server.start();
  ASSERT_TRUE(started) << started.error().message;
  open_ring();
  start_worker("urls = [\"" + server.url() + "\"]\n",
               {.metric_batch_size = 1000, .flush_interval = kSoon});
  for (int i = 0; i < 50; ++i) append(100);
  ASSERT_TRUE(drained());
  EXPECT_EQ(count(server), 5000U);

  server.stop(SIGKILL);
  for (int i = 0; i < 50; ++i) append(100);
  EXPECT_TRUE(wait_until([this] { return worker_->status().state == OutputState::kBackoff; }));
  EXPECT_EQ(ledger().buffered + ledger().counters.delivered, appended_);
  const auto again = server.start();
  ASSERT_TRUE(again) << again.error().message;
  ASSERT_TRUE(drained()) << worker_->status().last_error;
  EXPECT_EQ(count(server), 10'000U);
  EXPECT_EQ(ledger().counters.delivered, 10'000U);
  EXPECT_EQ(ledger().counters.total(), 10'000U);
  worker_->request_stop(clock_.boot() + seconds(5));
  worker_->join();
}

TEST_F(RealInfluxdbTest, BlocksAreCutForSmallBatches) {
  test::InfluxdbServer server;
  const auto started = server.start();
  ASSERT_TRUE(started) << started.error().message;
  open_ring();
  append(500);
  append(3);
  start_worker("urls = [\"" + server.url() + "\"]\ncontent_encoding = \"gzip\"\n",
               {.metric_batch_size = 70, .flush_interval = kSoon});
  ASSERT_TRUE(drained());
  EXPECT_EQ(count(server), 503U);
  EXPECT_GE(worker_->status().requests, 8U);
}

TEST_F(RealInfluxdbTest, AWrongPasswordKeepsThePointsTheRightOneDeliversThem) {
  test::InfluxdbServer server({.user = "admin", .password = "se cret"});
  const auto started = server.start();
  ASSERT_TRUE(started) << started.error().message;
  open_ring();
  append(20);
  const std::string url = "urls = [\"" + server.url() + "\"]\n";
  start_worker(url + "username = \"admin\"\npassword = \"wrong\"\n", {.flush_interval = kSoon});
  EXPECT_TRUE(
      wait_until([this] { return worker_->status().state == OutputState::kMisconfigured; }));
  EXPECT_EQ(ring_->pending_points(reader_), 20U);
  EXPECT_EQ(worker_->status().by_status.at(401), 2U);  // CREATE DATABASE and the write
  for (const char* auth : {"basic", "query"}) {
    worker_->request_stop(base::BootTime::min());
    worker_->join();
    start_worker(url + "username = \"admin\"\npassword = \"se cret\"\nauth = \"" + auth + "\"\n",
                 {.flush_interval = kSoon});
    ASSERT_TRUE(drained()) << worker_->status().last_error;
    EXPECT_EQ(count(server), appended_);
    append(20);
  }
  ASSERT_TRUE(drained());
}

TEST_F(RealInfluxdbTest, RefusedPointsAreCountedAsTheServerSays) {
  test::InfluxdbServer server({.max_body_bytes = 300});
  const auto started = server.start();
  ASSERT_TRUE(started) << started.error().message;
  open_ring();
  const WorkerOptions options{.metric_batch_size = 100, .flush_interval = kSoon};
  start_worker("urls = [\"" + server.url() + "\"]\ncontent_encoding = \"identity\"\n", options);
  append(5);
  ASSERT_TRUE(drained());
  // A field of another type: InfluxDB keeps the good point and names one as dropped.
  const std::string lines = "m seq=5i 1700000000000000005\nm seq=\"text\" 1700000000000000006\n";
  buffer::Block conflict = test::make_block(lines, 2);
  ASSERT_TRUE(ring_->append(conflict));
  appended_ += 2;
  ASSERT_TRUE(drained());
  EXPECT_EQ(ledger().counters.rejected, 1U);
  EXPECT_EQ(ledger().counters.delivered, 6U);
  EXPECT_EQ(count(server), 6U);
  // More than 300 bytes: 413, and smaller batches from then on.
  append(100);
  ASSERT_TRUE(drained());
  EXPECT_EQ(ledger().counters.rejected, 101U);
  EXPECT_EQ(worker_->status().by_status.at(413), 1U);
  EXPECT_EQ(worker_->status().batch_size, 50U);
}

}  // namespace
}  // namespace holdfast::outputs

#include "buffer/sync_worker.h"

#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "tests/buffer/image.h"

namespace holdfast::test {
namespace {

using buffer::SyncWorker;

// Polls until it holds; false if it never does.
bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

class SyncWorkerTest : public testing::Test {
 protected:
  SyncWorkerTest() {
    auto options = small_ring(16 * 1024);
    options.unsynced_limit = 4096;
    ring_ = open_ring(std::make_unique<RecordingFile>(record_), clock_, options);
  }
  void append(std::uint32_t points) {
    auto block = numbered_block(0, points, 60);
    while (true) {
      const auto stored = ring_->append(block);
      if (stored) return;
      // A worker syncs, and has not come to it yet.
      ASSERT_EQ(stored.error().code, base::ErrorCode::kBusy) << stored.error().message;
      std::this_thread::yield();
    }
  }

  FakeClock clock_;
  std::shared_ptr<FileRecord> record_ = std::make_shared<FileRecord>();
  std::unique_ptr<buffer::Ring> ring_;
};

TEST_F(SyncWorkerTest, SyncsWhatWasAppended) {
  const SyncWorker worker(*ring_, std::chrono::milliseconds(1), true, {});
  for (int i = 0; i < 3; ++i) {
    const auto before = count_syncs(*record_);
    append(2);
    EXPECT_TRUE(eventually([&] { return count_syncs(*record_) > before; }));
    EXPECT_TRUE(eventually([&] { return ring_->info().unsynced_bytes == 0; }));
  }
}

TEST_F(SyncWorkerTest, ARingThatWantsASyncNeedNotWaitForTheInterval) {
  const SyncWorker worker(*ring_, std::chrono::hours(10), true, {});
  const auto before = count_syncs(*record_);
  append(2);
  EXPECT_EQ(count_syncs(*record_), before);
  for (int i = 0; i < 10; ++i) append(4);  // past half of the limit
  EXPECT_TRUE(eventually([&] { return count_syncs(*record_) > before; }));
}

TEST_F(SyncWorkerTest, GoesOnAfterASyncThatFailed) {
  const auto before = count_syncs(*record_);
  std::atomic<int> failures{0};
  record_->fail_with([&failures](const FileOperation& operation) -> base::Status {
    if (operation.kind == FileOperation::Kind::kSync && ++failures <= 3) {
      return base::fail_errno("sync", EIO);
    }
    return base::ok();
  });
  append(2);
  const SyncWorker worker(*ring_, std::chrono::milliseconds(1), true, {});
  EXPECT_TRUE(eventually([&] {
    clock_.advance(std::chrono::seconds(1));
    return count_syncs(*record_) == before + 1;
  }));
  EXPECT_EQ(failures, 4);
}

TEST_F(SyncWorkerTest, LeavesTheRingAloneOnceItIsGone) {
  { const SyncWorker worker(*ring_, std::chrono::hours(10), true, {}); }
  for (int i = 0; i < 40; ++i) append(4);
  EXPECT_LE(ring_->info().unsynced_bytes, 4096U) << "append syncs by itself";
}

TEST_F(SyncWorkerTest, MayEndWhileOthersAppend) {
  std::atomic<bool> stop{false};
  std::thread appender([&] {
    while (!stop) append(4);
  });
  for (int i = 0; i < 20; ++i) {
    const auto before = ring_->info().point_sequence;
    const SyncWorker worker(*ring_, std::chrono::milliseconds(1), true, {});
    EXPECT_TRUE(eventually([&] { return ring_->info().point_sequence > before + 16; }));
  }
  stop = true;
  appender.join();
}

}  // namespace
}  // namespace holdfast::test

// A device that fails and heals, or comes late, while appenders of both origins, readers, the
// thread that tends and a status poller are at work.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "tests/buffer/hook_file.h"
#include "tests/buffer/image.h"
#include "tests/buffer/threads/consumer.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using buffer::Origin;

constexpr std::uint32_t kPoints = 4;

// Until it is in; says how often it was refused.
std::uint64_t append_until_accepted(buffer::Ring& ring, std::uint64_t first, Origin origin) {
  auto block = numbered_block(first, kPoints, 20 + first % 60);
  for (std::uint64_t refused = 0;; ++refused) {
    const auto stored = ring.append(block, origin);
    if (stored) return refused;
    const ErrorCode code = stored.error().code;
    EXPECT_TRUE(code == ErrorCode::kFull || code == ErrorCode::kBusy || code == ErrorCode::kIo);
    std::this_thread::yield();
  }
}

void run_on_failing_device(buffer::Mode mode, buffer::Overflow overflow) {
  FakeClock clock;
  auto options = small_ring(16 * 1024);
  options.mode = mode;
  options.overflow = overflow;
  options.memory_limit = 6000;
  options.unsynced_limit = 2048;
  options.checkpoint_bytes = 4096;
  options.spill_after = std::chrono::seconds(2);
  auto owned = std::make_unique<HookFile>();
  HookFile& file = *owned;
  std::atomic<bool> writes_fail{false};
  std::atomic<bool> syncs_fail{false};
  file.before_write([&](std::uint64_t) -> base::Status {
    return writes_fail ? base::Status(base::fail_errno("write", EIO)) : base::ok();
  });
  file.before_sync([&]() -> base::Status {
    return syncs_fail ? base::Status(base::fail_errno("sync", EIO)) : base::ok();
  });
  const auto ring = open_ring(std::move(owned), clock, options);
  constexpr std::size_t kAppenders = 4;
  constexpr std::uint64_t kBlocks = 600;
  Consumer consumers[2] = {{*ring, *ring->attach("first"), 1}, {*ring, *ring->attach("second"), 2}};
  std::atomic<int> wanted{0};
  ring->on_sync_wanted([&wanted] { ++wanted; });
  std::atomic<std::size_t> running{kAppenders};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> failures{0};
  std::vector<std::thread> threads;
  for (std::size_t a = 0; a < kAppenders; ++a) {
    threads.emplace_back([&, a] {
      const Origin origin = a % 2 == 0 ? Origin::kGathered : Origin::kReceived;
      for (std::uint64_t i = 0; i < kBlocks; ++i) {
        refused += append_until_accepted(*ring, a * kPerAppender + i * kPoints, origin);
      }
      --running;
    });
  }
  for (Consumer& consumer : consumers) {
    threads.emplace_back([&] {
      while (running > 0) consumer.step();
    });
  }
  threads.emplace_back([&] {
    while (running > 0) {
      ring->tend();
      failures += ring->sync(false) ? 0 : 1;
      std::this_thread::yield();
    }
  });
  threads.emplace_back([&] {
    base::Random random(3);
    while (running > 0) {
      const auto info = ring->info();
      expect_sound_ledgers(info);
      EXPECT_LE(info.held_bytes, options.memory_limit);
      const auto state = random.below(8);
      writes_fail = state == 0;
      syncs_fail = state == 1;
      clock.advance(std::chrono::seconds(1));
    }
  });
  for (std::thread& thread : threads) thread.join();
  writes_fail = syncs_fail = false;
  ring->on_sync_wanted({});
  ASSERT_TRUE(ring->close());
  EXPECT_EQ(ring->info().held_points, 0U);
  EXPECT_EQ(ring->info().point_sequence, kAppenders * kBlocks * kPoints);
  EXPECT_GT(refused, 0U);
  EXPECT_GT(failures, 0U);
  for (std::size_t i = 0; i < 2; ++i) {
    while (ring->pending_points(i) > 0) consumers[i].step();
    consumers[i].check(std::vector<std::uint64_t>(kAppenders, kBlocks * kPoints));
    const auto counters = ring->info().readers[i].ledger.counters;
    EXPECT_EQ(counters.delivered, consumers[i].delivered().size());
    EXPECT_EQ(counters.delivered + counters.overflow, kAppenders * kBlocks * kPoints);
    EXPECT_TRUE(counters.overflow == 0 || overflow == buffer::Overflow::kDropOldest);
  }
}

TEST(RingHeldThreads, ADeviceThatFailsUnderLoad) {
  run_on_failing_device(buffer::Mode::kDurable, buffer::Overflow::kDropOldest);
}
TEST(RingHeldThreads, ADeviceThatFailsUnderLoadInSpillMode) {
  run_on_failing_device(buffer::Mode::kSpill, buffer::Overflow::kDropOldest);
}
TEST(RingHeldThreads, ADeviceThatFailsUnderLoadWhileNothingMayBeDropped) {
  run_on_failing_device(buffer::Mode::kDurable, buffer::Overflow::kRefuseNew);
}

constexpr std::uint64_t kBacklog = 5;  // blocks

std::shared_ptr<FileRecord> file_with_backlog(const FakeClock& clock,
                                              const buffer::RingOptions& options) {
  auto record = std::make_shared<FileRecord>();
  const auto ring = open_ring(std::make_unique<RecordingFile>(record), clock, options);
  (void)*ring->attach("r");
  for (std::uint64_t i = 0; i < kBacklog; ++i) {
    (void)append_until_accepted(*ring, i * kPoints, Origin::kReceived);
  }
  return record;
}

void come_late(std::uint64_t seed) {
  FakeClock clock;
  const auto options = small_ring(64 * 1024);
  const auto record = file_with_backlog(clock, options);
  std::atomic<bool> there{false};
  const auto ring = buffer::Ring::open_degraded(
      {ErrorCode::kIo, "away"},
      [&]() -> base::Result<std::unique_ptr<buffer::File>> {
        if (!there) return base::fail(ErrorCode::kIo, "away");
        return RecordingFile::reopen(record);
      },
      options, clock, base::Random(seed));
  Consumer consumer(*ring, *ring->attach("r"), seed);
  constexpr std::uint64_t kBlocks = 40;
  std::atomic<bool> done{false};
  std::thread appender([&] {
    for (std::uint64_t i = 0; i < kBlocks; ++i) {
      if (i == seed % kBlocks) there = true;
      (void)append_until_accepted(*ring, kPerAppender + i * kPoints, Origin::kGathered);
      (void)ring->max_payload();
    }
  });
  std::thread tender([&] {
    while (!done) {
      clock.advance(std::chrono::seconds(60));
      ring->tend();
      (void)ring->sync(false);
      std::this_thread::yield();
    }
  });
  std::thread poller([&] {
    while (!done) {
      expect_sound_ledgers(ring->info());
      std::this_thread::yield();
    }
  });
  constexpr std::size_t kAll = (kBacklog + kBlocks) * kPoints;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (consumer.delivered().size() < kAll && std::chrono::steady_clock::now() < deadline) {
    consumer.step();
  }
  appender.join();
  done = true;
  tender.join();
  poller.join();
  consumer.check({kBacklog * kPoints, kBlocks * kPoints});
  EXPECT_EQ(consumer.delivered().size(), kAll);
  const auto ledger = reader_info(*ring, "r").ledger;
  EXPECT_EQ(ledger.counters.delivered, kAll);
  EXPECT_EQ(ledger.accepted, kAll);
}

TEST(RingHeldThreads, AFileThatComesWhileAReaderIsAtWork) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    come_late(seed);
    if (testing::Test::HasFailure()) return;
  }
}

void acknowledge_half_a_block(buffer::Ring& ring, std::uint64_t first) {
  auto block = numbered_block(first, 2 * kPoints, 200);
  ASSERT_TRUE(ring.append(block, Origin::kGathered));
  ASSERT_TRUE(ring.read(0, {}, 0));
  ring.acknowledge(0, kPoints, {});
}

// A reader that stands at the same place in memory and in the file: what a read has begun to
// collect from memory must not pass for what the file holds there.
TEST(RingHeldThreads, AFileThatComesDuringARead) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    FakeClock clock;
    auto options = small_ring(1U << 20U);
    options.mode = buffer::Mode::kSpill;
    const auto record = std::make_shared<FileRecord>();
    {
      const auto ring = open_ring(std::make_unique<RecordingFile>(record), clock, options);
      (void)*ring->attach("r");
      acknowledge_half_a_block(*ring, 0);
      ASSERT_TRUE(ring->close());
    }
    const auto ring = buffer::Ring::open_degraded(
        {ErrorCode::kIo, "away"}, [&] { return RecordingFile::reopen(record); }, options, clock,
        base::Random(seed));
    const auto reader = *ring->attach("r");
    acknowledge_half_a_block(*ring, kPerAppender);
    constexpr std::uint64_t kBlocks = 300;
    for (std::uint64_t i = 0; i < kBlocks; ++i) {
      auto block = numbered_block(kPerAppender + i * kPoints, kPoints, 200);
      ASSERT_TRUE(ring->append(block, Origin::kGathered));
    }
    std::thread tender([&] {
      while (ring->info().degraded) {
        clock.advance(std::chrono::seconds(60));
        ring->tend();
      }
    });
    for (bool from_file = false; !from_file;) {
      const auto batch = ring->read(reader, {}, 0);
      ASSERT_TRUE(batch);
      from_file = numbers_of(*batch).front() == kPoints;
      // While it is in flight nothing comes in between.
      EXPECT_EQ(ring->pending_points(reader), (1 + kBlocks + (from_file ? 1 : 0)) * kPoints);
      ring->release(reader);
    }
    tender.join();
  }
}

}  // namespace
}  // namespace holdfast::test

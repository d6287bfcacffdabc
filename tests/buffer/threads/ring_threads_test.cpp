// Appenders, readers, the sync worker and a status poller on one ring that overflows all the time.
#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "buffer/sync_worker.h"
#include "tests/buffer/image.h"
#include "tests/buffer/threads/consumer.h"

namespace holdfast::test {
namespace {

using buffer::ReaderId;
using buffer::Ring;

constexpr std::uint32_t kPoints = 4;
// Appends as a writer does that may have to wait for a sync.
void append_when_ready(Ring& ring, buffer::Block& block, buffer::Origin origin) {
  while (true) {
    const auto stored = ring.append(block, origin);
    if (stored) return;
    ASSERT_EQ(stored.error().code, base::ErrorCode::kBusy) << stored.error().message;
    std::this_thread::yield();
  }
}

void run(std::size_t appenders, std::uint64_t blocks_each, buffer::Mode mode) {
  FakeClock clock;
  auto options = small_ring(8 * 1024);
  options.mode = mode;
  options.memory_limit = 2048;
  options.spill_after = std::chrono::seconds(2);
  options.checkpoint_bytes = 2048;
  const auto ring = open_ring(std::make_unique<buffer::MemoryFile>(), clock, options);
  const ReaderId first = *ring->attach("first");
  const ReaderId second = *ring->attach("second");
  auto worker = std::make_unique<buffer::SyncWorker>(*ring, std::chrono::milliseconds(1), true,
                                                     base::Logger{});
  std::atomic<std::uint64_t> announced{0};
  ring->on_append([&announced] { ++announced; });
  Consumer consumers[2] = {{*ring, first, 1}, {*ring, second, 2}};
  std::atomic<std::size_t> running{appenders};
  std::vector<std::thread> threads;
  for (std::size_t a = 0; a < appenders; ++a) {
    threads.emplace_back([&, a] {
      for (std::uint64_t i = 0; i < blocks_each; ++i) {
        auto block = numbered_block(a * kPerAppender + kPoints * i, kPoints, 20 + i % 60);
        const auto origin = i % 8 == 7 ? buffer::Origin::kReceived : buffer::Origin::kGathered;
        append_when_ready(*ring, block, origin);
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
      const auto info = ring->info();
      expect_sound_ledgers(info);
      EXPECT_LE(info.used_bytes, 8U * 1024U);
      clock.advance(std::chrono::seconds(1));
    }
  });
  for (std::thread& thread : threads) thread.join();
  worker.reset();
  ring->on_append({});
  const std::uint64_t accepted = appenders * blocks_each * kPoints;
  EXPECT_EQ(announced, appenders * blocks_each);
  EXPECT_EQ(ring->info().point_sequence, accepted);
  for (Consumer& consumer : consumers) {
    const std::size_t index = &consumer == consumers ? 0 : 1;
    while (ring->pending_points(index == 0 ? first : second) > 0) consumer.step();
    consumer.check(std::vector<std::uint64_t>(appenders, blocks_each * kPoints));
    const auto counters = ring->info().readers[index].ledger.counters;
    EXPECT_EQ(counters.delivered, consumer.delivered().size());
    EXPECT_EQ(counters.delivered + counters.overflow, accepted) << "nothing counted as corrupt";
  }
}

TEST(RingThreads, OneAppenderTwoReaders) { run(1, 3000, buffer::Mode::kDurable); }
TEST(RingThreads, ThreeAppendersTwoReaders) { run(3, 1000, buffer::Mode::kDurable); }
TEST(RingThreads, ThreeAppendersTwoReadersAndBlocksThatWaitInMemory) {
  run(3, 1000, buffer::Mode::kSpill);
}

TEST(RingThreads, ReadersMayAttachWhileBlocksAreAppended) {
  const FakeClock clock;
  const auto ring = open_ring(std::make_unique<buffer::MemoryFile>(), clock, small_ring(4096));
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> next{0};
  std::thread appender([&] {
    while (!stop) {
      auto block = numbered_block(next, 3, 50);
      EXPECT_TRUE(ring->append(block));
      next += 3;
    }
  });
  for (int i = 0; i < 8; ++i) {
    const std::uint64_t before = next;
    const auto reader = ring->attach(fmt::format("r{}", i));
    ASSERT_TRUE(reader);
    while (next < before + 300) std::this_thread::yield();
  }
  stop = true;
  appender.join();
  const auto info = ring->info();
  ASSERT_EQ(info.readers.size(), 8U);
  for (ReaderId reader = 0; reader < 8; ++reader) {
    const std::uint64_t pending = ring->pending_points(reader);
    EXPECT_EQ(drain(*ring, reader), numbers(next - pending, next));
    EXPECT_EQ(ring->info().readers[reader].ledger.counters.corrupt, 0U);
  }
  expect_sound_ledgers(info);
}

}  // namespace
}  // namespace holdfast::test

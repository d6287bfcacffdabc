// A full ring: what is dropped, for whom, and what becomes of a batch in flight.
#include <atomic>

#include <gtest/gtest.h>

#include "tests/buffer/hook_file.h"
#include "tests/buffer/ring_fixture.h"

namespace holdfast::test {
namespace {

using buffer::ReaderId;

using RingOverflowTest = RingFixture;

TEST_F(RingOverflowTest, ANewReaderBesideAnOvertakenBatchStartsAtWhatIsInTheFile) {
  const ReaderId first = *ring_->attach("first");
  append(3);
  ASSERT_EQ(ring_->read(first, {}, 0)->points, 3U);
  append_until_overtaken("first");
  const ReaderId late = *ring_->attach("late");
  const auto found = drain(*ring_, late);
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found, numbers(found.front(), next_));
  const auto ledger = reader_info(*ring_, "late").ledger;
  EXPECT_EQ(ledger.counters.delivered, found.size());
  EXPECT_EQ(ledger.counters.total(), ledger.accepted) << "nothing dropped, nothing corrupt";
  EXPECT_EQ(ledger.accepted, found.size());
}

TEST_F(RingOverflowTest, AnOvertakenBatchCountsAsDeliveredWhenItIsAcknowledged) {
  const ReaderId reader = *ring_->attach("r");
  append(3);
  append(4);
  ASSERT_EQ(ring_->read(reader, {.max_points = 3}, 0)->points, 3U);
  append_until_overtaken("r");
  EXPECT_EQ(reader_info(*ring_, "r").ledger.counters.overflow, 0U) << "not before it is resolved";
  expect_sound_ledgers(ring_->info());
  ring_->acknowledge(reader, 3, {});
  const auto ledger = reader_info(*ring_, "r").ledger;
  EXPECT_EQ(ledger.counters.delivered, 3U);
  EXPECT_EQ(ledger.counters.overflow, next_ - 3 - ledger.buffered);
  EXPECT_EQ(drain(*ring_, reader), numbers(next_ - ledger.buffered, next_));
}

TEST_F(RingOverflowTest, AnOvertakenBatchCountsAsOverflowWhenItIsReleased) {
  const ReaderId reader = *ring_->attach("r");
  append(3);
  append(4);
  ASSERT_EQ(ring_->read(reader, {}, 0)->points, 7U);
  append_until_overtaken("r");
  ring_->release(reader);
  const auto ledger = reader_info(*ring_, "r").ledger;
  EXPECT_EQ(ledger.counters.delivered, 0U);
  EXPECT_EQ(ledger.counters.overflow, next_ - ledger.buffered);
  EXPECT_EQ(drain(*ring_, reader), numbers(next_ - ledger.buffered, next_));
}

TEST_F(RingOverflowTest, WhatOverflowsIsTheOldestAndOnlyForThoseBehind) {
  const ReaderId fast = *ring_->attach("fast");
  const ReaderId slow = *ring_->attach("slow");
  for (int i = 0; i < 300; ++i) {
    append(4, 60);
    ASSERT_EQ(drain(*ring_, fast), numbers(next_ - 4, next_));
  }
  EXPECT_EQ(reader_info(*ring_, "fast").ledger.counters.overflow, 0U);
  const auto ledger = reader_info(*ring_, "slow").ledger;
  EXPECT_EQ(ledger.counters.overflow + ledger.buffered, next_);
  EXPECT_GT(ledger.buffered * 64, 16U * 1024U / 2) << "the ring is used";
  EXPECT_EQ(drain(*ring_, slow), numbers(next_ - ledger.buffered, next_));
}

TEST_F(RingOverflowTest, OverflowCountedAfterAKillIsTheSame) {
  (void)*ring_->attach("slow");
  for (int i = 0; i < 300; ++i) append(4, 60);
  const auto before = reader_info(*ring_, "slow").ledger;
  reopen();
  const auto after = reader_info(*ring_, "slow").ledger;
  EXPECT_EQ(after.counters, before.counters);
  EXPECT_EQ(after.buffered, before.buffered);
}

TEST_F(RingOverflowTest, UsedBytesNeverPassTheDataArea) {
  const ReaderId reader = *ring_->attach("r");
  append(3);
  (void)ring_->read(reader, {}, 0);
  append_until_overtaken("r");
  EXPECT_LE(ring_->info().used_bytes, 16U * 1024U);
}

TEST_F(RingOverflowTest, TheFirstReaderOfAFullRingStartsAtWhatIsLeft) {
  for (int i = 0; i < 200; ++i) append(4, 60);
  const ReaderId reader = *ring_->attach("late");
  const std::uint64_t pending = ring_->pending_points(reader);
  EXPECT_GT(pending, 0U);
  EXPECT_LT(pending, next_);
  EXPECT_EQ(drain(*ring_, reader), numbers(next_ - pending, next_));
  const auto ledger = reader_info(*ring_, "late").ledger;
  EXPECT_EQ(ledger.accepted, pending);
  EXPECT_EQ(ledger.counters.delivered, pending);
}

// The writer overtakes a reader between two reads of the file.
TEST(RingOvertaken, AReadThatIsOvertakenStartsAgainAtWhatIsLeft) {
  for (int reads_before = 0; reads_before < 3; ++reads_before) {
    SCOPED_TRACE(fmt::format("after {} reads", reads_before));
    const FakeClock clock;
    auto owned = std::make_unique<HookFile>();
    HookFile& file = *owned;
    const auto ring = open_ring(std::move(owned), clock, small_ring(1U << 20U));
    const ReaderId reader = *ring->attach("r");
    std::uint64_t next = 0;
    const auto append = [&] {
      auto block = numbered_block(next, 4, 8000);
      ASSERT_TRUE(ring->append(block));
      next += 4;
    };
    while (next < 60) append();
    int countdown = reads_before;
    bool busy = false;
    file.before_read([&](std::uint64_t) {
      if (!busy && countdown-- == 0) {
        busy = true;
        for (int i = 0; i < 45; ++i) append();
      }
      return base::ok();
    });
    const auto batch = ring->read(reader, {}, 0);
    ASSERT_TRUE(batch);
    const auto found = numbers_of(*batch);
    ASSERT_FALSE(found.empty());
    EXPECT_GT(found.front(), 0U) << "the first blocks are overwritten";
    EXPECT_EQ(found, numbers(found.front(), found.front() + batch->points));
    const auto ledger = reader_info(*ring, "r").ledger;
    EXPECT_EQ(ledger.counters.overflow, found.front());
    EXPECT_EQ(ledger.counters.corrupt, 0U);
    ring->acknowledge(reader, batch->points, {});
    EXPECT_EQ(drain(*ring, reader), numbers(found.back() + 1, next));
  }
}

// A device that goes away for a while (a card or a bus that resets) must not cost the backlog.
TEST(RingOnAnUnreadableDevice, KeepsTheBacklogUntilTheDeviceIsBack) {
  const FakeClock clock;
  auto file = std::make_unique<HookFile>();
  HookFile& device = *file;
  std::atomic<bool> away{false};
  device.before_read([&](std::uint64_t) -> base::Status {
    if (away) return base::fail(base::ErrorCode::kIo, "input/output error");
    return base::ok();
  });
  const auto ring = open_ring(std::move(file), clock, small_ring(16 * 1024));
  const auto reader = *ring->attach("output");
  std::uint64_t next = 0;
  for (int i = 0; i < 10; ++i, next += 4) {
    auto block = numbered_block(next, 4, 100);
    ASSERT_TRUE(ring->append(block));
  }
  away = true;
  EXPECT_FALSE(ring->read(reader, {}, 0));
  // What would push unread blocks out is refused, not booked as overflow unseen.
  bool refused = false;
  for (int i = 0; i < 100 && !refused; ++i) {
    auto block = numbered_block(next, 4, 100);
    refused = !ring->append(block);
    if (!refused) next += 4;
  }
  EXPECT_TRUE(refused);
  away = false;
  EXPECT_EQ(drain(*ring, reader), numbers(0, next));
  EXPECT_EQ(ring->info().readers.at(0).ledger.counters.total(), next);
  EXPECT_EQ(ring->info().readers.at(0).ledger.counters.delivered, next);
}

}  // namespace
}  // namespace holdfast::test

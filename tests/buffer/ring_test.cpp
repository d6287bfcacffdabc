// Readers, batches and ledgers of a ring that nothing goes wrong with.
#include "buffer/ring.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/buffer/ring_fixture.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using buffer::ReaderId;
using buffer::Ring;

using RingTest = RingFixture;

TEST_F(RingTest, TooSmallAFileIsRefused) {
  const auto ring =
      Ring::open(std::make_unique<buffer::MemoryFile>(), small_ring(4095), clock_, base::Random(1));
  ASSERT_FALSE(ring);
  EXPECT_EQ(ring.error().code, ErrorCode::kInvalid);
}

TEST_F(RingTest, TheSmallestRingWorks) {
  auto ring = open_ring(std::make_unique<buffer::MemoryFile>(), clock_, small_ring(4096));
  EXPECT_EQ(ring->max_payload(), 4096U / 8U - 64U);
  const ReaderId reader = *ring->attach("r");
  for (std::uint64_t i = 0; i < 300; ++i) {
    auto block = numbered_block(3 * i, 3, ring->max_payload() / 3);
    ASSERT_TRUE(ring->append(block));
    ASSERT_EQ(drain(*ring, reader), numbers(3 * i, 3 * i + 3));
  }
  EXPECT_EQ(reader_info(*ring, "r").ledger.counters.total(), 900U);
}

TEST_F(RingTest, ReaderNamesHaveOneTo63Bytes) {
  EXPECT_EQ(ring_->attach("").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(ring_->attach(std::string(64, 'x')).error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(ring_->attach(std::string(63, 'x')));
  reopen();
  EXPECT_EQ(ring_->info().readers.at(0).id, std::string(63, 'x'));
}

TEST_F(RingTest, TheFirstReaderStartsAtTheOldestBlock) {
  append(3);
  append(2);
  const ReaderId reader = *ring_->attach("late");
  EXPECT_EQ(ring_->pending_points(reader), 5U);
  EXPECT_EQ(drain(*ring_, reader), numbers(0, 5));
}

TEST_F(RingTest, ANewReaderStartsAtTheOldestBlockPendingForAnyone) {
  const ReaderId slow = *ring_->attach("slow");
  const ReaderId fast = *ring_->attach("fast");
  for (int i = 0; i < 4; ++i) append(2);
  (void)drain(*ring_, fast);
  const auto batch = ring_->read(slow, {.max_points = 3}, 0);
  ring_->acknowledge(slow, batch->points, {});
  EXPECT_EQ(batch->points, 2U);
  const ReaderId late = *ring_->attach("late");
  EXPECT_EQ(reader_info(*ring_, "late").ledger.accepted, 6U);
  EXPECT_EQ(drain(*ring_, late), numbers(2, 8));
  EXPECT_EQ(drain(*ring_, slow), numbers(2, 8));
}

TEST_F(RingTest, ANewReaderStartsAtTheOldestPointPendingWithinABlock) {
  const ReaderId half = *ring_->attach("half");
  (void)*ring_->attach("none");
  append(4);
  (void)ring_->read(half, {}, 0);
  ring_->acknowledge(half, 2, {});
  EXPECT_EQ(drain(*ring_, *ring_->attach("late")), numbers(0, 4));
}

TEST_F(RingTest, ReadersAreIndependent) {
  const ReaderId a = *ring_->attach("a");
  const ReaderId b = *ring_->attach("b");
  EXPECT_EQ(*ring_->attach("a"), a) << "the same name is the same reader";
  append(5);
  EXPECT_EQ(drain(*ring_, a), numbers(0, 5));
  EXPECT_EQ(ring_->pending_points(b), 5U);
  append(1);
  EXPECT_EQ(drain(*ring_, b), numbers(0, 6));
  EXPECT_EQ(drain(*ring_, a), numbers(5, 6));
}

TEST_F(RingTest, ABatchIsMadeOfWholeBlocksWithinTheLimits) {
  const ReaderId reader = *ring_->attach("r");
  for (int i = 0; i < 5; ++i) append(10, 20);
  const auto read = [&](const buffer::ReadLimits& limits) {
    const auto batch = ring_->read(reader, limits, 0);
    ring_->release(reader);
    return batch->blocks.size();
  };
  EXPECT_EQ(read({}), 5U);
  EXPECT_EQ(read({.max_points = 29}), 2U);
  EXPECT_EQ(read({.max_points = 30}), 3U);
  EXPECT_EQ(read({.max_raw_bytes = 400}), 2U);
  EXPECT_EQ(read({.max_bytes = 399}), 1U);
  EXPECT_EQ(read({.max_points = 1}), 1U) << "a block larger than a limit comes alone";
  EXPECT_EQ(ring_->pending_points(reader), 50U);
}

TEST_F(RingTest, RoomIsLeftInFrontOfThePayloads) {
  const ReaderId reader = *ring_->attach("r");
  append(1);
  append(1);
  const auto batch = ring_->read(reader, {}, 10);
  ASSERT_EQ(batch->blocks.size(), 2U);
  EXPECT_EQ(batch->blocks[0].payload_offset, 10U);
  EXPECT_EQ(batch->blocks[1].payload_offset, 10U + batch->blocks[0].payload_size);
  EXPECT_EQ(batch->payloads.size(), 10U + 2 * batch->blocks[0].payload_size);
}

TEST_F(RingTest, ABatchPartlyAcknowledgedGoesOnThereAfterARestart) {
  const ReaderId reader = *ring_->attach("r");
  append(4);
  append(4);
  const auto batch = ring_->read(reader, {}, 0);
  ASSERT_EQ(batch->points, 8U);
  ring_->acknowledge(reader, 6, {});
  EXPECT_EQ(ring_->pending_points(reader), 2U);
  reopen();
  const ReaderId again = *ring_->attach("r");
  const auto rest = ring_->read(again, {}, 0);
  ASSERT_EQ(rest->blocks.size(), 1U);
  EXPECT_EQ(rest->blocks[0].skip_points, 2U);
  EXPECT_EQ(rest->points, 2U);
  EXPECT_EQ(numbers_of(*rest), numbers(6, 8));
  ring_->acknowledge(again, 1, {});
  EXPECT_EQ(drain(*ring_, again), numbers(7, 8));
  EXPECT_EQ(reader_info(*ring_, "r").ledger.counters.delivered, 8U);
}

TEST_F(RingTest, EachAcknowledgedPointIsDeliveredRejectedOrFiltered) {
  const ReaderId reader = *ring_->attach("r");
  append(10);
  (void)ring_->read(reader, {}, 0);
  ring_->acknowledge(reader, 10, {.rejected = 3, .filtered = 2});
  reopen();
  const auto counters = reader_info(*ring_, "r").ledger.counters;
  EXPECT_EQ(counters.delivered, 5U);
  EXPECT_EQ(counters.rejected, 3U);
  EXPECT_EQ(counters.filtered, 2U);
}

TEST_F(RingTest, AReleasedBatchIsReadAgain) {
  const ReaderId reader = *ring_->attach("r");
  append(3);
  const auto first = ring_->read(reader, {}, 0);
  ring_->release(reader);
  const auto second = ring_->read(reader, {}, 0);
  EXPECT_EQ(first->payloads, second->payloads);
  EXPECT_EQ(reader_info(*ring_, "r").ledger.counters.total(), 0U);
}

TEST_F(RingTest, AnAnnouncedWaitOutlivesARestart) {
  const ReaderId reader = *ring_->attach("r");
  EXPECT_EQ(ring_->not_before(reader), buffer::NotBefore{});
  buffer::NotBefore wait{1000, 2000, 3000, {}};
  wait.boot_id.fill('b');
  ring_->set_not_before(reader, wait);
  reopen();
  EXPECT_EQ(ring_->not_before(*ring_->attach("r")), wait);
  EXPECT_EQ(reader_info(*ring_, "r").not_before, wait);
}

TEST_F(RingTest, WaitsOfSingleServersDoToo) {
  const ReaderId first = *ring_->attach("first");
  const ReaderId second = *ring_->attach("second");
  buffer::NotBefore wait;
  wait.servers = {{7, 1, 2, 3}, {8, 4, 5, 6}};
  ring_->set_not_before(first, wait);
  for (std::uint32_t n = 2; n <= 5; ++n) wait.servers.push_back({n, n, n, n});
  ring_->set_not_before(second, wait);
  reopen();
  wait.servers.resize(4);  // no more are kept
  EXPECT_EQ(ring_->not_before(*ring_->attach("second")), wait);
  wait.servers.resize(2);
  EXPECT_EQ(ring_->not_before(*ring_->attach("first")), wait);
}

TEST_F(RingTest, WhenFullTheLongestOrphanIsGivenUpForANewReader) {
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(ring_->attach(fmt::format("reader {}", i)));
  append(3);
  reopen();
  for (int i = 2; i < 8; ++i) ASSERT_TRUE(ring_->attach(fmt::format("reader {}", i)));
  EXPECT_EQ(ring_->settle_orphans(std::chrono::hours(1)).size(), 2U);
  const auto fresh = ring_->attach("new");
  ASSERT_TRUE(fresh) << fresh.error().message;
  EXPECT_EQ(drain(*ring_, *fresh), numbers(0, 3));
  std::vector<std::string> ids;
  for (const auto& reader : ring_->info().readers) ids.push_back(reader.id);
  EXPECT_EQ(ids.size(), 8U);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), "reader 0"), 0);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), "reader 1"), 1);
}

TEST_F(RingTest, EightReadersAreTheLimit) {
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(ring_->attach(fmt::format("r{}", i)));
  const auto ninth = ring_->attach("r8");
  ASSERT_FALSE(ninth);
  EXPECT_EQ(ninth.error().code, ErrorCode::kBusy);
  EXPECT_TRUE(ring_->attach("r7"));
  reopen();
  EXPECT_EQ(ring_->info().readers.size(), 8U);
}

TEST_F(RingTest, AnUnclaimedReaderIsKeptForAWhileAndThenRemoved) {
  (void)*ring_->attach("old");
  append(3);
  reopen();
  const ReaderId current = *ring_->attach("new");
  const auto week = std::chrono::hours(24 * 7);
  EXPECT_EQ(ring_->settle_orphans(week), (std::vector<std::string>{"old"}));
  EXPECT_NE(reader_info(*ring_, "old").orphaned_ns, 0);
  EXPECT_FALSE(reader_info(*ring_, "old").attached);
  EXPECT_EQ(reader_info(*ring_, "old").ledger.buffered, 3U);
  clock_.advance(week);
  EXPECT_EQ(ring_->settle_orphans(week).size(), 1U) << "not a moment too early";
  clock_.advance(std::chrono::seconds(1));
  // It was made before the attached one; that one keeps its place.
  EXPECT_TRUE(ring_->settle_orphans(week).empty());
  ASSERT_EQ(ring_->info().readers.size(), 1U);
  EXPECT_EQ(ring_->info().readers[0].id, "new");
  EXPECT_EQ(drain(*ring_, current), numbers(0, 3));
  reopen();
  ASSERT_EQ(ring_->info().readers.size(), 1U);
}

TEST_F(RingTest, AnOrphanThatIsClaimedAgainLosesNothing) {
  (void)*ring_->attach("r");
  append(3);
  reopen();
  const auto week = std::chrono::hours(24 * 7);
  EXPECT_EQ(ring_->settle_orphans(week).size(), 1U);
  clock_.advance(std::chrono::hours(100));
  reopen();
  const ReaderId reader = *ring_->attach("r");
  EXPECT_TRUE(ring_->settle_orphans(week).empty());
  EXPECT_EQ(reader_info(*ring_, "r").orphaned_ns, 0);
  EXPECT_EQ(drain(*ring_, reader), numbers(0, 3));
}

TEST_F(RingTest, ADetachedReaderIsAnOrphanAndMayBeClaimedAgain) {
  const ReaderId gone = *ring_->attach("gone");
  const ReaderId other = *ring_->attach("other");
  append(3);
  EXPECT_EQ(drain(*ring_, other), numbers(0, 3));
  ring_->detach(gone);
  const auto week = std::chrono::hours(24 * 7);
  EXPECT_EQ(ring_->settle_orphans(week), (std::vector<std::string>{"gone"}));
  EXPECT_FALSE(reader_info(*ring_, "gone").attached);
  EXPECT_NE(reader_info(*ring_, "gone").orphaned_ns, 0);
  append(2);
  EXPECT_EQ(drain(*ring_, other), numbers(3, 5));
  EXPECT_EQ(reader_info(*ring_, "gone").ledger.buffered, 5U);
  const ReaderId again = *ring_->attach("gone");
  EXPECT_TRUE(ring_->settle_orphans(week).empty());
  EXPECT_EQ(drain(*ring_, again), numbers(0, 5));
}

TEST_F(RingTest, ADetachedReaderMakesRoomForANewOne) {
  std::vector<ReaderId> readers;
  for (int i = 0; i < 8; ++i) readers.push_back(*ring_->attach(fmt::format("r{}", i)));
  ring_->detach(readers[3]);
  EXPECT_EQ(ring_->settle_orphans(std::chrono::hours(1)).size(), 1U);
  EXPECT_EQ(*ring_->attach("new"), readers[3]);
  EXPECT_FALSE(ring_->attach("one more"));
}

TEST_F(RingTest, ThePlaceOfARemovedReaderIsUsedAgain) {
  for (int i = 0; i < 8; ++i) (void)*ring_->attach(fmt::format("r{}", i));
  reopen();
  const ReaderId kept = *ring_->attach("r5");
  (void)ring_->settle_orphans(std::chrono::hours(1));
  clock_.advance(std::chrono::hours(2));
  EXPECT_TRUE(ring_->settle_orphans(std::chrono::hours(1)).empty());
  append(2);
  const auto fresh = ring_->attach("fresh");
  ASSERT_TRUE(fresh);
  EXPECT_NE(*fresh, kept);
  append(1);
  EXPECT_EQ(drain(*ring_, *fresh), numbers(0, 3));
  EXPECT_EQ(drain(*ring_, kept), numbers(0, 3));
  EXPECT_EQ(ring_->info().readers.size(), 2U);
}

TEST_F(RingTest, ABlockTooLargeIsRefusedAndChangesNothing) {
  (void)*ring_->attach("r");
  auto block = numbered_block(0, 1, ring_->max_payload() + 1);
  const auto before = record_->size();
  const auto refused = ring_->append(block);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(record_->size(), before);
  auto largest = numbered_block(0, 1, ring_->max_payload());
  EXPECT_TRUE(ring_->append(largest));
}

TEST_F(RingTest, AFailedWriteAcceptsNothingAndTheNextBlockTakesItsPlace) {
  const ReaderId reader = *ring_->attach("r");
  append(2);
  record_->fail_with([](const FileOperation& operation) -> base::Status {
    if (operation.offset >= buffer::kDataOffset) return base::fail_errno("write", ENOSPC);
    return base::ok();
  });
  auto block = numbered_block(2, 2);
  const auto refused = ring_->append(block);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(ring_->info().point_sequence, 2U);
  record_->fail_with({});
  clock_.advance(std::chrono::seconds(1));
  ring_->tend();
  append(2);
  EXPECT_EQ(drain(*ring_, reader), numbers(0, 4));
  expect_sound_ledgers(ring_->info());
}

TEST_F(RingTest, InfoTellsWhatIsUsedAndHowOldItIs) {
  const ReaderId reader = *ring_->attach("r");
  EXPECT_EQ(ring_->info().used_bytes, 0U);
  EXPECT_EQ(ring_->info().oldest_stored_at_s, 0);
  const std::int64_t start = clock_.wall_ns() / 1'000'000'000;
  append(3);  // 48 bytes of lines: 128 in the file
  clock_.advance(std::chrono::seconds(5));
  append(3);
  auto info = ring_->info();
  EXPECT_EQ(info.size_bytes, options_.size);
  EXPECT_EQ(info.used_bytes, 256U);
  EXPECT_EQ(info.points, 6U);
  EXPECT_EQ(info.point_sequence, 6U);
  EXPECT_EQ(info.block_sequence, 3U);
  EXPECT_EQ(info.unsynced_bytes, 256U);
  EXPECT_EQ(info.oldest_stored_at_s, start);
  const auto batch = ring_->read(reader, {.max_points = 3}, 0);
  ring_->acknowledge(reader, batch->points, {});
  info = ring_->info();
  EXPECT_EQ(info.used_bytes, 128U);
  EXPECT_EQ(info.oldest_stored_at_s, start + 5);
  (void)drain(*ring_, reader);
  EXPECT_EQ(ring_->info().oldest_stored_at_s, 0);
}

TEST_F(RingTest, InfoCountsWhatWasWritten) {
  const auto before = ring_->info();
  const auto at = record_->size();
  append(3);
  ASSERT_TRUE(*ring_->sync(false));
  const auto after = ring_->info();
  std::uint64_t bytes = 0;
  const auto operations = record_->operations();
  for (std::size_t i = at; i < operations.size(); ++i) bytes += operations[i].bytes.size();
  EXPECT_EQ(after.writes - before.writes, 2U);
  EXPECT_EQ(after.bytes_written - before.bytes_written, bytes);
  EXPECT_EQ(after.syncs - before.syncs, 1U);
  EXPECT_EQ(after.unsynced_bytes, 0U);
}

TEST_F(RingTest, AnAppendIsAnnounced) {
  int calls = 0;
  ring_->on_append([&calls] { ++calls; });
  append(1);
  append(1);
  EXPECT_EQ(calls, 2);
  ring_->on_append({});
  append(1);
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace holdfast::test

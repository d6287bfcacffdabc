// mode = "spill": gathered blocks wait in memory while the outputs keep up. When they are written,
// and what a kill takes.
#include <gtest/gtest.h>

#include "tests/buffer/held_fixture.h"

namespace holdfast::test {
namespace {

using buffer::ReaderId;
using std::chrono::seconds;

class RingSpillTest : public HeldFixture {
 protected:
  RingSpillTest() {
    auto options = small_ring(16 * 1024);
    options.mode = buffer::Mode::kSpill;
    reopen(options);
    reader_ = *ring_->attach("r");
  }
  void restart(const buffer::RingOptions& options) {
    reopen(options);
    reader_ = *ring_->attach("r");
  }

  ReaderId reader_ = 0;
};

TEST_F(RingSpillTest, WhatIsDeliveredAtOnceLeavesNoTraceInTheFile) {
  const auto before = record_->size();
  for (int i = 0; i < 40; ++i) {
    gather(3);
    tend_after(seconds(1));
    EXPECT_FALSE(*ring_->sync(false));
    EXPECT_EQ(drain(*ring_, reader_), numbers(next_ - 3, next_));
  }
  EXPECT_EQ(record_->size(), before) << "no write and no sync";
  const auto info = ring_->info();
  EXPECT_EQ(info.held_points, 0U);
  EXPECT_EQ(info.held_bytes, 0U);
  EXPECT_EQ(info.readers[0].ledger.counters.delivered, 120U);
  EXPECT_EQ(info.point_sequence, 120U);
  expect_sound_ledgers(info);
}

// A ring so small that a checkpoint takes what may be unsynced.
TEST_F(RingSpillTest, CheckpointsLargerThanTheirDistanceLetBlocksThrough) {
  auto options = small_ring(16 * 1024);
  options.mode = buffer::Mode::kSpill;
  options.checkpoint_bytes = 256;
  options.unsynced_limit = 1024;
  restart(options);
  ring_->on_sync_wanted([] {});  // appends do not wait
  receive(3, 250);
  ASSERT_TRUE(ring_->sync(false));
  gather(3, 250);
  ASSERT_TRUE(ring_->close());
  restart(options);
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 6));
}

TEST_F(RingSpillTest, ABatchGoesFromTheFileIntoMemory) {
  receive(4);
  gather(4);
  gather(4);
  EXPECT_EQ(ring_->info().held_points, 8U);
  EXPECT_EQ(read_all(reader_), numbers(0, 12));
  ring_->acknowledge(reader_, 2, {});
  EXPECT_EQ(read_all(reader_), numbers(2, 12));
  ring_->acknowledge(reader_, 4, {.rejected = 1});
  EXPECT_EQ(ring_->pending_points(reader_), 6U);
  EXPECT_EQ(read_all(reader_), numbers(6, 12));
  ring_->release(reader_);
  EXPECT_EQ(ring_->info().held_points, 8U) << "a block goes when all of it is done";
  EXPECT_EQ(read_all(reader_), numbers(6, 12));
  ring_->acknowledge(reader_, 2, {});
  EXPECT_EQ(ring_->info().held_points, 4U);
  EXPECT_EQ(read_all(reader_), numbers(8, 12));
  ring_->acknowledge(reader_, 4, {});
  const auto ledger = reader_info(*ring_, "r").ledger;
  EXPECT_EQ(ledger.counters.delivered, 11U);
  EXPECT_EQ(ledger.counters.rejected, 1U);
  EXPECT_EQ(ledger.buffered, 0U);
  expect_sound_ledgers(ring_->info());
}

TEST_F(RingSpillTest, ABatchInFlightMayBeWrittenMeanwhile) {
  gather(4);
  gather(4);
  EXPECT_EQ(read_all(reader_), numbers(0, 8));
  tend_after(seconds(30));
  EXPECT_EQ(ring_->info().held_points, 0U);
  gather(2);
  ring_->acknowledge(reader_, 5, {});
  EXPECT_EQ(left_after_kill("r"), numbers(5, 10)) << "the acknowledgement is in the file as well";
  EXPECT_EQ(drain(*ring_, reader_), numbers(5, 10));
  EXPECT_EQ(left_after_kill("r"), numbers(0, 0));
  expect_sound_ledgers(ring_->info());
}

TEST_F(RingSpillTest, ABatchPartlyAcknowledgedInMemoryGoesOnThereInTheFile) {
  gather(6);
  EXPECT_EQ(read_all(reader_), numbers(0, 6));
  ring_->acknowledge(reader_, 4, {});
  tend_after(seconds(30));
  ASSERT_TRUE(ring_->sync(false));
  EXPECT_EQ(left_after_kill("r"), numbers(4, 6));
  EXPECT_EQ(drain(*ring_, reader_), numbers(4, 6));
  EXPECT_EQ(reader_info(*ring_, "r").ledger.counters.delivered, 6U);
}

TEST_F(RingSpillTest, BlocksAreWrittenWhenTheyHaveWaitedForLongEnough) {
  gather(3);
  clock_.advance(seconds(10));
  gather(2);
  const auto before = record_->size();
  tend_after(seconds(19));
  EXPECT_EQ(record_->size(), before);
  EXPECT_EQ(left_after_kill("r"), numbers(0, 0));
  tend_after(seconds(1));
  EXPECT_EQ(ring_->info().held_points, 0U);
  EXPECT_EQ(left_after_kill("r"), numbers(0, 5)) << "the rest goes along";
}

TEST_F(RingSpillTest, MemoryStaysWithinItsLimit) {
  options_.memory_limit = 1500;
  restart(options_);
  std::uint64_t most = 0;
  for (int i = 0; i < 30; ++i) {
    gather(4, 40);
    most = std::max(most, ring_->info().held_bytes);
  }
  EXPECT_LE(most, 1500U);
  EXPECT_GT(most, 1000U);
  const std::uint64_t held = ring_->info().held_points;
  EXPECT_EQ(left_after_kill("r"), numbers(0, 120 - held));
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 120));
}

TEST_F(RingSpillTest, AReceivedBlockIsWrittenAfterAllThatWaited) {
  gather(3);
  gather(2);
  EXPECT_EQ(left_after_kill("r"), numbers(0, 0));
  receive(4);
  EXPECT_EQ(ring_->info().held_points, 0U);
  EXPECT_EQ(left_after_kill("r"), numbers(0, 9));
}

TEST_F(RingSpillTest, ClosingWritesWhatWaits) {
  gather(3);
  gather(2);
  ASSERT_TRUE(ring_->close());
  reopen();
  EXPECT_TRUE(ring_->recovery().clean);
  EXPECT_EQ(drain(*ring_, *ring_->attach("r")), numbers(0, 5));
}

TEST_F(RingSpillTest, BlocksGoThroughToTheFileUntilTheOutputHasCaughtUp) {
  gather(3);
  tend_after(seconds(30));
  gather(2);
  EXPECT_EQ(ring_->info().held_points, 0U) << "the output is behind";
  EXPECT_EQ(left_after_kill("r"), numbers(0, 5));
  ASSERT_EQ(read_all(reader_), numbers(0, 5));
  ring_->acknowledge(reader_, 4, {});
  gather(2);
  EXPECT_EQ(ring_->info().held_points, 0U) << "still behind";
  EXPECT_EQ(drain(*ring_, reader_), numbers(4, 7));
  gather(2);
  EXPECT_EQ(ring_->info().held_points, 2U);
}

TEST_F(RingSpillTest, ABlockWaitsForTheSlowestReader) {
  const ReaderId slow = *ring_->attach("slow");
  gather(3);
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 3));
  EXPECT_EQ(ring_->info().held_points, 3U);
  gather(2);
  EXPECT_EQ(drain(*ring_, reader_), numbers(3, 5));
  EXPECT_EQ(drain(*ring_, slow), numbers(0, 5));
  EXPECT_EQ(ring_->info().held_points, 0U);
  gather(4);
  EXPECT_EQ(drain(*ring_, reader_), numbers(5, 9));
  tend_after(seconds(30));
  ASSERT_TRUE(ring_->sync(false));
  EXPECT_EQ(left_after_kill("r"), numbers(0, 0)) << "the slot knows that it had them from memory";
  EXPECT_EQ(left_after_kill("slow"), numbers(5, 9));
  EXPECT_EQ(drain(*ring_, slow), numbers(5, 9));
  expect_sound_ledgers(ring_->info());
}

TEST_F(RingSpillTest, AReaderThatComesMeanwhileStartsAtWhatTheSlowestStillHas) {
  gather(3);
  ASSERT_EQ(read_all(reader_), numbers(0, 3));
  ring_->acknowledge(reader_, 1, {});
  gather(2);
  const ReaderId fresh = *ring_->attach("fresh");
  EXPECT_EQ(ring_->pending_points(fresh), 4U);
  EXPECT_EQ(drain(*ring_, reader_), numbers(1, 5));
  tend_after(seconds(30));
  EXPECT_EQ(drain(*ring_, fresh), numbers(1, 5));
  expect_sound_ledgers(ring_->info());
}

TEST_F(RingSpillTest, AnOrphanMissesNothing) {
  (void)*ring_->attach("gone");
  restart(options_);
  EXPECT_EQ(ring_->settle_orphans(std::chrono::hours(24)), (std::vector<std::string>{"gone"}));
  gather(3);
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 3));
  EXPECT_EQ(ring_->info().held_points, 3U);
  tend_after(seconds(30));
  EXPECT_EQ(ring_->info().held_points, 0U);
  gather(2);
  EXPECT_EQ(ring_->info().held_points, 2U) << "an orphan does not count among those that keep up";
  EXPECT_EQ(drain(*ring_, *ring_->attach("gone")), numbers(0, 5));
}

TEST_F(RingSpillTest, AKillTakesWhatWaitsAndNothingElse) {
  receive(3);
  gather(5);
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 8));
  gather(2);
  receive(4);
  gather(6);
  EXPECT_EQ(ring_->info().held_points, 6U);
  next_ -= 6;  // they will be gone
  reopen();
  EXPECT_EQ(ring_->recovery().points_lost, 0U);
  reader_ = *ring_->attach("r");
  EXPECT_EQ(ring_->info().point_sequence, 14U);
  EXPECT_EQ(reader_info(*ring_, "r").ledger.counters.delivered, 8U);
  receive(2);
  EXPECT_EQ(drain(*ring_, reader_), numbers(8, 16));
  EXPECT_EQ(reader_info(*ring_, "r").ledger.counters.corrupt, 0U);
  expect_sound_ledgers(ring_->info());
}

// Between the blocks of the file there are points that all readers had from memory.
TEST_F(RingSpillTest, PointsDeliveredFromMemoryAreNoLossAfterAKill) {
  receive(3);
  for (int i = 0; i < 4; ++i) {
    gather(5);
    EXPECT_EQ(drain(*ring_, reader_), numbers(i == 0 ? 0 : next_ - 5, next_));
    receive(1);
    EXPECT_EQ(drain(*ring_, reader_), numbers(next_ - 1, next_));
  }
  gather(5);
  EXPECT_EQ(drain(*ring_, reader_), numbers(next_ - 5, next_));
  receive(2);
  const auto opened = after_kill();
  EXPECT_EQ(opened.ring->recovery().points_lost, 0U);
  EXPECT_EQ(opened.ring->info().point_sequence, next_);
  const auto ledger = reader_info(*opened.ring, "r").ledger;
  EXPECT_EQ(ledger.counters.delivered, next_ - 2);
  EXPECT_EQ(ledger.buffered, 2U);
  EXPECT_EQ(left_after_kill("r"), numbers(next_ - 2, next_));
}

TEST_F(RingSpillTest, AfterAKillALaterReaderStartsBehindWhatWasDeliveredFromMemory) {
  gather(5);
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 5));
  ASSERT_TRUE(ring_->close());
  reopen();
  EXPECT_EQ(ring_->recovery().points_lost, 0U);
  const ReaderId fresh = *ring_->attach("fresh");
  gather(2);
  EXPECT_EQ(drain(*ring_, fresh), numbers(5, 7));
  const auto ledger = reader_info(*ring_, "fresh").ledger;
  EXPECT_EQ(ledger.accepted, 2U);
  EXPECT_EQ(ledger.counters.corrupt, 0U);
}

TEST_F(RingSpillTest, PadsAndCheckpointsComeBetween) {
  options_.checkpoint_bytes = 1024;
  restart(options_);
  for (int i = 0; i < 200; ++i) {
    gather(3, 60);
    if (i % 3 == 0) {
      EXPECT_EQ(read_all(reader_).size(), ring_->pending_points(reader_));
      ring_->acknowledge(reader_, 2, {});
    }
    if (i % 4 == 0) receive(1);
    if (i % 7 == 0) tend_after(seconds(30));
    if (i % 5 == 0) {
      const std::uint64_t pending = ring_->pending_points(reader_);
      EXPECT_EQ(drain(*ring_, reader_), numbers(next_ - pending, next_));
    }
  }
  const auto opened = after_kill();
  EXPECT_EQ(opened.ring->recovery().points_lost, 0U);
  EXPECT_EQ(reader_info(*opened.ring, "r").ledger.counters.corrupt, 0U);
  const auto counters = reader_info(*ring_, "r").ledger.counters;
  EXPECT_EQ(counters.corrupt, 0U);
  EXPECT_EQ(counters.overflow, 0U);
  EXPECT_GT(newest_state(image()).next.position, 2 * 16U * 1024U) << "it has gone round";
}

TEST_F(RingSpillTest, WithoutSyncsItIsTheSame) {
  options_.sync = buffer::SyncMode::kNever;
  restart(options_);
  const auto syncs = count_syncs(*record_);
  gather(5);
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 5));
  gather(3);
  receive(2);
  gather(4);
  EXPECT_EQ(left_after_kill("r"), numbers(5, 10));
  EXPECT_EQ(after_kill().ring->recovery().points_lost, 0U);
  tend_after(seconds(30));
  EXPECT_EQ(left_after_kill("r"), numbers(5, 14));
  EXPECT_EQ(count_syncs(*record_), syncs);
}

TEST_F(RingSpillTest, WithoutAnyReaderNothingIsDropped) {
  auto options = options_;
  record_ = std::make_shared<FileRecord>();
  options.memory_limit = 800;
  reopen(options);
  for (int i = 0; i < 20; ++i) gather(3);
  EXPECT_EQ(drain(*ring_, *ring_->attach("first")), numbers(0, 60));
}

// Its first points were had from memory; then a checkpoint went in front of it, which a power cut
// took.
TEST_F(RingSpillTest, ABlockHalfDoneInMemoryIsFoundBehindAHole) {
  options_.checkpoint_bytes = 64;
  restart(options_);
  receive(4);
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 4));
  gather(6);
  EXPECT_EQ(read_all(reader_), numbers(4, 10));
  ring_->acknowledge(reader_, 2, {});
  ASSERT_TRUE(ring_->sync(true));
  const auto before = record_->size();
  tend_after(options_.spill_after);
  ASSERT_EQ(record_->size(), before + 2) << "a checkpoint and the block";
  const auto checkpoint = last_data_write(*record_, 1);
  const Bytes torn = image_without(*record_, [&](const FileOperation& operation) {
    return operation.kind == Kind::kWrite && operation.offset == checkpoint.offset &&
           operation.bytes == checkpoint.bytes;
  });
  const auto opened = open_image(torn, clock_, options_);
  EXPECT_EQ(opened.ring->recovery().holes, 1U);
  EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")), numbers(6, 10));
  EXPECT_EQ(reader_info(*opened.ring, "r").ledger.counters.corrupt, 0U);
}

}  // namespace
}  // namespace holdfast::test

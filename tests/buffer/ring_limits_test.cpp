// overflow = "refuse_new": nothing that an output still wants is overwritten.
#include <gtest/gtest.h>

#include "tests/buffer/held_fixture.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using buffer::Origin;
using buffer::ReaderId;
using std::chrono::hours;
using std::chrono::seconds;

class RingRefuseNewTest : public HeldFixture {
 protected:
  static constexpr std::uint64_t kDataBytes = 8192;

  RingRefuseNewTest() {
    record_ = std::make_shared<FileRecord>();
    auto options = small_ring(kDataBytes);
    options.overflow = buffer::Overflow::kRefuseNew;
    options.checkpoint_bytes = 1ULL << 30U;
    restart(options);
  }
  void restart(const buffer::RingOptions& options) {
    reopen(options);
    reader_ = *ring_->attach("r");
  }
  // Blocks of 256 bytes: 8 points of 24 bytes.
  base::Status block(Origin origin = Origin::kReceived) { return try_append(origin, 8, 24); }
  // How many go in.
  int fill(Origin origin = Origin::kReceived) {
    int blocks = 0;
    while (true) {
      const auto stored = block(origin);
      if (!stored) {
        EXPECT_EQ(stored.error().code, ErrorCode::kFull) << stored.error().message;
        return blocks;
      }
      ++blocks;
    }
  }

  ReaderId reader_ = 0;
};

TEST_F(RingRefuseNewTest, TheLastByteIsUsedAndNotOneMore) {
  EXPECT_EQ(fill(), 32);
  EXPECT_EQ(ring_->info().used_bytes, kDataBytes);
  const auto before = record_->size();
  EXPECT_FALSE(block());
  EXPECT_FALSE(block(Origin::kGathered));
  EXPECT_EQ(record_->size(), before);
  EXPECT_FALSE(ring_->info().degraded) << "a full ring is no failure of the device";
  EXPECT_EQ(ring_->info().point_sequence, 256U);
  EXPECT_EQ(left_after_kill("r"), numbers(0, 256));
}

TEST_F(RingRefuseNewTest, AnAcknowledgementMakesRoomForAsMuch) {
  (void)fill();
  ASSERT_TRUE(ring_->read(reader_, {.max_points = 24}, 0));
  EXPECT_FALSE(block()) << "in flight is not delivered";
  ring_->acknowledge(reader_, 23, {});
  EXPECT_EQ(fill(), 2);
  ASSERT_TRUE(ring_->read(reader_, {.max_points = 1}, 0));
  ring_->acknowledge(reader_, 1, {});
  EXPECT_EQ(fill(), 1);
  EXPECT_EQ(drain(*ring_, reader_), numbers(24, next_));
  EXPECT_EQ(fill(), 32);
  EXPECT_EQ(reader_info(*ring_, "r").ledger.counters.overflow, 0U);
}

TEST_F(RingRefuseNewTest, APadNeedsRoomToo) {
  for (int i = 0; i < 31; ++i) ASSERT_TRUE(block());
  ASSERT_TRUE(ring_->read(reader_, {.max_points = 8}, 0));
  ring_->acknowledge(reader_, 8, {});
  // 256 bytes are free at the end and 256 in front: not enough for a block of 320 and a pad.
  EXPECT_EQ(try_append(Origin::kReceived, 10, 24).error().code, ErrorCode::kFull);
  ASSERT_TRUE(ring_->read(reader_, {.max_points = 8}, 0));
  ring_->acknowledge(reader_, 8, {});
  ASSERT_TRUE(try_append(Origin::kReceived, 10, 24)) << "512 bytes in front";
  EXPECT_FALSE(block());
  EXPECT_EQ(left_after_kill("r"), numbers(16, next_));
  EXPECT_EQ(drain(*ring_, reader_), numbers(16, next_));
}

TEST_F(RingRefuseNewTest, CheckpointsOverwriteNothing) {
  auto options = options_;
  options.checkpoint_bytes = 1024;
  restart(options);
  for (int round = 0; round < 20; ++round) {
    EXPECT_GT(fill(), 0);
    EXPECT_EQ(ring_->pending_points(reader_) + reader_info(*ring_, "r").ledger.counters.delivered,
              next_);
    ASSERT_TRUE(ring_->read(reader_, {.max_points = 64}, 0));
    ring_->acknowledge(reader_, 64, {});
  }
  EXPECT_EQ(drain(*ring_, reader_), numbers(64 * 20, next_));
  const auto counters = reader_info(*ring_, "r").ledger.counters;
  EXPECT_EQ(counters.overflow + counters.corrupt, 0U);
}

TEST_F(RingRefuseNewTest, AnOrphanDoesNotBlock) {
  (void)*ring_->attach("gone");
  restart(options_);
  EXPECT_EQ(ring_->settle_orphans(hours(24)).size(), 1U);
  (void)fill();
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 256));
  EXPECT_EQ(fill(), 32);
  EXPECT_EQ(reader_info(*ring_, "gone").ledger.counters.overflow, 256U);
  EXPECT_EQ(reader_info(*ring_, "r").ledger.counters.overflow, 0U);
  expect_sound_ledgers(ring_->info());
}

TEST_F(RingRefuseNewTest, TheSlowestOutputDecides) {
  const ReaderId slow = *ring_->attach("slow");
  (void)fill();
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 256));
  EXPECT_EQ(fill(), 0);
  EXPECT_EQ(drain(*ring_, slow), numbers(0, 256));
  EXPECT_EQ(fill(), 32);
}

TEST_F(RingRefuseNewTest, InSpillModeNothingIsAcceptedThatAStopCouldNotWrite) {
  auto options = options_;
  options.mode = buffer::Mode::kSpill;
  restart(options);
  EXPECT_EQ(fill(Origin::kGathered), 32);
  ASSERT_TRUE(ring_->close());
  EXPECT_EQ(left_after_kill("r"), numbers(0, 256));
}

TEST_F(RingRefuseNewTest, InSpillModeAFullFileStopsReceivedBlocksToo) {
  auto options = options_;
  options.mode = buffer::Mode::kSpill;
  restart(options);
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(block(i % 3 == 0 ? Origin::kReceived : Origin::kGathered));
    if (i % 2 == 0) continue;
    ASSERT_TRUE(ring_->read(reader_, {.max_points = 16}, 0));
    ring_->acknowledge(reader_, 16, {});
  }
  const int more = fill(Origin::kGathered);
  EXPECT_GT(more, 28);
  EXPECT_EQ(fill(Origin::kReceived), 0);
  ASSERT_TRUE(ring_->close());
  EXPECT_EQ(left_after_kill("r"), numbers(480, next_));
}

TEST_F(RingRefuseNewTest, WhatAFailedDeviceLeftInMemoryWaitsForRoom) {
  (void)fill();
  ASSERT_TRUE(ring_->read(reader_, {.max_points = 8}, 0));
  ring_->acknowledge(reader_, 8, {});
  fail_writes(EIO);
  ASSERT_TRUE(block(Origin::kGathered));
  ASSERT_TRUE(block(Origin::kGathered));
  mend_device();
  tend_after(seconds(1));
  EXPECT_FALSE(ring_->info().degraded);
  EXPECT_EQ(ring_->info().held_points, 8U) << "there was room for one";
  EXPECT_FALSE(block(Origin::kReceived));
  EXPECT_FALSE(block(Origin::kGathered));
  ASSERT_TRUE(ring_->read(reader_, {.max_points = 8}, 0));
  ring_->acknowledge(reader_, 8, {});
  ring_->tend();
  EXPECT_EQ(ring_->info().held_points, 0U);
  EXPECT_EQ(left_after_kill("r"), numbers(16, next_));
}

TEST_F(RingRefuseNewTest, ClosingSaysWhatHadNoRoomAndIsStillProper) {
  (void)fill();
  ASSERT_TRUE(ring_->read(reader_, {.max_points = 8}, 0));
  ring_->acknowledge(reader_, 8, {});
  fail_writes(EIO);
  ASSERT_TRUE(block(Origin::kGathered));
  ASSERT_TRUE(block(Origin::kGathered));
  mend_device();
  const auto closed = ring_->close();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, ErrorCode::kFull);
  EXPECT_EQ(ring_->info().held_points, 8U);
  EXPECT_TRUE(after_kill().ring->recovery().clean);
  EXPECT_EQ(left_after_kill("r"), numbers(8, 264));
}

}  // namespace
}  // namespace holdfast::test

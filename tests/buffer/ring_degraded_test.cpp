// A device that fails while the ring runs: gathered points go on into memory, received ones are
// refused, and when it works again everything is in the file.
#include <gtest/gtest.h>

#include "tests/buffer/held_fixture.h"
#include "tests/buffer/hook_file.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using buffer::Origin;
using buffer::ReaderId;
using std::chrono::seconds;

class RingDegradedTest : public HeldFixture {
 protected:
  RingDegradedTest() { reader_ = *ring_->attach("r"); }
  void restart(const buffer::RingOptions& options) {
    reopen(options);
    reader_ = *ring_->attach("r");
  }
  void expect_healed() {
    const auto info = ring_->info();
    EXPECT_FALSE(info.degraded);
    EXPECT_EQ(info.degraded_why, "");
    EXPECT_EQ(info.held_points, 0U);
    EXPECT_EQ(info.held_bytes, 0U);
    EXPECT_EQ(info.unsynced_bytes, 0U);
    expect_sound_ledgers(info);
  }

  ReaderId reader_ = 0;
};

struct Failure {
  int errno_value;
  ErrorCode code;
};

class RingFailedWriteTest : public RingDegradedTest, public testing::WithParamInterface<Failure> {};

TEST_P(RingFailedWriteTest, KeepsGatheredPointsAndRefusesReceivedOnes) {
  receive(3);
  fail_writes(GetParam().errno_value);
  const auto refused = try_append(Origin::kReceived, 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, GetParam().code);
  auto info = ring_->info();
  EXPECT_TRUE(info.degraded);
  EXPECT_EQ(info.degraded_why, refused.error().message);
  EXPECT_EQ(info.point_sequence, 3U);
  gather(4);
  gather(2);
  EXPECT_EQ(try_append(Origin::kReceived, 2).error().code, GetParam().code);
  info = ring_->info();
  EXPECT_EQ(info.point_sequence, 9U);
  EXPECT_EQ(info.held_points, 6U);
  expect_sound_ledgers(info);

  EXPECT_EQ(read_all(reader_), numbers(0, 9)) << "delivery goes on";
  ring_->acknowledge(reader_, 4, {});
  EXPECT_EQ(left_after_kill("r"), numbers(0, 3));

  mend_device();
  tend_after(seconds(1));
  expect_healed();
  EXPECT_EQ(left_after_kill("r"), numbers(4, 9));
  receive(2);
  EXPECT_EQ(left_after_kill("r"), numbers(4, 11));
  EXPECT_EQ(drain(*ring_, reader_), numbers(4, 11));
}

TEST_P(RingFailedWriteTest, OfAGatheredBlockIsNoRefusal) {
  fail_writes(GetParam().errno_value);
  gather(3);
  EXPECT_TRUE(ring_->info().degraded);
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 3));
  gather(2);
  mend_device();
  tend_after(seconds(1));
  expect_healed();
  const auto opened = after_kill();
  EXPECT_EQ(opened.ring->recovery().points_lost, 0U);
  EXPECT_EQ(reader_info(*opened.ring, "r").ledger.counters.delivered, 3U);
  EXPECT_EQ(left_after_kill("r"), numbers(3, 5));
}

INSTANTIATE_TEST_SUITE_P(RingFailedWrite, RingFailedWriteTest,
                         testing::Values(Failure{ENOSPC, ErrorCode::kNoSpace},
                                         Failure{EIO, ErrorCode::kIo},
                                         Failure{EROFS, ErrorCode::kIo}));

TEST_F(RingDegradedTest, MemoryIsBoundedAndWhatIsRefusedIsNotCounted) {
  options_.memory_limit = 1000;
  restart(options_);
  fail_writes(EIO);
  int refused = 0;
  for (int i = 0; i < 20; ++i) {
    const auto stored = try_append(Origin::kGathered, 4, 40);
    if (stored) continue;
    ++refused;
    EXPECT_EQ(stored.error().code, ErrorCode::kFull);
    EXPECT_LE(ring_->info().held_bytes, 1000U);
    EXPECT_EQ(ring_->info().point_sequence, next_);
  }
  EXPECT_EQ(refused, 16) << "224 bytes each";
  EXPECT_EQ(next_, 16U);
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 16));
  EXPECT_EQ(ring_->info().held_bytes, 0U) << "delivery makes room";
  gather(4, 40);
  mend_device();
  tend_after(seconds(1));
  expect_healed();
  EXPECT_EQ(left_after_kill("r"), numbers(16, 20));
}

TEST_F(RingDegradedTest, WhatIsKeptForWritingAgainTakesItsShareOfMemory) {
  options_.memory_limit = 1000;
  restart(options_);
  receive(8, 100);  // 864 bytes
  fail_syncs(EIO);
  EXPECT_FALSE(ring_->sync(false));
  EXPECT_EQ(try_append(Origin::kGathered, 2, 40).error().code, ErrorCode::kFull);
  ASSERT_TRUE(try_append(Origin::kGathered, 1, 40));
  mend_device();
  tend_after(seconds(1));
  expect_healed();
  EXPECT_EQ(left_after_kill("r"), numbers(0, 9));
}

// After a failed sync the kernel may have dropped what it could not write, and a later sync says
// nothing of that.
TEST_F(RingDegradedTest, WhatTheDeviceForgotIsWrittenAgain) {
  receive(3);
  ASSERT_TRUE(ring_->sync(false));
  const std::size_t kept = record_->size();
  receive(2);
  gather(4);
  fail_syncs(EIO);
  EXPECT_FALSE(ring_->sync(false));
  const std::size_t forgotten = record_->size();
  EXPECT_TRUE(ring_->info().degraded);
  gather(2);
  EXPECT_EQ(try_append(Origin::kReceived, 1).error().code, ErrorCode::kIo);
  mend_device();
  tend_after(seconds(1));
  expect_healed();
  std::size_t place = 0;
  const Bytes image = image_without(*record_, [&](const FileOperation&) {
    ++place;
    return place > kept && place <= forgotten;
  });
  const auto opened = open_image(image, clock_, options_);
  EXPECT_EQ(opened.ring->recovery().points_lost, 0U);
  EXPECT_EQ(opened.ring->recovery().holes, 0U);
  EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")), numbers(0, 11));
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 11));
}

TEST_F(RingDegradedTest, WhatCameBeforeACompletedSyncIsNotWrittenAgain) {
  receive(3);
  ASSERT_TRUE(ring_->sync(false));
  receive(2);
  const auto block = last_data_write(*record_);
  fail_syncs(EIO);
  EXPECT_FALSE(ring_->sync(false));
  mend_device();
  const auto before = record_->size();
  tend_after(seconds(1));
  const auto operations = record_->operations();
  ASSERT_EQ(operations.size(), before + 3) << "the block, the slot, the sync";
  EXPECT_EQ(operations[before].offset, block.offset);
  EXPECT_EQ(operations[before].bytes, block.bytes);
  EXPECT_EQ(operations.back().kind, FileOperation::Kind::kSync);
}

TEST_F(RingDegradedTest, TheDeviceIsTriedAfterLongerAndLongerWaits) {
  int tries = 0;
  record_->fail_with([&tries](const FileOperation&) -> base::Status {
    ++tries;
    return base::fail_errno("write", EIO);
  });
  gather(1);
  const auto tried_at = [&](int until) {
    std::vector<int> times;
    for (int second = 1; second <= until; ++second) {
      const int before = tries;
      tend_after(seconds(1));
      EXPECT_LE(tries, before + 1);
      if (tries > before) times.push_back(second);
    }
    return times;
  };
  EXPECT_EQ(tried_at(250), (std::vector<int>{1, 3, 7, 15, 31, 63, 123, 183, 243}));
  mend_device();
  tend_after(seconds(60));
  expect_healed();
  record_->fail_with([&tries](const FileOperation&) -> base::Status {
    ++tries;
    return base::fail_errno("write", EIO);
  });
  gather(1);
  EXPECT_EQ(tried_at(20), (std::vector<int>{1, 3, 7, 15})) << "a new trouble starts anew";
}

TEST_F(RingDegradedTest, ATryThatFailsHalfwayGoesOnAtTheNext) {
  receive(2);
  fail_writes(EIO);
  for (int i = 0; i < 5; ++i) gather(2);
  for (int allowed = 1; allowed <= 4; ++allowed) {
    int writes = 0;
    record_->fail_with([&writes, allowed](const FileOperation& operation) -> base::Status {
      if (operation.kind == Kind::kWrite && ++writes > allowed) return base::fail_errno("w", EIO);
      return base::ok();
    });
    tend_after(seconds(60));
    EXPECT_TRUE(ring_->info().degraded);
    EXPECT_EQ(read_all(reader_), numbers(0, 12));
    ring_->release(reader_);
    const auto left = left_after_kill("r");
    EXPECT_EQ(left, numbers(0, left.size()));
    EXPECT_GE(left.size(), 2U);
  }
  mend_device();
  tend_after(seconds(60));
  expect_healed();
  EXPECT_EQ(left_after_kill("r"), numbers(0, 12));
  const auto blocks = blocks_in(image());
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(blocks[i].header.block_sequence, i + 1) << "no block is there twice";
  }
  EXPECT_EQ(blocks.size(), 6U);
}

TEST_F(RingDegradedTest, OneFailureIsEnoughForWaitingUntilTheDeviceWasTried) {
  receive(2);
  bool failed = false;
  record_->fail_with([&failed](const FileOperation&) -> base::Status {
    return std::exchange(failed, true) ? base::ok() : base::Status(base::fail_errno("write", EIO));
  });
  EXPECT_FALSE(try_append(Origin::kReceived, 4));
  const auto before = record_->size();
  gather(3);
  EXPECT_FALSE(try_append(Origin::kReceived, 4));
  ring_->tend();
  EXPECT_EQ(record_->size(), before);
  tend_after(seconds(1));
  expect_healed();
  EXPECT_EQ(left_after_kill("r"), numbers(0, 5));
}

TEST_F(RingDegradedTest, ABatchInFlightSurvivesTheWholeStory) {
  receive(2);
  fail_writes(EIO);
  gather(4);
  EXPECT_EQ(read_all(reader_), numbers(0, 6));
  mend_device();
  tend_after(seconds(1));
  expect_healed();
  receive(2);
  ring_->acknowledge(reader_, 3, {});
  EXPECT_EQ(left_after_kill("r"), numbers(3, 8));
  EXPECT_EQ(drain(*ring_, reader_), numbers(3, 8));
}

TEST_F(RingDegradedTest, ReadersInTheFileGoOnIntoMemory) {
  const ReaderId other = *ring_->attach("other");
  for (int i = 0; i < 5; ++i) receive(2);
  fail_writes(EIO);
  gather(4);
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 14));
  EXPECT_EQ(ring_->info().held_points, 4U) << "the other one still wants them";
  mend_device();
  tend_after(seconds(1));
  EXPECT_EQ(left_after_kill("r"), numbers(0, 0));
  EXPECT_EQ(left_after_kill("other"), numbers(0, 14));
  EXPECT_EQ(drain(*ring_, other), numbers(0, 14));
  expect_healed();
}

TEST_F(RingDegradedTest, ClosingTriesTheDeviceAtOnce) {
  receive(2);
  fail_syncs(EIO);
  EXPECT_FALSE(ring_->sync(false));
  gather(3);
  mend_device();
  ASSERT_TRUE(ring_->close());
  reopen();
  EXPECT_TRUE(ring_->recovery().clean);
  EXPECT_EQ(drain(*ring_, *ring_->attach("r")), numbers(0, 5));
}

TEST_F(RingDegradedTest, ClosingWhileTheDeviceFailsLosesWhatIsInMemoryAndSaysSo) {
  receive(2);
  fail_writes(ENOSPC);
  gather(3);
  const auto closed = ring_->close();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(ring_->info().held_points, 3U) << "that many are lost";
  mend_device();
  EXPECT_EQ(left_after_kill("r"), numbers(0, 2));
}

TEST_F(RingDegradedTest, SlotsThatCannotBeWrittenCostDuplicatesOnly) {
  for (int i = 0; i < 4; ++i) receive(2);
  record_->fail_with([](const FileOperation& operation) -> base::Status {
    const bool slot = operation.kind == Kind::kWrite && operation.offset < buffer::kDataOffset;
    return slot ? base::Status(base::fail_errno("write slot", EIO)) : base::ok();
  });
  EXPECT_EQ(read_all(reader_), numbers(0, 8));
  ring_->acknowledge(reader_, 5, {});
  EXPECT_EQ(left_after_kill("r"), numbers(0, 8));
  receive(2);
  EXPECT_FALSE(ring_->sync(false));
  EXPECT_TRUE(ring_->info().degraded);
  gather(1);
  const auto late = ring_->attach("late");
  ASSERT_TRUE(late);
  EXPECT_EQ(ring_->pending_points(*late), 6U);
  mend_device();
  tend_after(seconds(1));
  expect_healed();
  EXPECT_EQ(left_after_kill("r"), numbers(5, 11));
  EXPECT_EQ(left_after_kill("late"), numbers(5, 11));
}

TEST_F(RingDegradedTest, AReaderThatCannotBeWrittenDownIsAttachedAllTheSame) {
  receive(2);
  fail_writes(EIO);
  const auto late = ring_->attach("late");
  ASSERT_TRUE(late);
  EXPECT_TRUE(ring_->info().degraded);
  gather(1);
  EXPECT_EQ(drain(*ring_, *late), numbers(0, 3));
}

TEST_F(RingDegradedTest, APointHandedOutTwiceIsCountedOnce) {
  receive(3);
  fail_writes(EIO);
  gather(3);
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 6));
  mend_device();
  tend_after(seconds(1));
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 0));
  receive(2);
  EXPECT_EQ(drain(*ring_, reader_), numbers(6, 8));
  EXPECT_EQ(reader_info(*ring_, "r").ledger.counters.delivered, 8U);
  EXPECT_EQ(after_kill().ring->recovery().points_lost, 0U);
}

TEST(RingOnADeviceThatCannotBeRead, HandsOutNothingAndCountsNothingAsLost) {
  FakeClock clock;
  auto owned = std::make_unique<HookFile>();
  HookFile& file = *owned;
  bool fails = false;
  const auto hook = [&fails](std::uint64_t) -> base::Status {
    return fails ? base::Status(base::fail_errno("ring", EIO)) : base::ok();
  };
  file.before_read(hook);
  file.before_write(hook);
  const auto ring = open_ring(std::move(owned), clock, small_ring(16 * 1024));
  const ReaderId reader = *ring->attach("r");
  auto stored = numbered_block(0, 4);
  ASSERT_TRUE(ring->append(stored));
  fails = true;
  auto held = numbered_block(4, 3);
  ASSERT_TRUE(ring->append(held, Origin::kGathered));
  const auto batch = ring->read(reader, {}, 0);
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code, ErrorCode::kIo);
  EXPECT_EQ(ring->pending_points(reader), 7U);
  fails = false;
  clock.advance(seconds(1));
  ring->tend();
  EXPECT_EQ(drain(*ring, reader), numbers(0, 7));
  EXPECT_EQ(reader_info(*ring, "r").ledger.counters.corrupt, 0U);
}

}  // namespace
}  // namespace holdfast::test

// max_age: what was stored too long ago is not handed out any more, whatever the wall clock says.
#include <gtest/gtest.h>

#include "tests/buffer/held_fixture.h"
#include "tests/buffer/image.h"

namespace holdfast::test {
namespace {

using buffer::ReaderId;
using std::chrono::hours;
using std::chrono::seconds;

class RingMaxAgeTest : public HeldFixture {
 protected:
  RingMaxAgeTest() {
    auto options = options_;
    options.max_age = hours(1);
    restart(options);
  }
  void restart(const buffer::RingOptions& options) {
    reopen(options);
    reader_ = *ring_->attach("r");
  }
  [[nodiscard]] std::uint64_t expired(std::string_view id = "r") const {
    expect_sound_ledgers(ring_->info());
    return reader_info(*ring_, id).ledger.counters.expired;
  }

  ReaderId reader_ = 0;
};

TEST_F(RingMaxAgeTest, MayBeChangedWhileRunning) {
  receive(3);
  clock_.advance(hours(2));
  receive(2);
  ring_->set_max_age({});
  EXPECT_EQ(read_all(reader_), numbers(0, 5)) << "never too old";
  ring_->release(reader_);
  ring_->set_max_age(hours(1));
  EXPECT_EQ(read_all(reader_), numbers(3, 5));
  EXPECT_EQ(expired(), 3U);
}

TEST_F(RingMaxAgeTest, WhatWasStoredTooLongAgoIsCountedAndNotHandedOut) {
  receive(3);
  clock_.advance(std::chrono::minutes(30));
  receive(2);
  clock_.advance(std::chrono::minutes(30));
  EXPECT_EQ(read_all(reader_), numbers(0, 5)) << "an hour is not more than an hour";
  ring_->release(reader_);
  clock_.advance(seconds(1));
  EXPECT_EQ(ring_->pending_points(reader_), 5U) << "until a read comes by";
  EXPECT_EQ(read_all(reader_), numbers(3, 5));
  EXPECT_EQ(expired(), 3U);
  clock_.advance(hours(2));
  ring_->acknowledge(reader_, 1, {});
  EXPECT_EQ(expired(), 3U) << "what was handed out in time counts as delivered";
  EXPECT_EQ(read_all(reader_), numbers(0, 0));
  EXPECT_EQ(expired(), 4U);
  EXPECT_EQ(reader_info(*ring_, "r").ledger.counters.delivered, 1U);
}

TEST_F(RingMaxAgeTest, EachReaderCountsForItself) {
  const ReaderId slow = *ring_->attach("slow");
  receive(3);
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 3));
  clock_.advance(hours(2));
  receive(2);
  EXPECT_EQ(drain(*ring_, reader_), numbers(3, 5));
  EXPECT_EQ(drain(*ring_, slow), numbers(3, 5));
  EXPECT_EQ(expired("r"), 0U);
  EXPECT_EQ(expired("slow"), 3U);
}

TEST_F(RingMaxAgeTest, ABlockPartlyDeliveredExpiresWithItsRest) {
  receive(5);
  EXPECT_EQ(read_all(reader_), numbers(0, 5));
  ring_->acknowledge(reader_, 2, {});
  clock_.advance(hours(2));
  EXPECT_EQ(read_all(reader_), numbers(0, 0));
  EXPECT_EQ(expired(), 3U);
}

TEST_F(RingMaxAgeTest, BlocksInMemoryExpireToo) {
  auto options = options_;
  options.mode = buffer::Mode::kSpill;
  restart(options);
  const ReaderId slow = *ring_->attach("slow");
  receive(2);
  gather(3);
  clock_.advance(hours(2));
  gather(4);
  EXPECT_EQ(drain(*ring_, reader_), numbers(5, 9));
  EXPECT_EQ(ring_->info().held_points, 7U) << "the other one has not looked yet";
  EXPECT_EQ(read_all(slow), numbers(5, 9));
  EXPECT_EQ(ring_->info().held_points, 4U);
  ring_->tend();
  ring_->acknowledge(slow, 4, {});
  EXPECT_EQ(expired(), 5U);
  EXPECT_EQ(expired("slow"), 5U);
  receive(1);
  EXPECT_EQ(drain(*ring_, slow), numbers(9, 10));
}

TEST_F(RingMaxAgeTest, WhatExpiredStaysSoAfterAKill) {
  receive(3);
  clock_.advance(hours(2));
  receive(2);
  EXPECT_EQ(read_all(reader_), numbers(3, 5));
  ring_->acknowledge(reader_, 1, {});
  reopen();
  EXPECT_EQ(expired(), 3U);
  EXPECT_EQ(drain(*ring_, *ring_->attach("r")), numbers(4, 5));
}

// With an appended block after the step and without one.
class RingClockStepTest : public RingMaxAgeTest, public testing::WithParamInterface<bool> {
 protected:
  void step(base::Duration by) {
    clock_.step_wall(by);
    if (!GetParam()) return;
    receive(1);
    ++more_;
  }
  std::uint64_t more_ = 0;
};

TEST_P(RingClockStepTest, ByYearsForwardExpiresNothing) {
  receive(3);
  step(hours(24 * 365 * 5));
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 3 + more_));
  EXPECT_EQ(expired(), 0U);
}

TEST_P(RingClockStepTest, ByYearsBackwardExpiresNothing) {
  receive(3);
  step(-hours(24 * 365 * 5));
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 3 + more_));
  EXPECT_EQ(expired(), 0U);
}

TEST_P(RingClockStepTest, BlocksOfBeforeAreAsOldAsTheStepAtLeast) {
  receive(3);
  step(hours(24 * 365));
  EXPECT_EQ(read_all(reader_), numbers(0, 3 + more_));
  ring_->release(reader_);
  clock_.advance(hours(1));
  EXPECT_EQ(read_all(reader_), numbers(0, 3 + more_));
  ring_->release(reader_);
  clock_.advance(seconds(1));
  EXPECT_EQ(read_all(reader_), numbers(0, 0));
  EXPECT_EQ(expired(), 3U + more_);
}

INSTANTIATE_TEST_SUITE_P(RingClockStep, RingClockStepTest, testing::Bool());

TEST_F(RingMaxAgeTest, AfterABootBlocksOfBeforeGetTheWholeTimeAnew) {
  receive(3);
  ASSERT_TRUE(ring_->close());
  clock_.reboot("99999999-2222-3333-4444-555555555555");
  clock_.step_wall(-hours(24 * 365 * 10));  // no battery: the clock starts in the past
  reopen();
  reader_ = *ring_->attach("r");
  EXPECT_EQ(read_all(reader_), numbers(0, 3));
  ring_->release(reader_);
  clock_.step_wall(hours(24 * 365 * 10));  // now it is set
  receive(2);
  EXPECT_EQ(read_all(reader_), numbers(0, 5));
  ring_->release(reader_);
  clock_.advance(hours(1) + seconds(1));
  EXPECT_EQ(read_all(reader_), numbers(0, 0));
  EXPECT_EQ(expired(), 5U);
}

TEST_F(RingMaxAgeTest, ARestartOfTheAgentAloneDoesNotMakeBlocksYounger) {
  receive(3);
  clock_.advance(std::chrono::minutes(40));
  ASSERT_TRUE(ring_->close());
  reopen();
  reader_ = *ring_->attach("r");
  clock_.advance(std::chrono::minutes(21));
  EXPECT_EQ(read_all(reader_), numbers(0, 0));
  EXPECT_EQ(expired(), 3U);
}

// With the blocks of before synced and without.
class RingClockStepAndKillTest : public RingMaxAgeTest, public testing::WithParamInterface<bool> {
 protected:
  // Whatever the ring was told, it writes a slot.
  void write_slot(std::int64_t wait_ns) { ring_->set_not_before(reader_, {.wall_ns = wait_ns}); }
  void sync_if_wanted() {
    if (GetParam()) {
      ASSERT_TRUE(ring_->sync(true));
    }
  }
  void kill() {
    reopen();
    reader_ = *ring_->attach("r");
  }
};

TEST_P(RingClockStepAndKillTest, ASlotWrittenAfterTheStepTellsOfIt) {
  receive(3);
  sync_if_wanted();
  clock_.step_wall(hours(2));
  write_slot(1);
  kill();
  EXPECT_EQ(read_all(reader_), numbers(0, 3));
  EXPECT_EQ(expired(), 0U);
}

TEST_P(RingClockStepAndKillTest, AStepBackAfterTheLastBlockIsNoticed) {
  sync_if_wanted();
  clock_.step_wall(-hours(2));
  receive(3);
  clock_.step_wall(hours(2));
  kill();
  EXPECT_EQ(read_all(reader_), numbers(0, 3));
  EXPECT_EQ(expired(), 0U);
}

INSTANTIATE_TEST_SUITE_P(RingClockStepAndKill, RingClockStepAndKillTest, testing::Bool());

// Damage behind what has expired takes nothing of it.
TEST_F(RingMaxAgeTest, WhatExpiredInFrontOfDamageIsNotDamaged) {
  receive(3);
  clock_.advance(hours(2));
  receive(2);
  receive(1);
  Bytes image = this->image();
  wreck(image, block_of_point(image, 3).offset, buffer::kHeaderSize);
  const auto opened = open_image(image, clock_, options_);
  const ReaderId reader = *opened.ring->attach("r");
  EXPECT_EQ(drain(*opened.ring, reader), numbers(5, 6));
  EXPECT_EQ(reader_info(*opened.ring, "r").ledger.counters.expired, 3U);
  EXPECT_EQ(reader_info(*opened.ring, "r").ledger.counters.corrupt, 2U);
}

TEST_F(RingMaxAgeTest, WithoutALimitNothingExpires) {
  auto options = options_;
  options.max_age = {};
  restart(options);
  receive(3);
  clock_.advance(hours(24 * 3650));
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 3));
}

}  // namespace
}  // namespace holdfast::test

#include "agent/schedule.h"

#include <set>

#include <gtest/gtest.h>

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using agent::Schedule;
using base::WallTime;

TEST(Schedule, TheFirstGatherIsAtTheNextMultiple) {
  base::Random random(1);
  EXPECT_EQ(Schedule({.interval = 10s}).first(WallTime(1003s), random), WallTime(1010s));
  EXPECT_EQ(Schedule({.interval = 10s}).first(WallTime(1000s), random), WallTime(1010s));
}

TEST(Schedule, AFirstPeriodUnderAHundredthIsSkipped) {
  base::Random random(1);
  EXPECT_EQ(Schedule({.interval = 10s}).first(WallTime(1009'950ms), random), WallTime(1020s));
}

TEST(Schedule, WithoutRoundingTheFirstGatherIsNow) {
  base::Random random(1);
  Schedule schedule({.interval = 10s, .round = false});
  EXPECT_EQ(schedule.first(WallTime(1003s), random), WallTime(1003s));
  EXPECT_EQ(schedule.next(WallTime(1003s), random), WallTime(1013s));
}

TEST(Schedule, JitterIsFreshEachTimeAndDoesNotAddUp) {
  base::Random random(1);
  Schedule schedule({.interval = 10s, .jitter = 5s});
  WallTime due = schedule.first(WallTime(1003s), random);
  std::set<std::int64_t> jitters;
  for (int i = 1; i <= 100; ++i) {
    const auto jitter = due - WallTime(1000s + i * 10s);
    EXPECT_GE(jitter, 0s);
    EXPECT_LT(jitter, 5s);
    jitters.insert(jitter.count());
    due = schedule.next(due, random);
  }
  EXPECT_GT(jitters.size(), 90U);
}

TEST(Schedule, TheOffsetShiftsEachGather) {
  base::Random random(1);
  Schedule schedule({.interval = 10s, .offset = 3s});
  EXPECT_EQ(schedule.first(WallTime(1001s), random), WallTime(1013s));
  EXPECT_EQ(schedule.next(WallTime(1013s), random), WallTime(1023s));
}

TEST(Schedule, MissedTicksAreSkippedNotCaughtUp) {
  base::Random random(1);
  Schedule schedule({.interval = 10s});
  (void)schedule.first(WallTime(1003s), random);
  EXPECT_EQ(schedule.next(WallTime(5003s), random), WallTime(5010s));
}

TEST(Schedule, AClockSetBackStartsTheScheduleAnew) {
  base::Random random(1);
  Schedule schedule({.interval = 10s});
  (void)schedule.first(WallTime(100'003s), random);
  EXPECT_EQ(schedule.next(WallTime(1003s), random), WallTime(1010s));
}

TEST(Schedule, TimesBeforeTheEpochAreAlignedToo) {
  base::Random random(1);
  EXPECT_EQ(Schedule({.interval = 10s}).first(WallTime(-1003s), random), WallTime(-1000s));
}

}  // namespace
}  // namespace holdfast::test

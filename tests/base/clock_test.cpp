#include "agent/base/clock.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using base::format_duration;

TEST(Clock, DurationsReadAsPeopleWriteThem) {
  EXPECT_EQ(format_duration(0ns), "0ns");
  EXPECT_EQ(format_duration(1500ns), "1us");
  EXPECT_EQ(format_duration(250ms), "250ms");
  EXPECT_EQ(format_duration(10s), "10s");
  EXPECT_EQ(format_duration(2500ms), "2.5s");
  EXPECT_EQ(format_duration(60s), "1m");
  EXPECT_EQ(format_duration(65s), "1m5s");
  EXPECT_EQ(format_duration(65min), "1h5m");
  EXPECT_EQ(format_duration(168h), "7d");
  EXPECT_EQ(format_duration(49h), "2d1h");
  EXPECT_EQ(format_duration(-5s), "-5s");
}

TEST(Clock, WallTimeIsShownInUtc) {
  const base::WallTime time(1767323045s + 678ms);
  EXPECT_EQ(base::format_utc(time), "2026-01-02T03:04:05Z");
  EXPECT_EQ(base::format_utc(time, true), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(base::format_utc(base::WallTime(-1ms), true), "1969-12-31T23:59:59.999Z");
}

TEST(Clock, TheSystemClockKnowsItsBootAndMovesOn) {
  const base::SystemClock clock;
  EXPECT_EQ(clock.boot_id().size(), 36U);
  const auto before = clock.boot();
  EXPECT_GE(clock.boot(), before);
  EXPECT_GT(clock.wall_ns(), 1'600'000'000'000'000'000);
}

TEST(Clock, TheFakeClockMovesOnlyWhenTold) {
  FakeClock clock;
  const auto wall = clock.wall();
  const auto boot = clock.boot();
  EXPECT_EQ(clock.wall(), wall);
  clock.advance(3s);
  EXPECT_EQ(clock.wall() - wall, 3s);
  EXPECT_EQ(clock.boot() - boot, 3s);
  clock.step_wall(-1h);
  EXPECT_EQ(clock.boot() - boot, 3s);
}

}  // namespace
}  // namespace holdfast::test

// The accumulator: time, names, tags, counts.
#include "inputs/accumulator.h"

#include <limits>

#include <gtest/gtest.h>

#include "cases.h"

namespace holdfast::test {
namespace {

using inputs::Accumulator;
using inputs::InputCounters;
using inputs::PointRules;
using inputs::round_time;
using line::Point;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNow = 1'760'000'000 * kSecond + 600'000'000;

struct Gather {
  std::string lines;
  std::uint64_t points;
};

Gather gather(const PointRules& rules, const Point& point, InputCounters& counters) {
  Accumulator out(rules, {}, kNow, counters);
  out.add(point);
  const auto points = out.points();
  return {text_of(out.take()), points};
}

Gather gather(const PointRules& rules, const Point& point) {
  InputCounters counters;
  return gather(rules, point, counters);
}

Point example() {
  Point point("mem");
  point.tag("unit", "bytes").field("free", std::uint64_t{12});
  return point;
}

TEST(RoundTime, GoesToTheNearestMultipleAndHalvesGoUp) {
  EXPECT_EQ(round_time(10'499'999'999, seconds(1)), 10 * kSecond);
  EXPECT_EQ(round_time(10'500'000'000, seconds(1)), 11 * kSecond);
  EXPECT_EQ(round_time(10'600'000'000, seconds(1)), 11 * kSecond);
  EXPECT_EQ(round_time(11 * kSecond, seconds(1)), 11 * kSecond);
  EXPECT_EQ(round_time(1'499'999, milliseconds(1)), 1'000'000);
  EXPECT_EQ(round_time(1'500'000, milliseconds(1)), 2'000'000);
}

TEST(RoundTime, WorksBeforeTheEpoch) {
  EXPECT_EQ(round_time(-400'000'000, seconds(1)), 0);
  EXPECT_EQ(round_time(-500'000'000, seconds(1)), 0);
  EXPECT_EQ(round_time(-500'000'001, seconds(1)), -kSecond);
  EXPECT_EQ(round_time(-1'500'000'000, seconds(1)), -kSecond);
  EXPECT_EQ(round_time(-kSecond, seconds(1)), -kSecond);
}

TEST(RoundTime, LeavesTheTimeAloneWithoutAUnit) {
  for (const auto precision : {nanoseconds(1), nanoseconds(0), nanoseconds(-5)}) {
    EXPECT_EQ(round_time(1'234'567'891, precision), 1'234'567'891);
  }
}

TEST(RoundTime, StaysInRangeAtItsEnds) {
  constexpr auto kMin = std::numeric_limits<std::int64_t>::min();
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(round_time(kMax, seconds(1)), kMax / kSecond * kSecond);
  EXPECT_EQ(round_time(kMin, seconds(1)), kMin / kSecond * kSecond);
  EXPECT_EQ(round_time(kMax, nanoseconds(kMax)), kMax);
  EXPECT_EQ(round_time(kMin, nanoseconds(kMax)), -kMax);
}

TEST(AutomaticPrecision, FollowsTheIntervalUpToOneSecond) {
  using inputs::automatic_precision;
  EXPECT_EQ(automatic_precision(seconds(10)), seconds(1));
  EXPECT_EQ(automatic_precision(seconds(1)), seconds(1));
  EXPECT_EQ(automatic_precision(milliseconds(250)), milliseconds(1));
  EXPECT_EQ(automatic_precision(std::chrono::microseconds(10)), std::chrono::microseconds(1));
  EXPECT_EQ(automatic_precision(nanoseconds(10)), nanoseconds(1));
}

TEST(Accumulator, SetsAndRoundsTheTimeOfTheGather) {
  EXPECT_EQ(gather({}, example()).lines, "mem,unit=bytes free=12i 1760000001000000000\n");
}

TEST(Accumulator, KeepsAndRoundsTheTimeOfThePoint) {
  Point point = example();
  point.time(1'400'000'000);
  EXPECT_EQ(gather({}, point).lines, "mem,unit=bytes free=12i 1000000000\n");
}

TEST(Accumulator, OverridesTheNameBeforePrefixAndSuffix) {
  PointRules rules;
  rules.names.prefix = "a_";
  rules.names.suffix = "_z";
  EXPECT_EQ(gather(rules, example()).lines, "a_mem_z,unit=bytes free=12i 1760000001000000000\n");
  rules.names.replacement = "ram";
  EXPECT_EQ(gather(rules, example()).lines, "a_ram_z,unit=bytes free=12i 1760000001000000000\n");
}

TEST(Accumulator, RenamingKeepsTagsFieldsTypesAndTime) {
  Point point("m");
  point.tag("t", "v").time(5 * kSecond);
  point.field("f", 1.5).field("i", std::int64_t{-1}).field("b", true).field("s", "x y");
  point.field("u", std::uint64_t{7});
  PointRules rules;
  rules.names.replacement = "n";
  rules.encode.uint_support = true;
  EXPECT_EQ(gather(rules, point).lines, "n,t=v f=1.5,i=-1i,b=true,s=\"x y\",u=7u 5000000000\n");
}

TEST(Accumulator, AddsTagsThatThePointDoesNotHave) {
  PointRules rules;
  rules.extra_tags = {{"host", "h1"}, {"unit", "other"}};
  EXPECT_EQ(gather(rules, example()).lines,
            "mem,host=h1,unit=bytes free=12i 1760000001000000000\n");
}

TEST(Accumulator, CountsWhatIsWrittenOnly) {
  InputCounters counters;
  Point empty("mem");
  EXPECT_EQ(gather({}, empty, counters).points, 0U);
  Point infinite("mem");
  infinite.field("x", std::numeric_limits<double>::infinity());
  EXPECT_EQ(gather({}, infinite, counters).lines, "");
  EXPECT_EQ(counters.gathered, 0U);
  EXPECT_EQ(gather({}, example(), counters).points, 1U);
  EXPECT_EQ(counters.gathered, 1U);
}

TEST(Accumulator, AnUnwritablePointLeavesItsNeighboursWhole) {
  const PointRules rules;
  InputCounters counters;
  Accumulator out(rules, {}, kNow, counters);
  out.add(example());
  out.add(Point("mem"));
  out.add(example());
  EXPECT_EQ(out.points(), 2U);
  EXPECT_EQ(text_of(out.take()),
            "mem,unit=bytes free=12i 1760000001000000000\n"
            "mem,unit=bytes free=12i 1760000001000000000\n");
}

TEST(Accumulator, CutsItsLinesToTheLimits) {
  const PointRules rules;
  InputCounters counters;
  Accumulator out(rules, {.raw_bytes = 1000, .points = 2}, kNow, counters);
  for (int i = 0; i < 5; ++i) out.add(example());
  const auto chunks = out.take();
  ASSERT_EQ(chunks.size(), 3U);
  EXPECT_EQ(chunks[0].points, 2U);
  EXPECT_EQ(chunks[2].points, 1U);
  EXPECT_EQ(chunks[2].oldest_ns, 1'760'000'001 * kSecond);
}

TEST(Accumulator, CountsErrorsAndKeepsTheLast) {
  const PointRules rules;
  InputCounters counters;
  Accumulator out(rules, {}, kNow, counters);
  out.add_error({base::ErrorCode::kIo, "first"});
  out.add_error({base::ErrorCode::kTimeout, "second"});
  EXPECT_EQ(counters.errors, 2U);
  EXPECT_EQ(counters.last_error(), "second");
  ASSERT_EQ(out.errors().size(), 2U);
  EXPECT_EQ(out.errors()[1].code, base::ErrorCode::kTimeout);
}

}  // namespace
}  // namespace holdfast::test

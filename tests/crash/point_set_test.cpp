#include "tests/crash/point_set.h"

#include <gtest/gtest.h>

namespace holdfast::crash {
namespace {

PointSet set_of(const std::vector<Stretch>& stretches) {
  PointSet set;
  for (const Stretch& s : stretches) EXPECT_TRUE(set.add(s.first, s.end));
  return set;
}

TEST(PointSet, TakesNothingTwiceAndNothingOutOfOrder) {
  PointSet set;
  EXPECT_TRUE(set.add(3, 5));
  EXPECT_TRUE(set.add(5, 6)) << "it goes on where the last one ended";
  EXPECT_TRUE(set.add(9, 10));
  EXPECT_FALSE(set.add(9, 10)) << "twice";
  EXPECT_FALSE(set.add(4, 12)) << "back";
  EXPECT_EQ(set.stretches(), (std::vector<Stretch>{{3, 6}, {9, 10}}));
  EXPECT_EQ(set.count(), 4U);
  EXPECT_EQ(set.text(), "3..5 9..9");
}

// Small enough to be compared with a bit for each number.
TEST(PointSet, ArithmeticAgreesWithBits) {
  const auto from_bits = [](unsigned bits) {
    PointSet set;
    for (std::uint64_t i = 0; i < 7; ++i) {
      if ((bits >> i & 1U) != 0) set.add(i, i + 1);
    }
    return set;
  };
  for (unsigned a = 0; a < 128; ++a) {
    for (unsigned b = 0; b < 128; ++b) {
      EXPECT_EQ(from_bits(a).minus(from_bits(b)), from_bits(a & ~b));
      EXPECT_EQ(from_bits(a).united(from_bits(b)), from_bits(a | b));
    }
    EXPECT_EQ(from_bits(a).within(2, 5), from_bits(a & 0b11100U));
  }
}

TEST(PointSet, HolesMayReachOverSeveralStretches) {
  const PointSet set = set_of({{0, 10}, {20, 30}, {40, 50}});
  EXPECT_EQ(set.minus(set_of({{5, 45}})), set_of({{0, 5}, {45, 50}}));
  EXPECT_EQ(set.minus(set_of({{2, 3}, {25, 26}})),
            set_of({{0, 2}, {3, 10}, {20, 25}, {26, 30}, {40, 50}}));
  EXPECT_TRUE(set.minus(set_of({{0, 50}})).empty());
}

TEST(PointSet, CountsTheNumbersOutsideFromTheEnd) {
  const PointSet set = set_of({{10, 20}, {30, 40}});
  EXPECT_EQ(set.lowest_of_last(0, 50), 50U);
  EXPECT_EQ(set.lowest_of_last(10, 50), 40U);
  EXPECT_EQ(set.lowest_of_last(11, 50), 29U);
  EXPECT_EQ(set.lowest_of_last(21, 50), 9U);
  EXPECT_EQ(set.lowest_of_last(30, 50), 0U);
  EXPECT_EQ(set.lowest_of_last(31, 50), 0U) << "there are not so many";
  EXPECT_EQ(set.lowest_of_last(5, 35), 25U) << "the set goes on behind the end";
  EXPECT_EQ(PointSet().lowest_of_last(7, 50), 43U);
}

TEST(PointSet, FindsTheNextNumberOutside) {
  const PointSet set = set_of({{10, 20}, {30, 40}});
  EXPECT_EQ(set.next_outside(9), 9U);
  EXPECT_EQ(set.next_outside(10), 20U);
  EXPECT_EQ(set.next_outside(39), 40U);
  EXPECT_EQ(set.next_outside(40), 40U);
}

}  // namespace
}  // namespace holdfast::crash

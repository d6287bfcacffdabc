#include "agent/base/random.h"

#include <array>

#include <gtest/gtest.h>

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;

TEST(Random, TheSameSeedGivesTheSameNumbers) {
  base::Random one(7);
  base::Random other(7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(one.next(), other.next());
}

TEST(Random, NumbersStayBelowTheBoundAndReachAllOfIt) {
  base::Random random(1);
  std::array<int, 5> seen{};
  for (int i = 0; i < 1000; ++i) ++seen.at(random.below(std::uint64_t{5}));
  for (const int count : seen) EXPECT_GT(count, 100);
  EXPECT_EQ(random.below(std::uint64_t{0}), 0U);
}

TEST(Random, DurationsStayBelowTheBound) {
  base::Random random(1);
  for (int i = 0; i < 100; ++i) {
    const base::Duration d = random.below(base::Duration(10ms));
    EXPECT_GE(d, 0ns);
    EXPECT_LT(d, 10ms);
  }
  EXPECT_EQ(random.below(base::Duration(0)), 0ns);
  EXPECT_EQ(random.below(base::Duration(-5)), 0ns);
}

}  // namespace
}  // namespace holdfast::test

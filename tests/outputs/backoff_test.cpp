// Backoff: bounds and spread.
#include "outputs/backoff.h"

#include <gtest/gtest.h>

namespace holdfast::outputs {
namespace {

using std::chrono::seconds;

TEST(Backoff, StaysBelowABoundThatDoublesUpToTheCap) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    base::Random random(seed);
    Backoff backoff;
    base::Duration bound = seconds(1);
    for (int failure = 0; failure < 20; ++failure) {
      const base::Duration wait = backoff.next(random);
      EXPECT_GE(wait, base::Duration::zero());
      EXPECT_LT(wait, bound) << "seed " << seed << " failure " << failure;
      bound = std::min<base::Duration>(seconds(300), bound * 2);
    }
  }
}

TEST(Backoff, UsesTheWholeRange) {
  base::Random random(1);
  int low = 0;
  int high = 0;
  for (int i = 0; i < 1000; ++i) {
    Backoff backoff;
    const base::Duration wait = backoff.next(random);
    if (wait < std::chrono::milliseconds(100)) ++low;
    if (wait > std::chrono::milliseconds(900)) ++high;
  }
  EXPECT_GT(low, 50);
  EXPECT_GT(high, 50);
}

TEST(Backoff, StartsAnewAfterASuccess) {
  base::Random random(2);
  Backoff backoff;
  for (int i = 0; i < 10; ++i) (void)backoff.next(random);
  backoff.reset();
  EXPECT_LT(backoff.next(random), seconds(1));
}

TEST(Backoff, TheSameSeedGivesTheSameWaits) {
  base::Random one(42);
  base::Random two(42);
  Backoff a;
  Backoff b;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(a.next(one), b.next(two));
}

}  // namespace
}  // namespace holdfast::outputs

#include "outputs/pacing.h"

#include <gtest/gtest.h>

namespace holdfast::outputs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(BackfillRate, IsAShareOrASizeForEachSecond) {
  EXPECT_EQ(parse_backfill_rate("50%").value(), (BackfillRate{50, 0}));
  EXPECT_EQ(parse_backfill_rate("100%").value(), (BackfillRate{100, 0}));
  EXPECT_EQ(parse_backfill_rate("20KB").value(), (BackfillRate{0, 20'000}));
  for (const char* bad : {"", "0%", "101%", "-5%", "5.5%", "%", "0", "x", "5 %"}) {
    EXPECT_FALSE(parse_backfill_rate(bad)) << bad;
  }
}

TEST(BackfillRate, AShareIsOfTheTime) {
  EXPECT_EQ(pause_after({50, 0}, seconds(2), 999), seconds(2));
  EXPECT_EQ(pause_after({25, 0}, seconds(2), 999), seconds(6));
  EXPECT_EQ(pause_after({100, 0}, seconds(2), 999), seconds(0));
}

TEST(BackfillRate, ASizeCountsTheTimeTheRequestTook) {
  EXPECT_EQ(pause_after({0, 1000}, milliseconds(500), 2000), milliseconds(1500));
  EXPECT_EQ(pause_after({0, 1000}, seconds(3), 2000), seconds(0));
}

}  // namespace
}  // namespace holdfast::outputs

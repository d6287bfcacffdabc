// Moments as people type them.
#include "agent/time_argument.h"

#include <gtest/gtest.h>

namespace holdfast::test {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNow = 1'769'860'800 * kSecond;  // 2026-01-31T12:00:00Z

std::int64_t moment(std::string_view text) {
  const auto parsed = agent::parse_moment(text, kNow);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message);
  return parsed.value_or(-1);
}

TEST(TimeArgument, Dates) {
  EXPECT_EQ(moment("2026-01-31T12:00:00Z"), kNow);
  EXPECT_EQ(moment("2026-01-31t12:00:00z"), kNow);
  EXPECT_EQ(moment("2026-01-31 12:00:00Z"), kNow);
  EXPECT_EQ(moment("2026-01-31T14:00:00+02:00"), kNow);
  EXPECT_EQ(moment("2026-01-31T06:30:00-05:30"), kNow);
  EXPECT_EQ(moment("2026-01-31T12:00:00.25Z"), kNow + kSecond / 4);
  EXPECT_EQ(moment("2026-01-31T12:00:00.0000000019Z"), kNow + 1);
  EXPECT_EQ(moment("1969-12-31T23:59:59.5Z"), -kSecond / 2);
  EXPECT_EQ(moment("2024-02-29T00:00:00Z"), 1'709'164'800 * kSecond);
}

TEST(TimeArgument, DurationsCountBackFromNow) {
  EXPECT_EQ(moment("2h"), kNow - 7200 * kSecond);
  EXPECT_EQ(moment("1h30m"), kNow - 5400 * kSecond);
  EXPECT_EQ(moment("1.5s"), kNow - 3 * kSecond / 2);
  EXPECT_EQ(moment("0s"), kNow);
}

TEST(TimeArgument, PlainNumbersAreUnixSeconds) {
  EXPECT_EQ(moment("1769860800"), kNow);
  EXPECT_EQ(moment("1769860800.5"), kNow + kSecond / 2);
  EXPECT_EQ(moment("0"), 0);
}

TEST(TimeArgument, AnythingElseIsRefusedWithTheFormsExpected) {
  for (const char* text :
       {"", "yesterday", "2026-01-31", "2026-01-31T12:00:00", "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00+2:00", "2026-01-31T12:00:00Zulu", "-2h",
        "1769860800000000000", "99999999999999999999", "1.2.3", ".", "9999-01-01T00:00:00Z"}) {
    const auto parsed = agent::parse_moment(text, kNow);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().message.find("expected"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace holdfast::test

#include "config/units.h"

#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

using base::Duration;
using base::ErrorCode;
using namespace std::chrono_literals;

TEST(ParseDuration, ReadsWhatPeopleWrite) {
  const std::vector<std::pair<std::string_view, Duration>> table{
      {"10s", 10s},
      {"1h30m", 90min},
      {"1m30s", 90s},
      {"250ms", 250ms},
      {"1.5h", 90min},
      {".5s", 500ms},
      {"5.s", 5s},
      {"+3s", 3s},
      {"1d", 24h},
      {"0.5d", 12h},
      {"1us", 1us},
      {"1\u00b5s", 1us},
      {"1\u03bcs", 1us},
      {"7ns", 7ns},
      {"0s", 0s},
      {"0", 0s},
      {"", 0s},
      {"10", 10s},
      {"0.5", 500ms},
      {"0.3s", 300ms},
      {"1h1h", 2h},
      {"9223372036854775807ns", Duration(std::numeric_limits<std::int64_t>::max())},
  };
  for (const auto& [text, expected] : table) {
    const auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message;
    EXPECT_EQ(*parsed, expected) << text;
  }
}

TEST(ParseDuration, RefusesWhatIsNone) {
  for (const std::string_view text : {"10 parsecs", "s", "10 s", "-5s", "1s30", "10x", ".", ".s",
                                      "1h-5m", "+", "s10", "1,5s", " 10s", "10s ", "10S"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid) << text;
  }
}

TEST(ParseDuration, RefusesOverflow) {
  for (const std::string_view text : {"9223372036854775808ns", "106752d", "99999999999999999999s",
                                      "9223372036s9223372036s", "9223372036854775807ns1ns"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kTooLarge) << text;
  }
}

TEST(DurationFromSeconds, TakesNumbersAndRefusesOddOnes) {
  EXPECT_EQ(*duration_from_seconds(2.5), 2500ms);
  EXPECT_EQ(*duration_from_seconds(0), 0s);
  EXPECT_FALSE(duration_from_seconds(-0.1));
  EXPECT_FALSE(duration_from_seconds(std::nan("")));
  EXPECT_FALSE(duration_from_seconds(std::numeric_limits<double>::infinity()));
  EXPECT_FALSE(duration_from_seconds(9.3e9));
}

TEST(ExactDuration, IsReadBackAsTheSame) {
  const std::vector<std::pair<Duration, std::string_view>> table{
      {0s, "0s"},       {10s, "10s"},     {90s, "1m30s"},
      {24h, "1d"},      {36h, "36h"},     {1500ms, "1s500ms"},
      {250us, "250us"}, {1ns, "1ns"},     {3600s + 1ns, "1h1ns"},
      {168h, "7d"},     {100ms, "100ms"}, {Duration::max(), "2562047h47m16s854ms775us807ns"},
  };
  for (const auto& [duration, text] : table) {
    EXPECT_EQ(exact_duration(duration), text);
    EXPECT_EQ(*parse_duration(text), duration);
  }
}

TEST(ParseBytes, ReadsWhatPeopleWrite) {
  const std::vector<std::pair<std::string_view, std::uint64_t>> table{
      {"64MiB", 64ULL << 20},
      {"10MB", 10'000'000},
      {"512KiB", 512ULL << 10},
      {"4096", 4096},
      {"0", 0},
      {"1B", 1},
      {"10mb", 10'000'000},
      {"10M", 10'000'000},
      {"10Mi", 10ULL << 20},
      {"1.5GiB", 3ULL << 29},
      {"2kib", 2048},
      {"64 MiB", 64ULL << 20},
      {"1TiB", 1ULL << 40},
      {"15EiB", 15ULL << 60},
      {"18446744073709551615", UINT64_MAX},
  };
  for (const auto& [text, expected] : table) {
    const auto parsed = parse_bytes(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message;
    EXPECT_EQ(parsed->count, expected) << text;
  }
}

TEST(ParseBytes, RefusesWhatIsNone) {
  for (const std::string_view text : {"", "MiB", "-1", "10 parsecs", "1  B", "1MiBB", "0x10"}) {
    const auto parsed = parse_bytes(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid) << text;
  }
  EXPECT_EQ(parse_bytes("16EiB").error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(parse_bytes("18446744073709551616").error().code, ErrorCode::kTooLarge);
}

TEST(FormatBytes, RoundsForPeople) {
  EXPECT_EQ(format_bytes(0), "0B");
  EXPECT_EQ(format_bytes(1023), "1023B");
  EXPECT_EQ(format_bytes(64ULL << 20), "64MiB");
  EXPECT_EQ(format_bytes(1536), "1.5KiB");
  EXPECT_EQ(format_bytes(10'000'000), "9.5MiB");
}

TEST(ExactBytes, IsReadBackAsTheSame) {
  for (const auto& [count, text] : std::vector<std::pair<std::uint64_t, std::string_view>>{
           {0, "0B"}, {64ULL << 20, "64MiB"}, {10'000'000, "10MB"}, {1001, "1001B"}}) {
    EXPECT_EQ(exact_bytes(count), text);
    EXPECT_EQ(parse_bytes(text)->count, count);
  }
}

}  // namespace
}  // namespace holdfast::config

// Retry-After in all its forms.
#include "outputs/retry_after.h"

#include <gtest/gtest.h>

namespace holdfast::outputs {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr sys_seconds kNov1994{seconds(784'111'777)};             // Sun, 06 Nov 1994 08:49:37 GMT
const base::WallTime kNow = sys_seconds(seconds(1'760'000'000));  // Thu, 09 Oct 2025 08:53:20 GMT

TEST(HttpDate, AllThreeFormsNameTheSameSecond) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", kNow), kNov1994);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow), kNov1994);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", kNow), kNov1994);
}

TEST(HttpDate, ATwoDigitYearIsNotMoreThanFiftyYearsAhead) {
  const auto year = [](std::string_view text) {
    const auto time = parse_http_date(text, kNow);
    if (!time) return 0;
    return static_cast<int>(
        std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(*time)).year());
  };
  EXPECT_EQ(year("Thursday, 09-Oct-25 08:53:20 GMT"), 2025);
  EXPECT_EQ(year("Thursday, 09-Oct-75 08:53:20 GMT"), 2075);
  EXPECT_EQ(year("Thursday, 09-Oct-76 08:53:20 GMT"), 1976);
  EXPECT_EQ(year("Thursday, 09-Oct-99 08:53:20 GMT"), 1999);
  EXPECT_EQ(year("Thursday, 09-Oct-00 08:53:20 GMT"), 2000);
}

TEST(HttpDate, OddButValidDates) {
  EXPECT_TRUE(parse_http_date("Thu, 29 Feb 2024 00:00:00 GMT", kNow));
  EXPECT_TRUE(parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT", kNow));  // a leap second
  EXPECT_TRUE(parse_http_date("Fri, 31 Dec 9999 23:59:59 GMT", kNow));
  EXPECT_TRUE(parse_http_date("Sun Nov 16 08:49:37 1994", kNow));
}

TEST(HttpDate, AnythingElseIsNoDate) {
  for (const std::string_view text :
       {"", "Sun", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Xyz, 06 Nov 1994 08:49:37 GMT", "Thu, 29 Feb 2023 00:00:00 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z",
        "Sun Nov 6 08:49:37 1994"}) {
    EXPECT_FALSE(parse_http_date(text, kNow)) << text;
  }
}

struct Row {
  std::string_view value;
  std::string_view date;
  std::optional<base::Duration> wait;
};

TEST(RetryAfter, Table) {
  const std::string_view served = "Thu, 09 Oct 2025 10:00:00 GMT";  // not the local time
  const Row rows[] = {
      {"0", "", seconds(0)},
      {"1", "", seconds(1)},
      {" 120\t", "", seconds(120)},
      {"007", "", seconds(7)},
      {"600", served, seconds(600)},
      {"9223372036", "", seconds(9'223'372'036)},
      {"9223372037", "", std::nullopt},            // does not fit nanoseconds
      {"99999999999999999999", "", std::nullopt},  // does not fit anything
      {"-1", "", std::nullopt},
      {"-0", "", std::nullopt},
      {"+5", "", std::nullopt},
      {"1.5", "", std::nullopt},
      {"5s", "", std::nullopt},
      {"5, 6", "", std::nullopt},
      {"0x10", "", std::nullopt},
      {"", "", std::nullopt},
      {"   ", "", std::nullopt},
      {"soon", "", std::nullopt},
      {"Thu, 09 Oct 2025 10:01:30 GMT", served, seconds(90)},
      {"Thursday, 09-Oct-25 10:01:30 GMT", served, seconds(90)},
      {"Thu Oct  9 10:01:30 2025", served, seconds(90)},
      {"Thu, 09 Oct 2025 10:00:00 GMT", served, seconds(0)},
      {"Thu, 09 Oct 2025 09:00:00 GMT", served, seconds(0)},
      {"Thu, 01 Jan 1970 00:00:00 GMT", served, seconds(0)},
      {"Thu, 09 Oct 2025 08:54:20 GMT", "", seconds(60)},  // by the local clock
      {"Thu, 09 Oct 2025 08:54:20 GMT", "rubbish", seconds(60)},
      {"Fri, 31 Dec 9999 23:59:59 GMT", served, seconds(9'223'372'036)},  // as long as there is
  };
  for (const Row& row : rows) {
    EXPECT_EQ(parse_retry_after(row.value, row.date, kNow), row.wait)
        << "'" << row.value << "' with Date '" << row.date << "'";
  }
}

}  // namespace
}  // namespace holdfast::outputs

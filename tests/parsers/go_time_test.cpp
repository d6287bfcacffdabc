// Times in formats of Go, and the zones they stand in.
#include "inputs/parsers/go_time.h"

#include <string>

#include <gtest/gtest.h>

#include "inputs/parsers/zone_rules.h"

namespace holdfast::test {
namespace {

constexpr std::int64_t kNowNs = 1'700'000'000'000'000'000;  // 2023-11-14

// Nanoseconds as text, or what is wrong.
std::string read(const std::string& format, std::string_view text, const std::string& zone = "") {
  auto compiled = parsers::TimeFormat::compile(format, zone);
  if (!compiled) return compiled.error().message;
  const auto time = compiled->parse(text, kNowNs);
  return time ? std::to_string(*time) : time.error().message;
}

TEST(GoTime, UnixTimesInEachUnit) {
  EXPECT_EQ(read("unix", "1536843000"), "1536843000000000000");
  EXPECT_EQ(read("unix", "1536843000.123456789"), "1536843000123456789");
  EXPECT_EQ(read("unix", "1536843000,5"), "1536843000500000000");
  EXPECT_EQ(read("unix_ms", "1536843000123"), "1536843000123000000");
  EXPECT_EQ(read("unix_us", "1536843000123456"), "1536843000123456000");
  EXPECT_EQ(read("unix_ns", "1536843000123456789"), "1536843000123456789");
  EXPECT_EQ(read("unix", "-1.5"), "-1500000000");
  EXPECT_EQ(read("unix_ns", "7.9"), "7");
}

TEST(GoTime, WhatIsNoUnixTimeIsNamed) {
  const std::string expected = "`, expected a number of units since 1970";
  for (const char* text : {"", "x", "1x", "1.2.3", "99999999999", "99999999999999999999", "1e9"}) {
    EXPECT_EQ(read("unix", text), std::string("found `") + text + expected);
  }
}

TEST(GoTime, NamedFormats) {
  EXPECT_EQ(read("RFC3339", "2018-09-13T13:03:28Z"), "1536843808000000000");
  EXPECT_EQ(read("rfc3339", "2018-09-13T15:03:28+02:00"), "1536843808000000000");
  EXPECT_EQ(read("RFC3339Nano", "2018-09-13T13:03:28.25Z"), "1536843808250000000");
  EXPECT_EQ(read("ANSIC", "Thu Sep 13 13:03:28 2018"), "1536843808000000000");
  EXPECT_EQ(read("UnixDate", "Sat Sep  1 13:03:28 UTC 2018"), "1535807008000000000");
  EXPECT_EQ(read("RubyDate", "Thu Sep 13 13:03:28 +0000 2018"), "1536843808000000000");
  EXPECT_EQ(read("RFC822", "13 Sep 18 13:03 GMT"), "1536843780000000000");
  EXPECT_EQ(read("RFC822Z", "13 Sep 18 06:03 -0700"), "1536843780000000000");
  EXPECT_EQ(read("RFC850", "Thursday, 13-Sep-18 13:03:28 UTC"), "1536843808000000000");
  EXPECT_EQ(read("RFC1123", "Thu, 13 Sep 2018 15:03:28 CET"), "1536843808000000000");
  EXPECT_EQ(read("RFC1123Z", "Thu, 13 Sep 2018 13:03:28 +0000"), "1536843808000000000");
  EXPECT_EQ(read("StampMilli", "Sep 13 13:03:28.250"), "1694610208250000000");  // this year
  EXPECT_EQ(read("StampMicro", "Sep 13 13:03:28.000001"), "1694610208000001000");
  EXPECT_EQ(read("StampNano", "Sep 13 13:03:28.000000001"), "1694610208000000001");
  EXPECT_EQ(read("Stamp", "Sep 13 13:03:28"), "1694610208000000000");
}

TEST(GoTime, LayoutsOfPeople) {
  EXPECT_EQ(read("2006-01-02 15:04:05", "2018-09-13 13:03:28"), "1536843808000000000");
  EXPECT_EQ(read("02.01.06 15:04", "13.09.18 13:03"), "1536843780000000000");
  EXPECT_EQ(read("1/2/2006 3:04:05 PM", "9/13/2018 1:03:28 PM"), "1536843808000000000");
  EXPECT_EQ(read("1/2/2006 3:04 pm", "9/13/2018 12:30 am"), "1536798600000000000");
  EXPECT_EQ(read("January 2, 2006 15h", "september 13, 2018 13h"), "1536843600000000000");
  EXPECT_EQ(read("20060102150405", "20180913130328"), "1536843808000000000");
  EXPECT_EQ(read("2006-002", "2018-256"), "1536796800000000000");
  EXPECT_EQ(read("2006 __2", "2018  32"), "1517443200000000000");
  EXPECT_EQ(read("_2 Jan 2006", " 3 Sep 2018"), "1535932800000000000");
  EXPECT_EQ(read("2006-01-02T15:04:05.000-0700", "2018-09-13T13:03:28.125+0200"),
            "1536836608125000000");
  EXPECT_EQ(read("2006-01-02T15:04:05Z07", "2018-09-13T13:03:28-01"), "1536847408000000000");
}

TEST(GoTime, TwoDigitYearsAreOfThisCenturyBefore69) {
  EXPECT_EQ(read("06-01-02", "68-12-31"), "3124137600000000000");
  EXPECT_EQ(read("06-01-02", "69-01-01"), "-31536000000000000");
}

TEST(GoTime, AFractionMayFollowSecondsAlthoughTheLayoutHasNone) {
  EXPECT_EQ(read("2006-01-02 15:04:05", "2018-09-13 13:03:28.5"), "1536843808500000000");
  EXPECT_EQ(read("15:04:05.999 2006-01-02", "13:03:28 2018-09-13"), "1536843808000000000");
  EXPECT_EQ(read("2006-01-02 15:04:05.000", "2018-09-13 13:03:28.5"),
            "found `2018-09-13 13:03:28.5`, expected a time with `.000` of the format");
}

TEST(GoTime, TextsThatSayNoZoneStandInTheGivenOne) {
  const std::string layout = "2006-01-02 15:04:05";
  EXPECT_EQ(read(layout, "2018-09-13 15:03:28", "Europe/Berlin"), "1536843808000000000");
  EXPECT_EQ(read(layout, "2018-12-13 14:03:28", "Europe/Berlin"), "1544706208000000000");
  EXPECT_EQ(read(layout, "2018-09-13 13:03:28", "UTC"), "1536843808000000000");
  EXPECT_EQ(read(layout + "Z07:00", "2018-09-13 13:03:28Z", "Europe/Berlin"),
            "1536843808000000000");
  EXPECT_EQ(read(layout, "2018-09-13 13:03:28", "Mars/Olympus"), "no such time zone: Mars/Olympus");
  EXPECT_EQ(read(layout, "2018-09-13 13:03:28", "../../etc/passwd"),
            "no such time zone: ../../etc/passwd");
}

TEST(GoTime, AnAbbreviationIsAZoneOfTheSystemOrAnError) {
  EXPECT_EQ(read("2006-01-02 15:04 MST", "2018-12-13 14:03 CET"), "1544706180000000000");
  EXPECT_EQ(read("2006-01-02 15:04 MST", "2018-12-13 14:03 +01"), "1544706180000000000");
  EXPECT_EQ(read("2006-01-02 15:04 MST", "2018-12-13 14:03 XYZ"),
            "found `2018-12-13 14:03 XYZ`, expected an abbreviation that is a zone of this system");
}

TEST(GoTime, WhatDoesNotFitIsSaid) {
  const std::string layout = "2006-01-02 15:04:05";
  EXPECT_EQ(read(layout, "2018-13-01 00:00:00"),
            "found `2018-13-01 00:00:00`, expected a day of the calendar");
  EXPECT_EQ(read(layout, "2018-02-29 00:00:00"),
            "found `2018-02-29 00:00:00`, expected a day of the calendar");
  EXPECT_EQ(read(layout, "2018-02-01 24:00:00"),
            "found `2018-02-01 24:00:00`, expected a time of the day");
  EXPECT_EQ(read(layout, "2018-02-01"),
            "found `2018-02-01`, expected a time with `15` of the format");
  EXPECT_EQ(read(layout, "2018-02-01 00:00:00 x"),
            "found `2018-02-01 00:00:00 x`, expected a time that ends where the format does");
  EXPECT_EQ(read(layout, "2500-02-01 00:00:00"),
            "found `2500-02-01 00:00:00`, expected a time from 1678 to 2261");
  EXPECT_EQ(read("2006-002", "2018-366"), "found `2018-366`, expected a day of the year");
  EXPECT_NE(read("no time at all", "x").find("expected unix,"), std::string::npos);
}

TEST(ZoneRules, ClocksAreChangedAtTheRightSecond) {
  const auto berlin = parsers::ZoneRules::load("Europe/Berlin");
  ASSERT_TRUE(berlin);
  EXPECT_EQ(berlin->offset_at(1521939599), 3600);
  EXPECT_EQ(berlin->offset_at(1521939600), 7200);  // 2018-03-25 01:00 UTC
  EXPECT_EQ(berlin->offset_at(1540688399), 7200);
  EXPECT_EQ(berlin->offset_at(1540688400), 3600);
}

// Of the years behind its list a zone file has a rule.
TEST(ZoneRules, TheRuleBehindTheListCounts) {
  const auto berlin = parsers::ZoneRules::load("Europe/Berlin");
  const auto sydney = parsers::ZoneRules::load("Australia/Sydney");
  ASSERT_TRUE(berlin && sydney);
  EXPECT_EQ(berlin->offset_at(2'553'123'600 - 1), 3600);  // 2050-11-27 in winter
  EXPECT_EQ(berlin->offset_at(2'540'077'200), 7200);      // 2050-06-28
  EXPECT_EQ(sydney->offset_at(2'540'077'200), 36000);
  EXPECT_EQ(sydney->offset_at(2'524'608'000), 39600);  // 2050-01-01
}

std::string file_with(const std::string& rule, std::string types = {}) {
  const auto header = [](char count) {
    return std::string("TZif2") + std::string(15, '\0') + std::string(16, '\0') +
           std::string("\0\0\0\1", 4) + std::string("\0\0\0", 3) + count;
  };
  const std::string type(6, '\0');
  if (types.empty()) types = type;
  return header('\0') + type + header('\0') + types + "\n" + rule + "\n";
}

TEST(ZoneRules, RulesInAllFormsOfPosix) {
  const auto offset = [](const std::string& rule, std::int64_t time) {
    const auto zone = parsers::ZoneRules::parse(file_with(rule));
    return zone ? zone->offset_at(time) : -1;
  };
  EXPECT_EQ(offset("<+0330>-3:30", 0), 12600);
  EXPECT_EQ(offset("EST5", 0), -18000);
  // 2023-03-12 07:00 UTC, 2023-11-05 06:00 UTC.
  EXPECT_EQ(offset("EST5EDT,M3.2.0,M11.1.0", 1'678'604'399), -18000);
  EXPECT_EQ(offset("EST5EDT,M3.2.0,M11.1.0", 1'678'604'400), -14400);
  EXPECT_EQ(offset("EST5EDT,M3.2.0,M11.1.0", 1'699'163'999), -14400);
  EXPECT_EQ(offset("EST5EDT,M3.2.0,M11.1.0", 1'699'164'000), -18000);
  // Day 60 without 29 February is 1 March, in leap years too; counted from 0 it is 29 February.
  EXPECT_EQ(offset("A1B,J60/0,J61/0", 0), 0);
  EXPECT_EQ(offset("AAA0BBB,J60/0,J61/0", 1'709'251'200), 3600);  // 2024-03-01
  EXPECT_EQ(offset("AAA0BBB,J60/0,J61/0", 1'709'251'199), 0);
  EXPECT_EQ(offset("AAA0BBB,59/0,60/0", 1'709'164'800), 3600);  // 2024-02-29
  EXPECT_EQ(offset("AAA0BBB-2:30,59/0,60/0", 1'709'164'800), 9000);
}

TEST(ZoneRules, DamagedFilesAreRefused) {
  const std::string good = file_with("UTC0");
  EXPECT_TRUE(parsers::ZoneRules::parse(good));
  EXPECT_FALSE(parsers::ZoneRules::parse(""));
  EXPECT_FALSE(parsers::ZoneRules::parse("TZif2"));
  EXPECT_FALSE(parsers::ZoneRules::parse("x" + good));
  EXPECT_FALSE(parsers::ZoneRules::parse(good.substr(0, 90)));
}

}  // namespace
}  // namespace holdfast::test

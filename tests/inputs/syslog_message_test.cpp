// Syslog messages, as the two standards have them and as programs write them.
#include "inputs/syslog_message.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::inputs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr std::int64_t kNs = 1'000'000'000;

SyslogMessage good_5424(std::string_view text) {
  SyslogMessage message;
  const auto parsed = parse_rfc5424(text, message);
  EXPECT_TRUE(parsed) << text << ": " << parsed.error().message;
  return message;
}

std::string bad_5424(std::string_view text) {
  SyslogMessage message;
  const auto parsed = parse_rfc5424(text, message);
  EXPECT_FALSE(parsed) << text;
  return parsed ? "" : parsed.error().message;
}

// 2026-01-02T03:04:05Z
constexpr base::WallTime kNow{std::chrono::seconds(1'767'323'045)};

SyslogMessage good_3164(std::string_view text, base::WallTime now = kNow) {
  SyslogMessage message;
  const auto parsed = parse_rfc3164(text, now, message);
  EXPECT_TRUE(parsed) << text << ": " << parsed.error().message;
  return message;
}

std::string bad_3164(std::string_view text) {
  SyslogMessage message;
  const auto parsed = parse_rfc3164(text, kNow, message);
  EXPECT_FALSE(parsed) << text;
  return parsed ? "" : parsed.error().message;
}

TEST(Rfc5424, AWholeMessage) {
  const auto message = good_5424(
      "<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog 42 ID47 "
      "[exampleSDID@32473 iut=\"3\" eventSource=\"Application\"][other] \xEF\xBB\xBF"
      "An event\n");
  EXPECT_EQ(message.facility, 20U);
  EXPECT_EQ(message.severity, 5U);
  EXPECT_EQ(message.version, 1U);
  EXPECT_EQ(message.timestamp_ns, 1'065'910'455 * kNs + 3'000'000);
  EXPECT_EQ(message.hostname, "mymachine.example.com");
  EXPECT_EQ(message.appname, "evntslog");
  EXPECT_EQ(message.procid, "42");
  EXPECT_EQ(message.msgid, "ID47");
  ASSERT_EQ(message.elements.size(), 2U);
  EXPECT_EQ(message.elements[0].id, "exampleSDID@32473");
  EXPECT_THAT(message.elements[0].params,
              ElementsAre(Pair("iut", "3"), Pair("eventSource", "Application")));
  EXPECT_EQ(message.elements[1].id, "other");
  EXPECT_TRUE(message.elements[1].params.empty());
  EXPECT_EQ(message.message, "An event\n");
}

TEST(Rfc5424, WhatIsMissingIsEmpty) {
  const auto message = good_5424("<0>1 - - - - - -");
  EXPECT_EQ(message.facility, 0U);
  EXPECT_FALSE(message.timestamp_ns);
  EXPECT_EQ(message.hostname, "");
  EXPECT_EQ(message.msgid, "");
  EXPECT_TRUE(message.elements.empty());
  EXPECT_FALSE(message.message);
  EXPECT_EQ(good_5424("<191>999 - - - - - - ").message, "");
}

TEST(Rfc5424, Times) {
  const auto time = [](const std::string& text) {
    return good_5424("<1>1 " + text + " - - - - -").timestamp_ns;
  };
  EXPECT_EQ(time("1985-04-12T23:20:50.52Z"), 482'196'050 * kNs + 520'000'000);
  EXPECT_EQ(time("1985-04-12T19:20:50.52-04:00"), 482'196'050 * kNs + 520'000'000);
  EXPECT_EQ(time("2003-08-24T05:14:15.000003-07:00"), 1'061'727'255 * kNs + 3'000);
  EXPECT_EQ(time("1970-01-01T00:00:00.123456789Z"), 123'456'789);
  EXPECT_EQ(time("2024-02-29T00:00:00Z"), 1'709'164'800 * kNs);
  for (const char* text :
       {"2003-10-11T22:14:15", "2003-10-11 22:14:15Z", "2003-13-11T22:14:15Z",
        "2023-02-29T22:14:15Z", "2003-10-11T24:14:15Z", "2003-10-11T22:60:15Z",
        "2003-10-11T22:14:60Z", "2003-10-11T22:14:15.Z", "2003-10-11T22:14:15.1234567890Z",
        "2003-10-11T22:14:15+1:00", "2003-10-11T22:14:15+24:00", "9999-01-01T00:00:00Z", "x", ""}) {
    EXPECT_THAT(bad_5424(std::string("<1>1 ") + text + " - - - - -"), HasSubstr("a time")) << text;
  }
}

TEST(Rfc5424, ValuesAreUnescaped) {
  const auto message = good_5424(R"(<1>1 - - - - - [a b="\"\\\]" c="\n" d=""])");
  EXPECT_THAT(message.elements.at(0).params,
              ElementsAre(Pair("b", "\"\\]"), Pair("c", "\\n"), Pair("d", "")));
}

TEST(Rfc5424, MistakesAreNamedWithTheirColumn) {
  EXPECT_EQ(bad_5424(""), "column 1: found the end, expected a priority from <0> to <191>");
  for (const char* text : {"<192>1", "<>1", "<01>1", "<1", "1>1", "<1a>1", "hello", "<1234>1"}) {
    EXPECT_THAT(bad_5424(text), HasSubstr("column 1: ")) << text;
  }
  EXPECT_THAT(bad_5424("<1>"), HasSubstr("column 4: found the end, expected a version"));
  EXPECT_THAT(bad_5424("<1>0 "), HasSubstr("a version"));
  EXPECT_THAT(bad_5424("<1>1234 "), HasSubstr("a blank"));
  EXPECT_THAT(bad_5424("<1>1 - " + std::string(256, 'h') + " - - - -"), HasSubstr("a host name"));
  EXPECT_THAT(bad_5424("<1>1 - - " + std::string(49, 'a') + " - - -"), HasSubstr("application"));
  EXPECT_THAT(bad_5424("<1>1 - -  - - -"), HasSubstr("application"));
  EXPECT_THAT(bad_5424("<1>1 - - - " + std::string(129, 'p') + " - -"), HasSubstr("process id"));
  EXPECT_THAT(bad_5424("<1>1 - - - - " + std::string(33, 'm') + " -"), HasSubstr("message id"));
  EXPECT_THAT(bad_5424("<1>1 - - - - - x"), HasSubstr("structured data"));
  EXPECT_THAT(bad_5424("<1>1 - - - - - -x"), HasSubstr("column 17: found `x`, expected a blank"));
  EXPECT_THAT(bad_5424("<1>1 - - - - - []"), HasSubstr("name of an element"));
  EXPECT_THAT(bad_5424("<1>1 - - - - - [a b]"), HasSubstr("=\""));
  EXPECT_THAT(bad_5424("<1>1 - - - - - [a b=\"x]"), HasSubstr("`\\]` within a value"));
  EXPECT_THAT(bad_5424("<1>1 - - - - - [a b=\"x"), HasSubstr("end of a value"));
  EXPECT_THAT(bad_5424("<1>1 - - - - - [a"), HasSubstr("a blank or ]"));
}

TEST(Rfc5424, KeepsWhatStandsInFrontOfAMistake) {
  SyslogMessage message;
  EXPECT_FALSE(parse_rfc5424("<34>1 2003-10-11T22:14:15Z host app", message));
  EXPECT_TRUE(message.begun);
  EXPECT_EQ(message.hostname, "host");
  EXPECT_EQ(message.appname, "app");
  SyslogMessage none;
  EXPECT_FALSE(parse_rfc5424("<34>x", none));
  EXPECT_FALSE(none.begun);
}

TEST(Rfc3164, AWholeMessage) {
  const auto message = good_3164("<34>Jan  1 22:14:15 mymachine su[230]: 'su root' failed");
  EXPECT_EQ(message.facility, 4U);
  EXPECT_EQ(message.severity, 2U);
  EXPECT_FALSE(message.version);
  EXPECT_EQ(message.timestamp_ns, 1'767'305'655 * kNs);
  EXPECT_EQ(message.hostname, "mymachine");
  EXPECT_EQ(message.appname, "su");
  EXPECT_EQ(message.procid, "230");
  EXPECT_EQ(message.message, "'su root' failed");
}

TEST(Rfc3164, WhatProgramsWrite) {
  const auto plain = good_3164("<13>Jan 01 00:00:00 host no tag here");
  EXPECT_EQ(plain.hostname, "host");
  EXPECT_EQ(plain.appname, "");
  EXPECT_EQ(plain.message, "no tag here");
  const auto local = good_3164("<13>Jan  1 00:00:00 root: from this host");
  EXPECT_EQ(local.hostname, "");
  EXPECT_EQ(local.appname, "root");
  EXPECT_EQ(local.message, "from this host");
  const auto local_pid = good_3164("<13>Jan  1 00:00:00 cron[12]: x");
  EXPECT_EQ(local_pid.hostname, "");
  EXPECT_EQ(local_pid.procid, "12");
  const auto no_colon = good_3164("<13>Jan  1 00:00:00 host app[1] x");
  EXPECT_EQ(no_colon.appname, "app");
  EXPECT_EQ(no_colon.message, "x");
  const auto precise = good_3164("<13>2026-01-01T00:00:00.5+01:00 host app: x");
  EXPECT_EQ(precise.timestamp_ns, 1'767'222'000 * kNs + kNs / 2);
  EXPECT_EQ(precise.appname, "app");
  const auto open = good_3164("<13>Jan  1 00:00:00 host app[1 x");
  EXPECT_EQ(open.appname, "");
  EXPECT_EQ(open.message, "app[1 x");
  EXPECT_FALSE(good_3164("<13>Jan  1 00:00:00").message);
}

// kNow is the second of January.
TEST(Rfc3164, TheYearIsThisOneUnlessThatWouldBeInTheFuture) {
  EXPECT_EQ(good_3164("<1>Jan  3 03:04:05 h").timestamp_ns, 1'767'409'445 * kNs);
  EXPECT_EQ(good_3164("<1>Jan  3 03:04:06 h").timestamp_ns, 1'735'873'446 * kNs);
  EXPECT_EQ(good_3164("<1>Dec 31 23:59:59 h").timestamp_ns, 1'767'225'599 * kNs);
  // 2024-03-01: its February has a 29th; in 2025 that day can only be of 2024.
  const base::WallTime march_2024{std::chrono::seconds(1'709'251'200)};
  const base::WallTime january_2025{std::chrono::seconds(1'735'689'600)};
  EXPECT_EQ(good_3164("<1>Feb 29 00:00:00 h", march_2024).timestamp_ns, 1'709'164'800 * kNs);
  EXPECT_EQ(good_3164("<1>Feb 29 00:00:00 h", january_2025).timestamp_ns, 1'709'164'800 * kNs);
}

TEST(Rfc3164, MistakesAreNamed) {
  EXPECT_THAT(bad_3164("no priority"), HasSubstr("a priority"));
  for (const char* text :
       {"<1>", "<1>hello", "<1>Jan 32 00:00:00 h", "<1>Jen  1 00:00:00 h", "<1>Jan  1 24:00:00 h",
        "<1>Jan  x 00:00:00 h", "<1>Jan  1 00:00", "<1>Feb 29 00:00:00 h"}) {
    EXPECT_THAT(bad_3164(text), HasSubstr("column 4: ")) << text;
  }
  EXPECT_THAT(bad_3164("<1>Jan  1 00:00:00x"), HasSubstr("a blank"));
}

TEST(SyslogNames, AreTheUsualOnes) {
  EXPECT_EQ(severity_name(0), "emerg");
  EXPECT_EQ(severity_name(3), "err");
  EXPECT_EQ(severity_name(7), "debug");
  EXPECT_EQ(facility_name(0), "kern");
  EXPECT_EQ(facility_name(10), "authpriv");
  EXPECT_EQ(facility_name(20), "local4");
  EXPECT_EQ(facility_name(23), "local7");
}

}  // namespace
}  // namespace holdfast::inputs

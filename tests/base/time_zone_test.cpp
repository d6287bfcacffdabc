#include "agent/base/time_zone.h"

#include <gtest/gtest.h>

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;

TEST(TimeZone, NamesAreThoseOfTheSystem) {
  for (const char* name : {"", "UTC", "local"}) EXPECT_TRUE(base::is_time_zone(name)) << name;
  for (const char* name : {"Mars/Base", "../../../etc/passwd", "/etc/passwd", "Europe"}) {
    EXPECT_FALSE(base::is_time_zone(name)) << name;
  }
}

// The zone belongs to the process: changed in a child only.
TEST(TimeZoneDeathTest, TheZoneIsChosenOnceForTheProcess) {
  const auto run = [] {
    bool good = base::use_time_zone("").has_value();
    good = good && !base::use_time_zone("Mars/Base").has_value();
    good = good && base::use_time_zone("local").has_value();
    good = good && base::use_time_zone("local").has_value();
    good = good && base::use_time_zone("UTC").has_value();
    std::_Exit(good ? 0 : 1);
  };
  EXPECT_EXIT(run(), testing::ExitedWithCode(0), "");
}

TEST(TimeZoneDeathTest, ALocalTimeCarriesItsDistanceFromUtc) {
  const auto run = [](const char* zone, const std::string& expected) {
    ::setenv("TZ", zone, 1);
    (void)base::use_time_zone("local");
    const base::WallTime time{1'767'323'045'250ms};  // 2026-01-02T03:04:05.25Z
    std::_Exit(base::format_local(time, true) == expected ? 0 : 1);
  };
  EXPECT_EXIT(run("XYZ-1", "2026-01-02T04:04:05.250+01:00"), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(run("XYZ3:30", "2026-01-01T23:34:05.250-03:30"), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace holdfast::test

// system: what golden files cannot hold (utmp in this machine's layout, time) and the uptime's
// form.
#include <cstring>
#include <string_view>

#include <gtest/gtest.h>
#include <utmp.h>

#include "cases.h"
#include "map_host.h"
#include "tests/support/fake_clock.h"

namespace holdfast::test {
namespace {

std::string record(short type, std::string_view user) {
  struct utmp one {};
  one.ut_type = type;
  std::memcpy(static_cast<char*>(one.ut_user), user.data(),
              std::min(user.size(), sizeof one.ut_user));
  return {reinterpret_cast<const char*>(&one), sizeof one};
}

std::unique_ptr<inputs::Input> make_system(const std::string& include, const inputs::HostFs& host,
                                           const base::Clock& clock) {
  std::vector<std::string> errors;
  auto input =
      make_input("system", "[[inputs.system]]\ninclude = [" + include + "]\n", host, clock, errors);
  EXPECT_TRUE(errors.empty());
  return input;
}

// The lines of one gather.
std::string lines_of(inputs::Input& input, const base::Clock& clock) {
  Outcome outcome;
  gather_once(input, clock, outcome);
  EXPECT_TRUE(outcome.errors.empty());
  return outcome.lines;
}

std::string users_of(const MapHost& host) {
  const FakeClock clock;
  return lines_of(*make_system("\"users\"", host, clock), clock);
}

const std::string kSessions = record(BOOT_TIME, "reboot") + record(USER_PROCESS, "ada") +
                              record(LOGIN_PROCESS, "LOGIN") + record(USER_PROCESS, "bob") +
                              record(DEAD_PROCESS, "eve") + record(USER_PROCESS, "ada");

TEST(SystemUsers, SessionsAndNamesAreCounted) {
  EXPECT_EQ(users_of(MapHost({{"/run/utmp", kSessions}})),
            "system n_unique_users=2i,n_users=3i 1760000000000000000\n");
}

TEST(SystemUsers, TheOldPlaceOfUtmpIsReadToo) {
  EXPECT_EQ(users_of(MapHost({{"/var/run/utmp", kSessions}})),
            "system n_unique_users=2i,n_users=3i 1760000000000000000\n");
}

TEST(SystemUsers, NobodyLoggedInIsZero) {
  EXPECT_EQ(users_of(MapHost({{"/run/utmp", record(BOOT_TIME, "reboot")}})),
            "system n_unique_users=0i,n_users=0i 1760000000000000000\n");
}

TEST(SystemUsers, NamesMayFillTheirPlaceAndRecordsMayBeCut) {
  const std::string full(sizeof(utmp::ut_user), 'x');
  const std::string text = record(USER_PROCESS, full) + record(USER_PROCESS, full + "y");
  EXPECT_EQ(users_of(MapHost({{"/run/utmp", text + kSessions.substr(0, 100)}})),
            "system n_unique_users=1i,n_users=2i 1760000000000000000\n");
}

TEST(SystemUsers, NoUtmpOrAnEmptyOneIsNoData) {
  EXPECT_EQ(users_of(MapHost()), "");
  EXPECT_EQ(users_of(MapHost({{"/run/utmp", std::string()}})), "");
}

TEST(SystemUptime, HasTelegrafsForm) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"0.00 0.00", " 0:00"},
      {"59.99 1.00", " 0:00"},
      {"11100.01 1.00", " 3:05"},
      {"86399.99 1.00", "23:59"},
      {"86400.00 1.00", "1 day,  0:00"},
      {"97500.00 1.00", "1 day,  3:05"},
      {"1249620.00 1.00", "14 days, 11:07"},
      {"315360000 1", "3650 days,  0:00"},
  };
  const FakeClock clock;
  for (const auto& [file, expected] : table) {
    const MapHost host({{"/proc/uptime", file + "\n"},
                        {"/proc/loadavg", "0 0 0 1/1 1\n"},
                        {"/proc/stat", "cpu0 1 2 3 4\n"}});
    const auto line = lines_of(*make_system("\"legacy\"", host, clock), clock);
    EXPECT_NE(line.find("uptime_format=\"" + expected + "\""), std::string::npos) << line;
  }
}

TEST(SystemCpus, CoresAreCountedAgainWhenCpusComeOrGo) {
  const FakeClock clock;
  const std::string first = "processor : 0\nphysical id : 0\ncore id : 0\n\n";
  const std::string both = first + "processor : 1\nphysical id : 0\ncore id : 1\n\n";
  MapHost host({{"/proc/stat", "cpu 1 2 3 4\ncpu0 1 2 3 4\n"}, {"/proc/cpuinfo", first}});
  const auto input = make_system("\"cpus\"", host, clock);
  EXPECT_EQ(lines_of(*input, clock), "system n_cpus=1i,n_physical_cpus=1i 1760000000000000000\n");
  host.set("/proc/cpuinfo", both);
  host.set("/proc/stat", "cpu 1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 2 3 4\n");
  EXPECT_EQ(lines_of(*input, clock), "system n_cpus=2i,n_physical_cpus=2i 1760000000000000000\n");
}

// How long each group of texts is kept can be set apart.
TEST(SystemOs, TheTimesTextsAreKeptCanBeSet) {
  FakeClock clock;
  MapHost host({{"/proc/sys/kernel/arch", "x86_64\n"},
                {"/etc/os-release", "ID=debian\n"},
                {"/sys/class/dmi/id/sys_vendor", "one\n"}});
  std::vector<std::string> errors;
  const auto input = make_input("system",
                                "[[inputs.system]]\ninclude = [\"os\", \"dmi\"]\n"
                                "os_cache_ttl = \"10s\"\ndmi_cache_ttl = \"20s\"\n",
                                host, clock, errors);
  ASSERT_TRUE(errors.empty());
  const auto has = [&](const char* text) {
    return lines_of(*input, clock).find(text) != std::string::npos;
  };
  EXPECT_TRUE(has("debian") && has("one"));
  host.set("/etc/os-release", "ID=alpine\n");
  host.set("/sys/class/dmi/id/sys_vendor", "two\n");
  clock.advance(std::chrono::seconds(9));
  EXPECT_TRUE(has("debian") && has("one"));
  clock.advance(std::chrono::seconds(1));
  EXPECT_TRUE(has("alpine") && has("one"));
  clock.advance(std::chrono::seconds(10));
  EXPECT_TRUE(has("alpine") && has("two"));
}

TEST(SystemOs, TextsAreReadAgainAfterTheirTime) {
  FakeClock clock;
  MapHost host({{"/proc/sys/kernel/arch", "armv7l\n"}, {"/etc/os-release", "ID=debian\n"}});
  const auto input = make_system("\"os\"", host, clock);
  const std::string before =
      "system arch=\"armv7l\",os=\"linux\",platform=\"debian\",platform_family=\"debian\" ";
  EXPECT_TRUE(lines_of(*input, clock).starts_with(before));
  host.set("/etc/os-release", "ID='alpine'\nVERSION_ID=3.20.1\n");
  clock.advance(std::chrono::hours(8) - std::chrono::seconds(1));
  EXPECT_TRUE(lines_of(*input, clock).starts_with(before));
  clock.advance(std::chrono::seconds(1));
  EXPECT_TRUE(lines_of(*input, clock)
                  .starts_with("system arch=\"armv7l\",os=\"linux\",platform=\"alpine\","
                               "platform_family=\"alpine\",platform_version=\"3.20.1\" "));
}

}  // namespace
}  // namespace holdfast::test

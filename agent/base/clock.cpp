#include "agent/base/clock.h"

#include <ctime>
#include <fstream>

#include <fmt/core.h>

namespace holdfast::base {
namespace {

Duration read_clock(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

WallTime SystemClock::wall() const { return WallTime(read_clock(CLOCK_REALTIME)); }

BootTime SystemClock::boot() const { return BootTime(read_clock(CLOCK_BOOTTIME)); }

std::string SystemClock::boot_id() const {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

std::string format_utc(WallTime time, bool milliseconds) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const std::time_t unix_seconds = seconds.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&unix_seconds, &parts);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                  parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  if (milliseconds) {
    const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(time - seconds);
    text += fmt::format(".{:03}", rest.count());
  }
  return text + "Z";
}

std::string format_duration(Duration duration) {
  using std::chrono::duration_cast;
  if (duration < Duration::zero()) return "-" + format_duration(-duration);
  const auto ns = duration.count();
  if (ns < 1'000'000) return ns < 1000 ? fmt::format("{}ns", ns) : fmt::format("{}us", ns / 1000);
  const auto ms = ns / 1'000'000;
  if (ms < 1000) return fmt::format("{}ms", ms);
  const auto s = ms / 1000;
  if (s < 60)
    return ms % 1000 == 0 ? fmt::format("{}s", s) : fmt::format("{}.{}s", s, ms % 1000 / 100);
  if (s < 3600)
    return s % 60 == 0 ? fmt::format("{}m", s / 60) : fmt::format("{}m{}s", s / 60, s % 60);
  const auto h = s / 3600;
  const auto m = s % 3600 / 60;
  if (h < 48) return m == 0 ? fmt::format("{}h", h) : fmt::format("{}h{}m", h, m);
  return h % 24 == 0 ? fmt::format("{}d", h / 24) : fmt::format("{}d{}h", h / 24, h % 24);
}

}  // namespace holdfast::base

// Time zones as the C library has them: one for the process, from TZ or /etc/localtime.
#include "agent/base/time_zone.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <optional>

#include <fmt/core.h>

namespace holdfast::base {
namespace {

constexpr const char* kZoneFiles = "/usr/share/zoneinfo/";

bool is_utc(const std::string& name) { return name.empty() || name == "UTC"; }
bool is_local(const std::string& name) { return name == "local" || name == "Local"; }

bool is_plain(const std::string& name) {
  const auto plain = [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '-' || c == '+';
  };
  return name.front() != '/' && std::all_of(name.begin(), name.end(), plain);
}

}  // namespace

bool is_time_zone(const std::string& name) {
  if (is_utc(name) || is_local(name)) return true;
  std::error_code failed;
  return is_plain(name) && std::filesystem::is_regular_file(kZoneFiles + name, failed);
}

Status use_time_zone(const std::string& name) {
  static std::optional<std::string> used;
  if (is_utc(name) || used == name) return ok();  // format_utc() needs none
  if (!is_time_zone(name)) return fail(ErrorCode::kInvalid, "no such time zone: {}", name);
  if (used) return fail(ErrorCode::kBusy, "another time zone takes a restart");
  if (!is_local(name)) {
    ::setenv("TZ", (":" + name).c_str(), 1);  // NOLINT(concurrency-mt-unsafe): no threads yet
  }
  ::tzset();  // NOLINT(concurrency-mt-unsafe): no threads yet
  used = name;
  return ok();
}

std::string format_local(WallTime time, bool milliseconds) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const std::time_t unix_seconds = seconds.time_since_epoch().count();
  std::tm parts{};
  localtime_r(&unix_seconds, &parts);
  // UTC's form of the same reading, and the distance in place of its Z.
  const auto offset = std::chrono::seconds(parts.tm_gmtoff);
  std::string text = format_utc(time + offset, milliseconds);
  text.pop_back();
  const auto minutes = std::chrono::abs(std::chrono::duration_cast<std::chrono::minutes>(offset));
  return fmt::format("{}{}{:02}:{:02}", text, offset.count() < 0 ? '-' : '+', minutes.count() / 60,
                     minutes.count() % 60);
}

}  // namespace holdfast::base

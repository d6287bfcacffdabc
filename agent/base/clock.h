// Clock: the only way to read time. Tests pass a FakeClock (tests/support).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace holdfast::base {

using Duration = std::chrono::nanoseconds;

// Wall time, nanoseconds since the Unix epoch (UTC). May jump. For timestamps and for aligning
// schedules only.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

// CLOCK_BOOTTIME, nanoseconds since boot, counting suspend. Never jumps. For waiting and ages.
struct BootClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;  // NOLINT(readability-identifier-naming): std's name
};
using BootTime = BootClock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual WallTime wall() const = 0;
  [[nodiscard]] virtual BootTime boot() const = 0;
  // Identifies this boot of the machine (/proc/sys/kernel/random/boot_id); empty if unknown.
  [[nodiscard]] virtual std::string boot_id() const = 0;

  [[nodiscard]] std::int64_t wall_ns() const { return wall().time_since_epoch().count(); }
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] WallTime wall() const override;
  [[nodiscard]] BootTime boot() const override;
  [[nodiscard]] std::string boot_id() const override;
};

// "2026-01-02T03:04:05Z"; with milliseconds when asked for.
[[nodiscard]] std::string format_utc(WallTime time, bool milliseconds = false);

// A duration as people write it: "1h5m", "2.5s", "250ms". Rounds to what is worth reading.
[[nodiscard]] std::string format_duration(Duration duration);

}  // namespace holdfast::base

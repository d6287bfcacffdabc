// The zone that log lines show their time in.
#pragma once

#include <string>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace holdfast::base {

// True for "", "UTC", "local" and the names that the system's zone files have: "Europe/Berlin".
[[nodiscard]] bool is_time_zone(const std::string& name);

// Makes this the zone of the whole process. To be called before there are other threads: a second
// call with another name fails, since the environment may be in use by then.
[[nodiscard]] Status use_time_zone(const std::string& name);

// "2026-01-02T04:04:05+01:00", in the zone of the process; with milliseconds when asked for.
// Thread-safe.
[[nodiscard]] std::string format_local(WallTime time, bool milliseconds = false);

}  // namespace holdfast::base

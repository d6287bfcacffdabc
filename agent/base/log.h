// Logging: one line an event, to stderr. WARN = unexpected, nothing lost; ERROR = points lost or a
// person must act. spdlog is used in log.cpp only.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "agent/base/clock.h"

namespace holdfast::base {

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError };
enum class LogFormat { kText, kJson };

class LogSink;  // shared by all loggers of one Logging

// A cheap value: a component's name and where its lines go. A default-made Logger is silent.
// Thread-safe.
class Logger {
 public:
  Logger() = default;
  Logger(std::shared_ptr<LogSink> sink, std::string component)
      : sink_(std::move(sink)), component_(std::move(component)) {}

  // The same sink under another name, e.g. "inputs.cpu::alias".
  [[nodiscard]] Logger named(std::string component) const { return {sink_, std::move(component)}; }

  template <class... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) const {
    if (enabled(LogLevel::kDebug))
      write(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const {
    if (enabled(LogLevel::kInfo))
      write(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) const {
    if (enabled(LogLevel::kWarn))
      write(LogLevel::kWarn, fmt::format(format, std::forward<Args>(args)...));
  }
  template <class... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) const {
    if (enabled(LogLevel::kError))
      write(LogLevel::kError, fmt::format(format, std::forward<Args>(args)...));
  }

  // For all loggers that share this one's sink.
  void set_level(LogLevel level) const;
  [[nodiscard]] bool enabled(LogLevel level) const;
  // Control characters in the message are escaped: a server's words cannot forge a log line.
  void write(LogLevel level, std::string_view message) const;

 private:
  std::shared_ptr<LogSink> sink_;
  std::string component_;
};

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  // Prefix lines with <priority> and leave the time to journald; set when stderr is the journal.
  bool journald = false;
};

// Where log lines go: stderr, by default.
[[nodiscard]] Logger make_stderr_logger(const LogOptions& options);

// True when stderr is connected to systemd's journal (JOURNAL_STREAM names our stderr).
[[nodiscard]] bool stderr_is_journal();

// Lets one event in `interval` through and counts the others. Thread-safe.
class LogThrottle {
 public:
  explicit LogThrottle(Duration interval) : interval_(interval) {}
  // True if a line may be written now; then `suppressed` is how many were held back before it.
  [[nodiscard]] bool allow(BootTime now, std::uint64_t& suppressed);

 private:
  Duration interval_;
  std::atomic<std::int64_t> next_{INT64_MIN};
  std::atomic<std::uint64_t> suppressed_{0};
};

}  // namespace holdfast::base

// Logging: one line an event, to stderr or a file. WARN = unexpected, nothing lost; ERROR = points
// lost or a person must act. spdlog is used in log.cpp only.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>

#include "agent/base/clock.h"
#include "agent/base/result.h"

namespace holdfast::base {

enum class LogLevel { kTrace, kDebug, kInfo, kWarn, kError };
enum class LogFormat { kText, kJson };

// "error", "warn", "info", "debug", "trace"; nothing for any other text.
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view name);

class LogSink;  // shared by all loggers of one Logging

// A file of log lines, and when another takes its place.
struct LogFileOptions {
  std::string path{};                   // empty: no file
  Duration rotation_interval{};         // age at which it is rotated; 0: never
  std::uint64_t rotation_max_size = 0;  // bytes at which it is rotated; 0: never
  std::int64_t max_archives = 5;        // rotated files that are kept; -1: all
};

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  // Prefix lines on stderr with <priority> and leave the time to journald; set when stderr is the
  // journal.
  bool journald = false;
  std::string message_key = "msg";  // kJson
  std::string time_zone{};          // time_zone.h; empty: UTC
  LogFileOptions file{};
};

// A cheap value: a component's name and where its lines go. A default-made Logger is silent.
// Thread-safe.
class Logger {
 public:
  Logger() = default;
  Logger(std::shared_ptr<LogSink> sink, std::string component)
      : sink_(std::move(sink)), component_(std::move(component)) {}

  // The same sink under another name, e.g. "inputs.cpu::alias"; with a level, if one is given, that
  // counts for this logger in place of the sink's.
  [[nodiscard]] Logger named(std::string component, std::optional<LogLevel> level = {}) const {
    Logger other(sink_, std::move(component));
    other.level_ = level ? level : level_;
    return other;
  }

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
  // The same, for all options: from now on lines look and go as they say. Fails if the file cannot
  // be opened; then lines go to stderr.
  [[nodiscard]] Status configure(const LogOptions& options) const;
  [[nodiscard]] bool enabled(LogLevel level) const;
  // Control characters in the message are escaped: a server's words cannot forge a log line.
  void write(LogLevel level, std::string_view message) const;

 private:
  std::shared_ptr<LogSink> sink_;
  std::string component_;
  std::optional<LogLevel> level_;
};

// Lines to stderr; `options.file` is not looked at.
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

#include "agent/base/log.h"

#include <array>
#include <cstdlib>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::base {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarn:
      return spdlog::level::warn;
    case LogLevel::kError:
      break;
  }
  return spdlog::level::err;
}

constexpr std::array<std::string_view, 5> kLetters{"T!", "D!", "I!", "W!", "E!"};
constexpr std::array<std::string_view, 5> kNames{"trace", "debug", "info", "warn", "error"};
// syslog(3) priorities, as sd-daemon(3) wants them in front of a line.
constexpr std::array<int, 5> kPriorities{7, 7, 6, 4, 3};

// Escapes for a text line (control characters only) or a JSON string (quotes and backslash too).
std::string escape(std::string_view text, bool json) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (json && (c == '"' || c == '\\')) {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

class LogSink {
 public:
  explicit LogSink(const LogOptions& options)
      : options_(options), logger_("holdfast", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    logger_.set_pattern("%v");
    logger_.set_level(spdlog_level(options.level));
  }

  void set_level(LogLevel level) { logger_.set_level(spdlog_level(level)); }

  [[nodiscard]] bool enabled(LogLevel level) const {
    return logger_.should_log(spdlog_level(level));
  }

  void write(LogLevel level, std::string_view component, std::string_view message) {
    logger_.log(spdlog_level(level), spdlog::string_view_t(line(level, component, message)));
  }

 private:
  [[nodiscard]] std::string line(LogLevel level, std::string_view component,
                                 std::string_view message) const {
    const auto index = static_cast<std::size_t>(level);
    if (options_.format == LogFormat::kJson) {
      return fmt::format(R"({{"time":"{}","level":"{}","component":"{}","msg":"{}"}})",
                         format_utc(SystemClock().wall(), true), kNames.at(index),
                         escape(component, true), escape(message, true));
    }
    const std::string text = escape(message, false);
    if (options_.journald)
      return fmt::format("<{}>[{}] {}", kPriorities.at(index), component, text);
    return fmt::format("{} {} [{}] {}", format_utc(SystemClock().wall()), kLetters.at(index),
                       component, text);
  }

  LogOptions options_;
  spdlog::logger logger_;
};

void Logger::set_level(LogLevel level) const {
  if (sink_ != nullptr) sink_->set_level(level);
}

bool Logger::enabled(LogLevel level) const { return sink_ != nullptr && sink_->enabled(level); }

void Logger::write(LogLevel level, std::string_view message) const {
  if (sink_ != nullptr) sink_->write(level, component_, message);
}

Logger make_stderr_logger(const LogOptions& options) {
  return {std::make_shared<LogSink>(options), "agent"};
}

bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe): at start
  struct stat info {};
  if (stream == nullptr || fstat(STDERR_FILENO, &info) != 0) return false;
  return fmt::format("{}:{}", info.st_dev, info.st_ino) == stream;
}

bool LogThrottle::allow(BootTime now, std::uint64_t& suppressed) {
  const std::int64_t t = now.time_since_epoch().count();
  std::int64_t next = next_.load();
  while (t >= next) {
    if (next_.compare_exchange_weak(next, t + interval_.count())) {
      suppressed = suppressed_.exchange(0);
      return true;
    }
  }
  ++suppressed_;
  return false;
}

}  // namespace holdfast::base

#include "agent/base/log.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <mutex>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/log_file.h"
#include "agent/base/time_zone.h"

namespace holdfast::base {
namespace {

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

std::optional<LogLevel> parse_log_level(std::string_view name) {
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<LogLevel>(found - kNames.begin());
}

class LogSink {
 public:
  explicit LogSink(LogOptions options)
      : level_(options.level),
        options_(std::move(options)),
        stderr_("holdfast", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
    stderr_.set_pattern("%v");
    stderr_.set_level(spdlog::level::trace);
  }

  Status configure(const LogOptions& options) {
    const std::lock_guard lock(mutex_);
    level_ = options.level;
    options_ = options;
    file_.reset();
    const Status zoned = use_time_zone(options.time_zone);
    if (!options.file.path.empty()) {
      auto opened = LogFile::open(options.file, clock_);
      if (!opened) {
        return fail(opened.error().code, "{}; the log goes to stderr", opened.error().message);
      }
      file_ = std::move(*opened);
    }
    return zoned;
  }

  void set_level(LogLevel level) { level_ = level; }
  [[nodiscard]] LogLevel level() const { return level_; }

  void write(LogLevel level, std::string_view component, std::string_view message) {
    const std::lock_guard lock(mutex_);
    const bool journald = options_.journald && file_ == nullptr;
    const std::string text = line(level, component, message, journald);
    if (file_ != nullptr && file_->write(text)) return;
    stderr_.log(spdlog::level::err, spdlog::string_view_t(text));
  }

 private:
  [[nodiscard]] std::string time(bool milliseconds) const {
    const bool utc = options_.time_zone.empty() || options_.time_zone == "UTC";
    return utc ? format_utc(clock_.wall(), milliseconds)
               : format_local(clock_.wall(), milliseconds);
  }

  [[nodiscard]] std::string line(LogLevel level, std::string_view component,
                                 std::string_view message, bool journald) const {
    const auto index = static_cast<std::size_t>(level);
    if (options_.format == LogFormat::kJson) {
      return fmt::format(R"({{"time":"{}","level":"{}","component":"{}","{}":"{}"}})", time(true),
                         kNames.at(index), escape(component, true),
                         escape(options_.message_key, true), escape(message, true));
    }
    const std::string text = escape(message, false);
    if (journald) return fmt::format("<{}>[{}] {}", kPriorities.at(index), component, text);
    return fmt::format("{} {} [{}] {}", time(false), kLetters.at(index), component, text);
  }

  SystemClock clock_;
  std::atomic<LogLevel> level_;
  mutable std::mutex mutex_;  // of all below
  LogOptions options_;
  std::unique_ptr<LogFile> file_;
  spdlog::logger stderr_;
};

void Logger::set_level(LogLevel level) const {
  if (sink_ != nullptr) sink_->set_level(level);
}

Status Logger::configure(const LogOptions& options) const {
  return sink_ != nullptr ? sink_->configure(options) : ok();
}

bool Logger::enabled(LogLevel level) const {
  return sink_ != nullptr && level >= level_.value_or(sink_->level());
}

void Logger::write(LogLevel level, std::string_view message) const {
  if (enabled(level)) sink_->write(level, component_, message);
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

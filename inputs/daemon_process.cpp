// One program at a time, one job at a time that parses what it printed. Reading goes on once that
// is done, so a program that prints faster than its points are taken has to wait.
#include "inputs/daemon_process.h"

#include <cerrno>
#include <csignal>
#include <utility>

#include <unistd.h>

#include <asio/buffer.hpp>
#include <asio/post.hpp>

namespace holdfast::inputs {
namespace {

// Points of so much text may wait for the buffer; then reading pauses.
constexpr std::size_t kMaxWaitingBytes = std::size_t{1024} * 1024;
constexpr std::size_t kMaxWaitingReads = 1024;
constexpr std::size_t kErrorLineBytes = 2048;
constexpr int kErrorsOfOneRead = 10;
// The agent gives its inputs half of its shutdown_timeout: 2.5 s, unless that is set.
constexpr base::Duration kInputGrace = std::chrono::milliseconds(500);
constexpr base::Duration kAskedGrace = std::chrono::seconds(1);
// For what the program had started and that still holds its output.
constexpr base::Duration kPipeGrace = std::chrono::seconds(1);
constexpr base::Duration kLookInterval = std::chrono::milliseconds(250);
constexpr base::Duration kLogWindow = std::chrono::seconds(10);
constexpr int kLinesOfAWindow = 100;

}  // namespace

DaemonProcess::DaemonProcess(DaemonOptions options, const ServiceContext& context,
                             const base::Clock& clock, base::Logger log)
    : options_(std::move(options)),
      io_(context.io),
      pool_(context.pool),
      counters_(context.counters),
      clock_(clock),
      log_(std::move(log)),
      feed_(std::make_shared<Feed>(context, clock, log_)),
      out_(io_),
      error_(io_),
      end_(io_),
      out_lines_(options_.line_bytes),
      error_lines_(kErrorLineBytes),
      timer_(io_),
      look_timer_(io_) {}

base::Status DaemonProcess::start() { return launch(); }

base::Status DaemonProcess::launch() {
  auto child = ChildProcess::start(options_.child);
  if (!child) return tl::unexpected(child.error());
  process_.emplace(std::move(*child));
  parser_ = options_.make_parser();
  out_lines_ = LineSplitter(options_.line_bytes);
  error_lines_ = LineSplitter(kErrorLineBytes);
  ended_ = false;
  const auto give = [](base::Descriptor& from, Stream& to) {
    std::error_code failed;
    if (from.valid()) to.assign(from.get(), failed);
    if (!failed) (void)from.release();
    return failed;
  };
  std::error_code failed = give(process_->out(), out_);
  if (!failed) failed = give(process_->error(), error_);
  if (!failed) failed = give(process_->end_handle(), end_);
  if (failed) return forget_launch(failed);
  read_out();
  read_error();
  watch_end();
  return base::ok();
}

base::Status DaemonProcess::forget_launch(const std::error_code& failed) {
  std::error_code ignored;
  for (Stream* stream : {&out_, &error_, &end_}) {
    if (stream->is_open()) stream->close(ignored);
  }
  process_.reset();
  return base::fail(base::ErrorCode::kIo, "watch the program: {}", failed.message());
}

void DaemonProcess::read_out() {
  if (parsing_ || reading_out_ || !out_.is_open()) return;
  paused_ = waiting_bytes_ > kMaxWaitingBytes || feed_->pending() > kMaxWaitingReads;
  if (paused_) return;
  reading_out_ = true;
  out_.async_read_some(asio::buffer(out_piece_),
                       [self = shared_from_this()](const std::error_code& error, std::size_t size) {
                         self->got_out(error, size);
                       });
}

void DaemonProcess::got_out(const std::error_code& error, std::size_t size) {
  reading_out_ = false;
  std::string text = out_lines_.add(std::string_view(out_piece_.data(), size));
  if (const auto left_out = out_lines_.take_too_long(); left_out > 0) {
    fail(fmt::format("{} lines of more than {} bytes left out", left_out, options_.line_bytes));
  }
  if (error) {
    text += out_lines_.rest();
    std::error_code ignored;
    out_.close(ignored);
  }
  if (!text.empty()) return parse(std::move(text));
  read_out();
  finish_if_over();
}

void DaemonProcess::parse(std::string text) {
  parsing_ = true;
  waiting_bytes_ += text.size();
  pool_([self = shared_from_this(), text = std::move(text)] {
    Accumulator points = self->feed_->open();
    int errors = 0;
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.ends_with('\r')) line.remove_suffix(1);
      const auto status =
          self->parser_->parse_line(line, [&](line::Point& point) { points.add(point); });
      if (status) continue;
      // Each counts, but only the first ones are kept.
      if (errors++ < kErrorsOfOneRead) {
        points.add_error(status.error());
      } else {
        ++self->counters_.errors;
      }
    }
    const std::size_t bytes = text.size();
    self->feed_->submit(std::move(points), buffer::Origin::kGathered, WhenRefused::kWait,
                        [self, bytes](bool) {
                          self->waiting_bytes_ -= bytes;
                          if (self->paused_) self->read_out();
                        });
    asio::post(self->io_, [self] {
      self->parsing_ = false;
      self->read_out();
      self->finish_if_over();
    });
  });
}

void DaemonProcess::read_error() {
  reading_error_ = true;
  error_.async_read_some(
      asio::buffer(error_piece_),
      [self = shared_from_this()](const std::error_code& error, std::size_t size) {
        self->got_error(error, size);
      });
}

void DaemonProcess::got_error(const std::error_code& error, std::size_t size) {
  reading_error_ = false;
  std::string text = error_lines_.add(std::string_view(error_piece_.data(), size));
  if (error) text += error_lines_.rest();
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    log_line(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (!error) return read_error();
  std::error_code ignored;
  error_.close(ignored);
  finish_if_over();
}

// As Telegraf's external plugins mark them; others are errors.
void DaemonProcess::log_line(std::string_view line) {
  using base::LogLevel;
  if (line.empty()) return;
  const base::BootTime now = clock_.boot();
  if (logged_lines_ == 0 || now - log_window_ >= kLogWindow) {
    log_window_ = now;
    logged_lines_ = 0;
  }
  if (++logged_lines_ > kLinesOfAWindow) return;
  LogLevel level = LogLevel::kError;
  if (line.size() > 2 && line[1] == '!' && line[2] == ' ') {
    constexpr std::string_view kMarks = "EWIDT";
    constexpr std::array kLevels = {LogLevel::kError, LogLevel::kWarn, LogLevel::kInfo,
                                    LogLevel::kDebug, LogLevel::kTrace};
    const std::size_t mark = kMarks.find(line.front());
    if (mark != std::string_view::npos) {
      level = kLevels[mark];
      line.remove_prefix(3);
    }
  }
  if (log_.enabled(level)) log_.write(level, line);
  if (logged_lines_ == kLinesOfAWindow) {
    log_.warn("more lines of stderr are left out for up to {}", base::format_duration(kLogWindow));
  }
}

void DaemonProcess::watch_end() {
  if (end_.is_open()) {
    end_.async_wait(Stream::wait_read, [self = shared_from_this()](const std::error_code& error) {
      if (!error) self->process_ended();
    });
    return;
  }
  look_timer_.expires_after(kLookInterval);
  look_timer_.async_wait([self = shared_from_this()](const std::error_code& error) {
    if (error || !self->process_ || self->ended_) return;
    if (self->process_->has_ended()) return self->process_ended();
    self->watch_end();
  });
}

void DaemonProcess::process_ended() {
  ended_ = true;
  std::error_code ignored;
  end_.close(ignored);
  finish_if_over();
  if (!process_ || ending_ != Ending::kNone) return;
  timer_.expires_after(kPipeGrace);
  timer_.async_wait([self = shared_from_this()](const std::error_code& error) {
    const bool same = self->process_ && self->ended_ && self->ending_ == Ending::kNone;
    if (!error && same) self->close_pipes();
  });
}

void DaemonProcess::close_pipes() {
  process_->signal_group(SIGKILL);
  // Reads that wait are told, and go through got_out and got_error to the end.
  std::error_code ignored;
  if (out_.is_open()) out_.close(ignored);
  if (error_.is_open()) error_.close(ignored);
  finish_if_over();
}

// The program is over when it has ended, its output is read to the end and nothing of it is in
// work.
void DaemonProcess::finish_if_over() {
  const bool open = out_.is_open() || error_.is_open() || reading_out_ || reading_error_;
  if (!process_ || !ended_ || open || parsing_) return;
  // Before the number of the group is free for others.
  process_->signal_group(SIGKILL);
  const ChildEnd end = process_->reap().value_or(ChildEnd{});
  process_.reset();
  timer_.cancel();
  if (stopped_) return feed_->close(std::exchange(stopped_, nullptr));
  report_end(end);
}

void DaemonProcess::report_end(const ChildEnd& end) {
  if (options_.stop_on_error && !end.good()) {
    return fail(fmt::format("the program ended: {}; it is not started again", end.text()));
  }
  fail(fmt::format("the program ended: {}; it is started again in {}", end.text(),
                   base::format_duration(options_.restart_delay)));
  restart_later();
}

void DaemonProcess::restart_later() {
  timer_.expires_after(options_.restart_delay);
  timer_.async_wait([self = shared_from_this()](const std::error_code& error) {
    if (error || self->process_ || self->ending_ != Ending::kNone) return;
    if (auto launched = self->launch(); !launched) {
      self->fail(launched.error().message);
      self->restart_later();
    }
  });
}

void DaemonProcess::fail(std::string_view problem) {
  ++counters_.errors;
  counters_.set_last_error(std::string(problem));
  log_.error("{}", problem);
}

void DaemonProcess::poke(int signal) {
  if (!process_ || ended_ || ending_ != Ending::kNone) return;
  if (signal != 0) {
    // Most signals end a program that is not ready for them, say because it is just starting.
    if (process_->catches(signal)) return process_->signal(signal);
    return fail(fmt::format("the program does not catch signal {} now: not sent", signal));
  }
  if (::write(process_->in().get(), "\n", 1) == 1) return;
  fail(fmt::format("cannot write to the program's stdin: {}", base::errno_text(errno)));
}

void DaemonProcess::stop(std::function<void()> stopped) {
  timer_.cancel();
  stopped_ = std::move(stopped);
  ending_ = Ending::kInputClosed;
  if (!process_) return feed_->close(std::exchange(stopped_, nullptr));
  process_->in().reset();
  wait_to_end_harder(kInputGrace);
}

void DaemonProcess::end_harder() {
  if (!process_) return;
  if (ending_ == Ending::kInputClosed) {
    ending_ = Ending::kAsked;
    process_->signal_group(SIGTERM);
    return wait_to_end_harder(kAskedGrace);
  }
  if (ending_ == Ending::kAsked) {
    ending_ = Ending::kKilled;
    close_pipes();
    return wait_to_end_harder(kAskedGrace);
  }
  // It hangs in the kernel: nobody can end it.
  process_->abandon();
  ended_ = true;
  finish_if_over();
}

void DaemonProcess::wait_to_end_harder(base::Duration grace) {
  if (!process_) return;
  timer_.expires_after(grace);
  timer_.async_wait([self = shared_from_this()](const std::error_code& error) {
    if (!error) self->end_harder();
  });
}

}  // namespace holdfast::inputs

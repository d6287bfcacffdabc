// DaemonProcess: keeps a program running that prints lines all the time, and starts it again when
// it ends.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "inputs/child_process.h"
#include "inputs/feed.h"
#include "inputs/line_splitter.h"
#include "inputs/parsers/parser.h"

namespace holdfast::inputs {

struct DaemonOptions {
  ChildOptions child{};
  base::Duration restart_delay = std::chrono::seconds(10);
  bool stop_on_error = false;      // not started again when it fails
  std::size_t line_bytes = 65536;  // the longest line it may print
  parsers::MakeParser make_parser{};
};

// All functions on the I/O thread. Its own handlers keep it alive.
class DaemonProcess : public std::enable_shared_from_this<DaemonProcess> {
 public:
  // Everything in the context, and the clock, outlives it until it is stopped.
  DaemonProcess(DaemonOptions options, const ServiceContext& context, const base::Clock& clock,
                base::Logger log);

  // Starts the program for the first time.
  [[nodiscard]] base::Status start();
  // Asks the program for points: a signal, or 0 for an empty line on its stdin. A failure is
  // counted. Nothing happens while it does not run.
  void poke(int signal);
  // Closes its stdin, then asks it to end, then kills it with all it has started. What it printed
  // until then is still taken. Calls `stopped` when nothing of it is left.
  void stop(std::function<void()> stopped);

 private:
  using Stream = asio::posix::stream_descriptor;
  enum class Ending : std::uint8_t { kNone, kInputClosed, kAsked, kKilled };

  [[nodiscard]] base::Status launch();
  [[nodiscard]] base::Status forget_launch(const std::error_code& failed);
  void read_out();
  void got_out(const std::error_code& error, std::size_t size);
  void parse(std::string text);
  void read_error();
  void got_error(const std::error_code& error, std::size_t size);
  void log_line(std::string_view line);
  void watch_end();
  void process_ended();
  void end_harder();
  void wait_to_end_harder(base::Duration grace);
  void close_pipes();
  void finish_if_over();
  void report_end(const ChildEnd& end);
  void restart_later();
  void fail(std::string_view problem);

  DaemonOptions options_;
  asio::io_context& io_;
  std::function<void(std::function<void()>)> pool_;
  InputCounters& counters_;
  const base::Clock& clock_;
  base::Logger log_;
  std::shared_ptr<Feed> feed_;

  std::optional<ChildProcess> process_;
  std::shared_ptr<parsers::Parser> parser_;  // of this run of the program
  Stream out_, error_, end_;
  std::array<char, 16384> out_piece_{};
  std::array<char, 4096> error_piece_{};
  LineSplitter out_lines_, error_lines_;
  asio::steady_timer timer_;       // of the end, or until the next start
  asio::steady_timer look_timer_;  // where the kernel does not tell of the end
  bool reading_out_ = false;       // somebody will be told
  bool reading_error_ = false;
  bool parsing_ = false;
  bool paused_ = false;  // more is waiting for the buffer than there should be
  std::size_t waiting_bytes_ = 0;
  bool ended_ = false;  // the process alone
  Ending ending_ = Ending::kNone;
  base::BootTime log_window_{};  // lines of stderr are logged so many a while
  int logged_lines_ = 0;
  std::function<void()> stopped_;
};

}  // namespace holdfast::inputs

// execd: a program that runs all the time and prints points when it has some, or when it is asked.
#include <csignal>
#include <memory>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include <asio/post.hpp>

#include "inputs/child_options.h"
#include "inputs/daemon_process.h"
#include "inputs/input.h"
#include "inputs/parsers/formats.h"

namespace holdfast::inputs {
namespace {

struct ExecdOptions {
  config::StringList command;
  config::StringList environment;
  std::string signal = "none";
  base::Duration restart_delay = std::chrono::seconds(10);
  bool stop_on_error = false;
  config::Bytes buffer_size{std::uint64_t{64} * 1024};
};

const config::Schema<ExecdOptions>& execd_schema() {
  using Options = ExecdOptions;
  static const auto schema =
      config::Schema<Options>{}
          .option("command", &Options::command, "The program and its arguments.")
          .option("environment", &Options::environment,
                  "Variables for the program, as \"NAME=value\", besides those of the agent.")
          .option("signal", &Options::signal,
                  "What asks it for points at each interval: an empty line on its stdin (STDIN) or "
                  "a signal. none: it knows by itself.",
                  {.choices = {"none", "STDIN", "SIGHUP", "SIGUSR1", "SIGUSR2"}})
          .option("restart_delay", &Options::restart_delay,
                  "How long after its end it is started again.")
          .option("stop_on_error", &Options::stop_on_error,
                  "Do not start it again when its exit status is not 0, or a signal ended it.")
          .option("buffer_size", &Options::buffer_size,
                  "The longest line it may print; longer ones are left out.",
                  {.min = 64, .max = 16.0 * 1024 * 1024});
  return schema;
}

// 0 for a line on stdin.
int signal_of(const std::string& name) {
  if (name == "SIGHUP") return SIGHUP;
  if (name == "SIGUSR1") return SIGUSR1;
  return name == "SIGUSR2" ? SIGUSR2 : 0;
}

class Execd final : public ServiceInput {
 public:
  Execd(ExecdOptions options, parsers::MakeParser make_parser, const InputContext& context)
      : options_(std::move(options)),
        make_parser_(std::move(make_parser)),
        clock_(context.clock),
        log_(context.log) {}

  [[nodiscard]] bool gathers() const override { return options_.signal != "none"; }
  [[nodiscard]] base::Status start(const ServiceContext& context) override;
  void stop(std::function<void()> stopped) override;
  [[nodiscard]] base::Status gather(Accumulator& out) override;

 private:
  ExecdOptions options_;
  parsers::MakeParser make_parser_;
  const base::Clock& clock_;
  base::Logger log_;

  std::mutex mutex_;  // gathers come from the pool
  std::shared_ptr<DaemonProcess> daemon_;
  asio::io_context* io_ = nullptr;
};

base::Status Execd::start(const ServiceContext& context) {
  if (options_.command.empty()) {
    return base::fail(base::ErrorCode::kInvalid, "`command` is empty: there is nothing to run");
  }
  DaemonOptions options;
  options.child = {options_.command, options_.environment, true};
  options.restart_delay = options_.restart_delay;
  options.stop_on_error = options_.stop_on_error;
  options.line_bytes = options_.buffer_size.count;
  options.make_parser = make_parser_;
  auto daemon = std::make_shared<DaemonProcess>(std::move(options), context, clock_, log_);
  if (auto started = daemon->start(); !started) return started;
  const std::lock_guard lock(mutex_);
  daemon_ = std::move(daemon);
  io_ = &context.io;
  return base::ok();
}

void Execd::stop(std::function<void()> stopped) {
  std::shared_ptr<DaemonProcess> daemon;
  {
    const std::lock_guard lock(mutex_);
    daemon = std::move(daemon_);
  }
  if (!daemon) return stopped();
  daemon->stop(std::move(stopped));
}

base::Status Execd::gather(Accumulator&) {
  const std::lock_guard lock(mutex_);
  if (!daemon_ || !gathers()) return base::ok();
  asio::post(*io_,
             [daemon = daemon_, signal = signal_of(options_.signal)] { daemon->poke(signal); });
  return base::ok();
}

std::unique_ptr<Input> create_execd(config::Table& table, config::Diagnostics& diagnostics,
                                    const InputContext& context) {
  ExecdOptions options = execd_schema().parse(table, diagnostics);
  check_environment(options.environment, table, diagnostics);
  if (options.command.empty()) {
    diagnostics.warning(table.where("command"), "`command` is empty: the input will not start");
  }
  auto make_parser = parsers::take_format(table, diagnostics, "influx", {"execd", context.clock});
  if (!make_parser) return nullptr;
  return std::make_unique<Execd>(std::move(options), std::move(make_parser), context);
}

}  // namespace

const InputPlugin& execd_plugin() {
  static const InputPlugin plugin{.name = "execd",
                                  .summary = "What a program prints that runs all the time",
                                  .times = Times::kOwn,
                                  .takes_format = true,
                                  .options =
                                      [] {
                                        auto options = execd_schema().describe();
                                        options.push_back(parsers::data_format_option("influx"));
                                        return options;
                                      },
                                  .create = create_execd};
  return plugin;
}

}  // namespace holdfast::inputs

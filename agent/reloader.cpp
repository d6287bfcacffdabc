// SIGHUP, or a file that changed: read, check, apply.
#include "agent/reloader.h"

#include <csignal>
#include <ctime>

#include "agent/logging.h"
#include "agent/notify.h"

namespace holdfast::agent {
namespace {

// systemd.service(5), Type=notify-reload: tells this reload from those before.
std::string reloading_message() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                     std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000);
}

// All problems go to the log; the result is the first error, and how many more there are.
std::string log_problems(const config::Diagnostics& diagnostics, const base::Logger& log) {
  std::string first;
  int more = -1;
  for (const config::Diagnostic& item : diagnostics.sorted()) {
    if (item.severity == config::Severity::kWarning) {
      log.warn("{}", item.text());
      continue;
    }
    log.error("{}", item.text());
    if (++more == 0) first = item.text();
  }
  return more > 0 ? fmt::format("{} (and {} more errors)", first, more) : first;
}

}  // namespace

Reloader::Reloader(asio::io_context& io, const CommandLine& line, const World& world)
    : io_(io), line_(line), world_(world), hangups_(io, SIGHUP) {
  wait_for_signal();
  if (line.watch_config.mode.empty()) return;
  WatchOptions options{configuration_paths(line), std::nullopt, line.watch_config.debounce};
  if (line.watch_config.mode == "poll") options.poll = line.watch_config.interval;
  watch_ = std::make_unique<ConfigWatch>(
      io, std::move(options),
      [this] {
        world_.log.info("the configuration has changed: reloading");
        want();
      },
      world.log);
}

void Reloader::wait_for_signal() {
  hangups_.async_wait([this](const std::error_code& error, int signal) {
    if (error) return;
    world_.log.info("signal {}: reloading", signal);
    want();
    wait_for_signal();
  });
}

void Reloader::want() {
  wanted_ = true;
  io_.stop();
}

void Reloader::reload(Pipeline& pipeline) {
  wanted_ = false;
  notify_systemd(reloading_message());
  if (auto done = try_reload(pipeline); !done) {
    pipeline.reload_failed(done.error().message);
  } else {
    world_.log.info("reloaded: {} inputs, {} outputs", pipeline.inputs().size(),
                    pipeline.outputs().size());
  }
  notify_systemd("READY=1");
}

base::Status Reloader::try_reload(Pipeline& pipeline) {
  config::Diagnostics diagnostics;
  auto next = examine(line_, world_, {}, diagnostics);
  const std::string problem = log_problems(diagnostics, world_.log);
  if (!next) return base::fail(base::ErrorCode::kInvalid, "{}", problem);
  const AgentOptions agent = next->agent;
  if (auto applied = pipeline.apply(std::move(*next)); !applied) return applied;
  adopt_logging(line_, agent, true, world_.log);
  return base::ok();
}

}  // namespace holdfast::agent

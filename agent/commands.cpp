// The commands that start inputs or outputs: run, once, test, check.
#include "agent/commands.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <asio/signal_set.hpp>

#include "agent/loading.h"
#include "agent/notify.h"
#include "agent/pipeline.h"
#include "agent/reloader.h"
#include "agent/status_server.h"
#include "agent/version.h"
#include "config/units.h"

namespace holdfast::agent {
namespace {

constexpr base::Duration kOnceDeadline = std::chrono::seconds(60);
constexpr base::Duration kBetweenTestGathers = std::chrono::milliseconds(500);

base::Result<std::unique_ptr<Pipeline>> build(asio::io_context& io, Configuration configuration,
                                              const World& world) {
  const RingPlace place = ring_place(configuration.buffer);
  auto store =
      open_store(configuration.buffer, place.path, place.is_default, world.clock, world.log);
  if (!store) return tl::unexpected(store.error());
  return Pipeline::create(io, std::move(configuration), std::move(*store), world.clock, world.log);
}

}  // namespace

int run(const CommandLine& line) {
  const auto world = make_world(line);
  auto configuration = load(line, *world, {});
  if (!configuration) return kExitConfiguration;
  adopt_log_level(line, configuration->agent, world->log);
  const base::Logger& log = world->log;
  const StatusOptions status_options = configuration->status;
  asio::io_context io(1);
  // Before anything is started, so that no signal is missed.
  asio::signal_set signals(io, SIGTERM, SIGINT);
  bool stopping = false;
  signals.async_wait([&](const std::error_code& error, int signal) {
    if (error) return;
    log.info("signal {}: stopping", signal);
    stopping = true;
    io.stop();
  });
  Reloader reloader(io, line, *world);
  auto pipeline = build(io, std::move(*configuration), *world);
  if (!pipeline) {
    log.error("{}", pipeline.error().message);
    return kExitFailed;
  }
  Pipeline& agent = **pipeline;
  if (auto started = agent.start(); !started) {
    log.error("{}", started.error().message);
    agent.stop();
    return kExitFailed;
  }
  const std::string socket =
      status_socket_path(status_options, agent.store().path, config::process_environment());
  auto status_server =
      std::make_unique<StatusServer>(io, agent, status_options.listen, socket, log.named("status"));
  log.info("holdfast {} running: {} inputs, {} outputs, ring {} ({})", version(),
           agent.inputs().size(), agent.outputs().size(), agent.store().path,
           config::format_bytes(agent.store().ring->info().size_bytes));
  notify_systemd("READY=1");
  while (!stopping) {
    if (reloader.wanted()) {  // perhaps again: a reload takes a while
      reloader.reload(agent);
      continue;
    }
    io.restart();
    io.run();
  }
  notify_systemd("STOPPING=1");
  status_server.reset();
  const StopReport report = agent.stop();
  if (report.lost > 0) {
    log.error("stopped; {} points were in memory only and are lost", report.lost);
  }
  log.info("stopped; {} points stay in the ring", report.buffered - report.lost);
  if (!report.orderly) {
    log.warn("a gather is still hanging; leaving it behind");
    std::_Exit(kExitDone);
  }
  return kExitDone;
}

int once(const CommandLine& line) {
  const auto world = make_world(line);
  auto configuration = load(line, *world, {});
  if (!configuration) return kExitConfiguration;
  adopt_log_level(line, configuration->agent, world->log);
  asio::io_context io(1);
  auto pipeline = build(io, std::move(*configuration), *world);
  if (!pipeline) {
    world->log.error("{}", pipeline.error().message);
    return kExitFailed;
  }
  const bool good = (*pipeline)->run_once(world->clock.boot() + kOnceDeadline);
  if (!good) world->log.error("not everything was gathered and delivered");
  return good ? kExitDone : kExitFailed;
}

int test(const CommandLine& line) {
  const auto world = make_world(line);
  auto configuration = load(line, *world, {.inputs = true, .outputs = false});
  if (!configuration) return kExitConfiguration;
  adopt_log_level(line, configuration->agent, world->log);
  bool good = true;
  const auto print = [](const std::vector<line::LineChunk>& chunks) {
    for (const line::LineChunk& chunk : chunks) {
      std::fwrite(chunk.bytes.data(), 1, chunk.bytes.size(), stdout);
    }
  };
  const auto gather = [&](ConfiguredInput& input,
                          const std::function<void(std::vector<line::LineChunk>)>& use) {
    input.rules.encode.sort_fields = true;
    return gather_once(input, {}, world->clock, world->log.named(input.display), use);
  };
  for (ConfiguredInput& input : configuration->inputs) {
    if (input.plugin->needs_two_gathers) good = gather(input, [](const auto&) {}) && good;
  }
  asio::io_context io(1);
  asio::steady_timer pause(io, kBetweenTestGathers);
  pause.wait();
  for (ConfiguredInput& input : configuration->inputs) good = gather(input, print) && good;
  return good ? kExitDone : kExitFailed;
}

int check(const CommandLine& line) {
  const auto world = make_world(line);
  const auto configuration = load(line, *world, {});
  if (!configuration) return kExitConfiguration;
  std::fputs(fmt::format("configuration is good: {} inputs, {} outputs, ring {} of {}\n",
                         configuration->inputs.size(), configuration->outputs.size(),
                         ring_place(configuration->buffer).path,
                         config::format_bytes(configuration->buffer.size.count))
                 .c_str(),
             stdout);
  for (const ConfiguredInput& input : configuration->inputs) {
    std::fputs(input.service() != nullptr ? fmt::format("  {}, listening\n", input.display).c_str()
                                          : fmt::format("  {}, every {}\n", input.display,
                                                        base::format_duration(input.interval))
                                                .c_str(),
               stdout);
  }
  for (const ConfiguredOutput& output : configuration->outputs) {
    std::fputs(fmt::format("  {}, flush every {}, reader {}\n", output.display,
                           base::format_duration(output.worker.flush_interval), output.reader_id)
                   .c_str(),
               stdout);
  }
  return kExitDone;
}

}  // namespace holdfast::agent

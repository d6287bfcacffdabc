// The commands that start inputs or outputs: run, once, test.
#include "agent/commands.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>
#include <asio/thread_pool.hpp>

#include "agent/loading.h"
#include "agent/logging.h"
#include "agent/notify.h"
#include "agent/pid_file.h"
#include "agent/pipeline.h"
#include "agent/reloader.h"
#include "agent/services.h"
#include "agent/spare_memory.h"
#include "agent/status_server.h"
#include "agent/version.h"

namespace holdfast::agent {
namespace {

constexpr base::Duration kOnceDeadline = std::chrono::seconds(60);
constexpr base::Duration kEndOfTest = std::chrono::seconds(5);
constexpr base::Duration kBetweenTestGathers = std::chrono::milliseconds(500);

base::Duration listen_for(const CommandLine& line) {
  return std::chrono::seconds(line.test_wait_seconds);
}

// Where listeners of `test` leave what they receive.
class PrintSink final : public buffer::BlockSink {
 public:
  [[nodiscard]] buffer::BlockLimits limits() const override { return {}; }
  void add(std::span<const buffer::Lines> pieces, buffer::Origin /*origin*/, Done done) override {
    for (const buffer::Lines& piece : pieces) {
      std::fwrite(piece.bytes.data(), 1, piece.bytes.size(), stdout);
    }
    std::fflush(stdout);
    done(base::ok(), 0);
  }
  void flush() override {}
};

// Prints what listeners receive in the meantime; false if one cannot start.
bool print_received(std::vector<ConfiguredInput> inputs, base::Duration wait, const World& world) {
  PrintSink sink;
  asio::io_context io(1);
  asio::thread_pool pool(1);
  const Pool run_job = [&pool](std::function<void()> job) { asio::post(pool, std::move(job)); };
  Services services(io, run_job, sink, world.clock, world.log);
  bool good = true;
  for (ConfiguredInput& input : inputs) {
    const auto started = services.start(std::make_shared<ConfiguredInput>(std::move(input)));
    if (!started) world.log.error("{}", started.error().message);
    good = good && started;
  }
  const auto work = asio::make_work_guard(io);
  if (good) io.run_for(wait);
  // Held until the pool is done: its jobs use them.
  const Services::Inputs running = services.all();
  const auto open = services.stop(running);
  io.restart();
  const base::BootTime deadline = world.clock.boot() + kEndOfTest;
  while (*open > 0 && world.clock.boot() < deadline) {
    io.run_one_for(std::chrono::milliseconds(10));
  }
  pool.join();
  return good;
}

base::Result<std::unique_ptr<Pipeline>> build(asio::io_context& io, Configuration configuration,
                                              World& world) {
  const RingPlace place = ring_place(configuration.buffer);
  auto store =
      open_store(configuration.buffer, place.path, place.is_default, world.clock, world.log);
  if (!store) return tl::unexpected(store.error());
  auto pipeline =
      Pipeline::create(io, std::move(configuration), std::move(*store), world.clock, world.log);
  if (pipeline) (*pipeline)->report_to(world.numbers);
  return pipeline;
}

void flush_at_signal(asio::signal_set& signals, Pipeline& agent) {
  signals.async_wait([&](const std::error_code& cancelled, int) {
    if (cancelled) return;
    agent.flush();
    flush_at_signal(signals, agent);
  });
}

}  // namespace

int run(const CommandLine& line) {
  const auto world = make_world(line);
  auto configuration = load(line, *world, {});
  if (!configuration) return kExitConfiguration;
  adopt_logging(line, configuration->agent, true, world->log);
  const base::Logger& log = world->log;
  const PidFile pid_file(line.pidfile, log);
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
  asio::signal_set flushes(io, SIGUSR1);
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
  flush_at_signal(flushes, agent);
  const std::string socket =
      status_socket_path(status_options, agent.store().path, config::process_environment());
  auto status_server =
      std::make_unique<StatusServer>(io, agent, status_options.listen, socket, log.named("status"));
  log.info("holdfast {} running: {} inputs, {} outputs, ring {} ({})", version(),
           agent.inputs().size(), agent.outputs().size(), agent.store().path,
           config::format_bytes(agent.store().ring->info().size_bytes));
  SpareMemory spare_memory(io);
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
    pid_file.remove();
    std::_Exit(kExitDone);
  }
  return kExitDone;
}

int once(const CommandLine& line) {
  const auto world = make_world(line);
  auto configuration = load(line, *world, {});
  if (!configuration) return kExitConfiguration;
  adopt_logging(line, configuration->agent, true, world->log);
  asio::io_context io(1);
  auto pipeline = build(io, std::move(*configuration), *world);
  if (!pipeline) {
    world->log.error("{}", pipeline.error().message);
    return kExitFailed;
  }
  const bool good = (*pipeline)->run_once(world->clock.boot() + listen_for(line) + kOnceDeadline,
                                          listen_for(line));
  if (!good) world->log.error("not everything was gathered and delivered");
  return good ? kExitDone : kExitFailed;
}

int test(const CommandLine& line) {
  const auto world = make_world(line);
  world->keeps_state = false;  // an agent may be running, and nothing of this is delivered
  auto configuration = load(line, *world, {.inputs = true, .outputs = false});
  if (!configuration) return kExitConfiguration;
  adopt_logging(line, configuration->agent, false, world->log);
  bool good = true;
  const auto print = [](const std::vector<line::LineChunk>& chunks) {
    for (const line::LineChunk& chunk : chunks) {
      std::fwrite(chunk.bytes.data(), 1, chunk.bytes.size(), stdout);
    }
  };
  const auto gather = [&](ConfiguredInput& input,
                          const std::function<void(std::vector<line::LineChunk>)>& use) {
    input.rules.encode.sort_fields = true;
    return gather_once(input, {}, world->clock, world->log.named(input.display, input.log_level),
                       use);
  };
  for (ConfiguredInput& input : configuration->inputs) {
    if (input.plugin->needs_two_gathers) good = gather(input, [](const auto&) {}) && good;
  }
  asio::io_context io(1);
  asio::steady_timer pause(io, kBetweenTestGathers);
  pause.wait();
  for (ConfiguredInput& input : configuration->inputs) good = gather(input, print) && good;
  std::fflush(stdout);
  if (line.test_wait_seconds > 0) {
    good = print_received(std::move(configuration->inputs), listen_for(line), *world) && good;
  }
  return good ? kExitDone : kExitFailed;
}

}  // namespace holdfast::agent

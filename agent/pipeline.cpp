#include "agent/pipeline.h"

#include <algorithm>
#include <utility>

#include <asio/executor_work_guard.hpp>
#include <asio/post.hpp>

#include "agent/own_numbers.h"

namespace holdfast::agent {
namespace {

constexpr base::Duration kKeepOrphans = std::chrono::hours(7 * 24);
constexpr base::Duration kBetweenGathers = std::chrono::milliseconds(500);

}  // namespace

buffer::BlockLimits block_limits(const Configuration& configuration) {
  buffer::BlockLimits limits;
  limits.points = configuration.block_points();
  limits.raw_bytes = std::min(limits.raw_bytes, configuration.block_bytes());
  return limits;
}

namespace {

buffer::BlockWriterOptions writer_options(const Configuration& configuration) {
  buffer::BlockWriterOptions options;
  options.limits = block_limits(configuration);
  options.compression = compression_of(configuration.buffer);
  options.compression_level = static_cast<int>(configuration.buffer.compression_level);
  options.wait_for_sync = configuration.buffer.sync == "always";
  return options;
}

}  // namespace

base::Result<std::unique_ptr<Pipeline>> Pipeline::create(asio::io_context& io,
                                                         Configuration configuration, Store store,
                                                         const base::Clock& clock,
                                                         const base::Logger& log) {
  std::unique_ptr<Pipeline> pipeline(
      new Pipeline(io, std::move(configuration), std::move(store), clock, log));
  if (auto made = pipeline->make_outputs(); !made) return tl::unexpected(made.error());
  return pipeline;
}

Pipeline::Pipeline(asio::io_context& io, Configuration configuration, Store store,
                   const base::Clock& clock, const base::Logger& log)
    : io_(io),
      configuration_(std::move(configuration)),
      store_(std::move(store)),
      clock_(clock),
      log_(log),
      started_at_(clock.boot()),
      writer_(*store_.ring, clock, writer_options(configuration_)),
      services_(io, pool(), writer_, clock, log) {
  for (ConfiguredInput& input : configuration_.inputs) {
    inputs_.push_back(std::make_shared<ConfiguredInput>(std::move(input)));
  }
  configuration_.inputs.clear();
  reloads_.loaded_ns = clock.wall_ns();
}

Pipeline::~Pipeline() {
  hide_numbers();
  pool_.join();
  store_.ring->on_append({});
  outputs_.clear();
}

// Readers the ring knows are claimed first: then it is clear which are orphans, and a new reader
// may take the place of one.
base::Status Pipeline::settle_readers(const std::vector<ConfiguredOutput>& outputs) {
  for (const buffer::ReaderInfo& known : store_.ring->info().readers) {
    for (const ConfiguredOutput& output : outputs) {
      if (output.reader_id != known.id) continue;
      if (auto reader = store_.ring->attach(known.id); !reader) {
        return tl::unexpected(reader.error());
      }
    }
  }
  const auto before = std::exchange(orphans_, store_.ring->settle_orphans(kKeepOrphans));
  for (const std::string& orphan : orphans_) {
    if (std::find(before.begin(), before.end(), orphan) != before.end()) continue;
    log_.warn("ring {}: no output claims the reader {}; its backlog is kept for {}", store_.path,
              orphan, base::format_duration(kKeepOrphans));
  }
  return base::ok();
}

base::Result<RunningOutput> Pipeline::make_output(ConfiguredOutput& output,
                                                  std::unique_ptr<outputs::Waiter> waiter) {
  auto reader = store_.ring->attach(output.reader_id);
  if (!reader) return tl::unexpected(reader.error());
  outputs::DeliveryContext context{*store_.ring,
                                   *reader,
                                   output.reader_id,
                                   clock_,
                                   base::Random::from_system(),
                                   log_.named(output.display),
                                   output.display};
  return RunningOutput{std::string(output.plugin->name),
                       output.worker.alias,
                       output.display,
                       output.reader_id,
                       output.content,
                       *reader,
                       std::make_unique<outputs::Worker>(std::move(output.output), output.worker,
                                                         std::move(context), std::move(waiter))};
}

base::Result<Pipeline::Waiters> Pipeline::make_waiters(std::size_t count) {
  Waiters waiters;
  while (waiters.size() < count) {
    auto waiter = outputs::make_boot_waiter();
    if (!waiter) return tl::unexpected(waiter.error());
    waiters.push_back(std::move(*waiter));
  }
  return waiters;
}

base::Status Pipeline::make_outputs() {
  if (auto settled = settle_readers(configuration_.outputs); !settled) return settled;
  auto waiters = make_waiters(configuration_.outputs.size());
  if (!waiters) return tl::unexpected(waiters.error());
  for (std::size_t i = 0; i < configuration_.outputs.size(); ++i) {
    auto made = make_output(configuration_.outputs[i], std::move((*waiters)[i]));
    if (!made) return tl::unexpected(made.error());
    outputs_.push_back(std::move(*made));
  }
  // A new ring knows its readers in one slot only: a kill that tears this one must not cost them.
  if (auto synced = store_.ring->sync(true); !synced) log_.error("{}", synced.error().message);
  announce_appends();
  return base::ok();
}

// Appends come from other threads: they see a list of their own.
void Pipeline::announce_appends() {
  std::vector<outputs::Worker*> workers;
  for (const RunningOutput& output : outputs_) workers.push_back(output.worker.get());
  store_.ring->on_append([workers = std::move(workers)] {
    for (outputs::Worker* worker : workers) worker->notify();
  });
}

Pool Pipeline::pool() {
  return [this](std::function<void()> job) { asio::post(pool_, std::move(job)); };
}

base::Status Pipeline::start() {
  start_sync();
  for (const RunningOutput& output : outputs_) output.worker->start();
  if (auto started = start_services(); !started) return started;
  gatherer_ = std::make_unique<Gatherer>(io_, pool(), writer_, clock_, log_);
  for (const auto& input : inputs_) run(input, configuration_.agent.round_interval);
  return base::ok();
}

void Pipeline::start_sync() {
  sync_ = std::make_unique<buffer::SyncWorker>(*store_.ring, configuration_.buffer.sync_interval,
                                               configuration_.buffer.sync != "never",
                                               log_.named("ring"));
}

base::Status Pipeline::start_services() {
  for (const auto& input : inputs_) {
    if (auto started = services_.start(input); !started) return started;
  }
  return base::ok();
}

void Pipeline::run(const std::shared_ptr<ConfiguredInput>& input, bool round) {
  if (input->gathers()) gatherer_->add(input, round);
}

void Pipeline::flush() {
  writer_.flush();
  for (const RunningOutput& output : outputs_) output.worker->flush();
}

void Pipeline::run_io_until(base::BootTime deadline, const std::function<bool()>& done) {
  // Without work of its own the context would return at once, again and again.
  const auto work = asio::make_work_guard(io_);
  while (!done() && clock_.boot() < deadline) {
    io_.restart();  // a signal may stop it: whoever called us looks into that
    io_.run_one_for(std::chrono::milliseconds(10));
  }
}

// Those that are not done by then are kept, as their jobs still use them.
void Pipeline::stop_services(const Inputs& inputs, base::BootTime deadline) {
  const auto open = services_.stop(inputs);
  run_io_until(deadline, [&open] { return *open == 0; });
  if (*open > 0) abandoned_.insert(abandoned_.end(), inputs.begin(), inputs.end());
}

void Pipeline::stop_inputs(base::BootTime deadline) {
  if (gatherer_) gatherer_->stop();
  stop_services(services_.all(), deadline);
  run_io_until(deadline, [&] { return !gatherer_ || gatherer_->running() == 0; });
}

void Pipeline::report_to(inputs::AgentNumbers& numbers) {
  numbers_ = &numbers;
  report_numbers();
}

void Pipeline::report_numbers() {
  if (numbers_ != nullptr) numbers_->set_source([this] { return own_numbers(*this); });
}

// While plugins come and go.
void Pipeline::hide_numbers() {
  if (numbers_ != nullptr) numbers_->set_source({});
}

void Pipeline::stop_outputs(base::BootTime deadline) {
  for (const RunningOutput& output : outputs_) output.worker->request_stop(deadline);
  for (const RunningOutput& output : outputs_) output.worker->join();
}

StopReport Pipeline::stop() {
  StopReport report;
  const base::BootTime deadline = clock_.boot() + configuration_.agent.shutdown_timeout;
  // A gather that hangs must not take the time of the last flush.
  stop_inputs(clock_.boot() + configuration_.agent.shutdown_timeout / 2);
  report.orderly = !gatherer_ || gatherer_->running() == 0;
  store_what_is_open();
  hide_numbers();
  stop_outputs(deadline);
  sync_.reset();
  for (const buffer::ReaderInfo& reader : store_.ring->info().readers) {
    if (reader.attached) report.buffered = std::max(report.buffered, reader.ledger.buffered);
  }
  // A gather that hangs still holds the pool: then the ring is left as after a kill, which it
  // survives.
  if (!report.orderly) return report;
  pool_.join();
  if (auto closed = store_.ring->close(); !closed) {
    log_.error("{}", closed.error().message);
    report.lost = std::min(report.buffered, store_.ring->info().held_points);
  }
  return report;
}

// A sync makes room for blocks that wait for one.
void Pipeline::store_what_is_open() {
  writer_.flush();
  do {
    if (auto synced = store_.ring->sync(false); !synced) log_.error("{}", synced.error().message);
  } while (writer_.busy() && !store_.ring->info().degraded);
}

bool Pipeline::run_once(base::BootTime deadline, base::Duration listen_for) {
  bool good = true;
  if (listen_for > base::Duration::zero()) {
    start_sync();
    if (auto started = start_services(); !started) {
      log_.error("{}", started.error().message);
      good = false;
    }
  }
  const auto store = [this, &good](const std::vector<line::LineChunk>& chunks) {
    add_chunks(writer_, chunks, [this, &good](const base::Status& status, std::uint64_t refused) {
      if (status) return;
      good = false;
      log_.error("{} points not accepted: {}", refused, status.error().message);
    });
  };
  const auto gather = [&](bool only_rates) {
    for (const auto& input : inputs_) {
      if (!input->gathers()) continue;
      if (only_rates && !input->plugin->needs_two_gathers) continue;
      const auto log = log_.named(input->display, input->log_level);
      good = gather_once(*input, writer_.limits(), clock_, log, store) && good;
    }
  };
  gather(false);
  run_io_until(clock_.boot() + std::max(kBetweenGathers, listen_for), [] { return false; });
  gather(true);
  stop_inputs(deadline);
  writer_.flush();
  for (const RunningOutput& output : outputs_) output.worker->start();
  stop_outputs(deadline);
  sync_.reset();
  for (const buffer::ReaderInfo& reader : store_.ring->info().readers) {
    if (reader.attached && reader.ledger.buffered > 0) good = false;
  }
  // A listener that is still busy may still store: then the ring is left as after a kill.
  if (!abandoned_.empty()) return good;
  pool_.join();
  if (auto closed = store_.ring->close(); !closed) log_.error("{}", closed.error().message);
  return good;
}

}  // namespace holdfast::agent

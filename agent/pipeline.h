// Pipeline: one running agent. Wires inputs to the block writer, the ring to the outputs, and stops
// everything in the right order.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/thread_pool.hpp>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/configuration.h"
#include "agent/gatherer.h"
#include "agent/reload_plan.h"
#include "agent/services.h"
#include "agent/store.h"
#include "buffer/block_writer.h"
#include "buffer/sync_worker.h"
#include "outputs/worker.h"

namespace holdfast::agent {

struct RunningOutput {
  std::string name;  // plugin
  std::string alias;
  std::string display;
  std::string reader_id;
  std::string content;  // as ConfiguredOutput has it
  buffer::ReaderId reader = 0;
  std::unique_ptr<outputs::Worker> worker;
};

// What became of the configuration since the start, for status. Times in ns since the epoch.
struct ReloadState {
  std::int64_t loaded_ns = 0;  // when the one in use was loaded
  std::uint64_t reloads = 0;   // good ones
  std::uint64_t failures = 0;
  std::int64_t failing_since_ns = 0;  // since when what the files say could not be used; 0: in use
  std::string failed_why;             // the last time
  std::vector<std::string> pending;   // options that take effect at the next start
};

// What is left when the agent has stopped.
struct StopReport {
  bool orderly = true;         // everything ended within shutdown_timeout
  std::uint64_t buffered = 0;  // points of the output furthest behind, still in the ring
  std::uint64_t lost = 0;      // of them in memory only, because the device fails
};

// What a block may hold: no more than the smallest batch of any output.
[[nodiscard]] buffer::BlockLimits block_limits(const Configuration& configuration);

class Pipeline {
 public:
  // Claims a reader for each output; nothing moves yet.
  [[nodiscard]] static base::Result<std::unique_ptr<Pipeline>> create(asio::io_context& io,
                                                                      Configuration configuration,
                                                                      Store store,
                                                                      const base::Clock& clock,
                                                                      const base::Logger& log);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  // Outputs first, so that a backlog moves at once; then listeners (a port in use fails), then
  // gathers. I/O thread.
  [[nodiscard]] base::Status start();
  // Stops listeners and gathers, closes the open block, syncs, one last flush, closes the ring: all
  // within shutdown_timeout. Runs the io_context meanwhile; the ring is closed when it returns.
  StopReport stop();

  // Where to say what the agent's numbers are, from now until stop(); outlives the pipeline.
  void report_to(inputs::AgentNumbers& numbers);

  // The new configuration in place of the one that runs. What did not change goes on untouched:
  // same sockets, schedule, counters; same worker, connection, waits. What changed or went is
  // stopped: listeners answer what they have, outputs finish their request, and what is buffered
  // for an output that went stays as an orphan's. Takes up to shutdown_timeout, and runs the
  // io_context meanwhile. On failure (an address in use) the old configuration goes on. Between
  // start() and stop(), not from within a handler.
  [[nodiscard]] base::Status apply(Configuration next);
  // What was gathered and is pending goes out now (SIGUSR1).
  void flush();
  // A reload did not come to apply(), or that failed.
  void reload_failed(const std::string& why);

  // `once`: every input gathered (twice where rates need it), listeners open for `listen_for`,
  // everything delivered or given up by `deadline`. True if nothing failed and nothing is left.
  bool run_once(base::BootTime deadline, base::Duration listen_for = {});

  // What is in use. Its inputs are in inputs(), its outputs are without their plugins.
  [[nodiscard]] const Configuration& configuration() const { return configuration_; }
  [[nodiscard]] const std::vector<std::shared_ptr<ConfiguredInput>>& inputs() const {
    return inputs_;
  }
  [[nodiscard]] const ReloadState& reloads() const { return reloads_; }
  [[nodiscard]] const Store& store() const { return store_; }
  [[nodiscard]] const std::vector<RunningOutput>& outputs() const { return outputs_; }
  [[nodiscard]] const std::vector<std::string>& orphans() const { return orphans_; }
  [[nodiscard]] base::BootTime started_at() const { return started_at_; }
  [[nodiscard]] const base::Clock& clock() const { return clock_; }

 private:
  Pipeline(asio::io_context& io, Configuration configuration, Store store, const base::Clock& clock,
           const base::Logger& log);
  using Waiters = std::vector<std::unique_ptr<outputs::Waiter>>;
  using Inputs = std::vector<std::shared_ptr<ConfiguredInput>>;
  [[nodiscard]] base::Status settle_readers(const std::vector<ConfiguredOutput>& outputs);
  [[nodiscard]] base::Status make_outputs();
  [[nodiscard]] base::Result<RunningOutput> make_output(ConfiguredOutput& output,
                                                        std::unique_ptr<outputs::Waiter> waiter);
  [[nodiscard]] static base::Result<Waiters> make_waiters(std::size_t count);
  void announce_appends();
  [[nodiscard]] Pool pool();
  void stop_services(const Inputs& inputs, base::BootTime deadline);
  void run(const std::shared_ptr<ConfiguredInput>& input, bool round);

  // apply(), in pipeline_reload.cpp
  [[nodiscard]] base::Status replace_inputs(Configuration& next);
  void go_back(const Inputs& started, const Inputs& stopped);
  [[nodiscard]] base::Status replace_outputs(Configuration& next, const Matches& plan,
                                             Waiters waiters);
  void end_outputs(const std::vector<std::size_t>& which, const Configuration& next);
  void adopt(Configuration next);
  void stop_inputs(base::BootTime deadline);
  void store_what_is_open();
  void stop_outputs(base::BootTime deadline);
  void start_sync();
  [[nodiscard]] base::Status start_services();
  void run_io_until(base::BootTime deadline, const std::function<bool()>& done);

  void report_numbers();
  void hide_numbers();

  asio::io_context& io_;
  inputs::AgentNumbers* numbers_ = nullptr;
  Configuration configuration_;
  Store store_;
  const base::Clock& clock_;
  base::Logger log_;
  base::BootTime started_at_;
  asio::thread_pool pool_{2};
  std::unique_ptr<buffer::SyncWorker> sync_;
  buffer::BlockWriter writer_;
  std::vector<RunningOutput> outputs_;
  std::vector<std::string> orphans_;
  std::unique_ptr<Gatherer> gatherer_;
  Inputs inputs_;
  Services services_;
  Inputs abandoned_;  // listeners that were still busy when their time to stop was over
  ReloadState reloads_;
};

}  // namespace holdfast::agent

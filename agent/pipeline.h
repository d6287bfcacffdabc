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
  std::unique_ptr<outputs::Worker> worker;
};

// What is left when the agent has stopped.
struct StopReport {
  bool orderly = true;         // everything ended within shutdown_timeout
  std::uint64_t buffered = 0;  // points of the output furthest behind, still in the ring
  std::uint64_t lost = 0;      // of them in memory only, because the device fails
};

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

  // `once`: every input gathered (twice where rates need it), listeners open for `listen_for`,
  // everything delivered or given up by `deadline`. True if nothing failed and nothing is left.
  bool run_once(base::BootTime deadline, base::Duration listen_for = {});

  [[nodiscard]] const Configuration& configuration() const { return configuration_; }
  [[nodiscard]] const Store& store() const { return store_; }
  [[nodiscard]] const std::vector<RunningOutput>& outputs() const { return outputs_; }
  [[nodiscard]] const std::vector<std::string>& orphans() const { return orphans_; }
  [[nodiscard]] base::BootTime started_at() const { return started_at_; }
  [[nodiscard]] const base::Clock& clock() const { return clock_; }

 private:
  Pipeline(asio::io_context& io, Configuration configuration, Store store, const base::Clock& clock,
           const base::Logger& log);
  [[nodiscard]] base::Status settle_readers();
  [[nodiscard]] base::Status make_outputs();
  [[nodiscard]] Pool pool();
  void stop_inputs(base::BootTime deadline);
  void store_what_is_open();
  void stop_outputs(base::BootTime deadline);
  void start_sync();
  [[nodiscard]] base::Status start_services();
  void run_io_until(base::BootTime deadline, const std::function<bool()>& done);

  asio::io_context& io_;
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
  std::unique_ptr<Services> services_;
};

}  // namespace holdfast::agent

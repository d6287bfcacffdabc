// Services: the inputs that receive points by themselves, started and stopped. One that cannot
// start ends the start of the agent, is tried again, or is left out: its startup_error_behavior.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <asio/io_context.hpp>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/configuration.h"
#include "agent/gatherer.h"
#include "buffer/block_sink.h"

namespace holdfast::agent {

// I/O thread only.
class Services {
 public:
  using Inputs = std::vector<std::shared_ptr<ConfiguredInput>>;

  // Everything outlives the object; inputs it holds while they run.
  Services(asio::io_context& io, Pool pool, buffer::BlockSink& sink, const base::Clock& clock,
           const base::Logger& log);
  ~Services();
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  // Inputs that receive nothing by themselves are left alone. One that is to be left out loses its
  // `input`; its counters say why.
  [[nodiscard]] base::Status start(const std::shared_ptr<ConfiguredInput>& input);
  // No more attempts; those that run take nothing new and answer what they have. The number that
  // still does goes to zero in time.
  [[nodiscard]] std::shared_ptr<const std::size_t> stop(const Inputs& which);
  // Those that run, or are tried again.
  [[nodiscard]] Inputs all() const;

 private:
  struct Retry;

  [[nodiscard]] base::Status start_one(const std::shared_ptr<ConfiguredInput>& input);
  void retry_later(const std::shared_ptr<Retry>& retry);
  void try_again(const std::shared_ptr<Retry>& retry);

  asio::io_context& io_;
  Pool pool_;
  buffer::BlockSink& sink_;
  const base::Clock& clock_;
  base::Logger log_;
  Inputs started_;
  std::vector<std::shared_ptr<Retry>> retries_;
};

}  // namespace holdfast::agent

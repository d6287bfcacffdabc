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
  // Everything outlives the object, and `inputs` stay where they are.
  Services(asio::io_context& io, Pool pool, std::vector<ConfiguredInput>& inputs,
           buffer::BlockSink& sink, const base::Clock& clock, const base::Logger& log);
  ~Services();
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  // An input that is to be left out loses its `input`; its counters say why.
  [[nodiscard]] base::Status start();
  // No more attempts; those that run take nothing new and answer what they have.
  void stop();
  // How many run, or are still answering.
  [[nodiscard]] std::size_t open() const { return *open_; }

 private:
  struct Retry;

  [[nodiscard]] base::Status start_one(ConfiguredInput& input);
  void retry_later(Retry& retry);
  void try_again(Retry& retry);

  asio::io_context& io_;
  Pool pool_;
  std::vector<ConfiguredInput>& inputs_;
  buffer::BlockSink& sink_;
  const base::Clock& clock_;
  base::Logger log_;
  std::vector<inputs::ServiceInput*> started_;
  std::vector<std::unique_ptr<Retry>> retries_;
  // Outlives this object in what the inputs call at their end.
  std::shared_ptr<std::size_t> open_ = std::make_shared<std::size_t>(0);
  // Timers' handlers may run after this object is gone: they look at this first.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace holdfast::agent

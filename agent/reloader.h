// Reloader: when and how a running agent takes a new configuration.
#pragma once

#include <memory>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>

#include "agent/commands.h"
#include "agent/config_watch.h"
#include "agent/loading.h"
#include "agent/pipeline.h"

namespace holdfast::agent {

// I/O thread. From its making on SIGHUP does not end the program.
class Reloader {
 public:
  // All of it outlives the reloader. Stops the io_context when a reload is wanted.
  Reloader(asio::io_context& io, const CommandLine& line, const World& world);

  [[nodiscard]] bool wanted() const { return wanted_; }
  // Reads the files and applies what they say; if they are bad, the pipeline is told so and goes
  // on. systemd hears of the begin and the end. Not from within a handler.
  void reload(Pipeline& pipeline);

 private:
  void wait_for_signal();
  void want();
  [[nodiscard]] base::Status try_reload(Pipeline& pipeline);

  asio::io_context& io_;
  const CommandLine& line_;
  const World& world_;
  asio::signal_set hangups_;
  std::unique_ptr<ConfigWatch> watch_;
  bool wanted_ = false;
};

}  // namespace holdfast::agent

// Gatherer: calls each input at its times. Timers run on the I/O thread, gathers on the pool; one
// gather of an input at a time, a slow one is skipped and delays no other.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/random.h"
#include "agent/configuration.h"
#include "agent/schedule.h"
#include "buffer/block_sink.h"

namespace holdfast::agent {

using Pool = std::function<void(std::function<void()>)>;

// Gathers once, now, on the calling thread: counts, logs errors, hands the lines to `use`.
// Returns false if anything failed.
bool gather_once(ConfiguredInput& input, const buffer::BlockLimits& limits,
                 const base::Clock& clock, const base::Logger& log,
                 const std::function<void(std::vector<line::LineChunk>)>& use);

// Hands chunks to the sink; `done` as BlockSink::add has it.
void add_chunks(buffer::BlockSink& sink, const std::vector<line::LineChunk>& chunks,
                buffer::BlockSink::Done done);

class Gatherer {
 public:
  // Everything outlives the gatherer. All functions on the I/O thread, but running().
  Gatherer(asio::io_context& io, Pool pool, buffer::BlockSink& sink, const base::Clock& clock,
           const base::Logger& log);
  ~Gatherer();
  Gatherer(const Gatherer&) = delete;
  Gatherer& operator=(const Gatherer&) = delete;

  // Gathers it from now on, at its times; `round`: at multiples of its interval.
  void add(std::shared_ptr<ConfiguredInput> input, bool round);
  // No more gathers of this one. One that is running goes on, and keeps the input until it is done.
  void remove(const ConfiguredInput& input);
  // No more gathers; those running go on (see running()).
  void stop();
  [[nodiscard]] int running() const;

 private:
  struct Task;
  struct Shared;  // what gathers on the pool need, even if they outlast this object

  void arm(const std::shared_ptr<Task>& task, base::WallTime due);
  void tick(const std::shared_ptr<Task>& task);
  [[nodiscard]] bool is_listed(const Task& task) const;
  static void gather(const std::shared_ptr<Task>& task, const std::shared_ptr<Shared>& shared);
  void settled();
  void flush_at(base::BootTime due);

  Pool pool_;
  const base::Clock& clock_;
  base::Random random_;
  std::shared_ptr<Shared> shared_;
  base::Logger log_;
  std::vector<std::shared_ptr<Task>> tasks_;
  asio::steady_timer flush_timer_;
  std::optional<base::BootTime> open_since_;  // the first tick of the open block
  bool stopped_ = false;
  // Timers' handlers may run after this object is gone, while the I/O context goes on: they look at
  // this first.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace holdfast::agent

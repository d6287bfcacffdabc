// The contract of an input plugin.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <asio/io_context.hpp>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/result.h"
#include "buffer/block_sink.h"
#include "config/schema.h"
#include "inputs/accumulator.h"
#include "inputs/host_fs.h"
#include "inputs/plugin_counts.h"

namespace holdfast::inputs {

class AgentNumbers;

// What every input may use. Everything outlives the input.
struct InputContext {
  const HostFs& host;
  const base::Clock& clock;
  base::Logger log;  // named after the instance
  // Where an input may keep files that must outlive a restart: no other agent uses it meanwhile.
  // It may not exist yet. Empty: nothing is to be kept (`holdfast test`).
  std::string state_directory{};
  const AgentNumbers* numbers = nullptr;  // null: there is no agent around
};

// An input that is asked for its points at each interval.
class Input {
 public:
  virtual ~Input() = default;
  // Reads, parses, adds. Called from a pool thread, never twice at once for one instance. An error
  // is counted and logged; points added before it are kept.
  [[nodiscard]] virtual base::Status gather(Accumulator& out) = 0;
  // What it alone counts, for `internal`. Any thread, at any time.
  [[nodiscard]] virtual PluginCounts counts() const { return {}; }
};

// What an input that receives points by itself needs besides.
struct ServiceContext {
  asio::io_context& io;                             // the agent's one I/O thread: do not block it
  std::function<void(std::function<void()>)> pool;  // runs a job on the worker pool
  buffer::BlockSink& sink;
  const PointRules& rules;  // tags to add
  InputCounters& counters;
};

class ServiceInput : public Input {
 public:
  // Called on the I/O thread. Failure (port in use) is reported and ends the start of the agent, or
  // the reload. Called again after `stopped` when a reload goes back to what was.
  [[nodiscard]] virtual base::Status start(const ServiceContext& context) = 0;
  // Called on the I/O thread: takes no new requests, answers those it has, then calls `stopped`.
  virtual void stop(std::function<void()> stopped) = 0;
  // Whether it is asked for points at each interval all the same, as one that aggregates is.
  [[nodiscard]] virtual bool gathers() const { return false; }
  [[nodiscard]] base::Status gather(Accumulator&) override { return base::ok(); }
};

// What becomes of the times of an input's points.
enum class Times {
  kOfGather,    // rounded to the precision of the input, else the agent's, else the interval's
  kOwn,         // rounded only to a precision that the input's own table sets
  kAsTheyCame,  // lines go into the buffer with the time they have
};

// One entry of the registry.
struct InputPlugin {
  std::string_view name;           // "cpu"
  std::string_view summary;        // one line for `holdfast plugins`
  bool needs_two_gathers = false;  // `holdfast test` gathers twice: rates exist from the second on
  Times times = Times::kOfGather;
  bool takes_format = false;  // has `data_format`, and the options of that format
  std::vector<config::OptionInfo> (*options)() = nullptr;
  // Takes its options from the table; problems go to diagnostics (then the result is not used).
  std::unique_ptr<Input> (*create)(config::Table& table, config::Diagnostics& diagnostics,
                                   const InputContext& context) = nullptr;
};

}  // namespace holdfast::inputs

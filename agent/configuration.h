// Configuration: what the files say, checked and turned into plugin instances.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/options.h"
#include "config/diagnostics.h"
#include "config/loader.h"
#include "inputs/input.h"
#include "outputs/output.h"

namespace holdfast::agent {

// What a listener that cannot start means.
enum class StartupErrors { kFail, kRetry, kIgnore };

struct ConfiguredInput {
  const inputs::InputPlugin* plugin = nullptr;
  std::string alias;
  std::string display;  // "inputs.cpu", "inputs.cpu::alias"
  base::Duration interval{};
  base::Duration jitter{};
  base::Duration offset{};
  std::optional<base::LogLevel> log_level;  // none: the agent's
  StartupErrors startup_errors = StartupErrors::kFail;
  inputs::PointRules rules;
  std::unique_ptr<inputs::InputCounters> counters;
  std::unique_ptr<inputs::Input> input;  // null: left out, as it could not start
  // All that makes it what it is: its table, and what it takes from the rest of the configuration.
  // Equal content, same plugin. Holds secrets: for comparing only.
  std::string content;

  // Null unless this input receives points by itself.
  [[nodiscard]] inputs::ServiceInput* service() const;
  // Whether it is asked for points at each interval.
  [[nodiscard]] bool gathers() const;
};

struct ConfiguredOutput {
  const outputs::OutputPlugin* plugin = nullptr;
  std::string display;  // "outputs.influxdb", "outputs.influxdb::alias"
  std::string reader_id;
  std::optional<base::LogLevel> log_level;  // none: the agent's
  outputs::WorkerOptions worker;
  std::unique_ptr<outputs::Output> output;
  std::string content;  // as an input has it
};

struct Configuration {
  AgentOptions agent;
  BufferOptions buffer;
  StatusOptions status;
  std::string hostname;
  std::vector<line::TagPair> global_tags;  // with host, sorted by key
  std::vector<ConfiguredInput> inputs;
  std::vector<ConfiguredOutput> outputs;

  // The smallest batch of any output: what a block may hold, so that batches are whole blocks.
  [[nodiscard]] std::uint32_t block_points() const;
  // The same for raw bytes: the smallest max_batch_bytes.
  [[nodiscard]] std::size_t block_bytes() const;
};

// What plugins are built with; outlives the configuration.
struct Surroundings {
  const inputs::HostFs& host;
  const base::Clock& clock;
  base::Logger log;
  // Whether inputs may keep files beside the ring: only for who holds the ring.
  bool keeps_state = false;
  const inputs::AgentNumbers* numbers = nullptr;
};

// Builds everything the document describes. All problems go to `diagnostics`; if there are errors
// the result must not be run.
[[nodiscard]] Configuration configure(config::Document& document, const Surroundings& surroundings,
                                      config::Diagnostics& diagnostics);

}  // namespace holdfast::agent

// AgentNumbers: what the running agent says of itself, for the input `internal`. The agent knows
// its inputs, outputs and ring; inputs know only this.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "inputs/plugin_counts.h"

namespace holdfast::inputs {

// Counters since the start of the plugin (gathered, errors) or of the ledger (everything about
// points of outputs). Times in ns, sizes in bytes.
struct Numbers {
  struct OfInput {
    std::string plugin;
    std::string alias;  // empty: none
    std::uint64_t gathers = 0;
    std::uint64_t errors = 0;
    std::uint64_t gathered = 0;
    std::uint64_t filtered = 0;
    std::uint64_t not_accepted = 0;
    std::uint64_t skipped = 0;
    std::int64_t gather_total_ns = 0;
    PluginCounts own{};  // what only this plugin counts
  };
  struct OfOutput {
    std::string plugin;
    std::string alias;
    std::uint64_t accepted = 0;
    std::uint64_t delivered = 0;
    std::uint64_t buffered = 0;
    std::uint64_t rejected = 0;
    std::uint64_t dropped = 0;  // all reasons, rejected included
    std::uint64_t filtered = 0;
    std::uint64_t requests = 0;
    std::uint64_t failed_requests = 0;  // without an answer of success
    std::uint64_t bytes_sent = 0;
  };
  struct OfRing {
    std::uint64_t size_bytes = 0;
    std::uint64_t used_bytes = 0;
    std::uint64_t points = 0;  // pending for the output furthest behind
    std::uint64_t writes = 0;
    std::uint64_t bytes_written = 0;
    std::uint64_t syncs = 0;
    std::uint64_t held_points = 0;  // in memory only
    bool degraded = false;
  };

  std::string version;
  std::vector<OfInput> inputs;
  std::vector<OfOutput> outputs;
  OfRing ring;
};

// Thread-safe.
class AgentNumbers {
 public:
  using Source = std::function<Numbers()>;

  // Without one there is nothing to say. What the last source uses may go once this has returned.
  void set_source(Source source) {
    const std::lock_guard lock(mutex_);
    source_ = std::move(source);
  }
  [[nodiscard]] std::optional<Numbers> read() const {
    const std::lock_guard lock(mutex_);
    if (!source_) return std::nullopt;
    return source_();
  }

 private:
  mutable std::mutex mutex_;
  Source source_;
};

}  // namespace holdfast::inputs

// What the agent and a ring file say of themselves, as plain values.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace holdfast::test {

struct LedgerState {
  std::uint64_t accepted = 0, delivered = 0, buffered = 0, filtered = 0;
  std::uint64_t overflow = 0, rejected = 0, expired = 0, corrupt = 0;
  friend bool operator==(const LedgerState&, const LedgerState&) = default;

  [[nodiscard]] std::uint64_t dropped() const { return overflow + rejected + expired + corrupt; }
  // The promise: every accepted point is in exactly one place.
  [[nodiscard]] bool balanced() const {
    return accepted == delivered + buffered + dropped() + filtered;
  }
};

struct InputState {
  std::uint64_t gathers = 0, errors = 0, gathered = 0, not_accepted = 0;
  std::string last_error;
};

struct OutputState {
  std::string state;
  std::string last_error;
  std::uint64_t requests = 0;
  std::map<int, std::uint64_t> by_status;
  LedgerState ledger;
};

struct ConfigurationState {
  std::uint64_t reloads = 0, failed_reloads = 0;
  std::string failing_since;  // empty: what the files say is in use
  std::string last_error;
};

// /status.json
struct AgentState {
  bool answered = false;  // false: nobody answered, and the rest says nothing
  bool healthy = false;
  bool degraded = false;
  double uptime_s = 0;
  std::string version;
  std::string hostname;
  ConfigurationState configuration;
  std::map<std::string, InputState> inputs;    // by plugin name
  std::map<std::string, OutputState> outputs;  // by reader

  [[nodiscard]] const InputState& input(const std::string& name) const;
  [[nodiscard]] const OutputState& output(const std::string& reader) const;
};

// `holdfast buffer info --json`
struct RingState {
  bool readable = false;  // false: not a ring, and the rest says nothing
  std::uint64_t size_bytes = 0;
  std::uint64_t accepted = 0;
  std::uint64_t points = 0;                    // pending for the reader furthest behind
  std::map<std::string, LedgerState> readers;  // by id

  [[nodiscard]] const LedgerState& reader(const std::string& id) const;
};

[[nodiscard]] AgentState parse_status(const std::string& json);
[[nodiscard]] RingState parse_ring(const std::string& json);

}  // namespace holdfast::test

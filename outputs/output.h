// The contract of an output plugin.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/line/filter.h"
#include "config/schema.h"
#include "outputs/batch.h"
#include "outputs/stop_signal.h"

namespace holdfast::outputs {

// What is to be done with a batch after one attempt (README.md: what each answer means).
enum class Action {
  kDelivered,      // the server has it
  kRejected,       // refused for good: drop and count
  kRetry,          // keep; back off with growing, jittered waits
  kWait,           // keep; send nothing at all before `wait` has passed (Retry-After)
  kMisconfigured,  // keep; a person must act; try again every 60 s
};

struct Decision {
  Action action = Action::kRetry;
  base::Duration wait{};  // kWait: as announced, not yet capped by max_retry_after
  // Points of the batch the server refused. kDelivered: a partial write. kRejected: the others are
  // in the database (a batch that goes to several); 0 = all were refused.
  std::uint64_t rejected = 0;
  bool may_be_stored = false;  // kRejected: some of the points may be in the database all the same
  bool lower_batch_size = false;     // a 413: send smaller batches from now on
  std::uint64_t max_body_bytes = 0;  // ... and none larger than this, if the server says so
  // The first bad line, counted from 1, if the server names it; it may be wrong by blank lines and
  // comments.
  std::uint64_t bad_line = 0;
  // kRetry: the same answer may be meant for the server's trouble and for this batch (a 500).
  bool ambiguous = false;
  bool database_missing = false;  // kMisconfigured: creating the database may help
  int status = 0;                 // of the answer; 0 = none
  std::string reason{};  // the server's or the system's words, for log and status; no secrets
};

// What an attempt cost and got, for status.
struct Attempt {
  Decision decision;
  std::vector<int> statuses;     // of each request made, in order; 0 = no answer
  std::uint64_t bytes_sent = 0;  // of the bodies
};

// A server, one of several, that has asked for a wait.
struct ServerWait {
  std::uint32_t server = 0;  // a hash of its URL
  base::BootTime until{};
  friend bool operator==(const ServerWait&, const ServerWait&) = default;
};

struct OutputContext {
  const base::Clock& clock;  // outlives the output
  base::Logger log;          // named after the instance
  // Longest wait that a server may ask for: WorkerOptions::max_retry_after.
  base::Duration max_retry_after{std::chrono::minutes(10)};
};

// Called from the output's own worker thread only.
class Output {
 public:
  virtual ~Output() = default;
  // One attempt to hand the batch over. May block up to the output's timeout for each request that
  // it takes (several servers, several databases); gives up with kRetry soon after `stop` has
  // expired.
  [[nodiscard]] virtual Attempt deliver(Batch& batch, const StopSignal& stop) = 0;
  // Of single servers among several; a wait of all of them is a kWait. Those that are over are not
  // told.
  [[nodiscard]] virtual std::vector<ServerWait> waits() const { return {}; }
  // What waits() said before a restart. Servers that are no longer there are of no matter.
  virtual void resume(const ServerWait& /*wait*/) {}
  // Where batches go, for people: a URL without credentials, paths.
  [[nodiscard]] virtual std::string destination() const = 0;
  // How unsigned fields are to be written: as `12u` (true), as `12i`, or no matter how. All outputs
  // share the lines of the ring, so those that care must agree.
  [[nodiscard]] virtual std::optional<bool> unsigned_fields() const { return std::nullopt; }
};

// Options all outputs share; declared in registry.cpp (worker_schema).
struct WorkerOptions {
  std::string alias{};
  std::string log_level{};               // base::parse_log_level(); empty: the agent's
  config::StringMap labels{};            // for --select
  std::string startup_error_behavior{};  // accepted, without effect
  std::int64_t metric_batch_size = 0;    // points; 0: the agent's, else 5000
  std::int64_t metric_buffer_limit = 0;  // accepted, without effect, as are these:
  std::string buffer_strategy{}, buffer_directory{};
  bool buffer_disk_sync = true;
  base::Duration flush_interval{};  // 0: the agent's, else 10 s
  base::Duration flush_jitter{};
  config::Bytes max_batch_bytes{1ULL << 20};  // of lines, before compression
  base::Duration max_retry_after{std::chrono::minutes(10)};
  std::string on_rejected = "drop";
  std::string drain = "oldest_first";
  std::string backfill_rate = "50%";  // parse_backfill_rate()
  config::Bytes rate_limit{0};        // on the wire, for each period; 0: none
  base::Duration rate_limit_period{std::chrono::seconds(1)};  // 0: no limit
  std::string rejected_directory{};                           // empty: refused batches are not kept
  config::Bytes rejected_limit{16ULL << 20};  // of all files that this output keeps there
  std::string name_override{}, name_prefix{}, name_suffix{};
  line::MetricFilter filter{};  // its options are a schema of their own (agent/line/filter.h)
};

struct OutputPlugin {
  std::string_view name;
  std::string_view summary;
  std::vector<config::OptionInfo> (*options)() = nullptr;
  // Takes its options from the table; problems go to diagnostics (then the result is not used).
  // `identity` receives what tells this output from others of its kind (urls and database), for the
  // reader id: never options that a user may change without meaning another destination.
  std::unique_ptr<Output> (*create)(config::Table& table, config::Diagnostics& diagnostics,
                                    const OutputContext& context, std::string& identity) = nullptr;
};

}  // namespace holdfast::outputs

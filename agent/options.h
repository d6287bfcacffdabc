// The agent's own options: [agent], [buffer], [status], and those that all inputs share. Each is
// declared once, in options.cpp.
#pragma once

#include <cstdint>
#include <string>

#include "agent/base/clock.h"
#include "config/schema.h"

namespace holdfast::agent {

struct AgentOptions {
  base::Duration interval{std::chrono::seconds(10)};
  bool round_interval = true;
  base::Duration collection_jitter{};
  base::Duration collection_offset{};
  base::Duration precision{};  // 0 = from the interval
  base::Duration flush_interval{std::chrono::seconds(10)};
  base::Duration flush_jitter{};
  std::int64_t metric_batch_size = 0;  // 0 = 5000
  std::int64_t metric_buffer_limit = 0;
  base::Duration shutdown_timeout{std::chrono::seconds(5)};
  std::string hostname;
  bool omit_hostname = false;
  bool always_include_local_tags = false;
  bool always_include_global_tags = false;
  bool debug = false;
  bool quiet = false;
  std::string logfile;  // empty = stderr
  base::Duration logfile_rotation_interval{};
  config::Bytes logfile_rotation_max_size{0};
  std::int64_t logfile_rotation_max_archives = 5;  // -1 = all
  std::string logformat = "text";
  std::string log_with_timezone;  // empty = UTC
  std::string structured_log_message_key = "msg";
  std::int64_t config_url_retry_attempts = 0;  // 0 = 3, -1 = without end
  // Accepted without effect.
  std::string logtarget;
  std::string snmp_translator = "netsnmp";
  std::string statefile;
  bool skip_processors_before_aggregators = false;
  bool skip_processors_after_aggregators = false;
  std::string buffer_strategy = "memory";
  std::string buffer_directory;
  bool buffer_disk_sync = true;
  bool flush_buffer_when_full = true;
  bool utc = true;
};

struct BufferOptions {
  std::string path;
  config::Bytes size{64ULL << 20};
  std::string sync = "interval";
  base::Duration sync_interval{std::chrono::seconds(1)};
  std::string mode = "durable";
  base::Duration spill_after{std::chrono::seconds(30)};
  std::string overflow = "drop_oldest";
  base::Duration max_age{};
  std::string compression = "auto";
  std::int64_t compression_level = 3;
};

struct StatusOptions {
  std::string listen = "127.0.0.1:8189";
  std::string socket;
};

// Options every input takes besides its own.
struct InputOptions {
  std::string alias;
  base::Duration interval{};
  base::Duration precision{};
  base::Duration collection_jitter{};
  base::Duration collection_offset{};
  std::string name_override;
  std::string name_prefix;
  std::string name_suffix;
  config::StringMap tags;
  std::string time_source = "metric";
  std::string startup_error_behavior = "error";
  std::string log_level;  // empty = the agent's
  config::StringMap labels;
};

[[nodiscard]] const config::Schema<AgentOptions>& agent_schema();
[[nodiscard]] const config::Schema<BufferOptions>& buffer_schema();
[[nodiscard]] const config::Schema<StatusOptions>& status_schema();
[[nodiscard]] const config::Schema<InputOptions>& input_schema();

}  // namespace holdfast::agent

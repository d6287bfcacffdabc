// A small agent's worth of options, for tests that read whole files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/loader.h"
#include "config/schema.h"

namespace holdfast::config::test {

struct AgentOptions {
  base::Duration interval = std::chrono::seconds(10);
  base::Duration flush_interval = std::chrono::seconds(10);
  base::Duration collection_jitter{};
  base::Duration precision{};
  bool round_interval = true;
  std::int64_t metric_batch_size = 5000;
  std::int64_t metric_buffer_limit = 0;
  std::string hostname;
};
const Schema<AgentOptions>& agent_schema();

struct BufferOptions {
  Bytes size{64ULL << 20};
  std::string sync = "interval";
  base::Duration sync_interval = std::chrono::seconds(1);
};
const Schema<BufferOptions>& buffer_schema();

struct InputOptions {
  base::Duration interval{};
  StringList namepass;
  StringMap tags;
  bool percpu = true;
  bool totalcpu = true;
};
const Schema<InputOptions>& input_schema();

struct OutputOptions {
  StringList urls;
  std::string database = "telegraf";
  std::string auth;
  std::string password;
  std::string token;
  base::Duration timeout = std::chrono::seconds(15);
};
const Schema<OutputOptions>& output_schema();

// The environment that example configurations see.
[[nodiscard]] Environment example_environment();

// Reads everything in the document as an agent would that knows the inputs cpu and mem and the
// output influxdb.
void check_document(Document& document, Diagnostics& diagnostics);

// The diagnostics as `holdfast check` prints them, one a line.
[[nodiscard]] std::string report(const Diagnostics& diagnostics);

}  // namespace holdfast::config::test

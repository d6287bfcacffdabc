// The options of the plugin `influxdb`, and what they say about its target. No I/O.
#pragma once

#include <optional>
#include <string>

#include "config/schema.h"
#include "outputs/http_options.h"
#include "outputs/write_target.h"

namespace holdfast::outputs {

// Besides those of http_options.h.
struct InfluxdbOptions {
  config::StringList urls{"http://localhost:8086"};
  std::string database = "telegraf";
  std::string database_tag;
  bool exclude_database_tag = false;
  std::string retention_policy;
  std::string retention_policy_tag;
  bool exclude_retention_policy_tag = false;
  std::string write_consistency;
  bool skip_database_creation = false;
  std::string username;
  std::string password;
  std::string token;
  std::string auth = "auto";
  config::Bytes udp_payload{512};  // accepted, without effect
};

[[nodiscard]] const config::Schema<InfluxdbOptions>& influxdb_schema();

// Reads the plugin's table; what is wrong goes to diagnostics, then the result is empty or
// unusable.
[[nodiscard]] std::optional<WriteTarget> read_influxdb_target(config::Table& table,
                                                              config::Diagnostics& diagnostics);

}  // namespace holdfast::outputs

// The options of the plugin `influxdb`, and what they say about one request. No I/O.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "config/schema.h"
#include "outputs/http_client.h"

namespace holdfast::outputs {

struct InfluxdbOptions {
  config::StringList urls{"http://localhost:8086"};
  std::string database = "telegraf";
  std::string retention_policy;
  std::string write_consistency;
  bool skip_database_creation = false;
  std::string username;
  std::string password;
  std::string token;
  std::string auth = "auto";
  base::Duration timeout = std::chrono::seconds(15);
  std::string user_agent;
  std::string content_encoding = "gzip";
  config::StringMap http_headers;
  std::string http_proxy;
  bool insecure_skip_verify = false;
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
  std::string tls_key_pwd;
  std::string tls_min_version = "TLS12";
  bool influx_uint_support = false;
  bool influx_omit_timestamp = false;
  std::string precision;           // accepted, without effect
  config::Bytes udp_payload{512};  // accepted, without effect
};

[[nodiscard]] const config::Schema<InfluxdbOptions>& influxdb_schema();

// The options checked against each other and worked out: all that the output needs.
struct InfluxdbTarget {
  std::string write_url;
  std::string query_url;
  std::string destination;           // write_url without credentials
  std::string create_statement;      // form body of CREATE DATABASE; empty: never send it
  std::vector<HttpHeader> headers;   // of every request
  std::vector<std::string> secrets;  // never to be shown, in every spelling that may come back
  bool gzip = true;
  std::string identity;
  HttpClientOptions client;
};

// Reads the plugin's table; what is wrong goes to diagnostics, then the result is empty or
// unusable.
[[nodiscard]] std::optional<InfluxdbTarget> read_influxdb_target(config::Table& table,
                                                                 config::Diagnostics& diagnostics);

}  // namespace holdfast::outputs

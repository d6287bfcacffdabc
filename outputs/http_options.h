// The options that all outputs over HTTP share: connection, TLS, headers, form of the lines.
#pragma once

#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "config/schema.h"
#include "outputs/write_target.h"

namespace holdfast::outputs {

struct HttpOptions {
  base::Duration timeout = std::chrono::seconds(15);
  config::Bytes low_speed_limit{0};
  base::Duration low_speed_time = std::chrono::seconds(30);
  std::string local_address;
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
  std::string tls_server_name;
  std::string tls_pinned_public_key;
  config::StringList tls_cipher_suites;  // without effect, as are these
  std::string tls_renegotiation_method = "never";
  bool tls_enable = true;
  std::string precision;
  bool influx_uint_support = false;
  bool influx_omit_timestamp = false;
  bool zap_trace_span = false;
};

[[nodiscard]] const config::Schema<HttpOptions>& http_schema();

// A plugin's own options with those behind them.
[[nodiscard]] std::vector<config::OptionInfo> with_http_options(
    std::vector<config::OptionInfo> own);

struct Login {
  std::string username;
  std::string password;

  [[nodiscard]] bool empty() const { return username.empty() && password.empty(); }
};

// Reads what the plugins have in common, step by step, into a target; problems go to the
// diagnostics. For one table.
class TargetReader {
 public:
  TargetReader(config::Table& table, config::Diagnostics& diagnostics);

  // Points at `key` where it stands in the table, else at the table.
  void error(std::string_view key, std::string message);

  // One server for each URL, with `path` behind it for writes. Credentials of a URL are its
  // server's own, `login` is that of the others; true if any server has one.
  bool read_urls(const config::StringList& urls, std::string_view path, const Login& login);
  // Basic authentication, or u and p in the query.
  void use_logins(bool in_query);
  void use_token(std::string_view scheme, const std::string& token);
  void add_route(std::string_view parameter, std::string_view tag_option, const std::string& tag,
                 std::string_view exclude_option, bool exclude);
  // `destination` (a database, a bucket) completes the identity.
  [[nodiscard]] WriteTarget finish(std::string_view destination);

  [[nodiscard]] WriteTarget& target() { return target_; }

 private:
  void read_headers();
  void read_header(const std::string& name, const std::string& value);
  void read_precision();
  void check_rest();
  [[nodiscard]] HttpClientOptions client_options();
  void read_local_address(HttpClientOptions& client);
  void add_secret(const std::string& secret);
  void collect_secrets();

  config::Table& table_;
  config::Diagnostics& diagnostics_;
  HttpOptions options_;
  WriteTarget target_;
  std::vector<Login> logins_;  // of the servers
  std::string token_;
};

}  // namespace holdfast::outputs

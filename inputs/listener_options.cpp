// Declaration of the options that listeners share.
#include "inputs/listener_options.h"

#include <algorithm>
#include <utility>

#include "inputs/tls_server_options.h"

namespace holdfast::inputs {
namespace {

constexpr std::uint64_t kDefaultBodyBytes = 32ULL * 1024 * 1024;
constexpr std::uint64_t kLargestBodyBytes = 1024ULL * 1024 * 1024;
constexpr std::uint64_t kLeastPendingBytes = 8ULL * 1024 * 1024;
constexpr base::Duration kDefaultTimeout = std::chrono::seconds(10);
constexpr std::int64_t kMostConnections = 100'000;

struct Declared {
  config::Bytes max_body_size{kDefaultBodyBytes};
  base::Duration read_timeout = kDefaultTimeout;
  base::Duration write_timeout = kDefaultTimeout;
  std::int64_t max_connections = 1024;
};

const config::Schema<Declared>& declared_schema() {
  static const auto schema =
      config::Schema<Declared>{}
          .option("max_body_size", &Declared::max_body_size,
                  "Largest body, as sent and inflated; 0 is the default. More is answered 413. Up "
                  "to twice as much is held for all requests together, then 503 is answered.",
                  {.min = 0, .max = static_cast<double>(kLargestBodyBytes)})
          .option("read_timeout", &Declared::read_timeout,
                  "A connection without traffic is closed after the longer of the two timeouts; "
                  "less than 1s means 10s.",
                  {.min = 0})
          .option("write_timeout", &Declared::write_timeout, "See read_timeout.", {.min = 0})
          .option("max_connections", &Declared::max_connections,
                  "Connections open at a time; further ones wait until one of them is closed. Not "
                  "an option of Telegraf.",
                  {.min = 1, .max = static_cast<double>(kMostConnections)});
  return schema;
}

base::Duration usual(base::Duration set) {
  return set < std::chrono::seconds(1) ? kDefaultTimeout : set;
}

}  // namespace

ListenerOptions take_listener_options(config::Table& table, config::Diagnostics& diagnostics) {
  const Declared declared = declared_schema().parse(table, diagnostics);
  ListenerOptions options;
  options.max_body_bytes =
      declared.max_body_size.count == 0 ? kDefaultBodyBytes : declared.max_body_size.count;
  options.max_connections = static_cast<std::uint32_t>(declared.max_connections);
  options.idle_timeout = std::max(usual(declared.read_timeout), usual(declared.write_timeout));
  options.tls = take_tls_options(table, diagnostics);
  return options;
}

std::vector<config::OptionInfo> with_listener_options(std::vector<config::OptionInfo> own) {
  for (auto& info : declared_schema().describe()) own.push_back(std::move(info));
  return with_tls_options(std::move(own));
}

http::ServerOptions server_options(const std::string& address, const ListenerOptions& options) {
  http::ServerOptions http;
  http.address = address;
  http.max_body_bytes = options.max_body_bytes;
  http.max_pending_bytes = std::max(2 * options.max_body_bytes, kLeastPendingBytes);
  http.max_connections = options.max_connections;
  http.idle_timeout = options.idle_timeout;
  http.tls = options.tls;
  return http;
}

}  // namespace holdfast::inputs

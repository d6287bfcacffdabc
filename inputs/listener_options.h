// What all listeners on HTTP are told: sizes, times, TLS. One declaration for all of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/http/server.h"
#include "agent/tls/server_options.h"
#include "config/schema.h"

namespace holdfast::inputs {

struct ListenerOptions {
  std::uint64_t max_body_bytes = 0;
  std::uint32_t max_connections = 0;
  base::Duration idle_timeout{};
  tls::ServerOptions tls;
};

// Takes them from the input's table; problems go to diagnostics.
[[nodiscard]] ListenerOptions take_listener_options(config::Table& table,
                                                    config::Diagnostics& diagnostics);

// `own` and behind them these and those of TLS, for InputPlugin::options.
[[nodiscard]] std::vector<config::OptionInfo> with_listener_options(
    std::vector<config::OptionInfo> own);

// For http::Server::start: the bodies of all requests together get twice the room of the largest
// one, 8 MiB at least.
[[nodiscard]] http::ServerOptions server_options(const std::string& address,
                                                 const ListenerOptions& options);

}  // namespace holdfast::inputs

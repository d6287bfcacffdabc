// The options of inputs that are TLS servers, the same for all of them, with Telegraf's names.
#pragma once

#include <vector>

#include "agent/tls/server_options.h"
#include "config/schema.h"

namespace holdfast::inputs {

// Takes them from the input's table; what does not go together (a key without a certificate) is
// reported. Files are not looked at before the input starts.
[[nodiscard]] tls::ServerOptions take_tls_options(config::Table& table,
                                                  config::Diagnostics& diagnostics);

// `own` and behind them those of TLS, for InputPlugin::options.
[[nodiscard]] std::vector<config::OptionInfo> with_tls_options(std::vector<config::OptionInfo> own);

}  // namespace holdfast::inputs

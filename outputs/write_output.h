// The output over HTTP that the plugins `influxdb` and `influxdb_v2` share: one target of one or
// several servers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "outputs/http_client.h"
#include "outputs/output.h"
#include "outputs/write_target.h"

namespace holdfast::outputs {

using HttpClientFactory =
    std::function<base::Result<std::unique_ptr<HttpClient>>(const WriteServer& server)>;

// Fails only as the factory does.
[[nodiscard]] base::Result<std::unique_ptr<Output>> make_write_output(
    WriteTarget target, const HttpClientFactory& make_client, const OutputContext& context);
// With libcurl.
[[nodiscard]] base::Result<std::unique_ptr<Output>> make_write_output(WriteTarget target,
                                                                      const OutputContext& context);

// What a plugin's `create` has left to do: the identity, and a problem of the connection's options
// told where the table begins. Null without a target.
[[nodiscard]] std::unique_ptr<Output> create_write_output(std::optional<WriteTarget> target,
                                                          const config::Table& table,
                                                          config::Diagnostics& diagnostics,
                                                          const OutputContext& context,
                                                          std::string& identity);

}  // namespace holdfast::outputs

// Plugin `influxdb`: its entry for the registry, and the output itself for tests that script the
// HTTP.
#pragma once

#include <memory>

#include "outputs/http_client.h"
#include "outputs/influxdb_options.h"
#include "outputs/output.h"

namespace holdfast::outputs {

[[nodiscard]] OutputPlugin influxdb_plugin();

[[nodiscard]] std::unique_ptr<Output> make_influxdb_output(InfluxdbTarget target,
                                                           std::unique_ptr<HttpClient> client,
                                                           const OutputContext& context);

}  // namespace holdfast::outputs

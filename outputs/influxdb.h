// Plugin `influxdb`: its entry for the registry.
#pragma once

#include "outputs/output.h"

namespace holdfast::outputs {

[[nodiscard]] OutputPlugin influxdb_plugin();

}  // namespace holdfast::outputs

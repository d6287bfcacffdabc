// Plugin `influxdb_v2`: its entry for the registry.
#pragma once

#include "outputs/output.h"

namespace holdfast::outputs {

[[nodiscard]] OutputPlugin influxdb_v2_plugin();

}  // namespace holdfast::outputs

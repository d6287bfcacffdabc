// Entry of the plugin `file` for the registry.
#pragma once

#include "outputs/output.h"

namespace holdfast::outputs {

[[nodiscard]] OutputPlugin file_plugin();

}  // namespace holdfast::outputs

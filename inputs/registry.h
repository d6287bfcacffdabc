// The explicit table of inputs, sorted by name.
#pragma once

#include <span>
#include <string_view>

#include "inputs/input.h"

namespace holdfast::inputs {

[[nodiscard]] std::span<const InputPlugin> all_inputs();
// Null if there is no such input.
[[nodiscard]] const InputPlugin* find_input(std::string_view name);

}  // namespace holdfast::inputs

// What exec and execd have in common in their options.
#pragma once

#include "config/schema.h"

namespace holdfast::inputs {

// Reports the elements that are not "NAME=value".
void check_environment(const config::StringList& variables, config::Table& table,
                       config::Diagnostics& diagnostics);

}  // namespace holdfast::inputs

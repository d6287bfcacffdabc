// What a table says, as one text: to find out whether it says something else now.
#pragma once

#include <string>

#include "config/value.h"

namespace holdfast::config {

// Equal for tables with equal keys and values, whatever their order, positions and comments, and
// different for others. A text that names a file to read (secret.h) comes with the content of that
// file, so the result holds secrets: it is for comparing, never for showing.
[[nodiscard]] std::string canonical(const Table& table);

}  // namespace holdfast::config

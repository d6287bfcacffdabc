// Whole files as text.
#pragma once

#include <cstddef>
#include <string>

#include "agent/base/result.h"

namespace holdfast::config {

// All bytes of a file or pipe; an error with the system's reason, or kTooLarge above `limit` bytes.
[[nodiscard]] base::Result<std::string> read_file(const std::string& path, std::size_t limit);

}  // namespace holdfast::config

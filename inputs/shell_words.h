// A command as one text, cut into words as a shell would.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace holdfast::inputs {

// Blanks separate; '..', ".." and \ quote as in sh. Nothing is expanded. kInvalid when a quote is
// not closed, or when there is no word.
[[nodiscard]] base::Result<std::vector<std::string>> shell_words(std::string_view text);

}  // namespace holdfast::inputs

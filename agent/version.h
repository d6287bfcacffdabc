// The program's version, from the build.
#pragma once

#include <string_view>

namespace holdfast::agent {

[[nodiscard]] std::string_view version();

}  // namespace holdfast::agent

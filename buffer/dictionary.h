// The text that primed blocks may refer back to: names of the fields of a host's metrics. A round
// of gathers repeats little within itself; with the names known beforehand it takes two thirds of
// the space. README.md has the text.
#pragma once

#include <string_view>

namespace holdfast::buffer {

[[nodiscard]] std::string_view dictionary();

}  // namespace holdfast::buffer

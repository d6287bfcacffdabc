// PluginCounts: what one plugin counts besides what all inputs do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::inputs {

// The input `internal` makes them a point `internal_<plugin>`. Empty: nothing is counted.
struct PluginCounts {
  std::vector<std::pair<std::string, std::string>> tags;
  // Since the plugin was made. The names are literals.
  std::vector<std::pair<std::string_view, std::uint64_t>> fields;
};

}  // namespace holdfast::inputs

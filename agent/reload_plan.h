// What a new configuration changes: which running plugins go on, which stop, which start.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/configuration.h"

namespace holdfast::agent {

// Running instances matched with those of the new configuration by their content (see
// ConfiguredInput::content); of equal ones the first with the first.
struct Matches {
  // For each instance of the new configuration: the running one that goes on in its place.
  std::vector<std::optional<std::size_t>> kept;
  std::vector<std::size_t> stopped;  // running ones that nobody wants, in order
};
[[nodiscard]] Matches match(const std::vector<std::string_view>& running,
                            const std::vector<std::string_view>& next);

// Options that differ and take effect at the next start only, as "[buffer] size".
[[nodiscard]] std::vector<std::string> fixed_changes(const Configuration& running,
                                                     const Configuration& next);

}  // namespace holdfast::agent

// `holdfast config migrate`: a configuration with names that are no longer current replaced, all
// else, comments and layout, byte by byte as it was.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "config/diagnostics.h"
#include "config/source_text.h"

namespace holdfast::config {

// The name today of an option of a plugin ("inputs", "disk", "mountpoints"), or of a section
// ("agent", "", "interval"); empty if the name is current, or nobody's.
using CurrentName = std::function<std::string(std::string_view category, std::string_view plugin,
                                              std::string_view option)>;

struct Change {
  Position where;
  std::string text;  // what was done, or why it was left
};

struct Migration {
  std::string text;
  std::vector<Change> changes;  // in the order of the file
};

// Replaces old names of options, and old forms of headers: [tags], [inputs.x] and [outputs.x],
// [plugins.x], [x]. What would no longer be valid TOML, as a name that stands in the same table
// already, is left and listed. The error is the first of syntax, as the loader has it.
[[nodiscard]] tl::expected<Migration, TextProblem> migrate(
    std::string_view text, const std::shared_ptr<const std::string>& file,
    const CurrentName& current_name);

}  // namespace holdfast::config

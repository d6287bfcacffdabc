// Renders declared options for people: as commented sample configuration and as a Markdown table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"

namespace holdfast::config {

// A section of sample configuration: `summary` as a comment, the header ("[agent]",
// "[[inputs.cpu]]"), and each option with its help behind `##` and its default behind `#`:
//
//   # CPU time of each core.
//   [[inputs.cpu]]
//     ## Report each core on its own.
//     # percpu = true
//
// Required options are not commented out; secrets show "", and options without effect are left out.
// Loads without errors once the required options have values.
[[nodiscard]] std::string sample_section(std::string_view header, std::string_view summary,
                                         const std::vector<OptionInfo>& options);

// The lines of options alone, each beginning with `indent`.
[[nodiscard]] std::string sample_options(const std::vector<OptionInfo>& options,
                                         std::string_view indent = "");

// | option | type | default | meaning |
[[nodiscard]] std::string markdown_table(const std::vector<OptionInfo>& options);

// `text` with `table` between the lines `<!-- options:NAME -->` and the next `<!-- /options -->`,
// in place of what stood there. Unchanged if these markers are not there.
[[nodiscard]] std::string fill_markers(std::string_view text, std::string_view name,
                                       std::string_view table);

}  // namespace holdfast::config

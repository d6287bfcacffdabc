// The explicit table of data formats, sorted by name, and the one option that chooses among them.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "inputs/parsers/parser.h"

namespace holdfast::parsers {

[[nodiscard]] std::span<const Format> all_formats();
// Null if there is no such format.
[[nodiscard]] const Format* find_format(std::string_view name);

// `data_format`, as an input's documentation shows it.
[[nodiscard]] config::OptionInfo data_format_option(std::string_view default_format);
// The names of all options of all formats, to suggest when one is misspelt.
[[nodiscard]] std::vector<std::string_view> option_names();

// Takes `data_format` and the options of that format. A format that holdfast does not have is
// reported as unsupported.
[[nodiscard]] MakeParser take_format(config::Table& table, config::Diagnostics& diagnostics,
                                     std::string_view default_format, const ParserContext& context);

}  // namespace holdfast::parsers

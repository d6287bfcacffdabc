// The names of Telegraf's plugins, so that one that is not supported is told from a typo.
#pragma once

#include <string_view>

namespace holdfast::config {

// `category` is "inputs" or "outputs"; old names of plugins count too.
[[nodiscard]] bool is_telegraf_plugin(std::string_view category, std::string_view name);

// The name today of a plugin that Telegraf renamed; any other name as it is.
[[nodiscard]] std::string_view current_plugin_name(std::string_view category,
                                                   std::string_view name);

}  // namespace holdfast::config

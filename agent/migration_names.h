// Which names of options are old, for config::migrate: what the schemas declare, and what Telegraf
// renamed in all plugins.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::agent {

// See config::CurrentName.
[[nodiscard]] std::string current_option_name(std::string_view category, std::string_view plugin,
                                              std::string_view option);

}  // namespace holdfast::agent

// What Telegraf has and holdfast has not: told from a mistake, and left out if the user wants so
// (Diagnostics::skip_unsupported).
#pragma once

#include <string_view>
#include <vector>

#include "config/diagnostics.h"
#include "config/loader.h"

namespace holdfast::agent {

// Reports a plugin that is not in `known`: one of Telegraf's, or a name that is nobody's.
void report_missing_plugin(const config::PluginTable& table, std::string_view category,
                           const std::vector<std::string_view>& known,
                           config::Diagnostics& diagnostics);
template <class Plugins>
void report_missing_plugin(const config::PluginTable& table, std::string_view category,
                           const Plugins& plugins, config::Diagnostics& diagnostics) {
  std::vector<std::string_view> known;
  for (const auto& plugin : plugins) known.push_back(plugin.name);
  report_missing_plugin(table, category, known, diagnostics);
}

// Takes options that plugins of Telegraf have and none of ours: `metricpass`, and a `data_format`
// that is not line protocol.
void take_unsupported_options(config::Table& table, config::Diagnostics& diagnostics);

}  // namespace holdfast::agent

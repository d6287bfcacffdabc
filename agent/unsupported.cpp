// Plugins and options of Telegraf that are not here.
#include "agent/unsupported.h"

#include <string>

#include <fmt/format.h>

#include "config/schema.h"
#include "config/telegraf_plugins.h"

namespace holdfast::agent {

void report_missing_plugin(const config::PluginTable& table, std::string_view category,
                           const std::vector<std::string_view>& known,
                           config::Diagnostics& diagnostics) {
  if (config::is_telegraf_plugin(category, table.name)) {
    diagnostics.unsupported(
        table.where, fmt::format("{}.{} is not supported: holdfast does not have this plugin of "
                                 "Telegraf",
                                 category, table.name));
    return;
  }
  std::string message = fmt::format("no such plugin {}.{}", category, table.name);
  const std::string_view near = config::nearest_name(table.name, known);
  if (!near.empty()) message += fmt::format("; did you mean {}.{}?", category, near);
  diagnostics.error(table.where, message).suggestion = near;
}

void take_unsupported_options(config::Table& table, config::Diagnostics& diagnostics) {
  if (const config::Table::Entry* entry = table.take("metricpass")) {
    diagnostics.unsupported(entry->where,
                            "`metricpass` is not supported; filter by names, tags and fields");
  }
  const config::Table::Entry* entry = table.find("data_format");
  if (entry == nullptr || entry->used) return;
  entry = table.take("data_format");
  std::string format = "influx";
  config::read_value(*entry, {}, diagnostics, format);
  if (format == "influx") return;
  config::Diagnostic& item = diagnostics.unsupported(
      entry->value.where,
      fmt::format("`data_format` is {}, which is not supported, expected \"influx\"",
                  entry->value.shown()));
  item.found = entry->value.shown();
  item.expected = "\"influx\"";
  item.shows_value = true;
}

}  // namespace holdfast::agent

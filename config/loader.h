// TOML files → one Document of tables with positions.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "config/environment.h"
#include "config/value.h"

namespace holdfast::config {

// One [[inputs.x]] or [[outputs.x]] table.
struct PluginTable {
  std::string name;  // "cpu"
  Position where;    // of the name in the table's header
  Table table;
};

// What all files together say. `agent`, `buffer`, `status` overlay in file order, key by key;
// `global_tags` merge; plugins accumulate.
struct Document {
  Table agent;
  Table buffer;
  Table status;
  Table global_tags;
  std::vector<PluginTable> inputs;
  std::vector<PluginTable> outputs;
};

// The largest file that is read; what is larger is no configuration.
inline constexpr std::size_t kMaxFileBytes = 8U << 20;

// Reads the files in the order given. Every problem of every file goes to `diagnostics`; what could
// be understood is returned all the same, so that later checks report theirs in the same run.
// Environment variables are expanded inside string values after parsing (environment.h); in
// addition an unquoted ${VAR} that stands as a whole value is taken for a number or bool, as in old
// Telegraf files (Telegraf before 1.38). After a syntax error the rest of that file is not checked.
// Processors, aggregators and secret stores are reported as unsupported. Never throws.
[[nodiscard]] Document load_files(const std::vector<std::string>& paths,
                                  const Environment& environment, Diagnostics& diagnostics);

// The same for text already in memory, for tests and generated configurations.
void load_text(const std::string& text, const std::string& name, const Environment& environment,
               Diagnostics& diagnostics, Document& into);

}  // namespace holdfast::config

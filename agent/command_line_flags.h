// Options of the program as a whole, and what shells are told about all options.
#pragma once

#include <CLI/App.hpp>

#include "agent/commands.h"
#include "agent/completion.h"

namespace holdfast::agent {

// Options that choose plugins, and others that Telegraf has too.
void add_shared_options(CLI::App& app, CommandLine& line);
// Options of Telegraf that mean nothing here: accepted, hidden, each with a remark in `line`.
void add_ineffective_options(CLI::App& app, CommandLine& line);

// Commands and options as declared, but hidden ones.
[[nodiscard]] CommandTree command_tree(const CLI::App& app);

}  // namespace holdfast::agent

// How the command line and [agent] want the log.
#pragma once

#include "agent/base/log.h"
#include "agent/commands.h"
#include "agent/options.h"

namespace holdfast::agent {

// What the command line says wins over the configuration.
[[nodiscard]] base::LogOptions log_options(const CommandLine& line, const AgentOptions& agent);

// The program logs to stderr until it knows its configuration; from here on as that says. Without
// `to_file`, [agent] logfile does not count: commands that a person watches. A log file that cannot
// be opened is reported, and the log stays on stderr.
void adopt_logging(const CommandLine& line, const AgentOptions& agent, bool to_file,
                   const base::Logger& log);

}  // namespace holdfast::agent

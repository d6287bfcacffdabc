// Loading: from the command line to a checked configuration, or the list of its problems on stderr.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/commands.h"
#include "agent/configuration.h"
#include "inputs/host_fs.h"

namespace holdfast::agent {

// What lives as long as the program: clock, host files, logger.
struct World {
  World(inputs::HostRoots roots, base::Logger logger)
      : host(std::move(roots)), log(std::move(logger)) {}

  base::SystemClock clock;
  inputs::HostFs host;
  base::Logger log;
};
[[nodiscard]] std::unique_ptr<World> make_world(const CommandLine& line);

struct Required {
  bool inputs = true;
  bool outputs = true;
};

// Where the configuration is: the files and directories of the command line, or the default file.
[[nodiscard]] std::vector<std::string> configuration_paths(const CommandLine& line);

// The configuration; nothing if there are errors among the diagnostics.
[[nodiscard]] std::optional<Configuration> load(const CommandLine& line, const World& world,
                                                Required required,
                                                config::Diagnostics& diagnostics);
// The configuration, with errors and warnings printed to stderr; nothing if there were errors.
[[nodiscard]] std::optional<Configuration> load(const CommandLine& line, const World& world,
                                                Required required);

// The level that [agent] asks for, unless the command line already did.
void adopt_log_level(const CommandLine& line, const AgentOptions& agent, const base::Logger& log);

// The ring's place for this configuration, and whether it is the default one.
struct RingPlace {
  std::string path;
  bool is_default = false;
};
[[nodiscard]] RingPlace ring_place(const BufferOptions& options);

}  // namespace holdfast::agent

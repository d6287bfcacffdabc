// Loading: from the command line to a checked configuration, or the list of its problems on stderr.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/commands.h"
#include "agent/configuration.h"
#include "inputs/agent_numbers.h"
#include "inputs/host_fs.h"

namespace holdfast::agent {

// What lives as long as the program: clock, host files, logger.
struct World {
  World(inputs::HostRoots roots, base::Logger logger)
      : host(std::move(roots)), log(std::move(logger)) {}

  base::SystemClock clock;
  inputs::HostFs host;
  base::Logger log;
  bool keeps_state = true;  // as Surroundings has it
  inputs::AgentNumbers numbers;
};
[[nodiscard]] std::unique_ptr<World> make_world(const CommandLine& line);

struct Required {
  bool inputs = true;
  bool outputs = true;
};

// Where the configuration is: the files and directories of the command line, or those looked for.
// URLs are not among them.
[[nodiscard]] std::vector<std::string> configuration_paths(const CommandLine& line);

// An error for what is required and not there, unless there are other errors.
void check_required(const Configuration& configuration, Required required,
                    config::Diagnostics& diagnostics);

// The configuration, with errors and warnings in `diagnostics`; nothing if there were errors.
[[nodiscard]] std::optional<Configuration> examine(const CommandLine& line, const World& world,
                                                   Required required,
                                                   config::Diagnostics& diagnostics);
// The same, with errors and warnings printed to stderr; nothing if there were errors.
[[nodiscard]] std::optional<Configuration> load(const CommandLine& line, const World& world,
                                                Required required);

// The ring's place for this configuration, and whether it is the default one.
struct RingPlace {
  std::string path;
  bool is_default = false;
};
[[nodiscard]] RingPlace ring_place(const BufferOptions& options);

}  // namespace holdfast::agent

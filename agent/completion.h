// Completion scripts for shells, from the commands as the command line declares them.
#pragma once

#include <string>
#include <vector>

namespace holdfast::agent {

struct CommandTree {
  struct Option {
    std::string name;  // "--config"
    std::string help;
    bool takes_value = false;
  };

  std::string name;
  std::string help;
  std::vector<Option> options;
  std::vector<CommandTree> commands;
};

// Options of a command count for the commands below it too.
[[nodiscard]] std::string bash_completion(const CommandTree& program);
[[nodiscard]] std::string zsh_completion(const CommandTree& program);

}  // namespace holdfast::agent

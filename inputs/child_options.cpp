// Checks of options that name what a program is given.
#include "inputs/child_options.h"

#include <string>

#include <fmt/format.h>

namespace holdfast::inputs {

void check_environment(const config::StringList& variables, config::Table& table,
                       config::Diagnostics& diagnostics) {
  for (const std::string& variable : variables) {
    const std::size_t equals = variable.find('=');
    if (equals != std::string::npos && equals > 0) continue;
    diagnostics.error(table.where("environment"),
                      fmt::format("an element of `environment` is {}, expected \"NAME=value\"",
                                  config::quoted(variable)));
  }
}

}  // namespace holdfast::inputs

// From argv to a CommandLine.
#pragma once

#include "agent/base/result.h"
#include "agent/commands.h"

namespace holdfast::agent {

// Parses and runs. Wrong usage prints what is wrong and returns kExitUsage.
[[nodiscard]] int main_command(int argc, const char* const* argv);

}  // namespace holdfast::agent

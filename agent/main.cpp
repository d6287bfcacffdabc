#include <cstdio>
#include <exception>

#include "agent/command_line.h"

int main(int argc, char** argv) {
  try {
    return holdfast::agent::main_command(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "holdfast: %s\n", error.what());
  }
  return holdfast::agent::kExitFailed;
}

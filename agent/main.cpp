#include <csignal>
#include <cstdio>
#include <exception>

#include "agent/command_line.h"

int main(int argc, char** argv) {
  // A peer or a pipe that goes away is an error of that write, not the end of the agent.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return holdfast::agent::main_command(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "holdfast: %s\n", error.what());
  }
  return holdfast::agent::kExitFailed;
}

// A program of the system, as `curl` or `python3`, run to its end.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/agent_process.h"

namespace holdfast::test {

// `arguments`: the program first; it is looked for in Debian's folders, not in those of a user.
// Exit status 127: not installed. One that does not end in time (status -1) is killed.
[[nodiscard]] inline Ended run_tool(std::vector<std::string> arguments,
                                    std::chrono::seconds patience = std::chrono::seconds(60)) {
  arguments.insert(arguments.begin(), {"/usr/bin/env", "PATH=/usr/bin:/bin"});
  AgentProcess process(ProcessOptions{std::move(arguments), {}});
  auto ended = process.wait(patience);
  return ended ? std::move(*ended) : Ended{-1, 0, {}, "it did not end in time"};
}

}  // namespace holdfast::test

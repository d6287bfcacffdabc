// run_commands: several programs to their ends, at the same time, on one thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "inputs/child_process.h"

namespace holdfast::inputs {

// Raised by one thread, seen by another that waits for programs.
class StopFlag {
 public:
  StopFlag();

  void raise();
  void lower();
  [[nodiscard]] bool is_raised() const;
  // Readable while it is raised.
  [[nodiscard]] int descriptor() const { return event_.get(); }

 private:
  base::Descriptor event_;
};

struct CommandLimits {
  base::Duration timeout = std::chrono::seconds(5);
  // Between the request to end (SIGTERM) and the kill, and between that and giving up.
  base::Duration grace = std::chrono::seconds(1);
  std::size_t parallel = 8;
  std::size_t out_bytes = std::size_t{8} * 1024 * 1024;  // a program that writes more is killed
  std::size_t error_bytes = std::size_t{4} * 1024;       // what is beyond is read and left out
};

struct CommandResult {
  // Not started (kNotFound, kPermission), kTimeout, kTooLarge, or kBusy when it was stopped.
  base::Status status;
  ChildEnd end;       // when the status is good
  std::string out;    // stdout
  std::string error;  // the begin of stderr
};

// A command is done when it has ended and nobody has its output open any more. One that is not done
// at its timeout, or when the flag is raised, is ended together with all it has started. The
// results are in the order of the commands.
[[nodiscard]] std::vector<CommandResult> run_commands(const std::vector<ChildOptions>& commands,
                                                      const CommandLimits& limits,
                                                      const base::Clock& clock,
                                                      const StopFlag& stop);

}  // namespace holdfast::inputs

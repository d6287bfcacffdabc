// ServerProcess: a real server, found in PATH, run by a test. For tests that must not believe an
// emulation.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "agent/base/result.h"

namespace holdfast::test {

// A port of loopback that was free a moment ago. Somebody may take it before the server does: try
// another one then.
[[nodiscard]] std::uint16_t free_port();

// For one thread. Ends the server (SIGKILL) when it goes, and with its thread.
class ServerProcess {
 public:
  // `package`: Debian's, for the message when the program is missing. What the server says goes to
  // `log_file`.
  ServerProcess(std::string program, std::string package, std::string log_file)
      : program_(std::move(program)),
        package_(std::move(package)),
        log_file_(std::move(log_file)) {}
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Starts it and waits until `ready` says so, at most 30 s. After an error it does not run.
  [[nodiscard]] base::Status start(const std::vector<std::string>& arguments,
                                   const std::function<bool()>& ready);
  // Sends the signal and waits for the end.
  void stop(int signal);
  [[nodiscard]] bool running();
  // For a failed test.
  [[nodiscard]] std::string log() const;

 private:
  [[nodiscard]] base::Status launch(const std::vector<std::string>& arguments);

  std::string program_;
  std::string package_;
  std::string log_file_;
  pid_t pid_ = -1;
};

// Calls `start` with free ports until it succeeds, five times at most.
[[nodiscard]] base::Status start_on_free_port(
    std::uint16_t& port, const std::function<base::Status(std::uint16_t)>& start);

}  // namespace holdfast::test

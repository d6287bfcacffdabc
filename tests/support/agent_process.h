// AgentProcess: the real program, run by a test as systemd would run it: started, awaited by its
// READY=1, signalled, and its end awaited with a deadline.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "tests/support/temp_dir.h"

namespace holdfast::test {

struct ProcessOptions {
  std::vector<std::string> arguments{};  // the program first, with its path
  // What the program finds in its environment, besides PATH, HOME (an empty directory) and the
  // options of sanitizers. NOTIFY_SOCKET is set by AgentProcess.
  std::map<std::string, std::string> environment{};
};

// How a process ended.
struct Ended {
  int status = -1;  // exit status; -1 when a signal ended it
  int signal = 0;   // the signal that ended it, else 0
  std::string out;  // all of stdout
  std::string err;  // all of stderr
};

// For one thread, which must outlive the process: the kernel ends it (SIGKILL) together with that
// thread, so that a test that is killed leaves nothing behind. Ended too when this object goes.
class AgentProcess {
 public:
  explicit AgentProcess(const ProcessOptions& options);
  ~AgentProcess();
  AgentProcess(const AgentProcess&) = delete;
  AgentProcess& operator=(const AgentProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }

  static constexpr std::chrono::milliseconds kPatience = std::chrono::seconds(30);
  // Until it has sent READY=1; false if it ended before, or once the patience is over.
  [[nodiscard]] bool wait_ready(std::chrono::milliseconds patience = kPatience);
  void signal(int number) const;
  // Until it has ended; nothing if it still runs once the patience is over.
  [[nodiscard]] std::optional<Ended> wait(std::chrono::milliseconds patience = kPatience);

  // What it has sent to its notify socket so far, one datagram an entry.
  [[nodiscard]] const std::vector<std::string>& notifications();
  // What it has written to stderr so far: for the message of a failed test.
  [[nodiscard]] std::string log() const;

 private:
  void start(const ProcessOptions& options);
  void read_notifications();
  [[nodiscard]] bool reap();

  TempDir dir_;
  int notify_ = -1;      // our end of its notify socket
  int pid_handle_ = -1;  // readable once it has ended
  pid_t pid_ = -1;
  std::optional<int> wait_status_;
  std::vector<std::string> notifications_;
};

// Starts a program and waits for its end; a status of -1 without a signal if that takes over 30 s.
[[nodiscard]] Ended run_program(const ProcessOptions& options);

}  // namespace holdfast::test

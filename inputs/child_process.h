// ChildProcess: a program we start, in a process group of its own, so that it and all it starts can
// be ended together.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "agent/base/descriptor.h"
#include "agent/base/result.h"

namespace holdfast::inputs {

struct ChildOptions {
  std::vector<std::string> argv;         // the program first: a path, or a name to look for in PATH
  std::vector<std::string> environment;  // "NAME=value", besides ours; these win
  bool takes_input = false;              // stdin is a pipe; else it is empty
};

// How a process ended.
struct ChildEnd {
  int status = 0;  // exit status
  int signal = 0;  // the signal that ended it, else 0

  [[nodiscard]] bool good() const { return status == 0 && signal == 0; }
  [[nodiscard]] std::string text() const;  // "exit status 3", "signal 9 (Killed)"
};

// For one thread at a time. When it goes before the process was reaped, the whole group is killed.
class ChildProcess {
 public:
  // kNotFound or kPermission when there is no such program. Our ends of the pipes do not block, and
  // no descriptor of ours but the pipes reaches the program; its signals are as after login.
  [[nodiscard]] static base::Result<ChildProcess> start(const ChildOptions& options);
  ChildProcess(ChildProcess&&) noexcept = default;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  // Ours to read from, to write to, and to take.
  base::Descriptor& out() { return out_; }
  base::Descriptor& error() { return error_; }
  base::Descriptor& in() { return in_; }
  // Readable once the process has ended; closed where the kernel has no such thing (before 5.3):
  // then ask has_ended() now and then.
  base::Descriptor& end_handle() { return end_handle_; }
  [[nodiscard]] pid_t pid() const { return pid_.value; }

  // The process alone has ended; what it started may still run.
  [[nodiscard]] bool has_ended() const;
  // Nothing happens once the process was reaped: its number may be another's by then.
  void signal(int number) const;
  void signal_group(int number) const;
  // Whether it has a handler for the signal, or ignores it; true if the system does not tell.
  [[nodiscard]] bool catches(int number) const;
  // From now on it is nobody's concern: for one that even a kill does not end.
  void abandon() { pid_.value = 0; }
  // How it ended, when it has; its number is free then.
  [[nodiscard]] std::optional<ChildEnd> reap();

 private:
  struct Pid {  // 0 once moved from or reaped
    pid_t value = 0;
    explicit Pid(pid_t pid) : value(pid) {}
    Pid(Pid&& other) noexcept : value(std::exchange(other.value, 0)) {}
  };
  explicit ChildProcess(pid_t pid) : pid_(pid) {}

  Pid pid_;
  base::Descriptor in_, out_, error_, end_handle_;
};

}  // namespace holdfast::inputs

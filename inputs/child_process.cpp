// Started by posix_spawn, which does between fork and exec what is safe there in a program with
// threads. Waiting names the process: no handler of SIGCHLD is needed, nor disturbed.
#include "inputs/child_process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace holdfast::inputs {
namespace {

constexpr int kOutlivingStdio = 3;  // the first number behind stdin, stdout and stderr
// A killed process that does not end by then waits for a device: nobody can end it.
constexpr int kDyingMs = 1000;

// Both ends closed on exec and above stdio: else dup2 in the child might close one it still needs.
struct Pipe {
  base::Descriptor read;
  base::Descriptor write;
};

base::Result<base::Descriptor> above_stdio(int number) {
  if (number >= kOutlivingStdio) return base::Descriptor(number);
  const base::Descriptor low(number);
  const int high = ::fcntl(number, F_DUPFD_CLOEXEC, kOutlivingStdio);
  if (high < 0) return base::fail_errno("fcntl", errno);
  return base::Descriptor(high);
}

base::Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return base::fail_errno("pipe", errno);
  base::Descriptor other(ends[1]);
  auto read = above_stdio(ends[0]);
  if (!read) return tl::unexpected(read.error());
  auto write = above_stdio(other.release());
  if (!write) return tl::unexpected(write.error());
  return Pipe{std::move(*read), std::move(*write)};
}

void make_nonblocking(const base::Descriptor& descriptor) {
  const int flags = ::fcntl(descriptor.get(), F_GETFL);
  ::fcntl(descriptor.get(), F_SETFL, flags | O_NONBLOCK);
}

// What posix_spawn does in the child.
class SpawnPlan {
 public:
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    sigset_t set{};
    ::sigemptyset(&set);
    ::posix_spawnattr_setsigmask(&attributes_, &set);
    ::sigfillset(&set);
    ::posix_spawnattr_setsigdefault(&attributes_, &set);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }

  void connect(const base::Descriptor& from, int to) {
    ::posix_spawn_file_actions_adddup2(&actions_, from.get(), to);
  }
  void without_input() {
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  // Descriptors that nobody marked as closed on exec stay with us too.
  void close_others() { ::posix_spawn_file_actions_addclosefrom_np(&actions_, kOutlivingStdio); }
  // The errno value, 0 when it went well.
  int spawn(pid_t& pid, const std::vector<char*>& argv, const std::vector<char*>& environment) {
    return ::posix_spawnp(&pid, argv.front(), &actions_, &attributes_, argv.data(),
                          environment.data());
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::string_view name_of(std::string_view variable) {
  return variable.substr(0, variable.find('='));
}

// Ours, but for those that `more` has too, and then those. exec does not write to them, although
// its type says so.
std::vector<char*> merged_environment(const std::vector<std::string>& more) {
  std::vector<char*> all;
  for (char** ours = environ; ours != nullptr && *ours != nullptr; ++ours) {
    bool replaced = false;
    for (const std::string& variable : more) {
      replaced = replaced || name_of(variable) == name_of(*ours);
    }
    if (!replaced) all.push_back(*ours);
  }
  for (const std::string& variable : more) all.push_back(const_cast<char*>(variable.c_str()));
  all.push_back(nullptr);
  return all;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

int open_end_handle(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

}  // namespace

std::string ChildEnd::text() const {
  if (signal == 0) return fmt::format("exit status {}", status);
  const char* const words = ::sigdescr_np(signal);
  return fmt::format("signal {} ({})", signal, words == nullptr ? "unknown" : words);
}

base::Result<ChildProcess> ChildProcess::start(const ChildOptions& options) {
  if (options.argv.empty() || options.argv.front().empty()) {
    return base::fail(base::ErrorCode::kInvalid, "no program is given");
  }
  auto out = make_pipe();
  if (!out) return tl::unexpected(out.error());
  auto error = make_pipe();
  if (!error) return tl::unexpected(error.error());
  Pipe in;
  SpawnPlan plan;
  if (options.takes_input) {
    auto made = make_pipe();
    if (!made) return tl::unexpected(made.error());
    in = std::move(*made);
    plan.connect(in.read, STDIN_FILENO);
    make_nonblocking(in.write);
  } else {
    plan.without_input();
  }
  plan.connect(out->write, STDOUT_FILENO);
  plan.connect(error->write, STDERR_FILENO);
  plan.close_others();
  make_nonblocking(out->read);
  make_nonblocking(error->read);
  pid_t pid = 0;
  const int failed =
      plan.spawn(pid, pointers_to(options.argv), merged_environment(options.environment));
  if (failed != 0) return base::fail_errno("start " + options.argv.front(), failed);
  ChildProcess child(pid);
  child.in_ = std::move(in.write);
  child.out_ = std::move(out->read);
  child.error_ = std::move(error->read);
  child.end_handle_.reset(open_end_handle(pid));
  return child;
}

ChildProcess::~ChildProcess() {
  if (pid_.value == 0) return;
  signal_group(SIGKILL);
  for (int waited_ms = 0; !reap() && waited_ms < kDyingMs; waited_ms += 10) {
    pollfd end{end_handle_.get(), POLLIN, 0};
    ::poll(&end, 1, 10);
  }
}

bool ChildProcess::has_ended() const {
  if (pid_.value == 0) return true;
  siginfo_t info{};
  const int result =
      ::waitid(P_PID, static_cast<id_t>(pid_.value), &info, WEXITED | WNOHANG | WNOWAIT);
  return result != 0 || info.si_pid != 0;
}

void ChildProcess::signal(int number) const {
  if (pid_.value != 0) ::kill(pid_.value, number);
}

void ChildProcess::signal_group(int number) const {
  if (pid_.value != 0) ::kill(-pid_.value, number);
}

bool ChildProcess::catches(int number) const {
  std::ifstream status(fmt::format("/proc/{}/status", pid_.value));
  std::uint64_t handled = 0;
  bool known = false;
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("SigIgn:\t") && !line.starts_with("SigCgt:\t")) continue;
    handled |= std::strtoull(line.c_str() + 8, nullptr, 16);
    known = true;
  }
  return !known || (handled >> static_cast<unsigned>(number - 1) & 1U) != 0;
}

std::optional<ChildEnd> ChildProcess::reap() {
  if (pid_.value == 0) return std::nullopt;
  siginfo_t info{};
  const int result = ::waitid(P_PID, static_cast<id_t>(pid_.value), &info, WEXITED | WNOHANG);
  if (result == 0 && info.si_pid == 0) return std::nullopt;
  pid_.value = 0;
  ChildEnd end;
  if (result != 0) return end;  // somebody else has waited for it: how it ended is not known
  (info.si_code == CLD_EXITED ? end.status : end.signal) = info.si_status;
  return end;
}

}  // namespace holdfast::inputs

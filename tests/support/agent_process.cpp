// Starting, watching and ending a program.
#include "tests/support/agent_process.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <iterator>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace holdfast::test {
namespace {

using std::chrono::steady_clock;

std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Until one of the descriptors is readable; false at the deadline.
bool wait_readable(std::initializer_list<int> descriptors, steady_clock::time_point deadline) {
  std::vector<pollfd> wanted;
  wanted.reserve(descriptors.size());
  for (const int descriptor : descriptors) wanted.push_back({descriptor, POLLIN, 0});
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
  const auto wait = static_cast<int>(std::max<std::int64_t>(0, left.count()));
  return ::poll(wanted.data(), wanted.size(), wait) > 0;
}

int open_notify_socket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return -1;
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return descriptor;
  }
  ::close(descriptor);
  return -1;
}

// Nothing of the test's own environment but what a program cannot do without: a proxy or a host
// root set there would change what is tested.
std::map<std::string, std::string> base_environment() {
  std::map<std::string, std::string> environment;
  for (const char* name :
       {"PATH", "ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    const char* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it
    if (value != nullptr) environment[name] = value;
  }
  return environment;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(char* const* arguments, char* const* environment, const char* out,
                         const char* err) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
  ::dup2(::open(out, O_WRONLY | O_CREAT | O_APPEND, 0600), STDOUT_FILENO);
  ::dup2(::open(err, O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
  ::execve(arguments[0], arguments, environment);
  ::_exit(127);
}

}  // namespace

AgentProcess::AgentProcess(const ProcessOptions& options)
    : notify_(open_notify_socket(dir_.path("notify"))) {
  start(options);
}

AgentProcess::~AgentProcess() {
  if (!wait_status_) signal(SIGKILL);
  (void)wait();
  if (pid_handle_ >= 0) ::close(pid_handle_);
  if (notify_ >= 0) ::close(notify_);
}

void AgentProcess::start(const ProcessOptions& options) {
  auto variables = base_environment();
  variables["HOME"] = dir_.path();
  variables["NOTIFY_SOCKET"] = dir_.path("notify");
  for (const auto& [name, value] : options.environment) variables[name] = value;
  std::vector<std::string> settings;
  settings.reserve(variables.size());
  for (const auto& [name, value] : variables) {
    settings.push_back(name);
    settings.back().append("=").append(value);
  }
  std::vector<std::string> arguments = options.arguments;
  const auto argument_list = pointers(arguments);
  const auto environment_list = pointers(settings);
  const std::string out = dir_.path("out");
  const std::string err = dir_.path("err");
  pid_ = ::fork();
  if (pid_ == 0) become(argument_list.data(), environment_list.data(), out.c_str(), err.c_str());
  if (pid_ > 0) pid_handle_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
}

bool AgentProcess::wait_ready(std::chrono::milliseconds patience) {
  const auto deadline = steady_clock::now() + patience;
  const auto ready = [this] {
    const auto& all = notifications();
    return std::find(all.begin(), all.end(), "READY=1") != all.end();
  };
  while (!ready()) {
    if (reap() || !wait_readable({notify_, pid_handle_}, deadline)) return ready();
  }
  return true;
}

void AgentProcess::signal(int number) const {
  if (pid_ > 0 && !wait_status_) ::kill(pid_, number);
}

bool AgentProcess::reap() {
  if (wait_status_ || pid_ < 0) return true;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
  wait_status_ = status;
  return true;
}

std::optional<Ended> AgentProcess::wait(std::chrono::milliseconds patience) {
  const auto deadline = steady_clock::now() + patience;
  while (!reap()) {
    if (!wait_readable({pid_handle_}, deadline)) return std::nullopt;
  }
  Ended ended;
  if (wait_status_ && WIFEXITED(*wait_status_)) ended.status = WEXITSTATUS(*wait_status_);
  if (wait_status_ && WIFSIGNALED(*wait_status_)) ended.signal = WTERMSIG(*wait_status_);
  ended.out = read_all(dir_.path("out"));
  ended.err = read_all(dir_.path("err"));
  return ended;
}

void AgentProcess::read_notifications() {
  std::array<char, 4096> message{};
  while (true) {
    const ssize_t size = ::recv(notify_, message.data(), message.size(), 0);
    if (size < 0) return;
    notifications_.emplace_back(message.data(), static_cast<std::size_t>(size));
  }
}

const std::vector<std::string>& AgentProcess::notifications() {
  read_notifications();
  return notifications_;
}

std::string AgentProcess::log() const { return read_all(dir_.path("err")); }

Ended run_program(const ProcessOptions& options) {
  AgentProcess process(options);
  return process.wait().value_or(Ended{});
}

}  // namespace holdfast::test

// Starting and stopping a real server.
#include "tests/support/server_process.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asio.hpp>

namespace holdfast::test {
namespace {

using base::ErrorCode;
using base::fail;
using std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(30);

// Servers lie in sbin, which is not in everybody's PATH.
std::string find_in_path(const std::string& name) {
  const char* const path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  const std::string folders = (path == nullptr ? "" : std::string(path)) + ":/usr/sbin";
  std::string_view rest = folders;
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    std::string file = std::string(folder) + "/" + name;
    if (!folder.empty() && ::access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

void pause_briefly() { (void)::poll(nullptr, 0, 20); }

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(char* const* arguments, const char* log) {
  // Not outlived: a test that is killed leaves no server behind.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int out = ::open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (out >= 0) {
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
  }
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

}  // namespace

std::uint16_t free_port() {
  asio::io_context io;
  const asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  return acceptor.local_endpoint().port();
}

ServerProcess::~ServerProcess() { stop(SIGKILL); }

std::string ServerProcess::log() const {
  std::ifstream in(log_file_);
  return {std::istreambuf_iterator<char>(in), {}};
}

base::Status ServerProcess::launch(const std::vector<std::string>& arguments) {
  if (running()) return fail(ErrorCode::kBusy, "{} runs already", program_);
  std::string file = find_in_path(program_);
  if (file.empty()) {
    return fail(ErrorCode::kNotFound,
                "{} is not in PATH: this test needs the real one (Debian: {})", program_, package_);
  }
  std::vector<std::string> words{std::move(file)};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) become(pointers.data(), log_file_.c_str());
  if (pid_ < 0) return base::fail_errno("start " + program_, errno);
  return base::ok();
}

base::Status ServerProcess::start(const std::vector<std::string>& arguments,
                                  const std::function<bool()>& ready) {
  if (auto launched = launch(arguments); !launched) return launched;
  const auto deadline = steady_clock::now() + kPatience;
  while (steady_clock::now() < deadline) {
    if (!running()) return fail(ErrorCode::kIo, "{} ended at its start: {}", program_, log());
    if (ready()) return base::ok();
    pause_briefly();
  }
  stop(SIGKILL);
  return fail(ErrorCode::kTimeout, "{} does not answer: {}", program_, log());
}

bool ServerProcess::running() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ > 0;
}

void ServerProcess::stop(int signal) {
  if (pid_ < 0) return;
  ::kill(pid_, signal);
  const auto deadline = steady_clock::now() + kPatience;
  while (running()) {
    if (steady_clock::now() > deadline) ::kill(pid_, SIGKILL);
    pause_briefly();
  }
}

base::Status start_on_free_port(std::uint16_t& port,
                                const std::function<base::Status(std::uint16_t)>& start) {
  constexpr int kPorts = 5;
  base::Status status;
  for (int attempt = 0; attempt < kPorts; ++attempt) {
    port = free_port();
    status = start(port);
    if (status || status.error().code == ErrorCode::kNotFound) break;
  }
  return status;
}

}  // namespace holdfast::test

// Starting, asking and stopping a real influxd.
#include "tests/support/influxdb_server.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asio.hpp>

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using asio::ip::tcp;
using base::ErrorCode;
using base::fail;
using std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(30);

// A port that was free a moment ago. Somebody may take it before the server does: start() then
// tries another one.
std::uint16_t free_port() {
  asio::io_context io;
  const tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  return acceptor.local_endpoint().port();
}

std::string find_in_path(const std::string& name) {
  const char* const path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    std::string file = std::string(folder) + "/" + name;
    if (!folder.empty() && ::access(file.c_str(), X_OK) == 0) return file;
  }
  return {};
}

std::string config_text(const fs::path& directory, std::uint16_t port,
                        const InfluxdbOptions& options) {
  const std::string at = directory.string();
  return fmt::format(
      "reporting-disabled = true\n"
      "bind-address = \"127.0.0.1:0\"\n"
      "[meta]\ndir = \"{0}/meta\"\n"
      "[data]\ndir = \"{0}/data\"\nwal-dir = \"{0}/wal\"\nquery-log-enabled = false\n"
      "[shard-precreation]\nenabled = false\n"
      "[monitor]\nstore-enabled = false\n"
      "[subscriber]\nenabled = false\n"
      "[continuous_queries]\nenabled = false\n"
      "[http]\nbind-address = \"127.0.0.1:{1}\"\nauth-enabled = {2}\nlog-enabled = false\n"
      "max-body-size = {3}\n",
      at, port, !options.user.empty(), options.max_body_bytes);
}

std::string encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

// The first number of the first row behind its time: {"values":[["1970-...",123]]}
std::uint64_t first_value(std::string_view json) {
  constexpr std::string_view kValues = "\"values\":[[";
  const auto values = json.find(kValues);
  if (values == std::string_view::npos) return 0;
  json.remove_prefix(values + kValues.size());
  const auto comma = json.find(',');
  if (comma == std::string_view::npos) return 0;
  json.remove_prefix(comma + 1);
  std::uint64_t count = 0;
  std::from_chars(json.data(), json.data() + json.size(), count);
  return count;
}

void pause_briefly() { (void)::poll(nullptr, 0, 20); }

// In the child, between fork and exec: only calls that are safe there.
[[noreturn]] void become(const char* program, const char* config, const char* log) {
  // Not outlived: a test that is killed leaves no server behind.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int out = ::open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (out >= 0) {
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
  }
  ::execl(program, program, "run", "-config", config, nullptr);
  ::_exit(127);
}

}  // namespace

InfluxdbServer::InfluxdbServer(InfluxdbOptions options) : options_(std::move(options)) {}

InfluxdbServer::~InfluxdbServer() { stop(SIGKILL); }

std::string InfluxdbServer::url() const { return fmt::format("http://127.0.0.1:{}", port_); }

std::string InfluxdbServer::log() const {
  std::ifstream in(directory_ / "log");
  return {std::istreambuf_iterator<char>(in), {}};
}

base::Status InfluxdbServer::start() {
  if (pid_ > 0) return fail(ErrorCode::kBusy, "influxd runs already");
  constexpr int kPorts = 5;
  const bool first = port_ == 0;
  base::Status status;
  for (int attempt = 0; attempt < (first ? kPorts : 1); ++attempt) {
    if (first) port_ = free_port();
    status = launch();
    if (!status) return status;
    status = wait_for_ping();
    if (status) break;
    stop(SIGKILL);
  }
  if (!status || options_.user.empty() || prepared_) return status;
  // As long as there is no user, anybody may make the first one.
  const std::string statement =
      fmt::format("CREATE USER \"{}\" WITH PASSWORD '{}' WITH ALL PRIVILEGES", options_.user,
                  options_.password);
  const auto made = request("POST", "/query?q=" + encode(statement));
  if (!made) return tl::unexpected(made.error());
  prepared_ = true;
  return base::ok();
}

base::Status InfluxdbServer::launch() {
  const std::string program = find_in_path("influxd");
  if (program.empty()) {
    return fail(ErrorCode::kNotFound,
                "influxd is not in PATH: this test needs a real InfluxDB (Debian: influxdb)");
  }
  const std::string config = (directory_ / "influxdb.conf").string();
  const std::string log_file = (directory_ / "log").string();
  std::ofstream(config) << config_text(directory_, port_, options_);
  pid_ = ::fork();
  if (pid_ == 0) become(program.c_str(), config.c_str(), log_file.c_str());
  if (pid_ < 0) return base::fail_errno("start influxd", errno);
  return base::ok();
}

bool InfluxdbServer::exited() {
  if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ < 0;
}

base::Status InfluxdbServer::wait_for_ping() {
  const auto deadline = steady_clock::now() + kPatience;
  while (steady_clock::now() < deadline) {
    if (exited()) return fail(ErrorCode::kIo, "influxd ended at its start: {}", log());
    if (const auto answer = request("GET", "/ping"); answer) return base::ok();
    pause_briefly();
  }
  return fail(ErrorCode::kTimeout, "influxd does not answer: {}", log());
}

void InfluxdbServer::stop(int signal) {
  if (pid_ < 0) return;
  ::kill(pid_, signal);
  const auto deadline = steady_clock::now() + kPatience;
  while (!exited()) {
    if (steady_clock::now() > deadline) ::kill(pid_, SIGKILL);
    pause_briefly();
  }
}

// HTTP/1.0, so that the answer ends with the connection and is never chunked.
base::Result<std::string> InfluxdbServer::request(std::string_view method,
                                                  const std::string& target) const {
  asio::io_context io;
  tcp::socket socket(io);
  std::error_code error;
  socket.connect({asio::ip::address_v4::loopback(), port_}, error);
  if (error) return fail(ErrorCode::kIo, "connect to influxd: {}", error.message());
  const std::string text =
      fmt::format("{} {} HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", method, target);
  asio::write(socket, asio::buffer(text), error);
  std::string answer;
  if (!error) asio::read(socket, asio::dynamic_buffer(answer), error);
  if (error != asio::error::eof) return fail(ErrorCode::kIo, "ask influxd: {}", error.message());
  const auto body = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.") || body == std::string::npos || answer[9] != '2') {
    return fail(ErrorCode::kInvalid, "influxd answered: {}", answer);
  }
  return answer.substr(body + 4);
}

base::Result<std::string> InfluxdbServer::query(std::string_view database,
                                                std::string_view statement) const {
  std::string target = fmt::format("/query?db={}&q={}", encode(database), encode(statement));
  if (!options_.user.empty()) {
    target += fmt::format("&u={}&p={}", encode(options_.user), encode(options_.password));
  }
  return request("POST", target);
}

base::Result<std::uint64_t> InfluxdbServer::count(std::string_view database,
                                                  std::string_view measurement,
                                                  std::string_view field) const {
  const auto answer =
      query(database, fmt::format("SELECT count(\"{}\") FROM \"{}\"", field, measurement));
  if (!answer) return tl::unexpected(answer.error());
  return first_value(*answer);
}

}  // namespace holdfast::test

// Starting and asking a real influxd.
#include "tests/support/influxdb_server.h"

#include <charconv>
#include <fstream>

#include <fmt/core.h>

#include <asio.hpp>

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using asio::ip::tcp;
using base::ErrorCode;
using base::fail;

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
      "max-body-size = {3}\nunix-socket-enabled = true\nbind-socket = \"{0}/socket\"\n",
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

}  // namespace

InfluxdbServer::InfluxdbServer(InfluxdbOptions options) : options_(std::move(options)) {}

std::string InfluxdbServer::url() const { return fmt::format("http://127.0.0.1:{}", port_); }

std::string InfluxdbServer::socket() const { return (directory_ / "socket").string(); }

base::Status InfluxdbServer::start() {
  auto status =
      port_ != 0 ? launch(port_)
                 : start_on_free_port(port_, [this](std::uint16_t port) { return launch(port); });
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

base::Status InfluxdbServer::launch(std::uint16_t port) {
  const std::string config = (directory_ / "influxdb.conf").string();
  std::ofstream(config) << config_text(directory_, port, options_);
  return process_.start({"run", "-config", config},
                        [this] { return request("GET", "/ping").has_value(); });
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

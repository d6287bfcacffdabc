// InfluxdbServer: a real influxd (1.x, found in PATH) on free loopback ports, with its data in a
// temporary directory. For tests that must not believe an emulation.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace holdfast::test {

struct InfluxdbOptions {
  std::string user{};  // with a user, authentication is on and this one is made as admin
  std::string password{};
  std::uint64_t max_body_bytes = 25'000'000;
};

// For one thread. Ends the server and removes its data when it goes.
class InfluxdbServer {
 public:
  explicit InfluxdbServer(InfluxdbOptions options = {});
  InfluxdbServer(const InfluxdbServer&) = delete;
  InfluxdbServer& operator=(const InfluxdbServer&) = delete;

  // Starts the server and waits until /ping answers, at most 30 s; the error says what is missing.
  // Started again it has the same port and data.
  [[nodiscard]] base::Status start();
  // SIGTERM: goes down in good order. SIGKILL: as if the power had failed. Waits for its end.
  void stop(int signal) { process_.stop(signal); }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::string socket() const;  // path of the unix socket where it listens too
  // What the server wrote to its log, for a failed test.
  [[nodiscard]] std::string log() const { return process_.log(); }

  // The JSON answer to a query, sent as the user of the options.
  [[nodiscard]] base::Result<std::string> query(std::string_view database,
                                                std::string_view statement) const;
  // Values of `field` in `measurement`; 0 when there are none.
  [[nodiscard]] base::Result<std::uint64_t> count(std::string_view database,
                                                  std::string_view measurement,
                                                  std::string_view field) const;

 private:
  [[nodiscard]] base::Status launch(std::uint16_t port);
  [[nodiscard]] base::Result<std::string> request(std::string_view method,
                                                  const std::string& target) const;

  InfluxdbOptions options_;
  TempDir dir_;
  std::filesystem::path directory_ = dir_.path();
  ServerProcess process_{"influxd", "influxdb", (directory_ / "log").string()};
  std::uint16_t port_ = 0;
  bool prepared_ = false;  // the user exists
};

}  // namespace holdfast::test

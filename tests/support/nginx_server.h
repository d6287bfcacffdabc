// NginxServer: a real nginx on a free loopback port, in front of another server.
#pragma once

#include <cstdint>
#include <string>

#include "agent/base/result.h"
#include "tests/support/certificates.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace holdfast::test {

struct NginxOptions {
  std::string upstream{};  // "http://127.0.0.1:8086"
  Certificates tls{};      // without a certificate it speaks plain HTTP
  // More directives of the http block and of the server block.
  std::string http{};
  std::string server{};
};

// For one thread.
class NginxServer {
 public:
  explicit NginxServer(NginxOptions options) : options_(std::move(options)) {}

  // Waits until it listens; the error says what is missing. Started again it has the same port.
  [[nodiscard]] base::Status start();
  void stop(int signal) { process_.stop(signal); }

  [[nodiscard]] std::string url(const std::string& host = "127.0.0.1") const;
  [[nodiscard]] std::string log() const { return process_.log(); }

 private:
  [[nodiscard]] base::Status launch(std::uint16_t port);

  NginxOptions options_;
  TempDir dir_;
  ServerProcess process_{"nginx", "nginx-light", dir_.path("log")};
  std::uint16_t port_ = 0;
};

}  // namespace holdfast::test

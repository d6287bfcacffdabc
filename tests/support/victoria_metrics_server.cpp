// Starting and asking a real VictoriaMetrics.
#include "tests/support/victoria_metrics_server.h"

#include <sstream>

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "tests/support/http_exchange.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using base::fail;

std::string encode(std::string_view text) {
  std::string out;
  for (const char c : text) out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  return out;
}

}  // namespace

std::string VictoriaMetricsServer::address() const { return fmt::format("127.0.0.1:{}", port_); }

std::string VictoriaMetricsServer::url() const { return "http://" + address(); }

base::Status VictoriaMetricsServer::start() {
  if (port_ != 0) return launch(port_);
  return start_on_free_port(port_, [this](std::uint16_t port) { return launch(port); });
}

base::Status VictoriaMetricsServer::launch(std::uint16_t port) {
  const std::vector<std::string> arguments{
      fmt::format("-httpListenAddr=127.0.0.1:{}", port), "-storageDataPath=" + dir_.path("data"),
      "-retentionPeriod=100y", "-memory.allowedBytes=128MB", "-loggerLevel=WARN"};
  return process_.start(
      arguments, [this] { return http_exchange(address(), "GET", "/health").status == 200; });
}

base::Result<std::vector<double>> VictoriaMetricsServer::values(std::string_view metric,
                                                                std::string_view selector) const {
  // New samples are in memory only, and not searched.
  (void)http_exchange(address(), "GET", "/internal/force_flush");
  const std::string match = fmt::format("{}{{{}}}", metric, selector);
  const HttpAnswer answer =
      http_exchange(address(), "GET", "/api/v1/export?match%5B%5D=" + encode(match));
  if (answer.status != 200) {
    return fail(ErrorCode::kIo, "VictoriaMetrics answered {}: {}", answer.status, answer.body);
  }
  std::vector<double> all;
  std::istringstream lines(answer.body);
  for (std::string line; std::getline(lines, line);) {
    const auto series = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!series.is_object() || !series.contains("values")) {
      return fail(ErrorCode::kInvalid, "VictoriaMetrics answered: {}", line);
    }
    for (const auto& value : series["values"]) all.push_back(value.get<double>());
  }
  return all;
}

}  // namespace holdfast::test

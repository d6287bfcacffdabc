// VictoriaMetricsServer: a real single-node VictoriaMetrics on a free loopback port, with its data
// in a temporary directory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace holdfast::test {

// For one thread.
class VictoriaMetricsServer {
 public:
  // Waits until it answers, at most 30 s; the error says what is missing. Started again it has the
  // same port and data.
  [[nodiscard]] base::Status start();
  void stop(int signal) { process_.stop(signal); }

  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::string log() const { return process_.log(); }

  // All samples of a metric, in no order, repeats included: "m_seq" for the field seq of m.
  // `selector` goes into the braces: db="telegraf"
  [[nodiscard]] base::Result<std::vector<double>> values(std::string_view metric,
                                                         std::string_view selector = "") const;

 private:
  [[nodiscard]] base::Status launch(std::uint16_t port);
  [[nodiscard]] std::string address() const;

  TempDir dir_;
  ServerProcess process_{"victoria-metrics", "victoria-metrics", dir_.path("log")};
  std::uint16_t port_ = 0;
};

}  // namespace holdfast::test

// AgentTest: a directory with a configuration, a ring and sockets, and the real program run in it.
// Points are fed through a listener on a unix socket, so no port is fixed or fought over.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/agent_process.h"
#include "tests/support/agent_state.h"
#include "tests/support/eventually.h"
#include "tests/support/http_exchange.h"
#include "tests/support/temp_dir.h"

namespace holdfast::test {

// "feed,src=test seq=<n>i <time>" for n in [first, first + count), each with a time of its own.
[[nodiscard]] std::string numbered_feed(std::uint64_t first, std::uint64_t count);

// Sections of a configuration.
// An influxdb output whose place in the ring does not depend on its URL; sends every 100 ms.
// `more`: further options, a line each.
[[nodiscard]] std::string output_section(const std::string& url, std::string_view more = {});
// The reader of output_section().
inline constexpr const char* kReader = "main";

class AgentTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name = "") const { return dir_.path(name); }
  [[nodiscard]] std::string ring() const { return path("ring"); }
  [[nodiscard]] std::string listener_address() const { return "unix:" + path("listen"); }
  [[nodiscard]] std::string listener_section() const;

  // Writes the configuration: [agent], [buffer] and [status] as all tests need them (replaced by
  // `settings`, where given), then `plugins`.
  struct Settings {
    std::string agent = "interval = \"1s\"\nprecision = \"1ms\"\nflush_interval = \"100ms\"";
    std::string ring_path{};  // empty: ring()
    std::string ring_size = "8MiB";
    std::string buffer{};         // further options of [buffer], a line each
    std::string status_listen{};  // empty: off, as every test has its status on a unix socket
  };
  void configure(const std::string& plugins) { configure(plugins, Settings{}); }
  void configure(const std::string& plugins, const Settings& settings);

  using Environment = std::map<std::string, std::string>;
  // A command of the program to its end: run_command({"check"}), with the configuration.
  [[nodiscard]] Ended run_command(const std::vector<std::string>& arguments,
                                  const Environment& environment = {}) const;
  // The program as it is, without a configuration.
  [[nodiscard]] static Ended run_bare(const std::vector<std::string>& arguments);
  // Starts `run` beside the agent of this test.
  [[nodiscard]] std::unique_ptr<AgentProcess> launch_agent(
      const Environment& environment = {}) const;
  // Starts `run` and waits until it is ready; a failed test if it does not come up.
  void start_agent(const Environment& environment = {});
  // Sends the signal and waits for the end.
  Ended stop_agent(int signal);
  [[nodiscard]] AgentProcess& agent() { return *agent_; }

  // Posts to the listener; the status of the answer, 0 if there was none.
  [[nodiscard]] int feed(std::string_view lines) const;
  [[nodiscard]] AgentState status() const;
  // What the ring file says, whether an agent holds it or not.
  [[nodiscard]] RingState ring_state() const;
  // Until the output has nothing left; false after a while.
  [[nodiscard]] bool wait_drained(std::chrono::seconds patience = std::chrono::seconds(30)) const;

 private:
  TempDir dir_;
  std::unique_ptr<AgentProcess> agent_;
};

}  // namespace holdfast::test

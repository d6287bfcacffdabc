// The fixture of all tests here.
#include "tests/integration/agent_test.h"

#include <csignal>
#include <fstream>

#include <fmt/core.h>

namespace holdfast::test {
namespace {

constexpr std::int64_t kFeedStartNs = 1'700'000'000'000'000'000;

std::vector<std::string> command_line(const std::vector<std::string>& arguments) {
  std::vector<std::string> line{HOLDFAST_BINARY};
  line.insert(line.end(), arguments.begin(), arguments.end());
  return line;
}

}  // namespace

std::string numbered_feed(std::uint64_t first, std::uint64_t count) {
  std::string lines;
  for (std::uint64_t n = first; n < first + count; ++n) {
    lines += fmt::format("feed,src=test seq={}i {}\n", n,
                         kFeedStartNs + static_cast<std::int64_t>(n) * 1000);
  }
  return lines;
}

std::string output_section(const std::string& url, std::string_view more) {
  return fmt::format(
      "[[outputs.influxdb]]\nalias = \"{}\"\nurls = [\"{}\"]\ndatabase = \"it\"\n{}\n", kReader,
      url, more);
}

std::string AgentTest::listener_section() const {
  return fmt::format("[[inputs.influxdb_listener]]\nservice_address = \"{}\"\n",
                     listener_address());
}

void AgentTest::configure(const std::string& plugins, const Settings& settings) {
  std::ofstream(path("holdfast.toml"))
      << fmt::format("[agent]\nhostname = \"edge\"\n{}\n", settings.agent)
      << fmt::format("[buffer]\npath = \"{}\"\nsize = \"{}\"\n{}\n",
                     settings.ring_path.empty() ? ring() : settings.ring_path, settings.ring_size,
                     settings.buffer)
      << fmt::format("[status]\nlisten = \"{}\"\nsocket = \"{}\"\n", settings.status_listen,
                     path("status"))
      << plugins;
}

Ended AgentTest::run_command(const std::vector<std::string>& arguments,
                             const Environment& environment) const {
  auto line = command_line(arguments);
  line.insert(line.end(), {"--config", path("holdfast.toml")});
  return run_program({std::move(line), environment});
}

Ended AgentTest::run_bare(const std::vector<std::string>& arguments) {
  return run_program({command_line(arguments)});
}

std::unique_ptr<AgentProcess> AgentTest::launch_agent(const Environment& environment) const {
  return std::make_unique<AgentProcess>(
      ProcessOptions{command_line({"run", "--config", path("holdfast.toml")}), environment});
}

void AgentTest::start_agent(const Environment& environment) {
  agent_ = launch_agent(environment);
  ASSERT_TRUE(agent_->wait_ready()) << agent_->log();
}

Ended AgentTest::stop_agent(int signal) {
  agent_->signal(signal);
  const auto ended = agent_->wait();
  EXPECT_TRUE(ended.has_value()) << "the agent does not end\n" << agent_->log();
  agent_.reset();
  return ended.value_or(Ended{});
}

int AgentTest::feed(std::string_view lines) const {
  return http_exchange(listener_address(), "POST", "/write?db=any", lines).status;
}

AgentState AgentTest::status() const {
  const HttpAnswer answer = http_exchange("unix:" + path("status"), "GET", "/status.json");
  return answer.status == 200 ? parse_status(answer.body) : AgentState{};
}

RingState AgentTest::ring_state() const {
  const Ended ended = run_bare({"buffer", "info", ring(), "--json"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  return ended.status == 0 ? parse_ring(ended.out) : RingState{};
}

bool AgentTest::wait_drained(std::chrono::seconds patience) const {
  return eventually(
      [this] {
        const AgentState state = status();
        return state.answered && state.output(kReader).ledger.buffered == 0;
      },
      patience);
}

}  // namespace holdfast::test

#include "agent/logging.h"

#include <gtest/gtest.h>

#include "tests/agent/agent_harness.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using agent::CommandLine;

agent::AgentOptions agent_options(const std::string& toml) {
  const Configured made("[agent]\n" + toml);
  EXPECT_EQ(made.problems(), "");
  return made.configuration.agent;
}

TEST(Logging, AgentOptionsAreThoseOfTheLogger) {
  const auto options = agent::log_options({}, agent_options(R"(
logfile = "/var/log/x.log"
logfile_rotation_interval = "1d"
logfile_rotation_max_size = "10MB"
logfile_rotation_max_archives = -1
logformat = "structured"
structured_log_message_key = "message"
log_with_timezone = "local"
)"));
  EXPECT_EQ(options.format, base::LogFormat::kJson);
  EXPECT_EQ(options.message_key, "message");
  EXPECT_EQ(options.time_zone, "local");
  EXPECT_EQ(options.file.path, "/var/log/x.log");
  EXPECT_EQ(options.file.rotation_interval, 24h);
  EXPECT_EQ(options.file.rotation_max_size, 10'000'000U);
  EXPECT_EQ(options.file.max_archives, -1);
}

TEST(Logging, TheCommandLineWins) {
  const auto agent = agent_options("logformat = \"structured\"\nquiet = true\n");
  EXPECT_EQ(agent::log_options({}, agent).level, base::LogLevel::kError);
  CommandLine line;
  line.log_format = "text";
  line.debug = true;
  EXPECT_EQ(agent::log_options(line, agent).level, base::LogLevel::kDebug);
  EXPECT_EQ(agent::log_options(line, agent).format, base::LogFormat::kText);
  EXPECT_EQ(agent::log_options({}, {}).level, base::LogLevel::kInfo);
  EXPECT_EQ(agent::log_options({}, agent_options("debug = true")).level, base::LogLevel::kDebug);
}

TEST(Logging, DefaultsAreTelegrafs) {
  const auto options = agent::log_options({}, agent_options(""));
  EXPECT_EQ(options.format, base::LogFormat::kText);
  EXPECT_EQ(options.message_key, "msg");
  EXPECT_EQ(options.time_zone, "");
  EXPECT_EQ(options.file.path, "");
  EXPECT_EQ(options.file.max_archives, 5);
}

}  // namespace
}  // namespace holdfast::test

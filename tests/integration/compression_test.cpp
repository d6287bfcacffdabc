// Bodies of blocks that were compressed in each way, judged by the gzip program. Real servers judge
// them in real_servers_test.cpp.
#include <csignal>
#include <fstream>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/integration/agent_test.h"
#include "tests/support/fault_server.h"
#include "tests/support/run_tool.h"

namespace holdfast::test {
namespace {

class CompressionTest : public AgentTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(CompressionTest, GzipTakesTheBodies) {
  FaultServer server;
  Settings settings;
  settings.buffer = fmt::format("compression = \"{}\"", GetParam());
  configure(listener_section() + output_section(server.url()), settings);
  start_agent();
  std::uint64_t points = 0;
  for (const std::uint64_t count : {1U, 30U, 2000U, 5000U}) {
    ASSERT_EQ(feed(numbered_feed(points, count)), 204);
    points += count;
  }
  ASSERT_TRUE(wait_drained()) << agent().log();
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  std::uint64_t stored = 0;
  for (const RecordedRequest& request : server.requests()) {
    if (!request.stored) continue;
    stored += request.points;
    const std::string file = path("body.gz");
    std::ofstream(file, std::ios::binary) << request.body;
    const Ended judged = run_tool({"gzip", "-t", file});
    EXPECT_EQ(judged.status, 0) << judged.err;
  }
  EXPECT_EQ(stored, points);
}

INSTANTIATE_TEST_SUITE_P(Each, CompressionTest, ::testing::Values("auto", "zlib", "isal", "none"),
                         [](const auto& of) { return std::string(of.param); });

}  // namespace
}  // namespace holdfast::test

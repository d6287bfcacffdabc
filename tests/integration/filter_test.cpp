// Routing: two outputs share the ring, each takes what its filter selects.
#include <csignal>
#include <string>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "tests/integration/agent_test.h"
#include "tests/support/fault_server.h"

namespace holdfast::test {
namespace {

class Filtering : public AgentTest {
 protected:
  static std::string output(const std::string& alias, const FaultServer& server,
                            const std::string& options) {
    return fmt::format(
        "[[outputs.influxdb]]\nalias = \"{}\"\nurls = [\"{}\"]\nskip_database_creation = "
        "true\n{}\n",
        alias, server.url(), options);
  }
  [[nodiscard]] bool wait_both_drained() const {
    return eventually([this] {
      const AgentState state = status();
      return state.answered && state.output("north").ledger.buffered == 0 &&
             state.output("south").ledger.buffered == 0 &&
             state.output("south").ledger.accepted > 0;
    });
  }
};

TEST_F(Filtering, ByATagThatIsNotSent) {
  FaultServer north;
  FaultServer south;
  configure(listener_section() +
            output("north", north, "tagpass = { to = ['n*'] }\ntagexclude = ['to']") +
            output("south", south, "tagdrop = { to = ['n*'] }\nfieldexclude = ['extra']"));
  start_agent();
  std::string lines;
  for (int n = 0; n < 300; ++n) {
    lines += fmt::format("m,to={} seq={}i,extra=1i {}\n", n % 3 == 0 ? "north" : "south", n, n);
  }
  ASSERT_EQ(feed(lines), 204);
  ASSERT_TRUE(wait_both_drained());
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);

  const LedgerState first = ring_state().reader("north");
  EXPECT_EQ(first.delivered, 100U);
  EXPECT_EQ(first.filtered, 200U);
  const LedgerState second = ring_state().reader("south");
  EXPECT_EQ(second.delivered, 200U);
  EXPECT_EQ(second.filtered, 100U);
  EXPECT_TRUE(first.balanced() && second.balanced());
  EXPECT_EQ(north.stored_points(), 100U);
  EXPECT_EQ(south.stored_points(), 200U);
  EXPECT_THAT(north.writes().at(0).lines, testing::StartsWith("m,host=edge seq=0i,extra=1i 0\n"));
  EXPECT_THAT(south.writes().at(0).lines, testing::StartsWith("m,to=south,host=edge seq=1i 1\n"));
}

TEST_F(Filtering, OfAListenerLeavesPointsOutThatAreAnswered204AllTheSame) {
  FaultServer server;
  configure(listener_section() + "namepass = ['m*']\ntagexclude = ['secret']\n" +
            output("north", server, "") + output("south", server, ""));
  start_agent();
  ASSERT_EQ(feed("m,secret=x,a=b v=1i 1\nother v=2i 2\n"), 204);
  ASSERT_TRUE(wait_both_drained());
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  EXPECT_EQ(ring_state().accepted, 1U);
  EXPECT_EQ(server.writes().at(0).lines, "m,a=b,host=edge v=1i 1\n");
}

}  // namespace
}  // namespace holdfast::test

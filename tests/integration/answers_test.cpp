// What becomes of the points for each answer a server can give, seen from outside: what it was sent
// again and when, and what the agent counted. Times are only ever bounded from below.
#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/integration/agent_test.h"
#include "tests/support/fault_server.h"

namespace holdfast::test {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kPoints = 10;

// So that only writes are sent; one test is about the database.
std::string writing_output(const FaultServer& server, const std::string& more = {}) {
  return output_section(server.url(), "skip_database_creation = true\n" + more);
}

// The first write meets `first`; all later ones hang until release().
void script_then_hang(FaultServer& server, const Step& first) {
  server.script({first});
  server.script(std::vector<Step>(100, Step{.fault = Fault::kHang}));
}

struct KeptCase {
  std::string name;
  Step step{};
  std::string state{};        // of the output until the next attempt has ended
  int counted_as = 0;         // HTTP status; 0 = no answer
  milliseconds least_gap{0};  // from that request to the next
  bool stored_twice = false;
  std::string options{};
};

void PrintTo(const KeptCase& kept, std::ostream* out) { *out << kept.name; }

class KeptPoints : public AgentTest, public ::testing::WithParamInterface<KeptCase> {};

// The second attempt hangs, so that what the agent says meanwhile follows from the first alone.
TEST_P(KeptPoints, AreSentAgainNotTooEarlyAndCountedOnce) {
  const KeptCase& kept = GetParam();
  FaultServer server;
  script_then_hang(server, kept.step);
  configure(listener_section() + writing_output(server, kept.options));
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, kPoints)), 204);
  ASSERT_TRUE(server.wait_requests(2));
  const OutputState between = status().output(kReader);
  EXPECT_EQ(between.state, kept.state);
  EXPECT_EQ(between.by_status.count(kept.counted_as), 1U);
  EXPECT_EQ(between.ledger.buffered, kPoints);
  EXPECT_TRUE(between.ledger.balanced());
  const auto writes = server.writes();
  ASSERT_GE(writes.size(), 2U);
  EXPECT_GE(writes[1].time - writes[0].time, kept.least_gap);
  if (writes[0].body_complete) {
    EXPECT_EQ(writes[1].body, writes[0].body);
  }

  server.release();
  ASSERT_TRUE(wait_drained());
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  const NumbersReport numbers = server.numbers(0, kPoints);
  EXPECT_THAT(numbers.lost, IsEmpty());
  if (kept.stored_twice) {
    EXPECT_THAT(numbers.duplicates, SizeIs(kPoints));
  }
  const LedgerState ledger = ring_state().reader(kReader);
  EXPECT_EQ(ledger.delivered, kPoints);
  EXPECT_EQ(ledger.accepted, kPoints);
}

// Dates of long ago: the wait is the difference of the two, whatever this machine's clock says.
const Step kDatedWait{.status = 503,
                      .headers = {{"Date", "Thu, 01 Jan 2026 00:00:00 GMT"},
                                  {"Retry-After", "Thu, 01 Jan 2026 00:00:02 GMT"}}};

INSTANTIATE_TEST_SUITE_P(
    Answers, KeptPoints,
    ::testing::Values(
        KeptCase{"TooManyRequestsWithSeconds",
                 {.status = 429, .headers = {{"Retry-After", "2"}}},
                 "waiting",
                 429,
                 milliseconds(2000)},
        KeptCase{"UnavailableWithSeconds",
                 {.status = 503, .headers = {{"Retry-After", "2"}}},
                 "waiting",
                 503,
                 milliseconds(2000)},
        KeptCase{"UnavailableWithDate", kDatedWait, "waiting", 503, milliseconds(2000)},
        KeptCase{"UnavailableWithoutTime", {.status = 503}, "backoff", 503},
        KeptCase{"ServerError", {.status = 500, .body = R"({"error":"engine"})"}, "backoff", 500},
        KeptCase{"ResetBeforeTheBody", {.fault = Fault::kResetBeforeBody}, "backoff"},
        KeptCase{"ResetInsteadOfAnAnswer", {.fault = Fault::kResetAfterBody}, "backoff"},
        KeptCase{.name = "AnswerLostAfterStoring",
                 .step = {.fault = Fault::kLoseAnswer},
                 .state = "backoff",
                 .stored_twice = true},
        KeptCase{"NoHttp", {.fault = Fault::kGarbage, .raw = "SSH-2.0-OpenSSH_9.2\r\n"}, "backoff"},
        KeptCase{.name = "Hang",
                 .step = {.fault = Fault::kHang},
                 .state = "backoff",
                 .least_gap = milliseconds(1000),
                 .options = "timeout = \"1s\""}),
    [](const auto& kept) { return kept.param.name; });

using Delivery = AgentTest;

TEST_F(Delivery, PointsAnswered204AreDeliveredWithOneRequest) {
  FaultServer server;
  configure(listener_section() + writing_output(server));
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, kPoints)), 204);
  ASSERT_TRUE(server.wait_stored(kPoints));
  ASSERT_TRUE(wait_drained());
  const OutputState output = status().output(kReader);
  EXPECT_EQ(output.state, "ok");
  EXPECT_EQ(output.ledger.delivered, kPoints);
  EXPECT_EQ(output.by_status, (std::map<int, std::uint64_t>{{204, 1}}));
  EXPECT_EQ(server.requests().size(), 1U);
  EXPECT_THAT(server.numbers(0, kPoints).lost, IsEmpty());
}

struct RefusedCase {
  std::string name;
  Step step{};
  std::uint64_t rejected = kPoints;
  std::size_t later_requests = 1;  // for as many points again
};

void PrintTo(const RefusedCase& refused, std::ostream* out) { *out << refused.name; }

class RefusedPoints : public AgentTest, public ::testing::WithParamInterface<RefusedCase> {};

TEST_P(RefusedPoints, AreDroppedAndCountedAndHoldNobodyUp) {
  const RefusedCase& refused = GetParam();
  FaultServer server;
  server.script({refused.step});
  configure(listener_section() + writing_output(server));
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, kPoints)), 204);
  ASSERT_TRUE(server.wait_requests(1));
  ASSERT_TRUE(wait_drained());
  ASSERT_EQ(feed(numbered_feed(kPoints, kPoints)), 204);
  ASSERT_TRUE(server.wait_requests(1 + refused.later_requests));
  ASSERT_TRUE(wait_drained());
  const OutputState output = status().output(kReader);
  EXPECT_EQ(output.state, "ok");
  EXPECT_EQ(output.by_status.at(refused.step.status), 1U);
  EXPECT_THAT(output.last_error, HasSubstr("so says the server"));
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  EXPECT_EQ(server.writes().size(), 1 + refused.later_requests);
  EXPECT_EQ(server.numbers(0, kPoints).stored, 0U);
  EXPECT_THAT(server.numbers(kPoints, kPoints).lost, IsEmpty());
  const LedgerState ledger = ring_state().reader(kReader);
  EXPECT_EQ(ledger.rejected, refused.rejected);
  EXPECT_EQ(ledger.delivered, 2 * kPoints - refused.rejected);
  EXPECT_EQ(ledger.accepted, 2 * kPoints);
}

INSTANTIATE_TEST_SUITE_P(
    Answers, RefusedPoints,
    ::testing::Values(
        RefusedCase{"BadRequest", {.status = 400, .body = R"({"error":"so says the server"})"}},
        RefusedCase{"Unprocessable", {.status = 422, .body = R"({"error":"so says the server"})"}},
        RefusedCase{.name = "TooLargeThenSmallerBatches",
                    .step = {.status = 413, .body = R"({"error":"so says the server"})"},
                    .later_requests = 2},
        RefusedCase{.name = "PartialWrite",
                    .step = {.status = 400,
                             .body = R"({"error":"partial write: so says the server dropped=3"})"},
                    .rejected = 3}),
    [](const auto& refused) { return refused.param.name; });

class Misconfigured : public AgentTest, public ::testing::WithParamInterface<int> {};

// A second output that works tells the time: it has flushed twenty times, the other not once.
TEST_P(Misconfigured, KeepsThePointsAndLeavesTheServerAlone) {
  constexpr std::uint64_t kRounds = 20;
  FaultServer strict;
  FaultServer kind;
  strict.script({{.status = GetParam(), .body = R"({"error":"the token is from yesterday"})"}});
  configure(listener_section() + writing_output(strict) +
            "[[outputs.influxdb]]\nalias = \"kind\"\nurls = [\"" + kind.url() + "\"]\n");
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, kPoints)), 204);
  ASSERT_TRUE(strict.wait_requests(1));
  ASSERT_TRUE(eventually([this] { return status().output(kReader).state == "misconfigured"; }));
  for (std::uint64_t round = 1; round <= kRounds; ++round) {
    ASSERT_EQ(feed(numbered_feed(round * kPoints, kPoints)), 204);
    ASSERT_TRUE(kind.wait_stored((round + 1) * kPoints));
  }
  const OutputState output = status().output(kReader);
  EXPECT_EQ(output.state, "misconfigured");
  EXPECT_THAT(output.last_error, HasSubstr("the token is from yesterday"));
  EXPECT_EQ(output.ledger.buffered, (kRounds + 1) * kPoints);
  EXPECT_EQ(output.ledger.dropped(), 0U);
  EXPECT_EQ(strict.requests().size(), 1U);
  // The last flush is a try of its own, and now the token is right.
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  EXPECT_THAT(strict.numbers(0, (kRounds + 1) * kPoints).lost, IsEmpty());
  EXPECT_EQ(ring_state().reader(kReader).delivered, (kRounds + 1) * kPoints);
}

INSTANTIATE_TEST_SUITE_P(Answers, Misconfigured, ::testing::Values(401, 403, 404, 302),
                         ::testing::PrintToStringParamName());

TEST_F(Delivery, ADatabaseDroppedMeanwhileIsMadeAgainAndThePointsFollow) {
  FaultServer server;
  server.script({{}, {.status = 404, .body = R"({"error":"database not found: \"it\""})"}});
  configure(listener_section() + output_section(server.url()));
  start_agent();
  for (std::uint64_t request = 0; request < 2; ++request) {
    ASSERT_EQ(feed(numbered_feed(request * kPoints, kPoints)), 204);
    ASSERT_TRUE(server.wait_stored((request + 1) * kPoints));
    ASSERT_TRUE(wait_drained());
  }
  std::vector<std::string> paths;
  for (const RecordedRequest& request : server.requests()) {
    paths.push_back(request.target.substr(0, request.target.find('?')));
  }
  EXPECT_THAT(paths, ElementsAre("/query", "/write", "/write", "/query", "/write"));
  EXPECT_EQ(status().output(kReader).ledger.delivered, 2 * kPoints);
}

using AnnouncedWait = AgentTest;

TEST_F(AnnouncedWait, SurvivesAKillAndARestart) {
  constexpr auto kWait = std::chrono::seconds(4);
  FaultServer server;
  script_then_hang(server, {.status = 429, .headers = {{"Retry-After", "4"}}});
  configure(listener_section() + writing_output(server));
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, kPoints)), 204);
  ASSERT_TRUE(eventually([this] { return status().output(kReader).state == "waiting"; }));
  ASSERT_EQ(stop_agent(SIGKILL).signal, SIGKILL);
  start_agent();
  ASSERT_TRUE(server.wait_requests(2));
  const OutputState output = status().output(kReader);
  EXPECT_EQ(output.state, "waiting");
  EXPECT_EQ(output.requests, 0U) << "answers that this process has seen";
  EXPECT_EQ(output.ledger.buffered, kPoints);
  const auto writes = server.writes();
  ASSERT_GE(writes.size(), 2U);
  EXPECT_GE(writes[1].time - writes[0].time, kWait);
  server.release();
  ASSERT_TRUE(wait_drained());
  EXPECT_THAT(server.numbers(0, kPoints).lost, IsEmpty());
}

TEST_F(AnnouncedWait, IsBrokenNeitherByNewPointsNorByTheLastFlushNorByOnce) {
  FaultServer server;
  server.script({{.status = 503, .headers = {{"Retry-After", "300"}}}});
  configure(listener_section() + writing_output(server) + "[[inputs.mem]]\n");
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, kPoints)), 204);
  ASSERT_TRUE(eventually([this] { return status().output(kReader).state == "waiting"; }));
  ASSERT_EQ(feed(numbered_feed(kPoints, 20'000)), 204);  // several full batches
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  EXPECT_EQ(run_command({"once"}).status, 1);
  EXPECT_EQ(server.requests().size(), 1U);
  const LedgerState ledger = ring_state().reader(kReader);
  EXPECT_GE(ledger.buffered, kPoints + 20'000);
  EXPECT_EQ(ledger.buffered, ledger.accepted);
}

}  // namespace
}  // namespace holdfast::test

// Several URLs: whom an attempt asks, in which order, and when the first one is asked again.
#include <gmock/gmock.h>

#include "buffer/memory_file.h"
#include "outputs/delivery.h"
#include "tests/outputs/delivering.h"

namespace holdfast::outputs {
namespace {

using std::chrono::seconds;
using test::Fault;
using test::FaultServer;
using test::Step;
using testing::HasSubstr;
using testing::Not;
using Statuses = std::vector<int>;

class FailoverTest : public test::DeliveringTest {
 protected:
  void SetUp() override { make_both(""); }
  void make_both(const std::string& options) {
    make("influxdb", quoted(first_.url()) + ", " + quoted(second_.url()),
         "skip_database_creation = true\ntimeout = \"300ms\"\n" + options);
  }

  FaultServer first_;
  FaultServer second_;
};

TEST_F(FailoverTest, TheFirstTakesAllAsLongAsItWorks) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(deliver().statuses, Statuses{204});
  EXPECT_EQ(second_.requests().size(), 0U);
}

TEST_F(FailoverTest, TheSecondIsAskedAtOnceWhenTheFirstFails) {
  const std::pair<Step, int> rows[] = {
      {{.status = 500}, 500},
      {{.status = 502}, 502},
      {{.status = 503, .body = "request throttled, queue full"}, 503},
      {{.status = 507}, 507},
      {{.status = 429}, 429},
      {{.fault = Fault::kResetBeforeBody}, 0},
      {{.fault = Fault::kResetAfterBody}, 0},
      {{.fault = Fault::kHang}, 0},
      {{.fault = Fault::kGarbage, .raw = "SSH-2.0\r\n"}, 0},
  };
  std::size_t taken = 0;
  for (const auto& [step, status] : rows) {
    make_both("");
    first_.script({step});
    const Attempt attempt = deliver();
    EXPECT_EQ(attempt.decision.action, Action::kDelivered) << status;
    EXPECT_EQ(attempt.statuses, (Statuses{status, 204}));
    EXPECT_EQ(second_.requests().size(), ++taken);
    EXPECT_EQ(second_.requests().back().lines, test::numbered_lines(0, 3));
  }
}

TEST_F(FailoverTest, NobodyListensNoNameNoTls) {
  std::string gone;
  {
    const FaultServer server;
    gone = server.url();
  }
  const std::string nowhere = "http://" + std::string(70, 'a') + ".invalid";
  const std::string no_tls = "https" + first_.url().substr(4);
  make("influxdb",
       quoted(gone) + ", " + quoted(nowhere) + ", " + quoted(no_tls) + ", " + quoted(second_.url()),
       "skip_database_creation = true\ntimeout = \"300ms\"\n");
  const Attempt attempt = deliver();
  EXPECT_EQ(attempt.decision.action, Action::kDelivered);
  EXPECT_EQ(attempt.statuses, (Statuses{0, 0, 0, 204}));
}

TEST_F(FailoverTest, WhoRefusesOrWantsAPersonHasUnderstood) {
  const std::pair<int, Action> rows[] = {
      {400, Action::kRejected},      {413, Action::kRejected},      {422, Action::kRejected},
      {401, Action::kMisconfigured}, {403, Action::kMisconfigured}, {404, Action::kMisconfigured},
      {302, Action::kMisconfigured}};
  for (const auto& [status, action] : rows) {
    first_.script({{.status = status, .body = R"({"error":"no"})"}});
    const Attempt attempt = deliver();
    EXPECT_EQ(attempt.decision.action, action) << status;
    EXPECT_EQ(attempt.statuses, Statuses{status});
  }
  EXPECT_EQ(second_.requests().size(), 0U);
}

TEST_F(FailoverTest, ALostAnswerIsTheOneCaseOfTwoCopies) {
  first_.script({{.fault = Fault::kLoseAnswer}});
  EXPECT_EQ(deliver().decision.action, Action::kDelivered);
  EXPECT_EQ(first_.stored_points(), 3U);
  EXPECT_EQ(second_.stored_points(), 3U);
  EXPECT_EQ(deliver().statuses, Statuses{204});
  EXPECT_EQ(first_.stored_points(), 3U);  // the second one is kept
}

TEST_F(FailoverTest, TheFirstIsTriedAgainAMinuteAfterItsFailure) {
  first_.script({{.status = 500}, {.status = 500}});
  EXPECT_EQ(deliver().statuses, (Statuses{500, 204}));
  clock_.advance(seconds(59));
  EXPECT_EQ(deliver().statuses, Statuses{204});
  EXPECT_EQ(first_.requests().size(), 1U);
  clock_.advance(seconds(1));
  EXPECT_EQ(deliver().statuses, (Statuses{500, 204}));
  clock_.advance(seconds(59));
  EXPECT_EQ(deliver().statuses, Statuses{204});
  clock_.advance(seconds(1));
  EXPECT_EQ(deliver().statuses, Statuses{204});
  EXPECT_EQ(first_.requests().size(), 3U);
  EXPECT_EQ(second_.requests().size(), 4U);
  EXPECT_EQ(deliver().statuses, Statuses{204});
  EXPECT_EQ(first_.requests().size(), 4U);
}

TEST_F(FailoverTest, AttemptsThatFailEverywhereAskEachOnce) {
  first_.script({{.status = 500, .body = R"({"error":"cache full"})"}});
  second_.script({{.status = 503}});
  const Attempt attempt = deliver();
  EXPECT_EQ(attempt.decision.action, Action::kRetry);
  EXPECT_EQ(attempt.statuses, (Statuses{500, 503}));
  EXPECT_EQ(attempt.decision.reason,
            first_.url() + ": HTTP 500: cache full; " + second_.url() + ": HTTP 503");
  EXPECT_EQ(deliver().statuses, Statuses{204});
  EXPECT_EQ(first_.stored_points(), 3U);
}

TEST_F(FailoverTest, TheMostHopefulAnswerCounts) {
  const Step unauthorized{.status = 401};
  first_.script({{.status = 500}});
  second_.script({unauthorized});
  EXPECT_EQ(deliver().decision.action, Action::kRetry);
  // The first one asks for a wait, the second for a person.
  first_.script({{.status = 503, .headers = {{"Retry-After", "300"}}}});
  second_.script({unauthorized});
  EXPECT_EQ(deliver().decision.action, Action::kMisconfigured);
}

TEST_F(FailoverTest, AWaitIsAMatterOfTheServerThatAskedForIt) {
  first_.script({{.status = 503, .headers = {{"Retry-After", "300"}}}});
  EXPECT_EQ(deliver().statuses, (Statuses{503, 204}));
  clock_.advance(seconds(299));
  EXPECT_EQ(deliver().statuses, Statuses{204});
  // Nobody else will do either: the first one must not be asked.
  second_.script({{.status = 500}, {.status = 429, .headers = {{"Retry-After", "50"}}}});
  const Attempt failed = deliver();
  EXPECT_EQ(failed.decision.action, Action::kRetry);
  EXPECT_EQ(failed.statuses, Statuses{500});
  const Attempt waiting = deliver();
  EXPECT_EQ(waiting.decision.action, Action::kWait);
  EXPECT_EQ(waiting.decision.wait, seconds(1));
  EXPECT_EQ(waiting.statuses, Statuses{429});
  EXPECT_EQ(first_.requests().size(), 1U);
  clock_.advance(seconds(1));
  EXPECT_EQ(deliver().statuses, Statuses{204});
  EXPECT_EQ(first_.requests().size(), 2U);
}

TEST_F(FailoverTest, AWaitOfOneServerSurvivesARestart) {
  const auto ring = std::move(buffer::Ring::open(std::make_unique<buffer::MemoryFile>(),
                                                 {.size = 1U << 20U}, clock_, base::Random(3))
                                  .value());
  const auto reader = ring->attach("out").value();
  // An agent that lives for as long, and delivers one point at its end.
  const auto live = [&](base::Duration time) {
    make_both("");
    Delivery delivery(std::move(output_), {}, {*ring, reader, "out", clock_, base::Random(7), {}});
    buffer::Block block = test::make_block(test::numbered_lines(0, 1), 1);
    EXPECT_TRUE(ring->append(block));
    clock_.advance(time);
    (void)delivery.step(stop_);
    EXPECT_EQ(ring->pending_points(reader), 0U);
  };
  first_.script({{.status = 503, .headers = {{"Retry-After", "300"}}}});
  live(seconds(10));
  live(seconds(100));
  clock_.step_wall(std::chrono::hours(5));
  live(seconds(100));
  live(seconds(99));
  EXPECT_EQ(first_.requests().size(), 1U);
  EXPECT_EQ(second_.requests().size(), 4U);
  live(seconds(10));
  EXPECT_EQ(first_.requests().size(), 2U);
  EXPECT_EQ(second_.requests().size(), 4U);
  EXPECT_EQ(ring->not_before(reader), buffer::NotBefore{});
}

TEST_F(FailoverTest, NobodyIsAskedWhileAllWait) {
  first_.script({{.status = 503, .headers = {{"Retry-After", "40"}}}});
  second_.script({{.status = 503, .headers = {{"Retry-After", "30"}}}});
  EXPECT_EQ(deliver().decision.wait, seconds(30));
  clock_.advance(seconds(29));
  const Attempt early = deliver();
  EXPECT_EQ(early.decision.action, Action::kWait);
  EXPECT_EQ(early.decision.wait, seconds(1));
  EXPECT_EQ(early.statuses, Statuses{});
  clock_.advance(seconds(1));
  EXPECT_EQ(deliver().statuses, Statuses{204});
  EXPECT_EQ(second_.requests().size(), 2U);
}

TEST_F(FailoverTest, AWaitIsNoLongerThanTheOptionAllows) {
  first_.script({{.status = 503, .headers = {{"Retry-After", "86400"}}}});
  second_.script({{.status = 503, .headers = {{"Retry-After", "86400"}}}});
  EXPECT_EQ(deliver().decision.wait, std::chrono::minutes(10));  // max_retry_after
  clock_.advance(std::chrono::minutes(10));
  EXPECT_EQ(deliver().statuses, Statuses{204});
}

TEST_F(FailoverTest, CredentialsOfAUrlAreItsOwn) {
  const std::string with_login = "http://me:hush@" + first_.url().substr(7);
  make("influxdb", quoted(with_login) + ", " + quoted(second_.url()),
       "skip_database_creation = true\n");
  first_.script({{.status = 500, .body = "bWU6aHVzaA== or hush"}});
  second_.script({{.status = 500}});
  const Attempt attempt = deliver();
  EXPECT_EQ(header(first_.requests()[0], "authorization"), "Basic bWU6aHVzaA==");
  EXPECT_EQ(header(second_.requests()[0], "authorization"), "(none)");
  EXPECT_THAT(attempt.decision.reason, HasSubstr("*** or ***"));
  EXPECT_THAT(attempt.decision.reason, Not(HasSubstr("hush")));
}

TEST_F(FailoverTest, AStopEndsTheRound) {
  first_.script({{.status = 500}});
  stop_.request(clock_.boot());
  const Attempt attempt = deliver();
  EXPECT_EQ(attempt.decision.action, Action::kRetry);
  EXPECT_EQ(attempt.statuses, Statuses{});
  EXPECT_EQ(attempt.decision.reason, "given up: the agent stops");
}

using FailoverCreationTest = test::DeliveringTest;

TEST_F(FailoverCreationTest, TheDatabaseIsCreatedOnceOnEachServer) {
  FaultServer first;
  FaultServer second;
  make("influxdb", quoted(first.url()) + ", " + quoted(second.url()));
  first.script({{.status = 500}, {.status = 500}});
  EXPECT_EQ(deliver().statuses, (Statuses{200, 500, 200, 204}));
  clock_.advance(seconds(60));
  EXPECT_EQ(deliver().statuses, (Statuses{500, 204}));
  clock_.advance(seconds(60));
  EXPECT_EQ(deliver().statuses, Statuses{204});
}

}  // namespace
}  // namespace holdfast::outputs

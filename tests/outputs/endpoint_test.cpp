// Options of the endpoint that change what is sent: precision, databases named by tags, traces.
#include <gmock/gmock.h>

#include "tests/outputs/delivering.h"

namespace holdfast::outputs {
namespace {

using test::Fault;
using test::FaultServer;
using testing::ElementsAre;
using testing::HasSubstr;
using Statuses = std::vector<int>;

constexpr const char* kLines =
    "m,site=a v=1i 1700000000111000000\nm,site=b v=2i 1700000000222000000\n"
    "m v=3i 1700000000333000000\nm,site=a v=4i 1700000000444000000\n";

class EndpointTest : public test::DeliveringTest {
 protected:
  void make_one(const std::string& options) { make("influxdb", quoted(server_.url()), options); }

  FaultServer server_;
};

TEST_F(EndpointTest, PrecisionConvertsTheTimesAndNamesTheUnit) {
  make_one("skip_database_creation = true\nprecision = \"ms\"\n");
  EXPECT_EQ(deliver_lines(kLines, 4).decision.action, Action::kDelivered);
  make_one("skip_database_creation = true\nprecision = \"s\"\ncontent_encoding = \"identity\"\n");
  EXPECT_EQ(deliver_lines(kLines, 4).decision.action, Action::kDelivered);
  make_one("skip_database_creation = true\nprecision = \"ns\"\n");
  EXPECT_EQ(deliver_lines(kLines, 4).decision.action, Action::kDelivered);
  const auto requests = server_.requests();
  EXPECT_EQ(requests[0].target, "/write?db=telegraf&precision=ms");
  EXPECT_EQ(requests[0].lines,
            "m,site=a v=1i 1700000000111\nm,site=b v=2i 1700000000222\n"
            "m v=3i 1700000000333\nm,site=a v=4i 1700000000444\n");
  EXPECT_TRUE(requests[0].valid_encoding);
  EXPECT_EQ(header(requests[0], "content-encoding"), "gzip");
  EXPECT_EQ(requests[1].target, "/write?db=telegraf&precision=s");
  EXPECT_THAT(requests[1].body, HasSubstr("m v=3i 1700000000\n"));
  EXPECT_EQ(header(requests[1], "content-encoding"), "(none)");
  EXPECT_EQ(requests[2].target, "/write?db=telegraf");
  EXPECT_EQ(requests[2].lines, kLines);
}

TEST_F(EndpointTest, ATagNamesTheDatabase) {
  make_one("database_tag = \"site\"\nexclude_database_tag = true\nretention_policy = \"week\"\n");
  const Attempt attempt = deliver_lines(kLines, 4);
  EXPECT_EQ(attempt.decision.action, Action::kDelivered);
  EXPECT_EQ(attempt.decision.rejected, 0U);
  EXPECT_THAT(targets(server_),
              ElementsAre("/query", "/write?db=a&rp=week", "/query", "/write?db=b&rp=week",
                          "/query", "/write?db=telegraf&rp=week"));
  EXPECT_EQ(server_.requests()[0].body, "q=CREATE%20DATABASE%20%22a%22");
  EXPECT_EQ(server_.requests()[2].body, "q=CREATE%20DATABASE%20%22b%22");
  EXPECT_EQ(server_.requests()[1].lines,
            "m v=1i 1700000000111000000\nm v=4i 1700000000444000000\n");
  EXPECT_EQ(deliver_lines(kLines, 4).statuses, (Statuses{204, 204, 204}));
}

TEST_F(EndpointTest, ATagNamesTheRetentionPolicy) {
  make_one("skip_database_creation = true\nretention_policy_tag = \"site\"\n");
  EXPECT_EQ(deliver_lines(kLines, 4).decision.action, Action::kDelivered);
  EXPECT_THAT(targets(server_), ElementsAre("/write?db=telegraf&rp=a", "/write?db=telegraf&rp=b",
                                            "/write?db=telegraf"));
  EXPECT_EQ(server_.requests()[1].lines, "m,site=b v=2i 1700000000222000000\n");
}

TEST_F(EndpointTest, ARetrySendsOnlyTheGroupsThatAreMissing) {
  make_one("skip_database_creation = true\ndatabase_tag = \"site\"\n");
  server_.script({{}, {.status = 500}});
  const Attempt failed = deliver_lines(kLines, 4);
  EXPECT_EQ(failed.decision.action, Action::kRetry);
  EXPECT_EQ(failed.statuses, (Statuses{204, 500}));
  // More points came in meanwhile.
  const std::string more = std::string(kLines) + "m,site=a v=5i 1700000000555000000\n";
  EXPECT_EQ(deliver_lines(more, 5).statuses, (Statuses{204, 204, 204}));
  const auto requests = server_.requests();
  EXPECT_EQ(requests[2].target, "/write?db=a");
  EXPECT_EQ(requests[2].lines, "m,site=a v=5i 1700000000555000000\n");
  EXPECT_EQ(requests[3].target, "/write?db=b");
  EXPECT_EQ(server_.stored_points(), 5U);
  // Through: the same lines again would be another batch.
  EXPECT_EQ(deliver_lines(more, 5).statuses, (Statuses{204, 204, 204}));
}

TEST_F(EndpointTest, RefusedPointsOfSomeGroupsAreCounted) {
  make_one("skip_database_creation = true\ndatabase_tag = \"site\"\n");
  const test::Step refused{.status = 400, .body = R"({"error":"unable to parse"})"};
  // With a group that is kept nothing is final yet.
  server_.script({refused, {.status = 500}});
  EXPECT_EQ(deliver_lines(kLines, 4).decision.action, Action::kRetry);
  server_.script({refused});
  const Attempt attempt = deliver_lines(kLines, 4);
  EXPECT_EQ(attempt.statuses, (Statuses{400, 204, 204}));
  EXPECT_EQ(attempt.decision.action, Action::kRejected);
  EXPECT_EQ(attempt.decision.rejected, 2U);
  EXPECT_EQ(deliver_lines(kLines, 4).statuses, Statuses{204});  // what was refused, once more
  // A partial write is final: its good points are in, and the others stay counted.
  server_.script(
      {{.status = 400, .body = R"({"error":"partial write: no dropped=1"})"}, {.status = 500}});
  EXPECT_EQ(deliver_lines(kLines, 4).decision.action, Action::kRetry);
  const Attempt partial = deliver_lines(kLines, 4);
  EXPECT_EQ(partial.statuses, (Statuses{204, 204}));
  EXPECT_EQ(partial.decision.action, Action::kDelivered);
  EXPECT_EQ(partial.decision.rejected, 1U);
  server_.script({refused, refused, refused});
  const Attempt all = deliver_lines(kLines, 4);
  EXPECT_EQ(all.decision.action, Action::kRejected);
  EXPECT_EQ(all.decision.rejected, 0U);  // all of them
  EXPECT_EQ(all.decision.status, 400);
  EXPECT_EQ(all.decision.reason, "HTTP 400: unable to parse");
}

TEST_F(EndpointTest, LineBreaksWithinATextAreNoPoints) {
  make_one("skip_database_creation = true\ndatabase_tag = \"site\"\n");
  const std::string text = "m,site=a s=\"x\ny\" 1700000000111000000\n";
  server_.script({{}, {.status = 500}});
  EXPECT_EQ(deliver_lines(text + "m v=2i 2\n", 2).decision.action, Action::kRetry);
  server_.script({{.status = 400, .body = R"({"error":"no"})"}});
  const Attempt attempt = deliver_lines(text + "m v=2i 2\nm,site=a v=3i 3\n", 3);
  EXPECT_EQ(attempt.decision.rejected, 1U);
}

TEST_F(EndpointTest, AFailedServerIsNotAskedForTheOtherGroups) {
  FaultServer other;
  make("influxdb", quoted(server_.url()) + ", " + quoted(other.url()),
       "skip_database_creation = true\ndatabase_tag = \"site\"\n");
  server_.script({{}, {.status = 503}});
  EXPECT_EQ(deliver_lines(kLines, 4).statuses, (Statuses{204, 503, 204, 204}));
  EXPECT_EQ(server_.stored_points() + other.stored_points(), 4U);
}

TEST_F(EndpointTest, ATraceIsTheSameAtEachRetryAndNamedInTheReason) {
  make_one("zap_trace_span = true\n");
  server_.script({{.status = 500}, {.status = 500}});
  const Attempt failed = deliver();
  EXPECT_EQ(deliver().decision.reason, failed.decision.reason);
  (void)deliver();
  (void)deliver(2);
  const auto requests = server_.requests();
  const std::string span = header(requests[0], "zap-trace-span");
  ASSERT_EQ(span.size(), std::string(R"({"trace_id":"0123456789abcdef","span_id":)").size() + 19);
  const std::string id = span.substr(13, 16);
  EXPECT_EQ(span, R"({"trace_id":")" + id + R"(","span_id":")" + id + R"("})");
  EXPECT_EQ(failed.decision.reason, "HTTP 500 (trace " + id + ")");
  for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(header(requests[i], "zap-trace-span"), span);
  EXPECT_NE(header(requests[4], "zap-trace-span"), span);
}

TEST_F(EndpointTest, WithoutTheOptionThereIsNoTrace) {
  make_one("");
  server_.script({{.status = 500}});
  EXPECT_EQ(deliver().decision.reason, "HTTP 500");
  EXPECT_EQ(header(server_.requests()[1], "zap-trace-span"), "(none)");
}

TEST_F(EndpointTest, UnsignedFieldsAsTheOptionSays) {
  make_one("influx_uint_support = true\n");
  EXPECT_EQ(output_->unsigned_fields(), true);
  make_one("");
  EXPECT_EQ(output_->unsigned_fields(), false);
  EXPECT_EQ(test::make_output("file", "", {clock_, {}}).output->unsigned_fields(), std::nullopt);
}

}  // namespace
}  // namespace holdfast::outputs

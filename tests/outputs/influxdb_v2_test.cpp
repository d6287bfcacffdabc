// Plugin `influxdb_v2`: its requests, and the answers of InfluxDB 2.7, which is not to be had here:
// they are emulated.
#include <gmock/gmock.h>

#include "tests/outputs/delivering.h"

namespace holdfast::outputs {
namespace {

using test::FaultServer;
using testing::ElementsAre;
using Statuses = std::vector<int>;

class InfluxdbV2Test : public test::DeliveringTest {
 protected:
  void make_one(const std::string& options, const std::string& path = "") {
    make("influxdb_v2", quoted(server_.url() + path), "bucket = \"b 1\"\n" + options);
  }

  FaultServer server_;
};

TEST_F(InfluxdbV2Test, SendsOneOrdinaryWrite) {
  make_one("organization = \"o&o\"\ntoken = \"t-1\"\n", "/influx/");
  EXPECT_EQ(deliver().statuses, Statuses{204});
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].target, "/influx/api/v2/write?bucket=b%201&org=o%26o&precision=ns");
  EXPECT_EQ(header(requests[0], "authorization"), "Token t-1");
  EXPECT_EQ(header(requests[0], "content-encoding"), "gzip");
  EXPECT_EQ(header(requests[0], "content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(requests[0].lines, test::numbered_lines(0, 3));
}

TEST_F(InfluxdbV2Test, PrecisionAndBucketTag) {
  make_one("precision = \"s\"\nbucket_tag = \"site\"\nexclude_bucket_tag = true\n");
  (void)deliver_lines("m,site=x v=1i 1700000000111000000\nm v=2i 1700000000222000000\n", 2);
  EXPECT_THAT(targets(server_), ElementsAre("/api/v2/write?bucket=x&precision=s",
                                            "/api/v2/write?bucket=b%201&precision=s"));
  EXPECT_EQ(server_.requests()[0].lines, "m v=1i 1700000000\n");
}

TEST_F(InfluxdbV2Test, CredentialsOfAUrlAreBasic) {
  make("influxdb_v2", quoted("http://Aladdin:open%20sesame@" + server_.url().substr(7)),
       "bucket = \"b\"\n");
  (void)deliver();
  EXPECT_EQ(header(server_.requests()[0], "authorization"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
}

TEST_F(InfluxdbV2Test, EmulatedAnswersOfInfluxdb2) {
  struct Row {
    int status;
    const char* body;
    Action action;
    std::uint64_t rejected;
  };
  const Row rows[] = {
      {204, "", Action::kDelivered, 0},
      {400, R"({"code":"invalid","message":"unable to parse 'm v=': missing field value"})",
       Action::kRejected, 0},
      {401, R"({"code":"unauthorized","message":"unauthorized access"})", Action::kMisconfigured,
       0},
      {403, R"({"code":"forbidden","message":"insufficient permissions for write"})",
       Action::kMisconfigured, 0},
      {404, R"({"code":"not found","message":"bucket \"b 1\" not found"})", Action::kMisconfigured,
       0},
      {413, R"({"code":"request too large","message":"cannot read data"})", Action::kRejected, 0},
      {422,
       R"({"code":"unprocessable entity","message":"failure writing points to database: )"
       R"(partial write: field type conflict: input field \"v\" dropped=2"})",
       Action::kDelivered, 2},
      {500,
       R"({"code":"internal error","message":"unexpected error writing points to database: )"
       R"(timeout"})",
       Action::kRetry, 0},
      {503, R"({"code":"unavailable","message":"later"})", Action::kRetry, 0},
  };
  for (const Row& row : rows) {
    server_.script({{.status = row.status, .body = row.body}});
    make_one("token = \"t-1\"\n");
    const Attempt attempt = deliver();
    EXPECT_EQ(attempt.decision.action, row.action) << row.body;
    EXPECT_EQ(attempt.decision.rejected, row.rejected) << row.body;
    EXPECT_EQ(attempt.statuses, Statuses{row.status});
  }
}

TEST_F(InfluxdbV2Test, NoDatabaseIsEverCreated) {
  server_.script({{.status = 404, .body = R"({"message":"database not found: \"b\""})"}});
  make_one("");
  EXPECT_EQ(deliver().statuses, Statuses{404});
}

TEST_F(InfluxdbV2Test, TheSecondServerTakesOver) {
  FaultServer other;
  make("influxdb_v2", quoted(server_.url()) + ", " + quoted(other.url()), "bucket = \"b\"\n");
  server_.script({{.status = 500}});
  EXPECT_EQ(deliver().statuses, (Statuses{500, 204}));
  EXPECT_EQ(other.stored_points(), 3U);
}

TEST(InfluxdbV2OptionsTest, ProblemsAreNamedWithTheirPlace) {
  const std::pair<const char*, const char*> rows[] = {
      {"organization = \"o\"", "test.toml:1:1: error: `bucket` is empty"},
      {"bucket = \"b\"\nurls = [\"http://u:hush@h\"]\ntoken = \"t\"",
       "test.toml:3:1: error: credentials stand in `urls`"},
      {"bucket = \"b\"\nprecision = \"us\"", "test.toml:3:1: error: `precision = \"us\"`"},
      {"bucket = \"b\"\nexclude_bucket_tag = true",
       "test.toml:3:1: error: `exclude_bucket_tag` needs `bucket_tag`"},
      {"bucket = \"b\"\ndatabase = \"d\"", "test.toml:3:1: error: unknown option `database`"},
  };
  const test::FakeClock clock;
  for (const auto& [options, expected] : rows) {
    const auto made = test::make_output("influxdb_v2", options, {clock, {}});
    ASSERT_EQ(made.problems.size(), 1U) << options;
    EXPECT_TRUE(made.problems[0].starts_with(expected)) << made.problems[0];
    EXPECT_EQ(made.problems[0].find("hush"), std::string::npos);
  }
}

TEST(InfluxdbV2OptionsTest, TelegrafsOtherOptionsAreTaken) {
  const test::FakeClock clock;
  const auto made = test::make_output(
      "influxdb_v2",
      "bucket = \"b\"\norganization = \"o\"\nping_timeout = \"5s\"\nread_idle_timeout = \"5s\"\n"
      "concurrent_writes = 4\n",
      {clock, {}});
  EXPECT_NE(made.output, nullptr);
  EXPECT_EQ(made.problems.size(), 3U);  // warnings
  EXPECT_EQ(made.identity, "http://localhost:8086\no\nb");
}

}  // namespace
}  // namespace holdfast::outputs

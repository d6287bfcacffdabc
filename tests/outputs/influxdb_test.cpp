// Plugin `influxdb`: its options, and the exact requests it makes of the fault server.
#include "outputs/influxdb.h"

#include <gtest/gtest.h>

#include "tests/outputs/plugin_table.h"
#include "tests/outputs/scripted_client.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_ring.h"
#include "tests/support/fault_server.h"

namespace holdfast::outputs {
namespace {

using test::Fault;
using test::FaultServer;

Batch batch_of(std::uint64_t points) {
  test::FakeRing ring;
  ring.append_points(static_cast<std::uint32_t>(points));
  auto blocks = ring.read(0, {}, Batch::kPrefix);
  return std::move(*Batch::from_blocks(std::move(*blocks), points));
}

class InfluxdbTest : public testing::Test {
 protected:
  void make(const std::string& options) {
    auto made = test::make_output(
        "influxdb", "urls = [\"" + server_.url() + path_ + "\"]\n" + options, {clock_, {}});
    ASSERT_TRUE(made.output) << (made.problems.empty() ? "" : made.problems[0]);
    output_ = std::move(made.output);
  }
  Attempt deliver(std::uint64_t points = 3) {
    Batch batch = batch_of(points);
    return output_->deliver(batch, stop_);
  }
  std::string header(std::size_t request, const std::string& name) {
    const auto all = server_.requests();
    const auto found = all.at(request).headers.find(name);
    return found == all.at(request).headers.end() ? "(none)" : found->second;
  }

  test::FakeClock clock_;
  StopSignal stop_;
  FaultServer server_;
  std::string path_;
  std::unique_ptr<Output> output_;
};

TEST_F(InfluxdbTest, TheFirstContactCreatesTheDatabaseThenWrites) {
  make("");
  const Attempt attempt = deliver();
  EXPECT_EQ(attempt.decision.action, Action::kDelivered);
  EXPECT_EQ(attempt.statuses, (std::vector{200, 204}));
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].target, "/query");
  EXPECT_EQ(requests[0].body, "q=CREATE%20DATABASE%20%22telegraf%22");
  EXPECT_EQ(header(0, "content-type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(header(0, "content-encoding"), "(none)");
  EXPECT_EQ(requests[1].method, "POST");
  EXPECT_EQ(requests[1].target, "/write?db=telegraf");
  EXPECT_EQ(requests[1].lines, test::numbered_lines(0, 3));
  EXPECT_EQ(header(1, "content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(header(1, "content-encoding"), "gzip");
  EXPECT_EQ(header(1, "content-length"), std::to_string(requests[1].body.size()));
  EXPECT_EQ(header(1, "authorization"), "(none)");
  EXPECT_EQ(attempt.bytes_sent, requests[0].body.size() + requests[1].body.size());
  (void)deliver();
  EXPECT_EQ(server_.requests().size(), 3U);  // no second CREATE DATABASE
  EXPECT_EQ(server_.connections(), 1U);
}

TEST_F(InfluxdbTest, ParametersAreSortedAndEncoded) {
  path_ = "/influx/v1/";
  make(
      "database = \"my db\"\nretention_policy = \"one&two\"\nwrite_consistency = \"quorum\"\n"
      "username = \"u ser\"\npassword = \"p=w\"\nauth = \"query\"\nuser_agent = \"probe/1\"\n"
      "http_headers = { X-Site = \"north\", User-Agent = \"ignored\" }\n");
  EXPECT_EQ(deliver().decision.action, Action::kDelivered);
  const auto requests = server_.requests();
  EXPECT_EQ(requests[0].target, "/influx/v1/query?p=p%3Dw&u=u%20ser");
  EXPECT_EQ(requests[0].body, "q=CREATE%20DATABASE%20%22my%20db%22");
  EXPECT_EQ(requests[1].target,
            "/influx/v1/write?consistency=quorum&db=my%20db&p=p%3Dw&rp=one%26two&u=u%20ser");
  EXPECT_EQ(output_->destination(),
            server_.url() + "/influx/v1/write?consistency=quorum&db=my%20db&rp=one%26two");
  EXPECT_EQ(header(1, "x-site"), "north");
  EXPECT_EQ(header(1, "user-agent"), "probe/1");
  EXPECT_EQ(header(1, "authorization"), "(none)");
}

TEST_F(InfluxdbTest, CredentialsAreNoPartOfTheDestination) {
  const std::string host = server_.url().substr(std::string("http://").size());
  auto made = test::make_output(
      "influxdb", "urls = [\"http://sesame:open@" + host + "\"]\nauth = \"query\"\n", {clock_, {}});
  ASSERT_TRUE(made.output);
  EXPECT_EQ(made.output->destination(), server_.url() + "/write?db=telegraf");
}

TEST_F(InfluxdbTest, ConsistencyOneIsTheDefaultAndNotSent) {
  make("write_consistency = \"one\"\nskip_database_creation = true\n");
  (void)deliver();
  EXPECT_EQ(server_.requests().at(0).target, "/write?db=telegraf");
}

TEST_F(InfluxdbTest, WaysToLogIn) {
  const std::pair<const char*, const char*> rows[] = {
      {"username = \"Aladdin\"\npassword = \"open sesame\"\n",
       "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
      {"username = \"Aladdin\"\npassword = \"open sesame\"\nauth = \"basic\"\n",
       "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
      {"token = \"t-1\"\n", "Token t-1"},
      {"token = \"t-1\"\nauth = \"token\"\n", "Token t-1"},
      {"token = \"t-1\"\nauth = \"bearer\"\n", "Bearer t-1"},
      {"token = \"t-1\"\nusername = \"a\"\npassword = \"b\"\nauth = \"basic\"\n", "Basic YTpi"},
      {"http_headers = { authorization = \"Own 1\" }\ntoken = \"t-1\"\n", "Own 1"},
      {"", "(none)"},
  };
  std::size_t request = 0;
  for (const auto& [options, expected] : rows) {
    make(std::string(options) + "skip_database_creation = true\n");
    (void)deliver();
    EXPECT_EQ(header(request++, "authorization"), expected) << options;
  }
}

TEST_F(InfluxdbTest, IdentityEncodingSendsTheLines) {
  make("content_encoding = \"identity\"\nskip_database_creation = true\n");
  EXPECT_EQ(deliver().decision.action, Action::kDelivered);
  EXPECT_EQ(header(0, "content-encoding"), "(none)");
  EXPECT_EQ(server_.requests()[0].body, test::numbered_lines(0, 3));
}

TEST_F(InfluxdbTest, FailureToCreateTheDatabaseDoesNotKeepFromWriting) {
  for (const int status : {400, 401, 403, 404, 500, 501}) {
    server_.script_other({{.status = status, .body = R"({"error":"no"})"}});
    make("");
    EXPECT_EQ(deliver().decision.action, Action::kDelivered) << status;
  }
  server_.script_other({{.fault = Fault::kResetAfterBody}});
  make("");
  EXPECT_EQ(deliver().decision.action, Action::kDelivered);
}

TEST_F(InfluxdbTest, AWaitAskedForAtCreationHoldsForTheWrite) {
  server_.script_other({{.status = 503, .headers = {{"Retry-After", "5"}}}});
  make("");
  const Attempt attempt = deliver();
  EXPECT_EQ(attempt.decision.action, Action::kWait);
  EXPECT_EQ(attempt.decision.wait, std::chrono::seconds(5));
  EXPECT_EQ(server_.writes().size(), 0U);
  clock_.advance(std::chrono::seconds(5));
  EXPECT_EQ(deliver().statuses, (std::vector{200, 204}));
}

TEST_F(InfluxdbTest, AMissingDatabaseIsCreatedOncePerIncident) {
  const test::Step missing{.status = 404,
                           .body = R"({"error":"database not found: \"telegraf\""})"};
  make("");
  EXPECT_EQ(deliver().statuses, (std::vector{200, 204}));
  server_.script({missing});
  EXPECT_EQ(deliver().statuses, (std::vector{404, 200, 204}));
  // It does not help: from then on writes only.
  server_.script({missing, missing, missing});
  const Attempt failed = deliver();
  EXPECT_EQ(failed.decision.action, Action::kMisconfigured);
  EXPECT_EQ(failed.statuses, (std::vector{404, 200, 404}));
  EXPECT_EQ(deliver().statuses, (std::vector{404}));
  EXPECT_EQ(deliver().statuses, (std::vector{204}));
  // A success ends the incident.
  server_.script({missing});
  EXPECT_EQ(deliver().statuses, (std::vector{404, 200, 204}));
}

TEST_F(InfluxdbTest, AForbiddenCreationIsNotRepeated) {
  const test::Step missing{.status = 404,
                           .body = R"({"error":"database not found: \"telegraf\""})"};
  server_.script({missing, missing});
  server_.script_other({{.status = 403, .body = R"({"error":"not authorized"})"}});
  make("");
  EXPECT_EQ(deliver().statuses, (std::vector{403, 404}));
  EXPECT_EQ(deliver().statuses, (std::vector{404}));
}

TEST_F(InfluxdbTest, CreationCanBeSkipped) {
  server_.script({{.status = 404, .body = R"({"error":"database not found: \"telegraf\""})"}});
  make("skip_database_creation = true\n");
  const Attempt attempt = deliver();
  EXPECT_EQ(attempt.statuses, (std::vector{404}));
  EXPECT_EQ(attempt.decision.action, Action::kMisconfigured);
}

TEST_F(InfluxdbTest, AServerThatIsDownCostsOneAttempt) {
  std::string url;
  {
    FaultServer gone;
    url = gone.url();
  }
  auto made = test::make_output("influxdb", "urls = [\"" + url + "\"]\n", {clock_, {}});
  ASSERT_TRUE(made.output);
  Batch batch = batch_of(1);
  const Attempt attempt = made.output->deliver(batch, stop_);
  EXPECT_EQ(attempt.decision.action, Action::kRetry);
  EXPECT_EQ(attempt.statuses, (std::vector{0}));
}

TEST_F(InfluxdbTest, DatabaseNamesAreQuoted) {
  make("database = \"a\\\"b\\\\c\"\n");
  (void)deliver();
  // CREATE DATABASE "a\"b\\c"
  EXPECT_EQ(server_.requests()[0].body, "q=CREATE%20DATABASE%20%22a%5C%22b%5C%5Cc%22");
}

TEST_F(InfluxdbTest, SecretsInAnAnswerAreNotRepeated) {
  server_.script(
      {{.status = 400,
        .body = "requestURI: /write?db=x&p=hush%20hush&u=me; hush hush; bWU6aHVzaCBodXNo"}});
  make("username = \"me\"\npassword = \"hush hush\"\nauth = \"query\"\n");
  const Attempt attempt = deliver();
  EXPECT_EQ(attempt.decision.action, Action::kRejected);
  EXPECT_EQ(attempt.decision.reason, "HTTP 400: requestURI: /write?db=x&p=***&u=me; ***; ***");
}

TEST_F(InfluxdbTest, AShortSecretHidesWordsNotTheirMeaning) {
  server_.script({{.status = 400, .body = R"({"error":"partial write: 1 bad dropped=1"})"}});
  make("username = \"me\"\npassword = \"1\"\n");
  const Attempt attempt = deliver();
  EXPECT_EQ(attempt.decision.action, Action::kDelivered);
  EXPECT_EQ(attempt.decision.rejected, 1U);
  EXPECT_EQ(attempt.decision.reason.find("1"), std::string::npos) << attempt.decision.reason;
}

TEST_F(InfluxdbTest, ASecretWithEscapesIsHiddenToo) {
  server_.script(
      {{.status = 401, .body = R"({"error":"no: hu\"sh, Token ab\"cd, ab\"cd, north"})"}});
  make(
      "username = \"me\"\npassword = 'hu\"sh'\nhttp_headers = { Authorization = 'Token ab\"cd', "
      "X-Site = \"north\", X-Org = \"1\" }\n");
  EXPECT_EQ(deliver().decision.reason, "HTTP 401: no: ***, ***, ***, ***");
}

TEST_F(InfluxdbTest, NumberedPointsArriveOnceWhateverHappens) {
  // The worst that is no failure: answers lost after storing, resets, a stale connection.
  server_.script({{},
                  {.fault = Fault::kResetWhileReading},
                  {},
                  {.fault = Fault::kAnswerThenClose},
                  {.status = 500},
                  {.fault = Fault::kGarbage, .raw = "?"}});
  make("");
  std::uint64_t delivered = 0;
  for (int attempt = 0; attempt < 10; ++attempt) {
    if (deliver(20).decision.action == Action::kDelivered) ++delivered;
  }
  EXPECT_EQ(delivered, 8U);
  EXPECT_EQ(server_.stored_points(), 20U * delivered);
  EXPECT_TRUE(server_.numbers(0, 20).lost.empty());
}

TEST(InfluxdbOptionsTest, ProblemsAreNamedWithTheirPlace) {
  const std::pair<const char*, const char*> rows[] = {
      {"urls = [\"http://a\", \"http://a/\"]", "test.toml:2:1: error: `urls` has http://a twice"},
      {"urls = []", "test.toml:2:1: error: `urls` is empty"},
      {"urls = [\"me:hush@h\"]", "test.toml:2:1: error: `urls`: found \"***@h\", expected a URL"},
      {"urls = [\"http://me:hu/sh@h\"]", "test.toml:2:1: error: `urls`: found \"***@h\", no valid"},
      {"urls = [\"unix://x.sock\"]",
       "test.toml:2:1: error: `urls`: found \"unix://x.sock\", expected an"},
      {"urls = \"http://me:hush@h\"",
       "test.toml:2:8: error: `urls` is \"http://***@h\", expected a list"},
      {"urls = [\"udp://a:1\"]", "test.toml:2:1: error: `urls`: found \"udp://a:1\""},
      {"urls = [\"http://u:hush@h\"]\nusername = \"x\"", "test.toml:2:1: error: credentials"},
      {"auth = \"token\"", "test.toml:2:1: error: `auth = \"token\"` needs `token`"},
      {"auth = \"basic\"", "test.toml:2:1: error: `auth = \"basic\"` needs"},
      {"username = \"a\"\ntoken = \"b\"", "test.toml:3:1: error: both `token` and"},
      {"precision = \"us\"", "test.toml:2:1: error: `precision = \"us\"`: expected \"ns\", \"ms\""},
      {"precision = \"u\"", "test.toml:2:1: error: `precision = \"u\"`: expected"},
      {"precision = \"m\"", "test.toml:2:1: error: `precision = \"m\"`: expected"},
      {"precision = \"n\"", "test.toml:2:1: error: `precision = \"n\"`: expected"},
      {"exclude_database_tag = true", "test.toml:2:1: error: `exclude_database_tag` needs"},
      {"exclude_retention_policy_tag = true",
       "test.toml:2:1: error: `exclude_retention_policy_tag` needs `retention_policy_tag`"},
      {"local_address = \"eth0\"", "test.toml:2:1: error: `local_address` is \"eth0\""},
      {"local_address = \"127.0.0.1:x\"", "test.toml:2:1: error: `local_address` is"},
      {"tls_pinned_public_key = \"sha256//short\"",
       "test.toml:2:1: error: `tls_pinned_public_key`"},
      {"tls_server_name = \"a b\"", "test.toml:2:1: error: `tls_server_name` is"},
      {"influx_omit_timestamp = true", "test.toml:2:1: error: `influx_omit_timestamp = true`"},
      {"database = \"\"", "test.toml:2:1: error: `database` is empty"},
      {"tls_cert = \"a\"", "test.toml:2:1: error: `tls_cert` and `tls_key`"},
      {"http_headers = { Content-Length = \"5\" }",
       "test.toml:2:1: error: `http_headers`: Content"},
      {"http_headers = { X = \"a\\r\\nY: b\" }", "test.toml:2:1: error: `http_headers`: \"X\""},
      {"http_headers = { \"a b\" = \"c\" }", "test.toml:2:1: error: `http_headers`: \"a b\""},
      {"token = \"a\\nb\"", "test.toml:2:1: error: `token` has control"},
  };
  const base::SystemClock clock;
  for (const auto& [options, expected] : rows) {
    const auto made = test::make_output("influxdb", options, {clock, {}});
    EXPECT_EQ(made.output, nullptr) << options;
    ASSERT_EQ(made.problems.size(), 1U) << options;
    EXPECT_TRUE(made.problems[0].starts_with(expected)) << made.problems[0];
    EXPECT_EQ(made.problems[0].find("hush"), std::string::npos);
  }
}

TEST(InfluxdbOptionsTest, OldTelegrafNamesAreTaken) {
  const base::SystemClock clock;
  const auto made = test::make_output("influxdb",
                                      "udp_payload = \"512B\"\nssl_ca = \"/ca\"\n"
                                      "influx_uint_support = false\n",
                                      {clock, {}});
  EXPECT_NE(made.output, nullptr);
  EXPECT_EQ(made.problems.size(), 2U);  // warnings
}

TEST(InfluxdbOptionsTest, IdentityIsUrlAndDatabaseOnly) {
  const base::SystemClock clock;
  const auto identity = [&](const char* options) {
    return test::make_output("influxdb", options, {clock, {}}).identity;
  };
  const std::string plain = identity("");
  EXPECT_EQ(plain, "http://localhost:8086\ntelegraf");
  EXPECT_EQ(identity("urls = [\"http://u:p@localhost:8086/\"]"), plain);
  EXPECT_EQ(identity("token = \"x\"\ntimeout = \"3s\"\nretention_policy = \"r\""), plain);
  EXPECT_NE(identity("database = \"other\""), plain);
  EXPECT_NE(identity("urls = [\"http://localhost:8087\"]"), plain);
  EXPECT_EQ(identity("urls = [\"http://u:p@a\", \"unix:///b.sock\"]"),
            "http://a\nunix:///b.sock\ntelegraf");
}

}  // namespace
}  // namespace holdfast::outputs

// What must stay secret does: in the log, the status, the commands and the process list of a run
// whose servers repeat the credentials in their answers (emulated).
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/integration/agent_test.h"
#include "tests/support/fault_server.h"

namespace holdfast::test {
namespace {

using ::testing::HasSubstr;

constexpr const char* kUrlSecret = "in-the-url-5e1f";
constexpr const char* kFileSecret = "in-a-file-77ab";
constexpr const char* kEnvSecret = "in-the-environment-c0de";
constexpr const char* kPlainSecret = "in-the-configuration-9d3";

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Secrets : public AgentTest {
 protected:
  void SetUp() override {
    std::ofstream(path("password")) << kFileSecret << "\n";
    ASSERT_EQ(chmod(path("password").c_str(), S_IRUSR | S_IWUSR), 0);
    repeat(url_server_, std::string("root:") + kUrlSecret);
    repeat(file_server_, std::string("root:") + kFileSecret);
    repeat(environment_server_, std::string("Token ") + kEnvSecret);
    repeat(plain_server_, std::string("Token ") + kPlainSecret);
  }

  // A server that tells everybody what it was told.
  static void repeat(FaultServer& server, const std::string& secret) {
    const std::string words = "no entry for " + secret;
    server.answer_with([words] {
      return Step{.status = 401,
                  .headers = {{"X-Influxdb-Error", words}},
                  .body = R"({"error":")" + words + "\"}"};
    });
  }

  [[nodiscard]] static std::string section(const std::string& plugin, const std::string& alias,
                                           const std::string& url, const std::string& more) {
    return "[[outputs." + plugin + "]]\nalias = \"" + alias + "\"\nurls = [\"" + url + "\"]\n" +
           more + "\n";
  }
  [[nodiscard]] std::string outputs() const {
    const std::string no_creation = "skip_database_creation = true\n";
    const std::string host = url_server_.url().substr(std::string("http://").size());
    return section("influxdb", "url", std::string("http://root:") + kUrlSecret + "@" + host,
                   no_creation + "auth = \"query\"") +
           section(
               "influxdb", "file", file_server_.url(),
               no_creation + "username = \"root\"\npassword = \"@file:" + path("password") + "\"") +
           section("influxdb_v2", "environment", environment_server_.url(),
                   "organization = \"o\"\nbucket = \"b\"\ntoken = \"${HOLDFAST_TEST_TOKEN}\"") +
           section("influxdb", "plain", plain_server_.url(),
                   no_creation + "token = \"" + kPlainSecret + "\"");
  }

  static void expect_no_secret(const std::string& text, const std::string& where) {
    ASSERT_FALSE(text.empty()) << where;
    for (const char* secret : {kUrlSecret, kFileSecret, kEnvSecret, kPlainSecret}) {
      EXPECT_EQ(text.find(secret), std::string::npos) << secret << " in " << where;
    }
  }

  const Environment environment_{{"HOLDFAST_TEST_TOKEN", kEnvSecret}};
  FaultServer url_server_, file_server_, environment_server_, plain_server_;
};

TEST_F(Secrets, AreNeitherLoggedNorShownThoughTheServersRepeatThem) {
  configure(listener_section() + outputs());
  start_agent(environment_);
  ASSERT_EQ(feed(numbered_feed(0, 10)), 204);
  ASSERT_TRUE(eventually([this] {
    const AgentState state = status();
    for (const char* output : {"url", "file", "environment", "plain"}) {
      if (state.output(output).state != "misconfigured") return false;
    }
    return true;
  }));
  const std::string socket = "unix:" + path("status");
  const std::string page = http_exchange(socket, "GET", "/status.json").body;
  EXPECT_THAT(page, HasSubstr("no entry for root"));
  expect_no_secret(page, "status.json");
  expect_no_secret(content_of("/proc/" + std::to_string(agent().pid()) + "/cmdline"), "cmdline");
  expect_no_secret(run_command({"status"}, environment_).out, "status");
  const Ended check = run_command({"check"}, environment_);
  EXPECT_EQ(check.status, 0) << check.err;
  expect_no_secret(check.out + check.err, "check");
  const Ended ended = stop_agent(SIGTERM);
  EXPECT_THAT(ended.err, HasSubstr("no entry for root"));
  expect_no_secret(ended.err, "the log");

  // They did arrive where they belong.
  std::string sent;
  for (const FaultServer* server :
       {&url_server_, &file_server_, &environment_server_, &plain_server_}) {
    for (const RecordedRequest& request : server->requests()) {
      sent += request.target + "\n";
      for (const auto& [name, value] : request.headers) sent += name + ": " + value + "\n";
    }
  }
  EXPECT_THAT(sent, HasSubstr(std::string("p=") + kUrlSecret));
  EXPECT_THAT(sent, HasSubstr(std::string("authorization: Token ") + kEnvSecret));
  EXPECT_THAT(sent, HasSubstr(std::string("authorization: Token ") + kPlainSecret));
  EXPECT_THAT(sent, HasSubstr("authorization: Basic "));
}

TEST_F(Secrets, AreNotShownByMistakesInTheConfiguration) {
  configure(outputs() + "username = \"root\"\npassword = \"" + kPlainSecret + "\"\nnonsense = 1\n");
  const Ended check = run_command({"check"}, environment_);
  EXPECT_EQ(check.status, 78);
  EXPECT_THAT(check.err, HasSubstr("nonsense"));
  expect_no_secret(check.out + check.err, "check");
}

TEST_F(Secrets, AFileThatCannotBeReadIsNamed) {
  configure("[[outputs.influxdb]]\nusername = \"u\"\npassword = \"@file:" + path("missing") +
            "\"\n");
  const Ended check = run_command({"check"});
  EXPECT_EQ(check.status, 78);
  EXPECT_THAT(check.err, HasSubstr(path("missing")));
}

}  // namespace
}  // namespace holdfast::test

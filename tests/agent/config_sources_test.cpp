#include "agent/config_sources.h"

#include <filesystem>
#include <fstream>
#include <map>

#include <gmock/gmock.h>

#include "config/loader.h"
#include "tests/support/fault_server.h"
#include "tests/support/reserved_port.h"
#include "tests/support/temp_dir.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DefaultSources : public testing::Test {
 protected:
  void make(const std::string& path) {
    std::filesystem::create_directories(std::filesystem::path(dir_.path() + path).parent_path());
    std::ofstream(dir_.path() + path) << "\n";
  }
  agent::ConfigSources find(const std::map<std::string, std::string>& variables = {}) {
    const config::Environment environment =
        [&variables](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      if (found == variables.end()) return std::nullopt;
      return found->second;
    };
    diagnostics_ = {};
    return agent::default_sources(environment, diagnostics_, dir_.path());
  }
  [[nodiscard]] std::string problems() const {
    std::string all;
    for (const auto& item : diagnostics_.sorted()) all += item.text() + "\n";
    return all;
  }

  TempDir dir_;
  config::Diagnostics diagnostics_;
};

TEST_F(DefaultSources, TheFirstPlaceThatExistsWins) {
  make("/etc/telegraf/telegraf.conf");
  EXPECT_THAT(find().files, ElementsAre(dir_.path() + "/etc/telegraf/telegraf.conf"));
  EXPECT_THAT(find().directories, IsEmpty());
  make("/etc/telegraf/telegraf.d/a.conf");
  EXPECT_THAT(find().directories, ElementsAre(dir_.path() + "/etc/telegraf/telegraf.d"));
  make("/home/.telegraf/telegraf.conf");
  const std::map<std::string, std::string> at_home{{"HOME", dir_.path() + "/home"}};
  EXPECT_THAT(find(at_home).files, ElementsAre(dir_.path() + "/home/.telegraf/telegraf.conf"));
  EXPECT_THAT(find(at_home).directories, IsEmpty());
  EXPECT_THAT(find().files, ElementsAre(dir_.path() + "/etc/telegraf/telegraf.conf"));
  make("/etc/holdfast/holdfast.toml");
  EXPECT_THAT(find(at_home).files, ElementsAre(dir_.path() + "/etc/holdfast/holdfast.toml"));
  EXPECT_THAT(find().files, ElementsAre(dir_.path() + "/etc/holdfast/holdfast.toml"));
  EXPECT_THAT(find().directories, IsEmpty());
  make("/etc/holdfast/holdfast.d/a.toml");
  EXPECT_THAT(find().directories, ElementsAre(dir_.path() + "/etc/holdfast/holdfast.d"));
  make("/theirs");
  make("/ours");
  const std::string theirs = dir_.path() + "/theirs";
  const std::string ours = dir_.path() + "/ours";
  EXPECT_THAT(find({{"TELEGRAF_CONFIG_PATH", theirs}}).files, ElementsAre(theirs));
  const auto both = find({{"TELEGRAF_CONFIG_PATH", theirs}, {"HOLDFAST_CONFIG_PATH", ours}});
  EXPECT_THAT(both.files, ElementsAre(ours));
  EXPECT_THAT(both.directories, IsEmpty());
  EXPECT_EQ(problems(), "");
}

TEST_F(DefaultSources, AVariableMayHoldAUrl) {
  EXPECT_THAT(find({{"TELEGRAF_CONFIG_PATH", "https://host/c"}}).files,
              ElementsAre("https://host/c"));
}

TEST_F(DefaultSources, AVariableThatNamesNothingIsSaid) {
  make("/etc/holdfast/holdfast.toml");
  EXPECT_EQ(find({{"HOLDFAST_CONFIG_PATH", "/absent"}}).files.size(), 1U);
  EXPECT_EQ(problems(), "warning: $HOLDFAST_CONFIG_PATH is /absent, which is not there\n");
}

TEST_F(DefaultSources, WithoutAnyThePlacesAreListed) {
  EXPECT_THAT(find().files, IsEmpty());
  EXPECT_TRUE(diagnostics_.has_errors());
  for (const char* place : {"$HOLDFAST_CONFIG_PATH, $TELEGRAF_CONFIG_PATH, ",
                            "/etc/holdfast/holdfast.toml, ", "/etc/telegraf/telegraf.conf\n"}) {
    EXPECT_THAT(problems(), HasSubstr(place));
  }
}

class FetchConfiguration : public testing::Test {
 protected:
  base::Result<std::string> fetch(std::int64_t attempts = 1, const std::string& token = {}) {
    return agent::fetch_configuration(server_.url() + "/config",
                                      {.attempts = attempts, .pause = 0s, .token = token}, {});
  }
  FaultServer server_;
};

TEST_F(FetchConfiguration, ItIsAskedForAsTelegrafDoes) {
  server_.script_other({{.status = 200, .body = "[agent]\n"}});
  const auto text = fetch(1, "secret");
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, "[agent]\n");
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "GET");
  EXPECT_EQ(requests[0].target, "/config");
  EXPECT_EQ(requests[0].headers.at("accept"), "application/toml");
  EXPECT_EQ(requests[0].headers.at("authorization"), "Token secret");
}

TEST_F(FetchConfiguration, WithoutATokenNoneIsSent) {
  server_.script_other({{.status = 200, .body = "x"}});
  ASSERT_TRUE(fetch());
  EXPECT_EQ(server_.requests().at(0).headers.count("authorization"), 0U);
}

TEST_F(FetchConfiguration, AnyOtherAnswerIsAFailureAndAskedForAgain) {
  server_.script_other(
      {{.status = 500}, {.status = 204}, {.status = 404}, {.status = 200, .body = "late"}});
  const auto early = fetch(0);  // three attempts
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().message, "the server answered 404, expected 200");
  EXPECT_EQ(server_.requests().size(), 3U);
  EXPECT_EQ(fetch(1).value_or(""), "late");
}

TEST_F(FetchConfiguration, RedirectsAreFollowedButTheTokenStays) {
  FaultServer other;
  server_.script_other({{.status = 302, .headers = {{"Location", "/next"}}},
                        {.status = 307, .headers = {{"Location", other.url() + "/last"}}}});
  other.script_other({{.status = 200, .body = "[agent]\n"}});
  const auto text = fetch(1, "secret");
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, "[agent]\n");
  const auto first = server_.requests();
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[1].target, "/next");
  EXPECT_EQ(first[1].headers.at("authorization"), "Token secret");
  ASSERT_EQ(other.requests().size(), 1U);
  EXPECT_EQ(other.requests()[0].headers.count("authorization"), 0U);
}

TEST_F(FetchConfiguration, RedirectsWithoutEndAreGivenUp) {
  server_.script_other(std::vector<Step>(20, {.status = 302, .headers = {{"Location", "/again"}}}));
  EXPECT_FALSE(fetch());
  EXPECT_EQ(server_.requests().size(), 11U);
}

TEST_F(FetchConfiguration, WithoutAnEndItGoesOnUntilAnAnswerComes) {
  std::vector<Step> steps(7, Step{.status = 503});
  steps.push_back({.status = 200, .body = "at last"});
  server_.script_other(steps);
  EXPECT_EQ(fetch(-1).value_or(""), "at last");
  EXPECT_EQ(server_.requests().size(), 8U);
}

TEST_F(FetchConfiguration, ATextThatIsTooLongIsRefused) {
  server_.script_other({{.status = 200, .body = std::string(config::kMaxFileBytes + 1, '#')}});
  const auto text = fetch();
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, base::ErrorCode::kTooLarge);
  server_.script_other({{.status = 200, .body = std::string(config::kMaxFileBytes, '#')}});
  EXPECT_EQ(fetch().value_or("").size(), config::kMaxFileBytes);
}

TEST(FetchConfigurationOf, AServerThatIsNotThereFailsWithoutTheUsersSecrets) {
  const ReservedPort nobody;
  const std::string url =
      "http://user:secret@127.0.0.1:" + std::to_string(nobody.port()) + "/config";
  const auto text = agent::fetch_configuration(url, {.attempts = 2, .pause = 0s}, {});
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().message.find("secret"), std::string::npos);
}

TEST(FetchConfigurationOf, UrlsAreHttp) {
  EXPECT_TRUE(agent::is_url("http://a"));
  EXPECT_TRUE(agent::is_url("https://a"));
  EXPECT_FALSE(agent::is_url("/etc/http://a"));
  EXPECT_FALSE(agent::is_url("ftp://a"));
}

}  // namespace
}  // namespace holdfast::test

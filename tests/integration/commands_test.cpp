// The command line: what each command prints and with what status it ends.
#include <csignal>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/agent_test.h"
#include "tests/support/reserved_port.h"

namespace holdfast::test {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr int kBadConfiguration = 78;

using Commands = AgentTest;

std::string replace_all(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.replace(at, what.size(), with);
  }
  return text;
}

TEST_F(Commands, CheckAndRunListEveryMistakeWithItsPosition) {
  const std::string folder = std::string(HOLDFAST_FIXTURES) + "/integration/five_mistakes/";
  std::ifstream in(folder + "expected.txt");
  const std::string expected{std::istreambuf_iterator<char>(in), {}};
  ASSERT_EQ(std::count(expected.begin(), expected.end(), '^'), 5);
  for (const char* command : {"check", "run", "once", "test"}) {
    const Ended ended = run_bare({command, "--config", folder + "config.toml"});
    EXPECT_EQ(ended.status, kBadConfiguration) << command;
    EXPECT_EQ(replace_all(ended.err, folder, ""), expected) << command;
    EXPECT_THAT(ended.out, IsEmpty()) << command;
  }
}

TEST_F(Commands, CheckTellsProgramsTheSameAsJson) {
  const std::string folder = std::string(HOLDFAST_FIXTURES) + "/integration/five_mistakes/";
  const Ended bad = run_bare({"check", "--json", "--config", folder + "config.toml"});
  EXPECT_EQ(bad.status, kBadConfiguration);
  EXPECT_THAT(bad.err, IsEmpty());
  const auto items = nlohmann::json::parse(bad.out);
  ASSERT_EQ(items.size(), 5U);
  EXPECT_EQ(items[0]["file"], folder + "config.toml");
  EXPECT_EQ(items[0]["line"], 3);
  EXPECT_EQ(items[0]["column"], 3);
  EXPECT_EQ(items[0]["severity"], "error");
  EXPECT_EQ(items[0]["suggestion"], "interval");
  EXPECT_FALSE(items[0].contains("found"));
  EXPECT_EQ(items[2]["found"], "\"4KiB\"");
  EXPECT_EQ(items[2]["expected"], "a size of at least 1MiB");
  EXPECT_EQ(items[3]["suggestion"], "cpu");

  configure("[[inputs.mem]]\n[[outputs.file]]\n");
  const Ended good = run_command({"check", "--json"});
  EXPECT_EQ(good.status, 0);
  EXPECT_EQ(nlohmann::json::parse(good.out), nlohmann::json::array());

  const Ended absent = run_bare({"check", "--json", "--config", path("absent.toml")});
  EXPECT_EQ(absent.status, kBadConfiguration);
  EXPECT_EQ(nlohmann::json::parse(absent.out)[0]["line"], nullptr);
}

TEST_F(Commands, CheckTellsWhatWouldRun) {
  configure("[[inputs.mem]]\n  interval = \"5s\"\n[[inputs.cpu]]\n" + listener_section() +
            output_section("http://me:hunter2@localhost:1"));
  const Ended ended = run_command({"check"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.out, StartsWith("configuration is good: 3 inputs, 1 outputs\n"));
  EXPECT_THAT(ended.out, HasSubstr("  inputs.mem, every 5s\n"));
  EXPECT_THAT(ended.out, HasSubstr("  inputs.influxdb_listener, listening\n"));
  EXPECT_THAT(ended.out, ContainsRegex("outputs.influxdb::main to http://[^ ]*localhost:1"));
  EXPECT_THAT(ended.out, Not(HasSubstr("hunter")));
  EXPECT_THAT(ended.out,
              ContainsRegex("ring " + ring() + " of 8MiB: about [0-9]+ (hour|day)s? of "));
  EXPECT_THAT(ended.out, HasSubstr("an estimate: the inputs gave "));
  EXPECT_THAT(ended.out, HasSubstr("; what listeners receive comes on top of it)"));
}

TEST_F(Commands, WhatIsNotSupportedCanBeLeftOut) {
  configure("[[inputs.mem]]\n[[inputs.docker]]\n[[processors.rename]]\n[[outputs.file]]\n");
  for (const char* command : {"check", "test", "once", "run"}) {
    const Ended refused = run_command({command});
    EXPECT_EQ(refused.status, kBadConfiguration) << command;
    EXPECT_THAT(refused.err, HasSubstr("error: inputs.docker is not supported")) << command;
    EXPECT_THAT(refused.err, HasSubstr("error: [[processors.rename]] is not supported")) << command;
  }
  for (const char* command : {"check", "test", "once"}) {
    const Ended left_out = run_command({command, "--skip-unsupported"});
    EXPECT_EQ(left_out.status, 0) << command << left_out.err;
    EXPECT_THAT(left_out.err, HasSubstr("warning: inputs.docker is not supported")) << command;
    EXPECT_THAT(left_out.err, HasSubstr("warning: [[processors.rename]] is not supported; going on "
                                        "without it"))
        << command;
  }
}

TEST_F(Commands, MigrateReplacesOldNamesAndSaysSo) {
  std::ofstream(path("old.toml")) << "[tags]\n  a = \"b\"\n[inputs.disk]  # all\n"
                                     "  mountpoints = [\"/\"]\n[[outputs.file]]\n";
  const Ended ended = run_bare({"config", "migrate", path("old.toml")});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.out,
            "[global_tags]\n  a = \"b\"\n[[inputs.disk]]  # all\n  mount_points = [\"/\"]\n"
            "[[outputs.file]]\n");
  EXPECT_EQ(replace_all(ended.err, path("old.toml"), "old.toml"),
            "old.toml:1:1: [tags] is now [global_tags]\n"
            "old.toml:3:1: [inputs.disk] is now [[inputs.disk]]\n"
            "old.toml:4:3: `mountpoints` is now `mount_points`\n");
  std::ofstream(path("new.toml")) << ended.out;
  const Ended checked = run_bare({"check", "--config", path("new.toml")});
  EXPECT_EQ(checked.status, 0);
  EXPECT_THAT(checked.err, IsEmpty());

  std::ofstream(path("broken.toml")) << "[tags\n";
  const Ended broken = run_bare({"config", "migrate", path("broken.toml")});
  EXPECT_EQ(broken.status, kBadConfiguration);
  EXPECT_THAT(broken.out, IsEmpty());
  EXPECT_THAT(broken.err, HasSubstr("broken.toml:1:6: error: "));
  EXPECT_EQ(run_bare({"config", "migrate", path("absent.toml")}).status, kFailed);
}

TEST_F(Commands, CheckPassesTheConfigurationThatIsShipped) {
  const Ended ended = run_bare(
      {"check", "--config", std::string(HOLDFAST_SOURCE_DIR) + "/packaging/holdfast.toml"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.err, IsEmpty());
}

TEST_F(Commands, AConfigurationThatCannotBeReadIsABadOne) {
  const Ended ended = run_bare({"run", "--config", path("absent.toml")});
  EXPECT_EQ(ended.status, kBadConfiguration);
  EXPECT_THAT(ended.err, HasSubstr(path("absent.toml")));
}

TEST_F(Commands, WrongUsageIsToldFromFailure) {
  const std::vector<std::vector<std::string>> wrong{
      {"frobnicate"},        {"--frobnicate"}, {"buffer"},      {"buffer", "info"},
      {"check", "--config"}, {"run", "check"}, {"config", "x"}, {"run", "--log-format", "xml"}};
  for (const auto& arguments : wrong) {
    const Ended ended = run_bare(arguments);
    EXPECT_EQ(ended.status, kWrongUsage) << arguments.back();
    EXPECT_FALSE(ended.err.empty()) << arguments.back();
  }
}

TEST_F(Commands, AnOptionTakesOneWordAndTheNextIsTheCommands) {
  configure("[[inputs.mem]]\n" + output_section("http://127.0.0.1:1"));
  const std::string config = path("holdfast.toml");
  const Ended sample = run_bare({"config", "sample", "--config", config, "mem"});
  EXPECT_THAT(sample.out, HasSubstr("[[inputs.mem]]\n"));
  EXPECT_THAT(sample.out, Not(HasSubstr("[[inputs.cpu]]\n")));
  EXPECT_EQ(run_bare({"check", "--config", config, "--config", config}).status, 0);
  EXPECT_EQ(run_bare({"check", "--config", config, config}).status, kWrongUsage);
}

TEST_F(Commands, VersionIsOneLine) {
  for (const char* spelling : {"version", "--version", "-version"}) {
    const Ended ended = run_bare({spelling});
    EXPECT_EQ(ended.status, 0);
    EXPECT_THAT(ended.out, ::testing::MatchesRegex("holdfast [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  }
}

TEST_F(Commands, PluginsNamesEveryInputAndOutput) {
  const Ended ended = run_bare({"plugins"});
  EXPECT_EQ(ended.status, 0);
  std::set<std::string> names;
  std::istringstream lines(ended.out);
  for (std::string line; std::getline(lines, line);) names.insert(line.substr(0, line.find(' ')));
  const std::set<std::string> expected{"inputs.cpu",
                                       "inputs.disk",
                                       "inputs.diskio",
                                       "inputs.exec",
                                       "inputs.execd",
                                       "inputs.file",
                                       "inputs.influxdb_listener",
                                       "inputs.influxdb_v2_listener",
                                       "inputs.internal",
                                       "inputs.kernel",
                                       "inputs.mem",
                                       "inputs.net",
                                       "inputs.processes",
                                       "inputs.socket_listener",
                                       "inputs.statsd",
                                       "inputs.swap",
                                       "inputs.syslog",
                                       "inputs.system",
                                       "inputs.tail",
                                       "outputs.file",
                                       "outputs.influxdb",
                                       "outputs.influxdb_v2"};
  EXPECT_EQ(names, expected);
}

TEST_F(Commands, TheSampleOfAPluginIsAConfigurationThatPasses) {
  const Ended sample = run_bare({"config", "sample"});
  ASSERT_EQ(sample.status, 0) << sample.err;
  std::ofstream(path("sample.toml")) << sample.out;
  const Ended ended = run_bare({"check", "--config", path("sample.toml")});
  EXPECT_EQ(ended.status, 0) << ended.err;
}

TEST_F(Commands, ARingInADirectoryThatIsMissingFailsAndNamesIt) {
  const ReservedPort nobody;
  Settings settings;
  settings.ring_path = path("absent/ring");
  configure("[[inputs.mem]]\n" + output_section(nobody.url()), settings);
  for (const char* command : {"run", "once"}) {
    const Ended ended = run_command({command});
    EXPECT_EQ(ended.status, kFailed) << command;
    EXPECT_THAT(ended.err, HasSubstr(settings.ring_path)) << command;
  }
}

TEST_F(Commands, ARingHeldByAnotherAgentFailsAndNamesThatProcess) {
  const ReservedPort nobody;
  configure("[[inputs.mem]]\n" + output_section(nobody.url()));
  start_agent();
  const Ended second = run_command({"run"});
  EXPECT_EQ(second.status, kFailed);
  EXPECT_THAT(second.err, HasSubstr(ring()));
  EXPECT_THAT(second.err, HasSubstr(fmt::format("process {}", agent().pid())));
  EXPECT_TRUE(status().answered) << "the first agent, undisturbed";
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
}

TEST_F(Commands, BufferInfoOfSomethingElseFailsAndLeavesItAlone) {
  std::ofstream(path("notes.txt")) << "not a ring";
  for (const char* name : {"notes.txt", "absent"}) {
    const Ended ended = run_bare({"buffer", "info", path(name), "--json"});
    EXPECT_EQ(ended.status, kFailed) << name;
    EXPECT_THAT(ended.err, HasSubstr(path(name)));
    EXPECT_THAT(ended.out, IsEmpty()) << name;
  }
  std::ifstream in(path("notes.txt"));
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "not a ring");
}

TEST_F(Commands, StatusWithoutAnAgentFailsAndNamesTheSocket) {
  configure("");
  const Ended ended = run_command({"status"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.err, HasSubstr(path("status")));
}

}  // namespace
}  // namespace holdfast::test

// What users of Telegraf are used to: flags, places and options of their files, with this program.
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "tests/integration/agent_test.h"
#include "tests/support/fault_server.h"
#include "tests/support/reserved_port.h"

namespace holdfast::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int kBadConfiguration = 78;

class TelegrafHabits : public AgentTest {
 protected:
  [[nodiscard]] std::string content(const std::string& name) const {
    std::ifstream in(path(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] static std::vector<std::string> program(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), HOLDFAST_BINARY);
    return arguments;
  }
  // A file output needs nobody to be there.
  [[nodiscard]] std::string file_output() const {
    return fmt::format("[[outputs.file]]\nalias = \"{}\"\nfiles = [\"{}\"]\n", kReader,
                       path("lines"));
  }
};

TEST_F(TelegrafHabits, TheConfigurationIsFoundWhereTelegrafLooks) {
  configure("[[inputs.mem]]\n" + file_output());
  const Ended ended =
      run_program({program({"check"}), {{"TELEGRAF_CONFIG_PATH", path("holdfast.toml")}}});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("inputs.mem"));
}

TEST_F(TelegrafHabits, AConfigurationMayComeFromAServer) {
  FaultServer server;
  configure("[[inputs.mem]]\n" + file_output());
  server.script_other({{.status = 200, .body = content("holdfast.toml")}, {.status = 404}});
  const std::vector<std::string> check = program(
      {"-config", server.url() + "/c", "--config-url-retry-attempts", "1", "config", "check"});
  const Ended good = run_program({check, {{"INFLUX_TOKEN", "t0"}}});
  EXPECT_EQ(good.status, 0) << good.err;
  EXPECT_EQ(server.requests().at(0).headers.at("authorization"), "Token t0");
  const Ended missing = run_program({check, {}});
  EXPECT_EQ(missing.status, kBadConfiguration);
  EXPECT_EQ(missing.err, server.url() + "/c: error: the server answered 404, expected 200\n");
}

TEST_F(TelegrafHabits, AFileBeforeAUrlMaySayHowOftenToAsk) {
  FaultServer server;
  server.script_other({{.status = 404}});
  Settings settings;
  settings.agent += "\nconfig_url_retry_attempts = 1";
  configure("[[inputs.mem]]\n" + file_output(), settings);
  EXPECT_EQ(run_command({"check"}).status, 0);
  const Ended ended = run_program(
      {program({"check", "--config", path("holdfast.toml"), "--config", server.url()}), {}});
  EXPECT_EQ(ended.status, kBadConfiguration);
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(TelegrafHabits, FiltersAndLabelsChooseWhatRuns) {
  configure(
      "[[inputs.mem]]\nlabels = { env = \"test\" }\n[[inputs.swap]]\n[[inputs.system]]\n"
      "labels = { env = \"prod\" }\n" +
      file_output());
  const Ended filtered = run_command({"--test", "--input-filter", "mem:swap"});
  EXPECT_EQ(filtered.status, 0) << filtered.err;
  EXPECT_THAT(filtered.out, HasSubstr("mem,"));
  EXPECT_THAT(filtered.out, Not(HasSubstr("system,")));
  const Ended selected = run_command({"test", "--select", "env=pr*"});
  EXPECT_EQ(selected.status, 0) << selected.err;
  EXPECT_THAT(selected.out, HasSubstr("system,"));
  EXPECT_THAT(selected.out, Not(HasSubstr("mem,")));
  const Ended none = run_command({"check", "--output-filter", "influxdb"});
  EXPECT_EQ(none.status, kBadConfiguration);
  EXPECT_THAT(none.err, HasSubstr("no outputs"));
}

TEST_F(TelegrafHabits, TestWaitPrintsWhatListenersReceive) {
  configure(listener_section());
  AgentProcess process({program({"--config", path("holdfast.toml"), "--test-wait", "300"}), {}});
  ASSERT_TRUE(eventually([this] { return feed("m,src=test f=1i 42\n") == 204; })) << process.log();
  process.signal(SIGTERM);
  const auto ended = process.wait();
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->out, "m,src=test,host=edge f=1i 42\n");
}

TEST_F(TelegrafHabits, TestWaitEndsByItself) {
  configure("[[inputs.mem]]\n" + listener_section());
  const Ended ended = run_command({"test", "--test-wait", "1"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_THAT(ended.out, StartsWith("mem,"));
}

TEST_F(TelegrafHabits, OnceWithTestWaitDeliversWhatListenersReceive) {
  Settings settings;
  settings.ring_size += "\"\nsync = \"always";
  configure(listener_section() + file_output(), settings);
  AgentProcess process(
      {program({"--once", "--test-wait", "3", "--config", path("holdfast.toml")}), {}});
  ASSERT_TRUE(eventually([this] { return feed("m,src=test f=1i 42\n") == 204; })) << process.log();
  const auto ended = process.wait();
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->status, 0) << ended->err;
  EXPECT_EQ(content("lines"), "m,src=test,host=edge f=1i 42\n");
}

TEST_F(TelegrafHabits, TheLogGoesToItsFile) {
  Settings settings;
  settings.agent += fmt::format("\nlogfile = \"{}\"\nlogformat = \"structured\"", path("a/b.log"));
  configure("[[inputs.mem]]\n" + file_output(), settings);
  start_agent();
  const Ended ended = stop_agent(SIGTERM);
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.err, IsEmpty());
  EXPECT_THAT(content("a/b.log"), StartsWith("{\"time\":"));
  EXPECT_THAT(content("a/b.log"), HasSubstr("running: 1 inputs"));
}

TEST_F(TelegrafHabits, ALogFileThatCannotBeOpenedIsSaidAndTheAgentRuns) {
  Settings settings;
  settings.agent += fmt::format("\nlogfile = \"{}\"", path());
  configure("[[inputs.mem]]\n" + file_output(), settings);
  start_agent();
  const Ended ended = stop_agent(SIGTERM);
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.err, HasSubstr("cannot open the log file " + path()));
  EXPECT_THAT(ended.err, HasSubstr("running: 1 inputs"));
}

TEST_F(TelegrafHabits, AListenerThatCannotStartMayBeLeftOut) {
  const FaultServer holder;
  const std::string listener = fmt::format(
      "[[inputs.influxdb_listener]]\nalias = \"second\"\nservice_address = \"127.0.0.1:{}\"\n",
      holder.port());
  configure(listener + file_output());
  EXPECT_EQ(run_command({"run"}).status, 1);
  configure(listener + "startup_error_behavior = \"ignore\"\n" + listener_section() +
            file_output());
  start_agent();
  EXPECT_EQ(feed("m f=1i 42\n"), 204);
  const Ended ended = stop_agent(SIGTERM);
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.err, HasSubstr("E! [inputs.influxdb_listener::second] cannot start, and"));
}

TEST_F(TelegrafHabits, APidFileIsThereAsLongAsTheAgent) {
  configure("[[inputs.mem]]\n" + file_output());
  AgentProcess process(
      {program({"--pidfile", path("pid"), "--config", path("holdfast.toml")}), {}});
  ASSERT_TRUE(process.wait_ready()) << process.log();
  EXPECT_EQ(content("pid"), fmt::format("{}\n", process.pid()));
  process.signal(SIGTERM);
  const auto ended = process.wait();
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->status, 0) << ended->err;
  EXPECT_FALSE(std::ifstream(path("pid")).good());
}

TEST_F(TelegrafHabits, FlagsWithoutMeaningAreAcceptedWithAWord) {
  configure("[[inputs.mem]]\n" + file_output());
  const Ended ended =
      run_command({"check", "-watch-interval", "250ms", "--aggregator-filter=a:b", "--password",
                   "/file", "--unprotected", "--strict-env-handling"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 4);
  EXPECT_THAT(ended.err, HasSubstr("warning: --aggregator-filter has no effect here: "));
}

TEST_F(TelegrafHabits, OldFlagsPrintListsAndSamples) {
  EXPECT_THAT(run_bare({"-input-list"}).out, HasSubstr("\n  influxdb_listener\n"));
  EXPECT_THAT(run_bare({"--output-list"}).out, HasSubstr("\n  influxdb_v2\n"));
  EXPECT_THAT(run_bare({"--usage", "disk"}).out, HasSubstr("[[inputs.disk]]\n"));
  EXPECT_EQ(run_bare({"--usage", "floppy"}).status, 1);
  const std::string sample = run_bare({"--sample-config"}).out;
  EXPECT_THAT(sample, HasSubstr("[agent]\n"));
  EXPECT_EQ(run_bare({"config", "create"}).out, sample);
  EXPECT_EQ(run_bare({"config"}).out, sample);
  const std::string some =
      run_bare({"config", "create", "--section-filter", "agent:inputs", "--input-filter", "mem"})
          .out;
  EXPECT_THAT(some, HasSubstr("[agent]\n"));
  EXPECT_THAT(some, HasSubstr("[[inputs.mem]]\n"));
  EXPECT_THAT(some, Not(HasSubstr("[[inputs.cpu]]\n")));
  EXPECT_THAT(some, Not(HasSubstr("[[outputs.")));
  EXPECT_THAT(run_bare({"plugins", "outputs", "--json"}).out,
              HasSubstr("\"name\": \"influxdb_v2\""));
}

TEST_F(TelegrafHabits, ShellsCompleteWhatTheProgramTakes) {
  const Ended script = run_bare({"completion", "bash"});
  ASSERT_EQ(script.status, 0) << script.err;
  std::ofstream(path("script")) << script.out
                                << "COMP_WORDS=(holdfast buffer in)\nCOMP_CWORD=2\n_holdfast\n"
                                   "echo \"${COMPREPLY[@]}\"\n"
                                   "COMP_WORDS=(holdfast --pid)\nCOMP_CWORD=1\n_holdfast\n"
                                   "echo \"${COMPREPLY[@]}\"\n"
                                   "COMP_WORDS=(holdfast --config x)\nCOMP_CWORD=2\n_holdfast\n"
                                   "echo \"${#COMPREPLY[@]}\"\n";
  const Ended ended = run_program({{"/bin/bash", path("script")}, {}});
  EXPECT_EQ(ended.out, "info\n--pidfile\n0\n") << ended.err;
  EXPECT_THAT(run_bare({"completion", "zsh"}).out, StartsWith("#compdef holdfast\n"));
}

}  // namespace
}  // namespace holdfast::test

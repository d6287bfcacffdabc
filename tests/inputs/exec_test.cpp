// exec with real programs: shells and what they call.
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "running_input.h"

namespace holdfast::test {
namespace {

using ::testing::HasSubstr;

std::string gather(const std::string& options) { return RunningInput("exec", options).gather(); }

void write_script(const std::string& path, const std::string& text) {
  std::ofstream(path) << "#!/bin/sh\n" << text;
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
}

TEST(Exec, JsonIsWhatCommandsPrintUnlessSaidOtherwise) {
  EXPECT_EQ(gather(R"(commands = [["echo", '{"a": 1, "b": {"c": 2}}']])"),
            "exec a=1,b_c=2 5000000000\n");
  EXPECT_EQ(gather("commands = [[\"echo\", \"m,t=x n=1i 7\"]]\ndata_format = \"influx\""),
            "m,t=x n=1i 7\n");
  EXPECT_EQ(gather("commands = [[\"echo\", \"21\"]]\ndata_format = \"value\""),
            "exec value=21i 5000000000\n");
}

TEST(Exec, CommandsAreTextsOrListsOfWords) {
  EXPECT_EQ(gather(R"(
commands = [["/bin/echo", '{"a": 1}'], "sh -c 'echo \"{\\\"b\\\": $((1 + 1))}\"'"]
command = "echo '{\"c\": 3}'")"),
            "exec a=1 5000000000\nexec b=2 5000000000\nexec c=3 5000000000\n");
}

// In a configuration `$$` is a dollar sign.
TEST(Exec, OfAFailedCommandTheStatusAndItsWordsAreTold) {
  RunningInput input("exec", R"(
commands = [["sh", "-c", "echo 5; echo went wrong >&2; echo more >&2; exit 3"],
            ["sh", "-c", "kill -9 $$$$"], ["/no/such/program", "x"],
            ["echo", '{"b":'], ["echo", '{"c":4}']])");
  const std::string text = input.gather();
  EXPECT_THAT(text, HasSubstr("command 1 (`sh`): exit status 3: went wrong\n"));
  EXPECT_THAT(text, HasSubstr("command 2 (`sh`): signal 9 (Killed)\n"));
  EXPECT_THAT(text, HasSubstr("command 3 (`/no/such/program`): start /no/such/program: No such "
                              "file or directory\n"));
  EXPECT_THAT(text, HasSubstr("command 4 (`echo`): line 2, column 1: syntax error"));
  EXPECT_THAT(text, HasSubstr("exec c=4 5000000000\n"));
  EXPECT_EQ(input.counters.gathered, 1U);
  EXPECT_EQ(input.counters.errors, 4U);
}

TEST(Exec, ErrorsCanBeIgnored) {
  const std::string options =
      "commands = [[\"sh\", \"-c\", \"echo 5; exit 3\"]]\ndata_format = \"value\"\n";
  EXPECT_EQ(gather(options + "ignore_error = true"), "exec value=5i 5000000000\n");
  EXPECT_EQ(gather(options), "command 1 (`sh`): exit status 3\n");
}

TEST(Exec, TheTimeoutEndsACommandAndAllItHasStarted) {
  const TempDir dir;
  RunningInput input("exec", fmt::format("timeout = \"2s\"\ncommands = [[\"sh\", \"-c\", "
                                         "\"sleep 1000 & echo $! > {}; wait\"]]",
                                         dir.path("pid")));
  EXPECT_EQ(input.gather(), "command 1 (`sh`): not done after 2s: killed\n");
  const std::string pid = await_word(dir.path("pid"));
  ASSERT_NE(pid, "");
  EXPECT_TRUE(eventually([&] { return !is_alive(pid); })) << pid;
}

TEST(Exec, TheEnvironmentIsAddedTo) {
  EXPECT_EQ(gather("environment = [\"A=7\", \"B=x=y\"]\n"
                   "commands = ['''sh -c 'echo {\\\"a\\\": $A, \\\"${B%%=*}\\\": 1}' ''']"),
            "exec a=7,x=1 5000000000\n");
  EXPECT_THAT(RunningInput("exec", "commands = [\"x\"]\nenvironment = [\"A\"]").problems(),
              HasSubstr("is \"A\", expected \"NAME=value\""));
}

TEST(Exec, StderrIsLoggedWhenAskedFor) {
  const std::string commands = "commands = [\"sh -c 'echo one >&2; echo >&2; echo two >&2'\"]\n";
  RunningInput silent("exec", commands);
  EXPECT_EQ(silent.gather(), "");
  EXPECT_EQ(silent.log(), "");
  RunningInput input("exec", commands + "log_stderr = true");
  EXPECT_EQ(input.gather(), "");
  EXPECT_THAT(input.log(), HasSubstr("command 1 (`sh`): one\n"));
  EXPECT_THAT(input.log(), HasSubstr("command 1 (`sh`): two\n"));
}

TEST(Exec, TheProgramMayBeAGlob) {
  const TempDir dir;
  const std::string commands = "commands = [[\"" + dir.path("*.sh") + "\", \"5\"]]";
  RunningInput input("exec", commands);
  // Nothing matches: then it is the name of a program.
  EXPECT_THAT(input.gather(), HasSubstr("*.sh: No such file or directory"));
  write_script(dir.path("a.sh"), "echo \"{\\\"a\\\": $1}\"");
  write_script(dir.path("b.sh"), "echo \"{\\\"b\\\": $1}\"");
  EXPECT_EQ(input.gather(), "exec a=5 5000000000\nexec b=5 5000000000\n");
}

TEST(Exec, AParserRemembersWhatCameBeforeUnlessItIsReset) {
  const std::string options =
      "commands = [[\"printf\", \"a,b\\n1,2\\n\"]]\ndata_format = \"csv\"\n"
      "csv_header_row_count = 1\n";
  RunningInput reset("exec", options + "csv_reset_mode = \"always\"");
  EXPECT_EQ(reset.gather(), "exec a=1i,b=2i 5000000000\n");
  EXPECT_EQ(reset.gather(), "exec a=1i,b=2i 5000000000\n");
  RunningInput kept("exec", options);
  EXPECT_EQ(kept.gather(), "exec a=1i,b=2i 5000000000\n");
  EXPECT_EQ(kept.gather(), "exec a=\"a\",b=\"b\" 5000000000\nexec a=1i,b=2i 5000000000\n");
}

TEST(Exec, AStopEndsWhatRuns) {
  const TempDir dir;
  RunningInput input("exec", fmt::format("timeout = \"1h\"\ncommands = [[\"sh\", \"-c\", "
                                         "\"echo $$$$ > {}; sleep 1000\"]]",
                                         dir.path("pid")));
  ASSERT_TRUE(input.start());
  std::string gathered;
  std::thread gatherer([&] { gathered = input.gather(); });
  const std::string pid = await_word(dir.path("pid"));
  EXPECT_TRUE(input.stop());
  gatherer.join();
  EXPECT_EQ(gathered, "command 1 (`sh`): stopped before it was done\n");
  EXPECT_TRUE(eventually([&] { return !is_alive(pid); }));
  // Nothing is started any more, until the input is.
  std::filesystem::remove(dir.path("pid"));
  EXPECT_EQ(input.gather(), "");
  EXPECT_FALSE(std::filesystem::exists(dir.path("pid")));
  ASSERT_TRUE(input.start());
  std::thread again([&] { gathered = input.gather(); });
  EXPECT_NE(await_word(dir.path("pid")), "");
  EXPECT_TRUE(input.stop());
  again.join();
}

// What is on every host.
TEST(Exec, PlainToolsCanBeRead) {
  const std::string text = gather(
      "commands = [[\"df\", \"-P\", \"/\"]]\ndata_format = \"csv\"\ncsv_skip_rows = 1\n"
      "csv_delimiter = \"/\"\ncsv_column_names = [\"device\"]");
  EXPECT_THAT(text, HasSubstr("exec device="));
}

TEST(Exec, WhatIsNoCommandIsAProblem) {
  const auto problem = [](const std::string& commands) {
    return RunningInput("exec", "commands = " + commands).problems();
  };
  EXPECT_THAT(problem("[\"echo 'x\"]"), HasSubstr("test.toml:2:13: error: `commands` is \"echo "
                                                  "'x\": found a ' that is not closed"));
  EXPECT_THAT(problem("\"echo\""), HasSubstr("`commands`: found a string, expected a list of "
                                             "commands such as [[\"/bin/df\", \"-P\"]]"));
  EXPECT_THAT(problem("[[]]"), HasSubstr("found a command without a program"));
  EXPECT_THAT(problem("[[\"\"]]"), HasSubstr("found a command without a program"));
  EXPECT_THAT(problem("[[\"a\", 1]]"), HasSubstr("found an integer"));
  EXPECT_THAT(problem("[1]"), HasSubstr("found an integer"));
  EXPECT_THAT(problem("[]"), HasSubstr("warning: `commands` is empty"));
  EXPECT_THAT(problem("[\"x\"]\ndata_format = \"nagios\""),
              HasSubstr("`data_format` is \"nagios\", which is not supported"));
  EXPECT_THAT(RunningInput("exec", "command = \"'\"").problems(), HasSubstr("that is not closed"));
}

}  // namespace
}  // namespace holdfast::test

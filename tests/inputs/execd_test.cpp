// execd with real programs that run on: shells and Python.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "running_input.h"

namespace holdfast::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The agent ignores SIGPIPE too.
class Execd : public testing::Test {
 protected:
  Execd() { std::signal(SIGPIPE, SIG_IGN); }

  RunningInput& start(const std::string& program, const std::string& script,
                      const std::string& options = "") {
    input_ = std::make_unique<RunningInput>(
        "execd", "command = [\"" + program + "\", \"-c\", '''" + script + "''']\n" + options);
    EXPECT_EQ(input_->problems(), "");
    const auto started = input_->start();
    EXPECT_TRUE(started) << started.error().message;
    return *input_;
  }
  [[nodiscard]] bool await_text(const std::string& part) const {
    return eventually([&] { return input_->sink.text().find(part) != std::string::npos; });
  }
  [[nodiscard]] bool await_error(const std::string& part) const {
    return eventually(
        [&] { return input_->counters.last_error().find(part) != std::string::npos; });
  }

  TempDir dir_;
  std::unique_ptr<RunningInput> input_;
};

TEST_F(Execd, LinesBecomePointsAsTheyCome) {
  RunningInput& input = start("sh", "echo \"m,t=a n=1i 123456789\"; echo m n=2i; read x");
  EXPECT_TRUE(await_text("m n=2i "));
  // Their times keep their nanoseconds.
  EXPECT_THAT(input.sink.text(), HasSubstr("m,t=a n=1i 123456789\n"));
  EXPECT_EQ(input.counters.gathered, 2U);
  EXPECT_EQ(input.counters.errors, 0U);
  EXPECT_FALSE(input.service().gathers());
  EXPECT_TRUE(input.stop());
}

TEST_F(Execd, ALineOnStdinAsksForPoints) {
  RunningInput& input =
      start("python3",
            "import sys\nn = 0\nfor line in sys.stdin:\n  n += 1\n  print('m n=%di %d' % (n, n))\n"
            "  sys.stdout.flush()\nprint('m last=true 9')",
            "signal = \"STDIN\"");
  EXPECT_TRUE(input.service().gathers());
  EXPECT_EQ(input.gather(), "");
  EXPECT_TRUE(await_text("m n=1i 1\n"));
  EXPECT_EQ(input.gather(), "");
  EXPECT_TRUE(await_text("m n=2i 2\n"));
  // The end of its stdin tells it to end, and what it prints then is still taken.
  EXPECT_TRUE(input.stop());
  EXPECT_THAT(input.sink.text(), HasSubstr("m last=true 9\n"));
  EXPECT_EQ(input.counters.errors, 0U);
  EXPECT_EQ(input.gather(), "");
}

TEST_F(Execd, ASignalAsksForPoints) {
  for (const std::string name : {"SIGHUP", "SIGUSR1", "SIGUSR2"}) {
    RunningInput& input =
        start("python3",
              "import signal\ndef ask(*_): print('m asked=true 1', flush=True)\n"
              "signal.signal(signal." +
                  name +
                  ", ask)\n"
                  "print('m ready=true 1', flush=True)\nwhile True: signal.pause()",
              "signal = \"" + name + "\"");
    ASSERT_TRUE(await_text("m ready=true 1\n"));
    EXPECT_EQ(input.gather(), "");
    EXPECT_TRUE(await_text("m asked=true 1\n")) << name;
    EXPECT_TRUE(input.stop());
  }
}

// It would end it.
TEST_F(Execd, ASignalThatTheProgramDoesNotCatchIsNotSent) {
  RunningInput& input =
      start("sh", "echo m ready=true 1; read x; echo m alive=true 1", "signal = \"SIGUSR1\"");
  ASSERT_TRUE(await_text("m ready=true 1\n"));
  EXPECT_EQ(input.gather(), "");
  EXPECT_TRUE(await_error("does not catch signal 10"));
  EXPECT_TRUE(input.stop());
  EXPECT_THAT(input.sink.text(), HasSubstr("m alive=true 1\n"));
}

TEST_F(Execd, AProgramThatEndsIsStartedAgain) {
  RunningInput& input =
      start("sh", "echo m n=1i 1; printf 'm end=1i 2'; exit 3", "restart_delay = \"10ms\"");
  // A line without an end counts at the end of the program.
  EXPECT_TRUE(await_text("m n=1i 1\nm end=1i 2\nm n=1i 1\nm end=1i 2\nm n=1i 1\n"));
  EXPECT_TRUE(await_error("the program ended: exit status 3; it is started again in 10ms"));
  EXPECT_GE(input.counters.errors, 2U);
  EXPECT_TRUE(input.stop());
}

TEST_F(Execd, AProgramThatFailsCanBeLeftAlone) {
  const std::string options = "stop_on_error = true\nrestart_delay = \"1ms\"";
  start(
      "sh",
      "echo >> " + dir_.path("pids") + "; [ $(wc -l < " + dir_.path("pids") + ") -lt 3 ] || exit 3",
      options);
  EXPECT_TRUE(await_error("exit status 3; it is not started again"));
  EXPECT_TRUE(input_->stop());
  std::ifstream pids(dir_.path("pids"));
  std::string line;
  int starts = 0;
  while (std::getline(pids, line)) ++starts;
  EXPECT_EQ(starts, 3);  // twice after a good end
}

TEST_F(Execd, NothingOfAProgramIsLeftAfterItsEnd) {
  start("sh", "sleep 1000 & echo $! > " + dir_.path("pid") + "; exit 1", "restart_delay = \"1h\"");
  const std::string pid = await_word(dir_.path("pid"));
  EXPECT_TRUE(await_error("exit status 1"));
  EXPECT_TRUE(eventually([&] { return !is_alive(pid); }));
  EXPECT_TRUE(input_->stop());
}

TEST_F(Execd, AStopEndsAProgramThatMindsNothing) {
  RunningInput& input = start("sh", "trap '' TERM INT HUP; sleep 1000 & echo $! > " +
                                        dir_.path("pid") + "; while :; do sleep 1; done");
  const std::string pid = await_word(dir_.path("pid"));
  EXPECT_TRUE(input.stop());
  EXPECT_TRUE(eventually([&] { return !is_alive(pid); }));
}

TEST_F(Execd, AStopWhileItWaitsToStartAgainIsDoneAtOnce) {
  RunningInput& input = start("sh", "exit 1", "restart_delay = \"1h\"");
  EXPECT_TRUE(await_error("exit status 1"));
  EXPECT_TRUE(input.stop());
  // As a reload does that goes back.
  EXPECT_TRUE(input.start());
  EXPECT_TRUE(eventually([&] { return input.counters.errors == 2; }));
  EXPECT_TRUE(input.stop());
}

TEST_F(Execd, BadLinesAreCountedAndTheOthersTaken) {
  RunningInput& input =
      start("sh",
            "echo m n=1i 1; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do echo bad; done; "
            "echo m n=2i 2; read x");
  EXPECT_TRUE(await_text("m n=2i 2\n"));
  EXPECT_THAT(input.sink.text(), HasSubstr("m n=1i 1\n"));
  EXPECT_EQ(input.counters.errors, 15U);
  EXPECT_TRUE(eventually([&] { return input.log().find("line 1: ") != std::string::npos; }));
  EXPECT_TRUE(input.stop());
}

TEST_F(Execd, LinesThatAreTooLongAreLeftOut) {
  RunningInput& input =
      start("python3",
            "import sys\nprint('m s=\"' + 1000 * 'x' + '\" 1')\nprint('m n=2i 2', "
            "flush=True)\nsys.stdin.read()",
            "buffer_size = 100");
  EXPECT_TRUE(await_text("m n=2i 2\n"));
  EXPECT_EQ(input.counters.last_error(), "1 lines of more than 100 bytes left out");
  EXPECT_EQ(input.counters.errors, 1U);
  EXPECT_TRUE(input.stop());
}

TEST_F(Execd, StderrIsLoggedByItsMarks) {
  start("sh",
        "for m in 'E! e' 'W! w' 'I! i' 'D! d' 'T! t' 'plain' 'X! x'; do echo \"$m\" >&2; "
        "done; echo m n=1i 1; read x");
  EXPECT_TRUE(eventually([&] { return input_->log().find("X! x") != std::string::npos; }));
  const std::string log = input_->log();
  for (const char* line : {" E! [test] e\n", " W! [test] w\n", " I! [test] i\n", " D! [test] d\n",
                           " T! [test] t\n", " E! [test] plain\n", " E! [test] X! x\n"}) {
    EXPECT_THAT(log, HasSubstr(line));
  }
  EXPECT_TRUE(input_->stop());
}

TEST_F(Execd, AFloodOnStderrDoesNotFillTheLog) {
  start("sh", "seq -f 'line %.0f' 1000 >&2; echo m n=1i 1; read x");
  EXPECT_TRUE(await_text("m n=1i 1\n"));
  EXPECT_TRUE(input_->stop());
  const std::string log = input_->log();
  EXPECT_THAT(log, HasSubstr("line 100\n"));
  EXPECT_THAT(log, HasSubstr("more lines of stderr are left out"));
  EXPECT_THAT(log, Not(HasSubstr("line 101\n")));
}

TEST_F(Execd, AFullBufferMakesTheProgramWait) {
  input_ = std::make_unique<RunningInput>(
      "execd", "command = [\"sh\", \"-c\", \"yes m n=1i 1 | head -c 2700000; read x\"]");
  input_->sink.refuse(true);
  ASSERT_TRUE(input_->start());
  // A MiB of lines waits, and what one read may be more.
  constexpr std::uint64_t kLines = (std::uint64_t{1} << 20U) / 9;
  EXPECT_TRUE(eventually([&] { return input_->counters.gathered >= kLines; }));
  const auto exceeds = [&] { return input_->counters.gathered > kLines + 16384 / 9 + 1; };
  EXPECT_FALSE(eventually(exceeds, std::chrono::milliseconds(300)));
  input_->sink.refuse(false);
  EXPECT_TRUE(eventually([&] {
    const std::string text = input_->sink.text();
    return std::count(text.begin(), text.end(), '\n') == 300'000;
  }));
  EXPECT_EQ(input_->counters.gathered, 300'000U);
  EXPECT_EQ(input_->counters.not_accepted, 0U);
  EXPECT_TRUE(input_->stop());
}

TEST_F(Execd, EnvironmentAndFormatAreTheInputs) {
  start("sh", "printf 'a,b\\n1,2\\n3,4\\n'; echo $X,6; read x",
        "environment = [\"X=5\"]\ndata_format = \"csv\"\ncsv_header_row_count = 1");
  EXPECT_TRUE(await_text("execd a=5i,b=6i "));
  EXPECT_THAT(input_->sink.text(), HasSubstr("execd a=1i,b=2i "));
  EXPECT_TRUE(input_->stop());
  EXPECT_THAT(RunningInput("execd", "command = [\"x\"]\nenvironment = [\"=A\"]").problems(),
              HasSubstr("expected \"NAME=value\""));
}

TEST_F(Execd, WhatCannotStartIsSaid) {
  RunningInput missing("execd", "command = [\"/no/such/program\"]");
  EXPECT_EQ(missing.start().error().message, "start /no/such/program: No such file or directory");
  RunningInput empty("execd", "");
  EXPECT_THAT(empty.problems(), HasSubstr("warning: `command` is empty"));
  EXPECT_FALSE(empty.start());
  EXPECT_THAT(RunningInput("execd", "command = [\"x\"]\nsignal = \"SIGKILL\"").problems(),
              HasSubstr("\"SIGUSR2\""));
}

}  // namespace
}  // namespace holdfast::test

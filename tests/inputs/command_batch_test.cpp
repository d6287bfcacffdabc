// Several programs at a time, and their limits.
#include "inputs/command_batch.h"

#include <thread>

#include <gtest/gtest.h>

#include "running_input.h"

namespace holdfast::test {
namespace {

using inputs::ChildOptions;
using inputs::CommandLimits;
using inputs::CommandResult;
using inputs::StopFlag;

std::vector<CommandResult> run(const std::vector<std::string>& scripts,
                               const CommandLimits& limits = {.timeout = std::chrono::minutes(1)}) {
  std::vector<ChildOptions> commands;
  for (const std::string& script : scripts)
    commands.push_back({{"/bin/sh", "-c", script}, {}, false});
  const StopFlag stop;
  return inputs::run_commands(commands, limits, base::SystemClock(), stop);
}

TEST(CommandBatch, ResultsAreInTheOrderOfTheCommands) {
  const TempDir dir;
  const std::string file = dir.path("file");
  // The first one ends last: it waits for the second, so they run at the same time.
  const auto results = run({"while [ ! -e " + file + " ]; do sleep 0.01; done; echo 1",
                            "echo 2; : > " + file, "echo 3 >&2; exit 4"});
  ASSERT_EQ(results.size(), 3U);
  EXPECT_EQ(results[0].out, "1\n");
  EXPECT_EQ(results[1].out, "2\n");
  EXPECT_EQ(results[2].error, "3\n");
  EXPECT_TRUE(results[0].status && results[1].status && results[2].status);
  EXPECT_EQ(results[2].end.status, 4);
}

TEST(CommandBatch, NoMoreThanSoManyRunAtATime) {
  const TempDir dir;
  const auto script = [&](int own, int next) {
    return fmt::format(
        ": > {0}/{1}; for i in 1 2 3 4 5 6 7 8 9 10; do [ -e {0}/{2} ] && exit 9; sleep 0.01; "
        "done; exit 0",
        dir.path(), own, next);
  };
  CommandLimits limits;
  limits.parallel = 1;
  for (const auto& result : run({script(1, 2), script(2, 3), script(3, 4)}, limits)) {
    EXPECT_EQ(result.end.status, 0);
  }
}

TEST(CommandBatch, OneThatTakesTooLongIsKilledWithAllItHasStarted) {
  const TempDir dir;
  const std::string pid = dir.path("pid");
  CommandLimits limits;
  limits.timeout = std::chrono::seconds(2);
  limits.grace = std::chrono::milliseconds(100);
  // Neither of the two minds SIGTERM, and the second has its output elsewhere.
  const auto results = run({"trap '' TERM; sleep 1000 > /dev/null 2>&1 & echo $! > " + pid +
                                "; echo some; while :; do sleep 1; done",
                            "echo good"},
                           limits);
  ASSERT_FALSE(results[0].status);
  EXPECT_EQ(results[0].status.error().code, base::ErrorCode::kTimeout);
  EXPECT_EQ(results[0].status.error().message, "not done after 2s: killed");
  EXPECT_EQ(results[1].out, "good\n");
  const std::string child = await_word(pid);
  ASSERT_NE(child, "");
  EXPECT_TRUE(eventually([&] { return !is_alive(child); })) << child;
}

TEST(CommandBatch, OneThatEndsWhenAskedIsNotKilled) {
  const TempDir dir;
  CommandLimits limits;
  limits.timeout = std::chrono::seconds(2);
  limits.grace = std::chrono::minutes(1);
  const auto results =
      run({"trap 'echo bye > " + dir.path("bye") + "; exit' TERM; while :; do sleep 0.01; done"},
          limits);
  EXPECT_EQ(results[0].status.error().code, base::ErrorCode::kTimeout);
  EXPECT_EQ(await_word(dir.path("bye")), "bye");
}

TEST(CommandBatch, WhoHoldsTheOutputIsWaitedFor) {
  const auto results = run({"(sleep 0.1; echo late) & echo early"});
  EXPECT_TRUE(results[0].status);
  EXPECT_EQ(results[0].out, "early\nlate\n");
}

TEST(CommandBatch, OutputIsBounded) {
  CommandLimits limits;
  limits.timeout = std::chrono::minutes(1);
  limits.out_bytes = 1'000'000;
  limits.error_bytes = 100;
  const auto results = run({"exec yes", "yes | head -c 5000000 >&2; echo good"}, limits);
  EXPECT_EQ(results[0].status.error().code, base::ErrorCode::kTooLarge);
  EXPECT_EQ(results[0].status.error().message, "wrote more than 1000000 bytes: killed");
  EXPECT_EQ(results[0].out.size(), 1'000'000U);
  EXPECT_TRUE(results[1].status);
  EXPECT_EQ(results[1].error.size(), 100U);
  EXPECT_EQ(results[1].out, "good\n");
}

TEST(CommandBatch, LargeOutputArrivesWhole) {
  const auto results = run({"head -c 3000000 /dev/zero"});
  EXPECT_EQ(results[0].out.size(), 3'000'000U);
}

TEST(CommandBatch, WhatCannotBeStartedIsOneResult) {
  const StopFlag stop;
  const auto results = inputs::run_commands({{{"/no/such"}, {}, false}, {{"echo", "x"}, {}, false}},
                                            {}, base::SystemClock(), stop);
  EXPECT_EQ(results[0].status.error().code, base::ErrorCode::kNotFound);
  EXPECT_EQ(results[1].out, "x\n");
  EXPECT_TRUE(inputs::run_commands({}, {}, base::SystemClock(), stop).empty());
}

TEST(CommandBatch, AFlagEndsThemAll) {
  const TempDir dir;
  StopFlag stop;
  std::vector<ChildOptions> commands(
      3, {{"/bin/sh", "-c", "echo $$ > " + dir.path("pid") + "; sleep 1000"}, {}, false});
  CommandLimits limits;
  limits.timeout = std::chrono::hours(1);
  limits.parallel = 2;
  std::vector<CommandResult> results;
  std::thread runner(
      [&] { results = inputs::run_commands(commands, limits, base::SystemClock(), stop); });
  const std::string pid = await_word(dir.path("pid"));
  stop.raise();
  runner.join();
  ASSERT_EQ(results.size(), 3U);
  for (const auto& result : results) EXPECT_EQ(result.status.error().code, base::ErrorCode::kBusy);
  EXPECT_TRUE(eventually([&] { return !is_alive(pid); }));
  stop.lower();
  EXPECT_FALSE(stop.is_raised());
}

}  // namespace
}  // namespace holdfast::test

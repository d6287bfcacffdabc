// Another configuration for a running agent: the kernel's files in, lines of files out.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/pipeline.h"
#include "agent/status.h"
#include "tests/agent/agent_harness.h"
#include "tests/support/reserved_port.h"
#include "tests/support/temp_dir.h"

namespace holdfast::test {
namespace {

using Json = nlohmann::json;

constexpr const char* kMem = "[[inputs.mem]]\ninterval = \"20ms\"\n";

class ReloadTest : public testing::Test {
 protected:
  void start(const std::string& toml) {
    auto configuration = configured(toml);
    auto store = agent::open_store(configuration.buffer, dir_.path("ring"), false, clock_, {});
    ASSERT_TRUE(store) << store.error().message;
    auto pipeline =
        agent::Pipeline::create(io_, std::move(configuration), std::move(*store), clock_, {});
    ASSERT_TRUE(pipeline) << pipeline.error().message;
    pipeline_ = std::move(*pipeline);
    const auto started = pipeline_->start();
    ASSERT_TRUE(started) << started.error().message;
  }

  base::Status apply(const std::string& toml) { return pipeline_->apply(configured(toml)); }

  agent::Configuration configured(const std::string& toml) {
    made_.push_back(std::make_unique<Configured>(
        fmt::format("[buffer]\npath = \"{}\"\nsize = \"{}\"\n{}", dir_.path("ring"), size_, toml)));
    EXPECT_EQ(made_.back()->problems(), "");
    return std::move(made_.back()->configuration);
  }

  [[nodiscard]] std::string output(const std::string& alias, const std::string& more = "") const {
    return fmt::format(
        "[[outputs.file]]\nalias = \"{0}\"\nfiles = [\"{1}\"]\nflush_interval = \"20ms\"\n{2}",
        alias, dir_.path("out-" + alias), more);
  }

  // Lets the agent run until the status document satisfies `done`, at most twenty seconds.
  Json run_until(const std::function<bool(const Json&)>& done) {
    const auto deadline = clock_.boot() + std::chrono::seconds(20);
    Json status;
    do {
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(20));
      status = Json::parse(agent::status_json(*pipeline_));
    } while (!done(status) && clock_.boot() < deadline);
    EXPECT_TRUE(done(status)) << status.dump(2);
    return status;
  }

  [[nodiscard]] std::uint64_t lines_of(const std::string& alias) const {
    std::ifstream file(dir_.path("out-" + alias));
    return static_cast<std::uint64_t>(
        std::count(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>(), '\n'));
  }

  [[nodiscard]] const agent::ConfiguredInput* input(std::size_t index) const {
    return pipeline_->inputs().at(index).get();
  }
  [[nodiscard]] const outputs::Worker* worker(std::size_t index) const {
    return pipeline_->outputs().at(index).worker.get();
  }

  TempDir dir_;
  std::string size_ = "1MiB";
  base::SystemClock clock_;
  asio::io_context io_{1};
  std::vector<std::unique_ptr<Configured>> made_;
  std::unique_ptr<agent::Pipeline> pipeline_;
};

std::uint64_t number(const Json& status, const char* pointer) {
  return status.at(Json::json_pointer(pointer)).get<std::uint64_t>();
}

TEST_F(ReloadTest, WhatDidNotChangeGoesOn) {
  start(kMem + output("a"));
  run_until([](const Json& s) { return number(s, "/inputs/0/gathers") >= 2; });
  const auto* const before = input(0);
  const auto* const worker_before = worker(0);
  const std::uint64_t gathers = before->counters->gathers;
  ASSERT_TRUE(apply("[[inputs.system]]\ninterval = \"20ms\"\n" + output("b") + kMem + output("a")));
  EXPECT_EQ(input(1), before);
  EXPECT_EQ(worker(1), worker_before);
  EXPECT_GE(before->counters->gathers, gathers);
  const Json status = run_until([&](const Json& s) {
    return number(s, "/inputs/1/gathers") > gathers + 2 && number(s, "/inputs/0/gathers") >= 2 &&
           number(s, "/outputs/0/ledger/delivered") >= 2;
  });
  EXPECT_EQ(status["configuration"]["reloads"], 1);
  EXPECT_TRUE(pipeline_->stop().orderly);
  EXPECT_GE(lines_of("b"), 2U);
}

TEST_F(ReloadTest, AChangedInputStartsAnewAndARemovedOneGathersNoMore) {
  start(std::string(kMem) + "[[inputs.system]]\ninterval = \"20ms\"\n" + output("a"));
  run_until([](const Json& s) { return number(s, "/inputs/1/gathers") >= 1; });
  const std::shared_ptr<agent::ConfiguredInput> removed = pipeline_->inputs()[1];
  ASSERT_TRUE(apply("[[inputs.mem]]\ninterval = \"30ms\"\n" + output("a")));
  ASSERT_EQ(pipeline_->inputs().size(), 1U);
  const std::uint64_t gathers = removed->counters->gathers;
  const Json status = run_until([](const Json& s) { return number(s, "/inputs/0/gathers") >= 5; });
  EXPECT_LE(removed->counters->gathers, gathers + 1);  // one may have been under way
  EXPECT_EQ(status["inputs"].size(), 1U);
}

TEST_F(ReloadTest, AChangedOutputGoesOnWhereItWas) {
  // A directory where the file should be: nothing is delivered before the change.
  std::filesystem::create_directory(dir_.path("out-a"));
  start(kMem + output("a"));
  run_until([](const Json& s) { return number(s, "/outputs/0/ledger/buffered") >= 5; });
  std::filesystem::remove(dir_.path("out-a"));
  const auto* const before = worker(0);
  ASSERT_TRUE(apply(kMem + output("a", "metric_batch_size = 3\n")));
  EXPECT_NE(worker(0), before);
  run_until([](const Json& s) { return number(s, "/outputs/0/ledger/delivered") >= 8; });
  const agent::StopReport report = pipeline_->stop();
  EXPECT_EQ(report.buffered, 0U);
  EXPECT_EQ(lines_of("a"), input(0)->counters->gathered);
}

TEST_F(ReloadTest, ARemovedOutputLeavesAnOrphanAndMayComeBack) {
  std::filesystem::create_directory(dir_.path("out-b"));
  start("[agent]\nshutdown_timeout = \"100ms\"\n" + (kMem + output("a") + output("b")));
  run_until([](const Json& s) { return number(s, "/outputs/1/ledger/buffered") >= 5; });
  ASSERT_TRUE(apply("[agent]\nshutdown_timeout = \"5s\"\n" + (kMem + output("a"))));
  const Json status = Json::parse(agent::status_json(*pipeline_));
  ASSERT_EQ(status["outputs"].size(), 1U);
  ASSERT_EQ(status["ring"]["orphans"].size(), 1U);
  EXPECT_EQ(status["ring"]["orphans"][0]["reader"], "b");
  EXPECT_GE(number(status, "/ring/orphans/0/ledger/buffered"), 5U);
  std::filesystem::remove(dir_.path("out-b"));
  ASSERT_TRUE(apply(kMem + output("a") + output("b")));
  run_until([](const Json& s) { return number(s, "/outputs/1/ledger/delivered") >= 8; });
  EXPECT_EQ(pipeline_->stop().buffered, 0U);
  EXPECT_EQ(lines_of("b"), input(0)->counters->gathered);
  EXPECT_EQ(lines_of("a"), lines_of("b"));
}

TEST_F(ReloadTest, ARemovedOutputMakesALastFlush) {
  start(kMem + output("a") + output("b"));
  run_until([](const Json& s) { return number(s, "/outputs/1/ledger/accepted") >= 5; });
  ASSERT_TRUE(apply(kMem + output("a")));
  EXPECT_GE(lines_of("b"), 5U);
}

TEST_F(ReloadTest, AnAddressInUseLeavesTheOldConfiguration) {
  const auto listener = [](const std::string& address) {
    return "[[inputs.influxdb_listener]]\nservice_address = \"" + address + "\"\n";
  };
  ReservedPort taken;
  ASSERT_TRUE(taken.listen());
  const std::string mine = "unix:" + dir_.path("listen");
  start(kMem + listener(mine) + output("a"));
  run_until([](const Json& s) { return number(s, "/inputs/0/gathers") >= 1; });
  const auto* const mem = input(0);
  const auto* const listening = input(1);
  const auto* const worker_before = worker(0);
  const auto failed = apply("[[inputs.mem]]\n" + listener(mine + "-2") + listener(taken.address()) +
                            output("a", "metric_batch_size = 3\n"));
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message.find(taken.address()), std::string::npos);
  EXPECT_EQ(input(0), mem);
  EXPECT_EQ(input(1), listening);
  EXPECT_EQ(worker(0), worker_before);
  EXPECT_TRUE(std::filesystem::exists(dir_.path("listen")));
  EXPECT_FALSE(std::filesystem::exists(dir_.path("listen-2")));
  const std::uint64_t gathers = mem->counters->gathers;
  run_until([&](const Json& s) { return number(s, "/inputs/0/gathers") > gathers + 2; });
  EXPECT_TRUE(pipeline_->stop().orderly);
}

TEST_F(ReloadTest, OptionsOfTheRingWaitForTheNextStart) {
  start(kMem + output("a"));
  size_ = "2MiB";
  ASSERT_TRUE(apply(kMem + output("a")));
  const Json status = Json::parse(agent::status_json(*pipeline_));
  EXPECT_EQ(status["configuration"]["pending_restart"], Json::array({"[buffer] size"}));
  EXPECT_EQ(status["ring"]["size_bytes"], 1 << 20);
  const auto text = agent::render_status(agent::status_json(*pipeline_));
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("[buffer] size takes effect at the next start"), std::string::npos);
  size_ = "1MiB";
  ASSERT_TRUE(apply(kMem + output("a")));
  EXPECT_TRUE(pipeline_->reloads().pending.empty());
}

TEST_F(ReloadTest, BlocksFollowTheSmallestBatch) {
  start(kMem + output("a"));
  ASSERT_EQ(agent::block_limits(pipeline_->configuration()).points, 5000U);
  ASSERT_TRUE(apply(kMem + output("a", "metric_batch_size = 30\nmax_batch_bytes = \"2KiB\"\n")));
  const buffer::BlockLimits limits = agent::block_limits(pipeline_->configuration());
  EXPECT_EQ(limits.points, 30U);
  EXPECT_EQ(limits.raw_bytes, 2048U);
}

TEST_F(ReloadTest, MoreOutputsThanTheRingHasRoomForAreRefused) {
  start(kMem + output("a"));
  std::string many = kMem;
  for (int i = 0; i < 9; ++i) many += output("o" + std::to_string(i));
  EXPECT_FALSE(apply(many));
  EXPECT_EQ(pipeline_->outputs().size(), 1U);
  EXPECT_EQ(pipeline_->outputs()[0].alias, "a");
}

TEST_F(ReloadTest, EveryOutputMayBeAnother) {
  std::string eight = kMem;
  std::string others = kMem;
  for (int i = 0; i < 8; ++i) {
    eight += output("a" + std::to_string(i));
    others += output("b" + std::to_string(i));
  }
  start(eight);
  ASSERT_TRUE(apply(others));
  EXPECT_EQ(pipeline_->outputs().size(), 8U);
  run_until([](const Json& s) { return number(s, "/outputs/7/ledger/delivered") >= 2; });
}

TEST_F(ReloadTest, AFailureIsShownUntilAReloadSucceeds) {
  start(kMem + output("a"));
  pipeline_->reload_failed("line 3 is bad");
  const Json first = Json::parse(agent::status_json(*pipeline_));
  EXPECT_TRUE(first["configuration"]["failing_since"].is_string());
  EXPECT_EQ(first["configuration"]["last_error"], "line 3 is bad");
  const auto text = agent::render_status(agent::status_json(*pipeline_));
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("NOT RELOADED"), std::string::npos);
  EXPECT_NE(text->find("line 3 is bad"), std::string::npos);
  ASSERT_TRUE(apply(kMem + output("a")));
  const Json second = Json::parse(agent::status_json(*pipeline_));
  EXPECT_TRUE(second["configuration"]["failing_since"].is_null());
  EXPECT_EQ(second["configuration"]["failed_reloads"], 1);
  EXPECT_EQ(second["configuration"]["reloads"], 1);
}

}  // namespace
}  // namespace holdfast::test

#include "agent/pipeline.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/status.h"
#include "tests/agent/agent_harness.h"
#include "tests/support/temp_dir.h"

namespace holdfast::test {
namespace {

using Json = nlohmann::json;

// An agent in this process: the kernel's own files in, lines of a file out.
class PipelineTest : public testing::Test {
 protected:
  void build(const std::string& inputs, const std::string& file) {
    made_ = std::make_unique<Configured>(fmt::format(
        "[buffer]\npath = \"{}\"\nsize = \"1MiB\"\n{}\n[[outputs.file]]\nalias = \"lines\"\n"
        "files = [\"{}\"]\nflush_interval = \"50ms\"\n",
        dir_.path("ring"), inputs, file));
    ASSERT_EQ(made_->problems(), "");
    auto store =
        agent::open_store(made_->configuration.buffer, dir_.path("ring"), false, made_->clock, {});
    ASSERT_TRUE(store) << store.error().message;
    auto pipeline = agent::Pipeline::create(io_, std::move(made_->configuration), std::move(*store),
                                            made_->clock, {});
    ASSERT_TRUE(pipeline) << pipeline.error().message;
    pipeline_ = std::move(*pipeline);
    pipeline_->report_to(made_->numbers);
  }

  // Lets the agent run until the status document satisfies `done`, at most twenty seconds.
  Json run_until(const std::function<bool(const Json&)>& done) {
    const auto deadline = made_->clock.boot() + std::chrono::seconds(20);
    Json status;
    do {
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(20));
      status = Json::parse(agent::status_json(*pipeline_));
    } while (!done(status) && made_->clock.boot() < deadline);
    EXPECT_TRUE(done(status)) << status.dump(2);
    return status;
  }

  [[nodiscard]] std::string written() const {
    std::ifstream file(dir_.path("out"));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] std::size_t lines_written() const {
    const std::string text = written();
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  TempDir dir_;
  asio::io_context io_{1};
  std::unique_ptr<Configured> made_;
  std::unique_ptr<agent::Pipeline> pipeline_;
};

std::uint64_t delivered(const Json& status) {
  return status["outputs"][0]["ledger"]["delivered"].get<std::uint64_t>();
}

TEST_F(PipelineTest, PointsGoTheWholeWay) {
  build("[agent]\ninterval = \"50ms\"\n[[inputs.mem]]\n[[inputs.system]]\n", dir_.path("out"));
  ASSERT_TRUE(pipeline_->start());
  const Json status = run_until([](const Json& s) { return delivered(s) >= 10; });
  EXPECT_EQ(status["inputs"].size(), 2U);
  EXPECT_EQ(status["inputs"][0]["errors"], 0);
  EXPECT_EQ(status["outputs"][0]["reader"], "lines");
  const agent::StopReport report = pipeline_->stop();
  EXPECT_TRUE(report.orderly);
  EXPECT_EQ(report.buffered, 0U);
  std::uint64_t gathered = 0;
  for (const auto& input : pipeline_->inputs()) gathered += input->counters->gathered;
  EXPECT_EQ(lines_written(), gathered);
}

TEST_F(PipelineTest, TheAgentReportsItsOwnNumbers) {
  build(
      "[agent]\ninterval = \"50ms\"\n[[inputs.internal]]\n[[inputs.mem]]\n"
      "[[inputs.influxdb_listener]]\nservice_address = \"unix:" +
          dir_.path("socket") + "\"\n",
      dir_.path("out"));
  ASSERT_TRUE(pipeline_->start());
  // A later report counts what was delivered before it.
  const std::regex counted("internal_agent,[^\n]*metrics_written=[1-9]");
  run_until([&](const Json&) { return std::regex_search(written(), counted); });
  pipeline_->stop();
  EXPECT_FALSE(made_->numbers.read()) << "nobody is there to ask";
  const std::string text = written();
  for (const char* series :
       {"internal_gather,host=", "internal_write,alias=lines,", "internal_ring,", "internal_agent,",
        "internal_memstats,", "internal_influxdb_listener,address=unix:"}) {
    EXPECT_NE(text.find(series), std::string::npos) << series;
  }
}

TEST_F(PipelineTest, WhatCannotBeDeliveredStaysForTheNextStart) {
  // A directory where the file should be: every attempt fails.
  std::filesystem::create_directory(dir_.path("out"));
  build("[agent]\ninterval = \"50ms\"\nshutdown_timeout = \"100ms\"\n[[inputs.mem]]\n",
        dir_.path("out"));
  ASSERT_TRUE(pipeline_->start());
  const Json status = run_until(
      [](const Json& s) { return s["outputs"][0]["ledger"]["buffered"].get<int>() >= 5; });
  EXPECT_NE(status["outputs"][0]["state"], "ok");
  const agent::StopReport report = pipeline_->stop();
  EXPECT_GE(report.buffered, 5U);
  pipeline_.reset();
  std::filesystem::remove(dir_.path("out"));
  build("[[inputs.mem]]\n", dir_.path("out"));
  EXPECT_TRUE(pipeline_->run_once(made_->clock.boot() + std::chrono::seconds(10)));
  EXPECT_EQ(lines_written(), report.buffered + 1);
}

TEST_F(PipelineTest, OnceGathersAndDelivers) {
  build("[[inputs.mem]]\n", dir_.path("out"));
  EXPECT_TRUE(pipeline_->run_once(made_->clock.boot() + std::chrono::seconds(10)));
  EXPECT_EQ(lines_written(), 1U);
}

TEST_F(PipelineTest, ARemovedOutputIsKeptAsAnOrphan) {
  build("[[inputs.mem]]\n", dir_.path("out"));
  EXPECT_TRUE(pipeline_->run_once(made_->clock.boot() + std::chrono::seconds(10)));
  pipeline_.reset();
  made_ = std::make_unique<Configured>(
      "[[inputs.mem]]\n[[outputs.file]]\nalias = \"other\"\nfiles = [\"/dev/null\"]\n");
  auto store =
      agent::open_store(made_->configuration.buffer, dir_.path("ring"), false, made_->clock, {});
  ASSERT_TRUE(store);
  auto pipeline = agent::Pipeline::create(io_, std::move(made_->configuration), std::move(*store),
                                          made_->clock, {});
  ASSERT_TRUE(pipeline);
  EXPECT_EQ((*pipeline)->orphans(), std::vector<std::string>{"lines"});
  const Json status = Json::parse(agent::status_json(**pipeline));
  EXPECT_EQ(status["ring"]["orphans"][0]["reader"], "lines");
  EXPECT_EQ(status["ring"]["orphans"][0]["ledger"]["delivered"], 1);
}

TEST_F(PipelineTest, TheStatusDocumentReadsWellToo) {
  build("[[inputs.mem]]\n", dir_.path("out"));
  const auto text = agent::render_status(agent::status_json(*pipeline_));
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("accepted 0 = delivered 0 + buffered 0 + dropped 0"), std::string::npos)
      << *text;
  EXPECT_FALSE(agent::render_status("no json"));
  EXPECT_FALSE(agent::render_status("{}"));
}

}  // namespace
}  // namespace holdfast::test

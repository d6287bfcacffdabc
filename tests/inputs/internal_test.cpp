// internal: numbers of an agent that is told here → points.
#include <gtest/gtest.h>

#include "cases.h"
#include "config/loader.h"
#include "inputs/agent_numbers.h"
#include "inputs/registry.h"
#include "map_host.h"
#include "tests/support/fake_clock.h"

namespace holdfast::test {
namespace {

using inputs::Numbers;

class InternalTest : public testing::Test {
 protected:
  void make(const std::string& options) {
    config::Diagnostics diagnostics;
    config::Document document;
    const auto no_variable = [](const std::string&) { return std::optional<std::string>(); };
    config::load_text("[[inputs.internal]]\n" + options, "t.toml", no_variable, diagnostics,
                      document);
    input_ = inputs::find_input("internal")
                 ->create(document.inputs.front().table, diagnostics,
                          {host_, clock_, base::Logger{}, "", &numbers_});
    ASSERT_FALSE(diagnostics.has_errors());
  }

  // Its lines, without the time.
  std::vector<std::string> lines() {
    Outcome outcome;
    gather_once(*input_, clock_, outcome);
    EXPECT_TRUE(outcome.errors.empty());
    std::vector<std::string> all;
    std::istringstream text(outcome.lines);
    for (std::string line; std::getline(text, line);) {
      all.push_back(line.substr(0, line.rfind(' ')));
    }
    return all;
  }

  static Numbers numbers() {
    Numbers all;
    all.version = "1.2.3";
    all.inputs = {{"cpu", "", 2, 1, 40, 3, 4, 5, 3000}, {"cpu", "", 2, 0, 2, 0, 0, 0, 1000}};
    all.outputs = {{"influxdb", "far", 100, 60, 20, 7, 15, 5, 9, 2, 4096}};
    all.ring = {1048576, 65536, 20, 11, 70000, 8, 0, false};
    return all;
  }

  MapHost host_;
  FakeClock clock_;
  inputs::AgentNumbers numbers_;
  std::unique_ptr<inputs::Input> input_;
};

TEST_F(InternalTest, InstancesAreSummedUnlessToldApart) {
  make("collect_memstats = false\n");
  numbers_.set_source(numbers);
  EXPECT_EQ(
      lines(),
      (std::vector<std::string>{
          "internal_agent,version=1.2.3 gather_errors=1i,gather_timeouts=5i,metrics_dropped=19i,"
          "metrics_gathered=42i,metrics_rejected=7i,metrics_written=60i,write_errors=2i",
          "internal_gather,input=cpu,version=1.2.3 errors=1i,gather_errors=1i,gather_time_ns=1000i,"
          "gather_timeouts=5i,metrics_filtered=3i,metrics_gathered=42i,metrics_not_accepted=4i",
          "internal_write,alias=far,output=influxdb,version=1.2.3 buffer_size=20i,"
          "bytes_written=4096i,errors=2i,metrics_added=100i,metrics_dropped=15i,"
          "metrics_filtered=5i,metrics_rejected=7i,metrics_written=60i,requests=9i,"
          "write_errors=2i",
          "internal_ring,version=1.2.3 bytes_written=70000i,degraded=false,held_points=0i,"
          "points=20i,size_bytes=1048576i,syncs=8i,used_bytes=65536i,writes=11i"}));
  make("collect_memstats = false\nper_instance = true\n");
  const auto apart = lines();
  ASSERT_EQ(apart.size(), 5U);
  EXPECT_TRUE(apart[1].starts_with("internal_gather,_id=1,input=cpu,version=1.2.3 ")) << apart[1];
  EXPECT_TRUE(apart[2].starts_with("internal_gather,_id=2,input=cpu,version=1.2.3 ")) << apart[2];
}

TEST_F(InternalTest, TheGatherTimeIsTheMeanSinceTheLastLook) {
  make("collect_memstats = false\n");
  Numbers now = numbers();
  numbers_.set_source([&] { return now; });
  EXPECT_NE(lines()[1].find("gather_time_ns=1000i"), std::string::npos);
  EXPECT_EQ(lines()[1].find("gather_time_ns"), std::string::npos) << "nothing was gathered since";
  now.inputs[0].gathers += 2;
  now.inputs[0].gather_total_ns += 500;
  EXPECT_NE(lines()[1].find("gather_time_ns=250i"), std::string::npos);
}

TEST_F(InternalTest, WhatAPluginAloneCountsIsAPointOfItsTags) {
  make("collect_memstats = false\n");
  Numbers now;
  now.version = "1.2.3";
  const auto listener = [](const char* address, std::uint64_t served) {
    Numbers::OfInput input;
    input.plugin = "influxdb_listener";
    input.own = {{{"address", address}}, {{"writes_served", served}, {"pings_served", 1}}};
    return input;
  };
  now.inputs = {listener(":8186", 3), listener(":8187", 5), listener(":8186", 4)};
  numbers_.set_source([&] { return now; });
  const auto own_lines = [&] {
    std::vector<std::string> found;
    for (const std::string& line : lines()) {
      if (line.starts_with("internal_influxdb_listener,")) found.push_back(line);
    }
    return found;
  };
  EXPECT_EQ(own_lines(),
            (std::vector<std::string>{"internal_influxdb_listener,address=:8186,version=1.2.3 "
                                      "pings_served=2i,writes_served=7i",
                                      "internal_influxdb_listener,address=:8187,version=1.2.3 "
                                      "pings_served=1i,writes_served=5i"}));
  make("collect_memstats = false\nper_instance = true\n");
  ASSERT_EQ(own_lines().size(), 3U);
  EXPECT_EQ(own_lines()[2],
            "internal_influxdb_listener,_id=3,address=:8186,version=1.2.3 "
            "pings_served=1i,writes_served=4i");
}

TEST_F(InternalTest, MemoryIsThatOfTheProcess) {
  make("");
  numbers_.set_source(numbers);
  const std::string last = lines().back();
  EXPECT_TRUE(last.starts_with("internal_memstats alloc_bytes=")) << last;
  const auto at = last.find("sys_bytes=", last.find(",sys_bytes="));
  ASSERT_NE(at, std::string::npos) << last;
  EXPECT_GT(std::stoll(last.substr(at + 10)), 1'000'000) << last;
}

TEST_F(InternalTest, WithoutAnAgentThereIsNothingToSay) {
  make("");
  EXPECT_TRUE(lines().empty());
}

}  // namespace
}  // namespace holdfast::test

// What a new configuration changes, and what it leaves alone.
#include "agent/reload_plan.h"

#include <gtest/gtest.h>

#include "tests/agent/agent_harness.h"

namespace holdfast::test {
namespace {

using Indices = std::vector<std::size_t>;
using Kept = std::vector<std::optional<std::size_t>>;

TEST(Match, EqualContentGoesOn) {
  const auto matches = agent::match({"a", "b", "c"}, {"c", "d", "a"});
  EXPECT_EQ(matches.kept, (Kept{2, std::nullopt, 0}));
  EXPECT_EQ(matches.stopped, (Indices{1}));
}

TEST(Match, OfEqualOnesTheFirstWithTheFirst) {
  const auto more = agent::match({"a", "a"}, {"a", "a", "a"});
  EXPECT_EQ(more.kept, (Kept{0, 1, std::nullopt}));
  EXPECT_TRUE(more.stopped.empty());
  const auto fewer = agent::match({"a", "a"}, {"a"});
  EXPECT_EQ(fewer.kept, (Kept{0}));
  EXPECT_EQ(fewer.stopped, (Indices{1}));
}

TEST(Match, NothingRunsAndNothingIsWanted) {
  EXPECT_EQ(agent::match({}, {"a"}).kept, (Kept{std::nullopt}));
  EXPECT_EQ(agent::match({"a"}, {}).stopped, (Indices{0}));
}

constexpr const char* kPlugins =
    "[[inputs.mem]]\n"
    "[[inputs.cpu]]\ninterval = \"1s\"\n"
    "[[inputs.influxdb_listener]]\nservice_address = \"127.0.0.1:0\"\n"
    "[[outputs.influxdb]]\nurls = [\"http://127.0.0.1:1\"]\n"
    "[[outputs.influxdb]]\nalias = \"own\"\nflush_interval = \"1s\"\nmetric_batch_size = 7\n";

// The plugins whose content another top of the file changes, by their names.
std::vector<std::string> changed_by(const std::string& top, const std::string& before = "") {
  const Configured old(before + kPlugins);
  const Configured now(top + kPlugins);
  EXPECT_EQ(old.problems() + now.problems(), "");
  std::vector<std::string> changed;
  const auto compare = [&](const auto& a, const auto& b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i].content != b[i].content) changed.push_back(a[i].display);
    }
  };
  compare(old.configuration.inputs, now.configuration.inputs);
  compare(old.configuration.outputs, now.configuration.outputs);
  return changed;
}

using Names = std::vector<std::string>;
const Names kNone;
const Names kInputs{"inputs.mem", "inputs.cpu", "inputs.influxdb_listener"};

TEST(Content, TheSameFileChangesNothing) { EXPECT_EQ(changed_by(""), kNone); }

TEST(Content, WhatNoPluginTakesChangesNone) {
  EXPECT_EQ(changed_by("[agent]\ndebug = true\nshutdown_timeout = \"1s\"\n[buffer]\nsize = "
                       "\"2MiB\"\n[status]\nlisten = \"\"\n"),
            kNone);
}

TEST(Content, TagsAndHostnameChangeTheInputs) {
  EXPECT_EQ(changed_by("[global_tags]\nsite = \"x\"\n"), kInputs);
  EXPECT_EQ(changed_by("[agent]\nhostname = \"other\"\n"), kInputs);
  EXPECT_EQ(changed_by("[agent]\nomit_hostname = true\n"), kInputs);
}

TEST(Content, TheAgentsIntervalChangesThoseWithoutTheirOwn) {
  EXPECT_EQ(changed_by("[agent]\ninterval = \"20s\"\n"), (Names{"inputs.mem"}));
}

TEST(Content, TheScheduleIsNoBusinessOfAListener) {
  const Names scheduled{"inputs.mem", "inputs.cpu"};
  EXPECT_EQ(changed_by("[agent]\nround_interval = false\n"), scheduled);
  EXPECT_EQ(changed_by("[agent]\nprecision = \"1ms\"\n"), scheduled);
  EXPECT_EQ(changed_by("[agent]\ncollection_jitter = \"1s\"\n"), scheduled);
  EXPECT_EQ(changed_by("[agent]\ncollection_offset = \"1s\"\n"), scheduled);
}

TEST(Content, FlushAndBatchChangeOutputsWithoutTheirOwn) {
  EXPECT_EQ(changed_by("[agent]\nflush_interval = \"3s\"\n"), (Names{"outputs.influxdb"}));
  EXPECT_EQ(changed_by("[agent]\nmetric_batch_size = 9\n"), (Names{"outputs.influxdb"}));
  EXPECT_EQ(changed_by("[agent]\nflush_jitter = \"1s\"\n"),
            (Names{"outputs.influxdb", "outputs.influxdb::own"}));
}

TEST(Content, AnInputThatWritesUnsignedFieldsAsTheOutputsWantIsChangedByThem) {
  const std::string input = "[[inputs.mem]]\n";
  const std::string output = "[[outputs.influxdb]]\n";
  const Configured plain(input + output);
  const Configured with(input + output + "influx_uint_support = true\n");
  EXPECT_NE(plain.configuration.inputs[0].content, with.configuration.inputs[0].content);
}

TEST(Content, AnOutputWithAnotherPlaceInTheRingIsAnother) {
  // The second of two equal ones has its place after the first.
  const std::string output = "[[outputs.influxdb]]\n";
  const Configured two("[[inputs.mem]]\n" + output + output);
  const auto& outputs = two.configuration.outputs;
  EXPECT_NE(outputs[0].reader_id, outputs[1].reader_id);
  EXPECT_NE(outputs[0].content, outputs[1].content);
}

TEST(FixedChanges, NamesWhatWaitsForTheNextStart) {
  const Configured old("[buffer]\nsize = \"1MiB\"\n");
  const Configured now(
      "[buffer]\npath = \"/x\"\nsize = \"2MiB\"\nsync = \"always\"\nsync_interval = \"2s\"\n"
      "mode = \"spill\"\nspill_after = \"5s\"\noverflow = \"refuse_new\"\nmax_age = \"1h\"\n"
      "compression_level = 9\n[status]\nlisten = \"\"\nsocket = \"/s\"\n");
  EXPECT_EQ(agent::fixed_changes(old.configuration, now.configuration),
            (Names{"[buffer] path", "[buffer] size", "[buffer] sync", "[buffer] mode",
                   "[buffer] spill_after", "[buffer] overflow", "[buffer] compression_level",
                   "[status] listen", "[status] socket"}));
  EXPECT_TRUE(agent::fixed_changes(old.configuration, old.configuration).empty());
}

}  // namespace
}  // namespace holdfast::test

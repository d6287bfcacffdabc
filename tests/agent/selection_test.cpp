#include "agent/selection.h"

#include <gtest/gtest.h>

namespace holdfast::test {
namespace {

using Texts = std::vector<std::string>;

// The plugins that are left of a configuration, as "inputs.cpu inputs.mem outputs.file".
std::string left(const std::string& toml, const agent::Selection& selection) {
  config::Diagnostics diagnostics;
  config::Document document;
  const config::Environment none = [](const std::string&) { return std::nullopt; };
  config::load_text(toml, "test.toml", none, diagnostics, document);
  EXPECT_TRUE(diagnostics.sorted().empty());
  agent::select_plugins(selection, document);
  std::string out;
  for (const auto& plugin : document.inputs) out += "inputs." + plugin.name + " ";
  for (const auto& plugin : document.outputs) out += "outputs." + plugin.name + " ";
  if (!document.agent.entries().empty()) out += "agent ";
  return out;
}

constexpr const char* kPlugins = R"(
[agent]
interval = "1s"
[[inputs.cpu]]
[[inputs.mem]]
[[inputs.disk]]
[[outputs.file]]
[[outputs.influxdb]]
)";

TEST(Selection, WithoutFiltersAllIsLeft) {
  EXPECT_EQ(left(kPlugins, {}),
            "inputs.cpu inputs.mem inputs.disk outputs.file outputs.influxdb agent ");
}

TEST(Selection, FiltersNamePluginsBetweenColons) {
  EXPECT_EQ(left(kPlugins, {.inputs = {"cpu: disk"}, .outputs = {"file"}}),
            "inputs.cpu inputs.disk outputs.file agent ");
  EXPECT_EQ(left(kPlugins, {.inputs = {"cpu", "mem"}}),
            "inputs.cpu inputs.mem outputs.file outputs.influxdb agent ");
  EXPECT_EQ(left(kPlugins, {.inputs = {"cp"}, .outputs = {":"}}), "agent ");
}

TEST(Selection, SectionsThatAreNotNamedAreLeftOut) {
  EXPECT_EQ(left(kPlugins, {.sections = {"inputs:outputs"}}),
            "inputs.cpu inputs.mem inputs.disk outputs.file outputs.influxdb ");
  EXPECT_EQ(left(kPlugins, {.sections = {"agent"}}), "agent ");
}

constexpr const char* kLabelled = R"(
[[inputs.cpu]]
labels = { env = "prod", region = "us-east" }
[[inputs.mem]]
labels = { env = "test" }
[[inputs.disk]]
[[inputs.net]]
labels = {}
)";

TEST(Selection, LabelsMustMatchAllPairsOfOneSelector) {
  const auto selected = [](const Texts& selectors) {
    return left(kLabelled, {.selectors = selectors});
  };
  EXPECT_EQ(selected({}), "inputs.cpu inputs.mem inputs.disk inputs.net ");
  EXPECT_EQ(selected({"env=prod"}), "inputs.cpu inputs.disk inputs.net ");
  EXPECT_EQ(selected({"env=prod;region=us-*"}), "inputs.cpu inputs.disk inputs.net ");
  EXPECT_EQ(selected({"env=prod;region=eu-*"}), "inputs.disk inputs.net ");
  EXPECT_EQ(selected({"env=prod;region=eu-*", "env=t?st"}), "inputs.mem inputs.disk inputs.net ");
  EXPECT_EQ(selected({"place=roof"}), "inputs.disk inputs.net ");
}

TEST(Selection, ASelectorIsPairsOfLabelAndValue) {
  EXPECT_EQ(agent::selector_problem("a=b;c=d*"), "");
  EXPECT_EQ(agent::selector_problem("a=b;c"), "`c` is not of the form label=value");
  EXPECT_EQ(agent::selector_problem("=b"), "`=b` is not of the form label=value");
  EXPECT_EQ(agent::selector_problem("a=[b"), "`a=[b` is not of the form label=value");
  EXPECT_NE(agent::selector_problem(" ; "), "");
}

}  // namespace
}  // namespace holdfast::test

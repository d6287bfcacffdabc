#include "agent/unsupported.h"

#include <gmock/gmock.h>

#include "inputs/registry.h"
#include "outputs/registry.h"
#include "tests/agent/agent_harness.h"

namespace holdfast::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

// All that is wrong with the text, when unsupported things are skipped.
std::string problems(const std::string& toml, bool skip = true) {
  base::SystemClock clock;
  inputs::HostFs host{inputs::HostRoots{}};
  config::Diagnostics diagnostics;
  diagnostics.skip_unsupported(skip);
  config::Document document;
  const config::Environment none = [](const std::string&) { return std::nullopt; };
  config::load_text(toml, "t", none, diagnostics, document);
  (void)agent::configure(document, {host, clock, base::Logger()}, diagnostics);
  std::string all;
  for (const auto& item : diagnostics.sorted()) all += item.text() + "\n";
  return all;
}

TEST(Unsupported, PluginsOfOursAreNoneOfThose) {
  std::string toml;
  for (const auto& input : inputs::all_inputs()) toml += fmt::format("[[inputs.{}]]\n", input.name);
  EXPECT_THAT(problems(toml, false), testing::Not(HasSubstr("not supported")));
}

TEST(Unsupported, IsAnErrorOrAWarning) {
  EXPECT_EQ(problems("[[inputs.docker]]\n", false),
            "t:1:10: error: inputs.docker is not supported: holdfast does not have this plugin of "
            "Telegraf\n");
  EXPECT_EQ(
      problems("[[inputs.docker]]\n"),
      "t:1:10: warning: inputs.docker is not supported: holdfast does not have this plugin of "
      "Telegraf; going on without it\n");
}

TEST(Unsupported, ATypoStaysAnError) {
  EXPECT_THAT(problems("[[inputs.dockerr]]\n"), HasSubstr("error: no such plugin inputs.dockerr"));
  EXPECT_THAT(problems("[[inputs.mme]]\n"), HasSubstr("did you mean inputs.mem?"));
  EXPECT_THAT(problems("[[inputs.mem]]\nmetric_pass = \"\"\n"), HasSubstr("error: unknown option"));
}

TEST(Unsupported, ExpressionsAndFormatsOfEachPlugin) {
  EXPECT_THAT(problems("[[inputs.mem]]\ndata_format = \"influx\"\n"), IsEmpty());
  EXPECT_THAT(problems("[[inputs.mem]]\ndata_format = \"json\"\n"),
              HasSubstr("t:2:15: warning: `data_format` is \"json\""));
  EXPECT_THAT(problems("[[outputs.file]]\nmetricpass = \"true\"\n"),
              HasSubstr("t:2:1: warning: `metricpass` is not supported"));
}

TEST(Unsupported, ASecretOfAStoreIsLeftOut) {
  const std::string head = "[[outputs.influxdb]]\n";
  EXPECT_THAT(problems(head + "password = \"@{os:hush}\"\n"),
              HasSubstr("t:2:12: warning: `password` refers to a secret store"));
  EXPECT_THAT(problems(head + "password = \"@{os:hush}\"\n", false),
              HasSubstr("t:2:12: error: `password` refers to a secret store"));
  EXPECT_THAT(problems(head + "database = \"@{os:hush}\"\n"), IsEmpty()) << "it is no secret";
}

}  // namespace
}  // namespace holdfast::test

#include "config/diagnostics.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

const std::vector<std::string_view> kNames{
    "interval", "flush_interval", "round_interval", "cpu", "mem", "net", "url", "urls"};

TEST(NearestName, FindsWhatWasMeant) {
  EXPECT_EQ(nearest_name("intervall", kNames), "interval");
  EXPECT_EQ(nearest_name("intreval", kNames), "interval");  // neighbours swapped
  EXPECT_EQ(nearest_name("Interval", kNames), "interval");
  EXPECT_EQ(nearest_name("flush-interval", kNames), "flush_interval");
  EXPECT_EQ(nearest_name("flushInterval", kNames), "flush_interval");
  EXPECT_EQ(nearest_name("cpuu", kNames), "cpu");
  EXPECT_EQ(nearest_name("meme", kNames), "mem");
  EXPECT_EQ(nearest_name("urlz", kNames), "url");  // the first of two as close
}

TEST(NearestName, IsSilentWhenNothingIsNear) {
  EXPECT_EQ(nearest_name("docker", kNames), "");
  EXPECT_EQ(nearest_name("xyz", kNames), "");
  EXPECT_EQ(nearest_name("", kNames), "");
  EXPECT_EQ(nearest_name("c", {"x"}), "");
  EXPECT_EQ(nearest_name("cpu", {}), "");
}

TEST(DidYouMean, IsAClauseOrNothing) {
  EXPECT_EQ(did_you_mean("intervall", kNames), "; did you mean `interval`?");
  EXPECT_EQ(did_you_mean("docker", kNames), "");
}

TEST(Position, ShowsWhatIsKnown) {
  const auto file = std::make_shared<const std::string>("a.toml");
  EXPECT_EQ((Position{file, 7, 3}.text()), "a.toml:7:3");
  EXPECT_EQ((Position{file, 7, 0}.text()), "a.toml:7");
  EXPECT_EQ((Position{file, 0, 0}.text()), "a.toml");
  EXPECT_EQ(Position{}.text(), "");
}

TEST(Diagnostics, AreSortedByLoadingOrderLineAndColumn) {
  const auto first = std::make_shared<const std::string>("z.toml");
  const auto second = std::make_shared<const std::string>("a.toml");
  const auto stranger = std::make_shared<const std::string>("m.toml");
  Diagnostics diagnostics;
  diagnostics.add_file(first);
  diagnostics.add_file(second);
  diagnostics.error({}, "no place");
  diagnostics.error({stranger, 1, 1}, "never announced");
  diagnostics.error({second, 1, 1}, "second");
  diagnostics.warning({first, 10, 1}, "line 10");
  diagnostics.error({first, 9, 4}, "column 4");
  diagnostics.error({first, 9, 2}, "column 2");
  diagnostics.error({first, 9, 2}, "also column 2");
  std::vector<std::string> texts;
  for (const Diagnostic& item : diagnostics.sorted()) texts.push_back(item.text());
  EXPECT_EQ(texts, (std::vector<std::string>{
                       "z.toml:9:2: error: column 2", "z.toml:9:2: error: also column 2",
                       "z.toml:9:4: error: column 4", "z.toml:10:1: warning: line 10",
                       "a.toml:1:1: error: second", "m.toml:1:1: error: never announced",
                       "error: no place"}));
}

TEST(Diagnostics, ListARepeatedProblemOnce) {
  const auto file = std::make_shared<const std::string>("a.toml");
  Diagnostics diagnostics;
  diagnostics.error({file, 1, 1}, "x");
  diagnostics.error({file, 1, 1}, "x");
  diagnostics.warning({file, 1, 1}, "x");
  EXPECT_EQ(diagnostics.sorted().size(), 2U);
}

TEST(Diagnostics, WhatIsNotSupportedCanBeLeftOut) {
  Diagnostics diagnostics;
  diagnostics.skip_unsupported(true);
  diagnostics.unsupported({}, "x is not supported");
  EXPECT_FALSE(diagnostics.has_errors());
  diagnostics.skip_unsupported(false);
  diagnostics.unsupported({}, "y is not supported").found = "y";
  EXPECT_TRUE(diagnostics.has_errors());
  const auto items = diagnostics.sorted();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].text(), "warning: x is not supported; going on without it");
  EXPECT_EQ(items[1].text(), "error: y is not supported");
  EXPECT_EQ(items[1].found, "y");
  EXPECT_EQ(diagnostics.excerpt(items[0]), "") << "there is no file";
}

TEST(Diagnostics, WarningsAreNotErrors) {
  Diagnostics diagnostics;
  EXPECT_FALSE(diagnostics.has_errors());
  diagnostics.warning({}, "x");
  EXPECT_FALSE(diagnostics.has_errors());
  diagnostics.error({}, "y");
  EXPECT_TRUE(diagnostics.has_errors());
}

}  // namespace
}  // namespace holdfast::config

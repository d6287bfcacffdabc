// The table of inputs holds together.
#include "inputs/registry.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "cases.h"
#include "map_host.h"
#include "tests/support/fake_clock.h"

namespace holdfast::test {
namespace {

TEST(Registry, IsSortedAndWithoutDoubles) {
  const auto plugins = inputs::all_inputs();
  for (std::size_t i = 1; i < plugins.size(); ++i) {
    EXPECT_LT(plugins[i - 1].name, plugins[i].name);
  }
}

TEST(Registry, FindsByName) {
  for (const auto& plugin : inputs::all_inputs()) {
    EXPECT_EQ(inputs::find_input(plugin.name), &plugin);
  }
  EXPECT_EQ(inputs::find_input("cp"), nullptr);
  EXPECT_EQ(inputs::find_input(""), nullptr);
}

TEST(Registry, EveryEntryIsComplete) {
  for (const auto& plugin : inputs::all_inputs()) {
    EXPECT_FALSE(plugin.summary.empty()) << plugin.name;
    ASSERT_NE(plugin.options, nullptr) << plugin.name;
    ASSERT_NE(plugin.create, nullptr) << plugin.name;
    std::set<std::string> names;
    for (const auto& option : plugin.options()) {
      EXPECT_TRUE(names.insert(option.name).second) << plugin.name << "." << option.name;
      EXPECT_FALSE(option.help.empty()) << plugin.name << "." << option.name;
    }
  }
}

TEST(Registry, InputsWithRatesAreGatheredTwice) {
  for (const auto& plugin : inputs::all_inputs()) {
    EXPECT_EQ(plugin.needs_two_gathers, plugin.name == "cpu" || plugin.name == "diskio")
        << plugin.name;
  }
}

// Options without which there is no such input.
std::ptrdiff_t required_options(const inputs::InputPlugin& plugin) {
  const auto options = plugin.options();
  return std::count_if(options.begin(), options.end(),
                       [](const auto& option) { return option.rules.required; });
}

TEST(Registry, EveryInputThatNeedsNothingIsMadeFromAnEmptyTable) {
  const MapHost host;
  const FakeClock clock;
  for (const auto& plugin : inputs::all_inputs()) {
    std::vector<std::string> errors;
    const std::string name(plugin.name);
    const auto input = make_input(name, "[[inputs." + name + "]]\n", host, clock, errors);
    EXPECT_EQ(input != nullptr, required_options(plugin) == 0) << name;
  }
}

TEST(Registry, UnknownOptionsAreProblems) {
  const MapHost host;
  const FakeClock clock;
  for (const auto& plugin : inputs::all_inputs()) {
    std::vector<std::string> errors;
    const std::string name(plugin.name);
    EXPECT_EQ(
        make_input(name, "[[inputs." + name + "]]\nno_such_option = 1\n", host, clock, errors),
        nullptr)
        << name;
    EXPECT_EQ(std::ssize(errors), 1 + required_options(plugin)) << name;
  }
}

}  // namespace
}  // namespace holdfast::test

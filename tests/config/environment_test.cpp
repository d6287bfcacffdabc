#include "config/environment.h"

#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::config {
namespace {

Environment sample() {
  return [](const std::string& name) -> std::optional<std::string> {
    static const std::map<std::string, std::string> variables{
        {"A", "alpha"}, {"B_2", "beta"}, {"EMPTY", ""}, {"DOLLAR", "$A ${A} $$"}};
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(ExpandEnvironment, HandlesEveryForm) {
  const std::vector<std::pair<std::string_view, std::string_view>> table{
      {"", ""},
      {"plain", "plain"},
      {"$A", "alpha"},
      {"${A}", "alpha"},
      {"<$A-${B_2}>", "<alpha-beta>"},
      {"$B_2x ${B_2}x", "$B_2x betax"},
      {"${NONE}", "${NONE}"},
      {"$NONE", "$NONE"},
      {"${A:-x}", "alpha"},
      {"${NONE:-x}", "x"},
      {"${EMPTY:-x}", "x"},
      {"${EMPTY-x}", ""},
      {"${NONE-x}", "x"},
      {"${NONE:-}", ""},
      {"${A:+set}", "set"},
      {"${EMPTY:+set}", ""},
      {"${EMPTY+set}", "set"},
      {"${NONE+set}", ""},
      {"${A:?must be}", "alpha"},
      {"${EMPTY?must be}", ""},
      {"$$A", "$A"},
      {"$$$A", "$alpha"},
      {"100$", "100$"},
      {"^(\\d+)${1}$", "^(\\d+)${1}$"},
      {"${", "${"},
      {"${A", "${A"},
      {"${}", "${}"},
      {"${A:x}", "${A:x}"},
      {"${A!}", "${A!}"},
      {"${NONE:-${A}}", "alpha"},
      {"${NONE:-${NONE2:-${B_2}}}", "beta"},
      {"${NONE:-a${EMPTY:-b}c}d", "abcd"},
      {"${A:+<${A}>}", "<alpha>"},
      {"${DOLLAR}", "$A ${A} $$"},  // values are not expanded again
  };
  for (const auto& [text, expected] : table) {
    const auto expanded = expand_environment(text, sample());
    ASSERT_TRUE(expanded) << text << ": " << expanded.error().message;
    EXPECT_EQ(*expanded, expected) << text;
  }
}

TEST(ExpandEnvironment, FailsWithTheMessageOfTheFile) {
  const auto message = [](std::string_view text) {
    const auto expanded = expand_environment(text, sample());
    return expanded ? "no error: " + *expanded : expanded.error().message;
  };
  EXPECT_EQ(message("${NONE:?set me}"), "the environment variable NONE is not set: set me");
  EXPECT_EQ(message("${NONE?}"), "the environment variable NONE is not set");
  EXPECT_EQ(message("${EMPTY:?}"), "the environment variable EMPTY is empty");
  EXPECT_EQ(message("${NONE:-${EMPTY:?inner}}"), "the environment variable EMPTY is empty: inner");
  EXPECT_EQ(message("${NONE:?${A}}"), "the environment variable NONE is not set: ${A}");
}

TEST(ExpandEnvironment, BoundsNesting) {
  std::string text = "x";
  for (int i = 0; i < 40; ++i) text = "${NONE:-" + text + "}";
  EXPECT_FALSE(expand_environment(text, sample()));
}

TEST(LeadingReference, FindsNameAndLength) {
  EXPECT_EQ(leading_reference("${A:-b} c")->length, 7U);
  EXPECT_EQ(leading_reference("${A:-b} c")->name, "A");
  EXPECT_EQ(leading_reference("$AB-c")->length, 3U);
  for (const std::string_view text : {"", "A", "$", "$1", "${1}", "$$A", "${A"}) {
    EXPECT_FALSE(leading_reference(text)) << text;
  }
}

TEST(ProcessEnvironment, IsACopyOfThatMoment) {
  ::setenv("HOLDFAST_TEST_VARIABLE", "before", 1);  // NOLINT(concurrency-mt-unsafe): one thread
  const Environment environment = process_environment();
  ::setenv("HOLDFAST_TEST_VARIABLE", "after", 1);  // NOLINT(concurrency-mt-unsafe): one thread
  EXPECT_EQ(environment("HOLDFAST_TEST_VARIABLE"), "before");
  EXPECT_EQ(environment("HOLDFAST_TEST_VARIABLE_NOT_SET"), std::nullopt);
  ::unsetenv("HOLDFAST_TEST_VARIABLE");  // NOLINT(concurrency-mt-unsafe): one thread
}

}  // namespace
}  // namespace holdfast::config

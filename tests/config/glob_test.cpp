// Globs as Telegraf's filters take them.
#include "config/glob.h"

#include <gtest/gtest.h>

#include "agent/base/random.h"

namespace holdfast::config {
namespace {

struct Example {
  std::vector<std::string> patterns;
  std::string text;
  bool expected;
};

TEST(GlobList, MatchesAsTelegrafsFilters) {
  const std::vector<Example> table = {
      {{"cpu*"}, "cpu0", true},
      {{"cpu*"}, "cpu", true},
      {{"cpu*"}, "xcpu", false},
      {{"*"}, "", true},
      {{"?"}, "", false},
      {{"eth?"}, "eth0", true},
      {{"eth?"}, "eth10", false},
      {{"*a*b*"}, "xxaxxbxx", true},
      {{"*a*b*"}, "xxbxxaxx", false},
      {{"*aab"}, "aaaab", true},
      {{"eth[0-2]"}, "eth1", true},
      {{"eth[0-2]"}, "eth3", false},
      {{"eth[!0-2]"}, "eth3", true},
      {{"eth[!0-2]"}, "eth", false},
      {{"[abc-]x"}, "-x", true},
      {{"[a\\]]x"}, "]x", true},
      {{"{eth,wlan}*"}, "wlan0", true},
      {{"{eth,wlan}*"}, "lo", false},
      {{"a{b,c{d,e}}*"}, "ace", true},
      {{"a{b,c{d,e}}*"}, "ac", false},
      {{"x{,y}?"}, "xyz", true},
      {{"x{,y}?"}, "xz", true},
      {{"\\*x*"}, "*xy", true},
      {{"\\*x*"}, "axy", false},
      {{"\\{a,b\\}*"}, "{a,b}c", true},
      {{"[{]*", "zz"}, "{x", true},
      {{"CPU*"}, "cpu0", false},
      {{"a", "b*"}, "a", true},
      {{"a", "b*"}, "aa", false},
      {{"caf?"}, "caf\xC3\xA9", true},
      {{"caf[\xC3\xA0-\xC3\xBF]"}, "caf\xC3\xA9", true},
      {{"x?y"}, "x\xFFy", true},
  };
  for (const Example& one : table) {
    const auto list = GlobList::compile(one.patterns);
    ASSERT_TRUE(list) << list.error().message;
    EXPECT_EQ(list->matches(one.text), one.expected) << one.patterns.front() << " " << one.text;
  }
}

TEST(GlobList, WithoutWildcardsPatternsAreComparedAsTheyStand) {
  const auto list = GlobList::compile({"{a,b}", "c\\d", "{"});
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->literal());
  EXPECT_TRUE(list->matches("{a,b}"));
  EXPECT_TRUE(list->matches("c\\d"));
  EXPECT_TRUE(list->matches("{"));
  EXPECT_FALSE(list->matches("a"));
}

TEST(GlobList, OneWildcardMakesTheWholeListGlobs) {
  const auto list = GlobList::compile({"{a,b}", "z*"});
  ASSERT_TRUE(list);
  EXPECT_FALSE(list->literal());
  EXPECT_TRUE(list->matches("a"));
  EXPECT_FALSE(list->matches("{a,b}"));
}

TEST(GlobList, SeparatorsStopStarsAndQuestionMarks) {
  const auto list = GlobList::compile({"a.*.c", "x.**", "p?q"}, ".");
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->matches("a.b.c"));
  EXPECT_FALSE(list->matches("a.b.b.c"));
  EXPECT_TRUE(list->matches("x.y.z"));
  EXPECT_FALSE(list->matches("p.q"));
}

TEST(GlobList, StarsOfBothKindsMixWithoutLosingMatches) {
  const auto list = GlobList::compile({"**a*b.c"}, ".");
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->matches("a.ab.c"));
  EXPECT_TRUE(list->matches("ab.x.axb.c"));
  EXPECT_FALSE(list->matches("a.b.c"));
}

TEST(GlobList, AnEmptyListMatchesNothing) {
  EXPECT_TRUE(GlobList{}.empty());
  EXPECT_FALSE(GlobList{}.matches(""));
  EXPECT_FALSE(GlobList::compile({})->matches("x"));
}

TEST(GlobList, BadPatternsAreRefused) {
  for (const char* pattern : {"[a", "*{a", "*{a,{b}", "a*\\", "[z-a]", "*[]", "*[!]", "[a-"}) {
    const auto list = GlobList::compile({pattern});
    ASSERT_FALSE(list) << pattern;
    EXPECT_NE(list.error().message.find(pattern), std::string::npos);
  }
}

TEST(GlobList, ExplodingBracesAreRefused) {
  std::string pattern = "*";
  for (int i = 0; i < 40; ++i) pattern += "{a,b}";
  EXPECT_FALSE(GlobList::compile({pattern}));
}

TEST(GlobList, ManyStarsDoNotExplode) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "*a";
  const auto list = GlobList::compile({pattern});
  ASSERT_TRUE(list);
  EXPECT_FALSE(list->matches(std::string(2000, 'a') + "b"));
}

TEST(GlobList, PatternsOfAnyLengthMatch) {
  for (const std::size_t length : {1U, 62U, 63U, 64U, 65U, 127U, 128U, 200U}) {
    const std::string tail(length, 'b');
    const auto list = GlobList::compile({"a*" + tail, "x" + tail + "*"});
    ASSERT_TRUE(list);
    EXPECT_TRUE(list->matches("a" + tail)) << length;
    EXPECT_TRUE(list->matches("axx" + tail + tail)) << length;
    EXPECT_TRUE(list->matches("x" + tail + "c")) << length;
    EXPECT_FALSE(list->matches("x" + tail.substr(1) + "c")) << length;
    EXPECT_FALSE(list->matches("a" + tail + "c" + tail.substr(1))) << length;
  }
}

// By the definition, trying everything.
bool matches_by_trying(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.starts_with('*')) {
    const bool across = pattern.starts_with("**");
    const std::string_view rest = pattern.substr(across ? 2 : 1);
    for (std::size_t taken = 0;; ++taken) {
      if (matches_by_trying(rest, text.substr(taken))) return true;
      if (taken == text.size() || (!across && text[taken] == '.')) return false;
    }
  }
  if (text.empty()) return false;
  const bool takes = pattern[0] == '?' ? text[0] != '.' : pattern[0] == text[0];
  return takes && matches_by_trying(pattern.substr(1), text.substr(1));
}

TEST(GlobList, MatchesWhatTheDefinitionSays) {
  base::Random random(1);
  const auto any_of = [&](const std::vector<std::string>& parts, std::uint64_t most) {
    std::string text;
    for (std::uint64_t i = random.below(most + 1); i > 0; --i) {
      text += parts[random.below(parts.size())];
    }
    return text;
  };
  int matched = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string pattern = any_of({"a", "b", ".", "?", "*", "**"}, 6);
    const std::string text = any_of({"a", "b", "."}, 8);
    const auto list = GlobList::compile({pattern}, ".");
    ASSERT_TRUE(list);
    const bool expected = matches_by_trying(pattern, text);
    ASSERT_EQ(list->matches(text), expected) << pattern << " and " << text;
    matched += expected ? 1 : 0;
  }
  EXPECT_GT(matched, 2'000);
}

}  // namespace
}  // namespace holdfast::config

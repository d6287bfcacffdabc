// Globs as Telegraf's filters take them.
#include "config/glob.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace holdfast::config

#include "agent/line/cursor.h"

#include <vector>

#include <gtest/gtest.h>

namespace holdfast::line {
namespace {

std::vector<LineParts> lines_of(std::string_view text) {
  std::vector<LineParts> lines;
  LineCursor cursor(text);
  while (const auto line = cursor.next()) {
    lines.push_back(*line);
  }
  return lines;
}

std::vector<std::string> pairs_of(std::string_view pairs, PairKind kind) {
  std::vector<std::string> found;
  PairCursor cursor(pairs, kind);
  while (const auto pair = cursor.next()) {
    found.push_back(std::string(pair->key) + "->" + std::string(pair->value));
  }
  return found;
}

TEST(LineCursorTest, SplitsALineIntoItsParts) {
  const auto lines = lines_of("cpu,host=a,cpu=0 usage=1.5,n=2i 1700000000000000000\n");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].line, "cpu,host=a,cpu=0 usage=1.5,n=2i 1700000000000000000");
  EXPECT_EQ(lines[0].measurement, "cpu");
  EXPECT_EQ(lines[0].tags, "host=a,cpu=0");
  EXPECT_EQ(lines[0].fields, "usage=1.5,n=2i");
  EXPECT_EQ(lines[0].timestamp, "1700000000000000000");
  EXPECT_EQ(lines[0].number, 1U);
}

TEST(LineCursorTest, MissingPartsAreEmpty) {
  const auto lines = lines_of("m f=1\nm\nm,t=v\nm f=1 ");
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0].tags, "");
  EXPECT_EQ(lines[0].fields, "f=1");
  EXPECT_EQ(lines[0].timestamp, "");
  EXPECT_EQ(lines[1].measurement, "m");
  EXPECT_EQ(lines[1].fields, "");
  EXPECT_EQ(lines[2].tags, "t=v");
  EXPECT_EQ(lines[3].fields, "f=1");
}

TEST(LineCursorTest, SkipsBlanksAndCommentsAndCountsThem) {
  const auto lines = lines_of("\n# c \"\n  \r\nm f=1 1\r\n\n  #x\n  m f=2 2");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].line, "m f=1 1");
  EXPECT_EQ(lines[0].timestamp, "1");
  EXPECT_EQ(lines[0].number, 4U);
  EXPECT_EQ(lines[1].line, "m f=2 2");
  EXPECT_EQ(lines[1].number, 7U);
}

TEST(LineCursorTest, AnLfWithinQuotesEndsNoLine) {
  const auto lines = lines_of("m s=\"a\nb \\\" c\n\",n=1 5\nm f=2 6\n");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].fields, "s=\"a\nb \\\" c\n\",n=1");
  EXPECT_EQ(lines[0].timestamp, "5");
  EXPECT_EQ(lines[1].line, "m f=2 6");
  EXPECT_EQ(lines[1].number, 4U);
}

TEST(LineCursorTest, QuotesOutsideOfFieldValuesMeanNothing) {
  const auto lines = lines_of("m\",t=\"a\\ b k\"=1,l\"=\"x y\" 5\nm f=2 6");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].measurement, "m\"");
  EXPECT_EQ(lines[0].tags, "t=\"a\\ b");
  EXPECT_EQ(lines[0].fields, "k\"=1,l\"=\"x y\"");
  EXPECT_EQ(lines[0].timestamp, "5");
}

TEST(LineCursorTest, EscapedSeparatorsAreNotSeparators) {
  const auto lines = lines_of(R"(a\,b\ c=d,k\=\,\ =v\ w f\ 1\,=2 7)");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].measurement, R"(a\,b\ c=d)");
  EXPECT_EQ(lines[0].tags, R"(k\=\,\ =v\ w)");
  EXPECT_EQ(lines[0].fields, R"(f\ 1\,=2)");
  EXPECT_EQ(lines[0].timestamp, "7");
}

TEST(LineCursorTest, AnUnterminatedQuoteRunsToTheEnd) {
  const auto lines = lines_of("m s=\"a\nm f=1 1");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].fields, "s=\"a\nm f=1 1");
}

TEST(PairCursorTest, WalksTagsAndFields) {
  EXPECT_EQ(pairs_of("a=1,b=2", PairKind::kTags), (std::vector<std::string>{"a->1", "b->2"}));
  EXPECT_EQ(pairs_of(R"(a\=\,=1\,2,b="x,y)", PairKind::kTags),
            (std::vector<std::string>{R"(a\=\,->1\,2)", R"(b->"x)", "y->"}));
  EXPECT_EQ(pairs_of(R"(s="a,b=\"c\\",t="",n=1i)", PairKind::kFields),
            (std::vector<std::string>{R"(s->"a,b=\"c\\")", R"(t->"")", "n->1i"}));
  EXPECT_TRUE(pairs_of("", PairKind::kFields).empty());
  EXPECT_EQ(pairs_of("a", PairKind::kFields), (std::vector<std::string>{"a->"}));
  EXPECT_EQ(pairs_of("s=\"open", PairKind::kFields), (std::vector<std::string>{"s->\"open"}));
}

TEST(UnescapeTest, UndoesWhatEachPartKnows) {
  std::string out = "old";
  unescape_name(R"(a\,b\ c\=d\\e\)", out);
  EXPECT_EQ(out, R"(a,b c\=d\\e\)");
  unescape(R"(a\,b\ c\=d\\e\n)", out);
  EXPECT_EQ(out, R"(a,b c=d\\e\n)");
  unescape(R"(x\\\ y)", out);
  EXPECT_EQ(out, R"(x\\ y)");
  unescape_string(R"("a\"b\\c\d")", out);
  EXPECT_EQ(out, R"(a"b\c\d)");
  unescape_string(R"("")", out);
  EXPECT_EQ(out, "");
}

}  // namespace
}  // namespace holdfast::line

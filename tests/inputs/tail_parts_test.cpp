// What tail makes of bytes: lines, records, text.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "inputs/files/text_decoder.h"
#include "inputs/tail/line_reader.h"
#include "inputs/tail/multiline.h"

namespace holdfast::tail {
namespace {

using files::TextDecoder;
using files::without_escapes;
using ::testing::ElementsAre;

// "text@end" of each line there is.
std::vector<std::string> lines_of(LineReader& reader) {
  std::vector<std::string> lines;
  while (const auto line = reader.next()) {
    lines.push_back(std::string(line->text) + "@" + std::to_string(line->end));
  }
  return lines;
}

TEST(LineReader, GivesWholeLinesAndTheirEndsHoweverTheyArrive) {
  const std::string text = "one\n\ntwo\r\nthree";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    LineReader reader(100, "\n", 50);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      reader.add(text.substr(at, piece));
      for (auto& line : lines_of(reader)) lines.push_back(std::move(line));
    }
    EXPECT_THAT(lines, ElementsAre("one@104", "@105", "two\r@110")) << piece;
    EXPECT_EQ(reader.unfinished(), 5U);
    EXPECT_EQ(reader.offset(), 115U);
    EXPECT_EQ(reader.take_skipped(), 0U);
  }
}

TEST(LineReader, SkipsLinesThatAreTooLongAndCountsThem) {
  for (const std::size_t piece : {1U, 3U, 1000U}) {
    LineReader reader(0, "\n", 10);
    const std::string text = "0123456789\n0123456789a\n" + std::string(50, 'x') + "\nb\n";
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size(); at += piece) {
      reader.add(text.substr(at, piece));
      EXPECT_LE(reader.unfinished(), 2'000U);
      for (auto& line : lines_of(reader)) lines.push_back(std::move(line));
    }
    EXPECT_THAT(lines, ElementsAre("0123456789@11", "b@" + std::to_string(text.size()))) << piece;
    EXPECT_EQ(reader.take_skipped(), 2U);
    EXPECT_EQ(reader.take_skipped(), 0U);
  }
}

TEST(LineReader, ALongLineWithoutAnEndTakesNoMemory) {
  LineReader reader(0, "\n", 100);
  for (int i = 0; i < 1000; ++i) {
    reader.add(std::string(90, 'x'));
    EXPECT_FALSE(reader.next());
    EXPECT_LE(reader.unfinished(), 190U);
  }
  reader.add("\nok\n");
  EXPECT_THAT(lines_of(reader), ElementsAre("ok@90004"));
  EXPECT_EQ(reader.take_skipped(), 1U);
}

TEST(LineReader, AWideLineFeedCountsOnlyWhereACharacterBegins) {
  // U+0A00 and U+000A behind each other, as UTF-16LE: 00 0A 0A 00.
  LineReader reader(0, std::string("\n\0", 2), 100);
  reader.add(std::string_view("\x00\x0a\x0a\x00x\x00", 6));
  const auto line = reader.next();
  ASSERT_TRUE(line);
  EXPECT_EQ(line->text, std::string_view("\x00\x0a", 2));
  EXPECT_EQ(line->end, 4U);
  EXPECT_FALSE(reader.next());
}

TEST(LineReader, TheRestIsALineOnceNobodyWritesMore) {
  LineReader reader(5, "\n", 100);
  reader.add("a\nbc");
  EXPECT_THAT(lines_of(reader), ElementsAre("a@7"));
  const auto rest = reader.rest();
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->text, "bc");
  EXPECT_EQ(rest->end, 9U);
  EXPECT_FALSE(reader.rest());
}

std::vector<std::string> records_of(const MultilineOptions& options,
                                    const std::vector<std::string>& lines,
                                    std::size_t max_bytes = 1000) {
  auto rule = MultilineRule::compile(options);
  EXPECT_TRUE(rule);
  Multiline multiline(*rule, max_bytes);
  std::vector<std::string> records;
  std::uint64_t end = 0;
  const auto keep = [&](std::optional<Record> record) {
    if (record) records.push_back(record->text + "@" + std::to_string(record->end));
  };
  for (const std::string& line : lines) keep(multiline.add(line, ++end));
  const bool waiting = multiline.waiting();
  auto last = multiline.flush();
  EXPECT_EQ(last.has_value(), waiting);
  keep(std::move(last));
  return records;
}

TEST(Multiline, JoinsALineThatMatchesToTheOneBeforeIt) {
  MultilineOptions options;
  options.pattern = "^\\s";
  EXPECT_THAT(records_of(options, {"a", " b", " c", "d", "e", " f"}),
              ElementsAre("a b c@3", "d@4", "e f@6"));
}

TEST(Multiline, JoinsALineThatMatchesToTheOneAfterIt) {
  MultilineOptions options;
  options.pattern = "\\\\$";
  options.match_which_line = "next";
  EXPECT_THAT(records_of(options, {"a\\", "b", "c", "d\\"}), ElementsAre("a\\b@2", "c@3", "d\\@4"));
}

TEST(Multiline, InvertedThePatternNamesTheLinesThatBegin) {
  MultilineOptions options;
  options.pattern = "^\\[";
  options.invert_match = true;
  options.preserve_newline = true;
  EXPECT_THAT(records_of(options, {"[1] a", "x", "y", "[2] b"}),
              ElementsAre("[1] a\nx\ny@3", "[2] b@4"));
}

TEST(Multiline, QuotedTextIsOneRecordWithEitherNeighbour) {
  for (const char* which : {"next", "previous"}) {
    MultilineOptions options;
    options.match_which_line = which;
    options.quotation = "double-quotes";
    options.preserve_newline = true;
    EXPECT_TRUE(options.enabled());
    EXPECT_THAT(records_of(options, {R"(1,"a)", R"(b \" still)", R"(c")", "2,d", R"(3,"e\\")"}),
                ElementsAre("1,\"a\nb \\\" still\nc\"@3", "2,d@4", R"(3,"e\\"@5)"))
        << which;
  }
  MultilineOptions ticks;
  ticks.quotation = "backticks";
  EXPECT_THAT(records_of(ticks, {"`a\"", "'b`", "c"}), ElementsAre("`a\"'b`@2", "c@3"));
  ticks.quotation = "single-quotes";
  EXPECT_THAT(records_of(ticks, {"'a", "b'", "c"}), ElementsAre("'ab'@2", "c@3"));
}

TEST(Multiline, ARecordThatGrowsWithoutEndIsEnded) {
  MultilineOptions options;
  options.pattern = ".";
  EXPECT_THAT(records_of(options, {"0123456", "789012345", "x", "y"}, 10),
              ElementsAre("0123456789012345@2", "xy@4"));
}

TEST(Multiline, ALongLineIsMatchedWithoutADeepStack) {
  MultilineOptions options;
  options.pattern = "^(a|b)*c?$";
  EXPECT_EQ(records_of(options, {"x", std::string(1'000'000, 'a')}, 2'000'000).size(), 1U);
}

TEST(Multiline, WithoutPatternAndQuotationThereIsNothingToJoin) {
  EXPECT_FALSE(MultilineOptions{}.enabled());
  MultilineOptions bad;
  bad.pattern = "(";
  EXPECT_FALSE(MultilineRule::compile(bad));
}

TEST(TextDecoder, MakesUtf8OfOtherEncodings) {
  auto latin = TextDecoder::open("iso-8859-1");
  ASSERT_TRUE(latin);
  EXPECT_EQ(latin->line_feed(), "\n");
  EXPECT_EQ(latin->decode("gr\xfc\xdf"), "gr\xc3\xbc\xc3\x9f");
  auto wide = TextDecoder::open("utf-16le");
  ASSERT_TRUE(wide);
  EXPECT_EQ(wide->line_feed(), std::string("\n\0", 2));
  EXPECT_EQ(wide->decode(std::string_view("\xff\xfe\xfc\x00x\x00", 6)), "\xc3\xbcx");
  auto big = TextDecoder::open("utf-16be");
  ASSERT_TRUE(big);
  EXPECT_EQ(big->decode(std::string_view("\x00x\xd8\x00", 4)), "x\xef\xbf\xbd");
}

TEST(TextDecoder, WhatIsNoTextBecomesAReplacement) {
  auto decoder = TextDecoder::open("utf-8");
  ASSERT_TRUE(decoder);
  EXPECT_EQ(decoder->decode("\xef\xbb\xbf"
                            "a\xff"
                            "b\xc3"),
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd");
  EXPECT_EQ(decoder->decode("again"), "again");
  const std::string large(100'000, 'x');
  EXPECT_EQ(decoder->decode(large), large);
}

TEST(TextDecoder, TakesBytesAsTheyAreWithoutAnEncoding) {
  auto decoder = TextDecoder::open("");
  ASSERT_TRUE(decoder);
  EXPECT_EQ(decoder->decode("a\xff"), "a\xff");
}

TEST(TextDecoder, ALineFeedOfNoOneFormIsNotGiven) {
  EXPECT_FALSE(TextDecoder::open("klingon"));
  EXPECT_FALSE(TextDecoder::open("utf-7x"));
  for (const char* name : {"utf-16", "utf-32"}) {
    const auto decoder = TextDecoder::open(name);
    ASSERT_TRUE(decoder) << name;
    EXPECT_EQ(decoder->line_feed(), "") << name;
  }
}

TEST(WithoutEscapes, TakesOutColoursMovementsAndTitles) {
  EXPECT_EQ(without_escapes("\x1b[31mred\x1b[0m plain"), "red plain");
  EXPECT_EQ(without_escapes("\x1b[1;38;5;196mx\x1b[2K\x1b]0;title\x07y\x1b]8;;u\x1b\\z"), "xyz");
  EXPECT_EQ(without_escapes("\x1b(Ba\x1b"), "a");
  EXPECT_EQ(without_escapes("gr\xc3\xbcn \x1b[3"), "gr\xc3\xbcn ");
}

}  // namespace
}  // namespace holdfast::tail

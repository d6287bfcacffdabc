// What file, exec, execd and tail stand on: patterns of paths, words of a shell, encodings, lines.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "inputs/files/file_finder.h"
#include "inputs/files/text_decoder.h"
#include "inputs/line_splitter.h"
#include "inputs/shell_words.h"
#include "tests/support/temp_dir.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

class FileFinderTest : public testing::Test {
 protected:
  FileFinderTest() {
    for (const char* file : {"a.log", "b.log", "c.txt", "x/a.log", "x/y/a.log", "x/y/z/b.log",
                             ".hidden.log", "w/a.log"}) {
      fs::create_directories(fs::path(dir_.path(file)).parent_path());
      std::ofstream(dir_.path(file)) << file;
    }
    fs::create_directory_symlink(dir_.path("x"), dir_.path("link"));
    fs::create_directory(dir_.path("folder.log"));
  }

  // Relative to the directory.
  [[nodiscard]] Names expand(const std::string& pattern) const {
    const auto finder = files::FileFinder::compile({dir_.path(pattern)});
    if (!finder) return {finder.error().message};
    Names names;
    for (const std::string& path : finder->find().paths) {
      names.push_back(path.substr(dir_.path().size() + 1));
    }
    return names;
  }

  TempDir dir_;
};

TEST_F(FileFinderTest, NamesAreComparedOneByOne) {
  EXPECT_EQ(expand("*.log"), (Names{".hidden.log", "a.log", "b.log"}));
  EXPECT_EQ(expand("?.log"), (Names{"a.log", "b.log"}));
  EXPECT_EQ(expand("[bc].*"), (Names{"b.log", "c.txt"}));
  EXPECT_EQ(expand("{a,c}.{log,txt}"), (Names{"a.log", "c.txt"}));
  EXPECT_EQ(expand("*/a.log"), (Names{"link/a.log", "w/a.log", "x/a.log"}));
  EXPECT_EQ(expand("x/*/*/b.log"), (Names{"x/y/z/b.log"}));
  EXPECT_EQ(expand("{x/y,w}/a.log"), (Names{"w/a.log", "x/y/a.log"}));
  EXPECT_EQ(expand("none*"), Names{});
}

TEST_F(FileFinderTest, TwoStarsGoOverFolders) {
  EXPECT_EQ(expand("x/**/*.log"), (Names{"x/y/a.log", "x/y/z/b.log"}));
  EXPECT_EQ(expand("x/**.log"), (Names{"x/a.log", "x/y/a.log", "x/y/z/b.log"}));
  EXPECT_EQ(expand("**/a.log"), (Names{"w/a.log", "x/a.log", "x/y/a.log"}));
  EXPECT_EQ(expand("?/**/b.log"), (Names{"x/y/z/b.log"}));
}

TEST_F(FileFinderTest, APathWithoutWildcardsStandsForItself) {
  EXPECT_EQ(expand("a.log"), Names{"a.log"});
  EXPECT_EQ(expand("x/y/a.log"), Names{"x/y/a.log"});
  EXPECT_EQ(expand("d.log"), Names{});
  EXPECT_FALSE(files::FileFinder::is_pattern("/a/b"));
  EXPECT_TRUE(files::FileFinder::is_pattern("/a/*/b"));
}

TEST_F(FileFinderTest, ABadPatternIsAnError) {
  EXPECT_FALSE(files::FileFinder::compile({"/a/[b"}));
  EXPECT_FALSE(files::FileFinder::compile({"/a/**/{b"}));
}

std::string words(std::string_view text) {
  const auto cut = inputs::shell_words(text);
  if (!cut) return cut.error().message;
  std::string all;
  for (const std::string& word : *cut) all += "<" + word + ">";
  return all;
}

TEST(ShellWords, AreCutAsAShellDoes) {
  EXPECT_EQ(words("/bin/df  -P\t/"), "</bin/df><-P></>");
  EXPECT_EQ(words("sh -c 'echo \"a b\" \\n'"), "<sh><-c><echo \"a b\" \\n>");
  EXPECT_EQ(words(R"(a "b 'c' \"d\" \$e \f" g\ h)"), R"(<a><b 'c' "d" $e \f><g h>)");
  EXPECT_EQ(words("a''b \"\" c"), "<ab><><c>");
  EXPECT_EQ(words("a \\\nb \"c\\\nd\""), "<a><b><cd>");
}

TEST(ShellWords, WhatIsNotClosedIsAnError) {
  EXPECT_EQ(words("a 'b"), "found a ' that is not closed");
  EXPECT_EQ(words("a \"b\\\""), "found a \" that is not closed");
  EXPECT_EQ(words("a \\"), "found a \\ at the end");
  EXPECT_EQ(words("  "), "found no command");
}

std::string decode(const std::string& encoding, const std::string& text = {}) {
  auto decoder = files::TextDecoder::open(encoding);
  return decoder ? std::string(decoder->decode(text)) : decoder.error().message;
}

TEST(TextDecoder, EncodingsBecomeUtf8) {
  using namespace std::string_literals;
  EXPECT_EQ(decode("", "\xE4\xFF"), "\xE4\xFF");
  EXPECT_EQ(decode("none", "\xEF\xBB\xBFx"), "x");
  EXPECT_EQ(decode("utf-8", "\xEF\xBB\xBF\xC3\xA4"), "ä");
  EXPECT_EQ(decode("utf-16le", "\xFF\xFE\xE4\x00x\x00"s), "äx");
  EXPECT_EQ(decode("utf-16be", "\x00\xE4\x00x"s), "äx");
  EXPECT_EQ(decode("iso-8859-1", "\xE4x"), "äx");
}

TEST(TextDecoder, WhatIsInvalidIsReplaced) {
  using namespace std::string_literals;
  EXPECT_EQ(decode("utf-8",
                   "a\xFF"
                   "b\xC3"),
            "a\uFFFDb\uFFFD");
  EXPECT_EQ(decode("utf-16le",
                   "a\x00\x00\xDC"
                   "b\x00x"s),
            "a\uFFFDb\uFFFD");
  EXPECT_EQ(decode("klingon").substr(0, 15), "found \"klingon\"");
}

TEST(LineSplitter, LinesComeWholeOutOfPieces) {
  inputs::LineSplitter lines(10);
  EXPECT_EQ(lines.add("ab"), "");
  EXPECT_EQ(lines.add("c\nd\n\ne"), "abc\nd\n\n");
  EXPECT_EQ(lines.rest(), "e");
  EXPECT_EQ(lines.take_too_long(), 0U);
}

TEST(LineSplitter, LongLinesAreLeftOutAndCounted) {
  inputs::LineSplitter lines(4);
  EXPECT_EQ(lines.add("1234\n12345\nab"), "1234\n");
  EXPECT_EQ(lines.take_too_long(), 1U);
  EXPECT_EQ(lines.add("cde"), "");
  EXPECT_EQ(lines.add(std::string(100, 'x')), "");
  EXPECT_EQ(lines.add("\nok\n"), "ok\n");
  EXPECT_EQ(lines.take_too_long(), 1U);
  EXPECT_EQ(lines.rest(), "");
}

}  // namespace
}  // namespace holdfast::test

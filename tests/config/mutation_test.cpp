// Files with bytes deleted, doubled, inserted and changed: the loader never throws, and reads them
// to their end or says where they are wrong.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/config/example_options.h"

namespace holdfast::config::test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kSeed = 20260102;
constexpr int kMutationsPerFile = 60;
constexpr int kMutationsPerLongFile = 12;
constexpr std::size_t kLongBytes = 200;

std::vector<std::string> corpus() {
  std::vector<fs::path> paths;
  const auto add = [&paths](const fs::path& folder, const char* extension) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().extension() == extension) paths.push_back(entry.path());
    }
  };
  add(fs::path(HOLDFAST_FIXTURES) / "config", ".toml");
  add(fs::path(HOLDFAST_SOURCE_DIR) / "tests/config/corpus", ".conf");
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> texts;
  for (const fs::path& path : paths) {
    std::ifstream in(path, std::ios::binary);
    texts.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return texts;
}

std::string mutated(std::string text, std::mt19937& random) {
  // Bytes that mean something to TOML or to the expansion, and some that are no text.
  constexpr std::string_view kBytes = "[]{}\"'=#.,$\\\n\r\t :-_0eTx\x00\x7f\xc3\xff";
  const auto below = [&random](std::size_t bound) { return random() % bound; };
  const std::size_t edits = 1 + below(4);
  for (std::size_t i = 0; i < edits && !text.empty(); ++i) {
    const std::size_t at = below(text.size());
    const std::size_t length = std::min<std::size_t>(1 + below(8), text.size() - at);
    switch (below(4)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, text.substr(at, length));
        break;
      case 2:
        text.insert(at, 1, kBytes[below(kBytes.size())]);
        break;
      default:
        text[at] = kBytes[below(kBytes.size())];
    }
  }
  return text;
}

// Stands at the end of every file: a file that was read to its end reports this table, so that
// nothing can be passed over in silence.
constexpr std::string_view kSentinel = "\n[sentinel_at_the_end]\n";

std::size_t lines_of(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

bool reports_sentinel(const std::vector<Diagnostic>& items, std::size_t line) {
  return std::any_of(items.begin(), items.end(), [line](const Diagnostic& item) {
    return item.where.line == line && item.where.column == 2 &&
           item.message.starts_with("unknown table [sentinel_at_the_end]");
  });
}

// Every place lies in the text, and the words are ours.
void expect_sound(const Diagnostic& item, const std::string& text) {
  EXPECT_GE(item.where.line, 1U) << item.text() << "\n" << text;
  EXPECT_LE(item.where.line, lines_of(text) + 1) << item.text() << "\n" << text;
  EXPECT_GE(item.where.column, 1U) << item.text() << "\n" << text;
  EXPECT_EQ(item.message.find("toml::"), std::string::npos) << item.text() << "\n" << text;
  EXPECT_EQ(item.message.find("cannot be understood"), std::string::npos) << text;
}

// A line and its mark, no longer than the line; of the text of the file nothing else.
void expect_sound_excerpt(const std::string& excerpt, const std::string& text) {
  if (excerpt.empty()) return;
  EXPECT_EQ(std::count(excerpt.begin(), excerpt.end(), '\n'), 2) << excerpt << text;
  EXPECT_NE(excerpt.find('^'), std::string::npos) << excerpt << text;
  EXPECT_LE(excerpt.find('\n'), 203U) << excerpt << text;
}

TEST(MutatedFiles, AreReadToTheEndOrSayWhereTheyAreWrong) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937 random(kSeed);
  int read_to_the_end = 0;
  int refused = 0;
  for (const std::string& original : corpus()) {
    const int mutations = original.size() < kLongBytes ? kMutationsPerFile : kMutationsPerLongFile;
    for (int i = 0; i < mutations && !HasFailure(); ++i) {
      const std::string text = mutated(original, random) + std::string(kSentinel);
      Diagnostics diagnostics;
      Document document;
      ASSERT_NO_THROW(load_text(text, "m.toml", example_environment(), diagnostics, document))
          << text;
      const bool at_the_end = reports_sentinel(diagnostics.sorted(), lines_of(text));
      EXPECT_TRUE(diagnostics.has_errors()) << text;
      ++(at_the_end ? read_to_the_end : refused);
      check_document(document, diagnostics);
      for (const Diagnostic& item : diagnostics.sorted()) {
        expect_sound(item, text);
        expect_sound_excerpt(diagnostics.excerpt(item), text);
      }
    }
  }
  // The mutations are neither all harmless nor all fatal.
  EXPECT_GT(read_to_the_end, 100);
  EXPECT_GT(refused, 300);
}

}  // namespace
}  // namespace holdfast::config::test

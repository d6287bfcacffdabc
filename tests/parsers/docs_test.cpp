// inputs/parsers/README.md shows the options as they are declared. HOLDFAST_UPDATE_DOCS=1 rewrites
// it.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "config/sample.h"
#include "inputs/parsers/formats.h"

namespace holdfast::test {
namespace {

TEST(ParsersReadme, OptionTablesAreUpToDate) {
  const std::string path = HOLDFAST_SOURCE_DIR "/inputs/parsers/README.md";
  std::ifstream in(path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::string expected = text;
  for (const auto& format : parsers::all_formats()) {
    const std::string name(format.name);
    EXPECT_NE(text.find("<!-- options:" + name + " -->"), std::string::npos) << name;
    EXPECT_NE(text.find("\n## " + name + "\n"), std::string::npos) << name;
    expected = config::fill_markers(expected, name, config::markdown_table(format.options()));
  }
  if (std::getenv("HOLDFAST_UPDATE_DOCS") != nullptr) {  // NOLINT(concurrency-mt-unsafe): a test
    std::ofstream(path) << expected;
    return;
  }
  EXPECT_EQ(text, expected) << "run this test with HOLDFAST_UPDATE_DOCS=1";
}

TEST(Formats, AreSortedAndComplete) {
  std::string_view before;
  for (const auto& format : parsers::all_formats()) {
    EXPECT_LT(before, format.name);
    before = format.name;
    EXPECT_FALSE(format.summary.empty()) << format.name;
    EXPECT_EQ(parsers::find_format(format.name), &format);
  }
  EXPECT_EQ(parsers::find_format("grok"), nullptr);
}

}  // namespace
}  // namespace holdfast::test

// outputs/README.md shows the options as they are declared. HOLDFAST_UPDATE_DOCS=1 rewrites it.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "config/sample.h"
#include "outputs/registry.h"

namespace holdfast::outputs {
namespace {

TEST(OutputsReadme, OptionTablesAreUpToDate) {
  const std::string path = HOLDFAST_SOURCE_DIR "/outputs/README.md";
  std::ifstream in(path);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::string expected =
      config::fill_markers(text, "outputs", config::markdown_table(worker_schema().describe()));
  EXPECT_NE(text.find("<!-- options:outputs -->"), std::string::npos);
  for (const OutputPlugin& plugin : all_outputs()) {
    const std::string name(plugin.name);
    EXPECT_NE(text.find("<!-- options:" + name + " -->"), std::string::npos) << name;
    expected = config::fill_markers(expected, name, config::markdown_table(plugin.options()));
  }
  if (std::getenv("HOLDFAST_UPDATE_DOCS") != nullptr) {  // NOLINT(concurrency-mt-unsafe): a test
    std::ofstream(path) << expected;
    return;
  }
  EXPECT_EQ(text, expected) << "run this test with HOLDFAST_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace holdfast::outputs

// inputs/README.md shows the options as they are declared. With HOLDFAST_UPDATE_DOCS=1 in the
// environment the file is brought up to date instead.
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "cases.h"
#include "config/sample.h"
#include "inputs/registry.h"

namespace holdfast::test {
namespace {

const std::string kReadme = std::string(HOLDFAST_SOURCE_DIR) + "/inputs/README.md";

bool updates_wanted() {
  const char* value =
      std::getenv("HOLDFAST_UPDATE_DOCS");  // NOLINT(concurrency-mt-unsafe): one thread
  return value != nullptr && std::string_view(value) == "1";
}

TEST(InputsReadme, HasASectionWithMarkersForEveryInput) {
  const std::string text = read_text(kReadme);
  for (const auto& plugin : inputs::all_inputs()) {
    const std::string name(plugin.name);
    EXPECT_NE(text.find("\n## " + name + "\n"), std::string::npos) << name;
    EXPECT_NE(text.find("<!-- options:" + name + " -->"), std::string::npos) << name;
  }
}

TEST(InputsReadme, ShowsTheOptionsAsDeclared) {
  const std::string text = read_text(kReadme);
  std::string expected = text;
  for (const auto& plugin : inputs::all_inputs()) {
    expected =
        config::fill_markers(expected, plugin.name, config::markdown_table(plugin.options()));
  }
  if (updates_wanted()) {
    std::ofstream(kReadme, std::ios::binary) << expected;
    return;
  }
  EXPECT_EQ(text, expected);
}

}  // namespace
}  // namespace holdfast::test

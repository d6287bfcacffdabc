// The option tables of config/README.md are those of the declarations, and the packaged
// configuration is good. HOLDFAST_UPDATE_DOCS=1 rewrites the README.
#include <cstdlib>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "agent/options.h"
#include "config/sample.h"
#include "tests/agent/agent_harness.h"

namespace holdfast::test {
namespace {

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Docs, TheOptionTablesAreThoseOfTheDeclarations) {
  const std::string path = std::string(HOLDFAST_SOURCE_DIR) + "/config/README.md";
  const std::string now = read(path);
  std::string wanted = now;
  const auto fill = [&](std::string_view name, const std::vector<config::OptionInfo>& options) {
    ASSERT_NE(wanted.find(fmt::format("<!-- options:{} -->", name)), std::string::npos) << name;
    wanted = config::fill_markers(wanted, name, config::markdown_table(options));
  };
  fill("agent", agent::agent_schema().describe());
  fill("buffer", agent::buffer_schema().describe());
  fill("status", agent::status_schema().describe());
  fill("inputs", agent::input_schema().describe());
  fill("filters", line::filter_schema().describe());
  if (std::getenv("HOLDFAST_UPDATE_DOCS") != nullptr) {
    std::ofstream(path) << wanted;
  } else {
    EXPECT_EQ(now, wanted) << "run this test with HOLDFAST_UPDATE_DOCS=1";
  }
}

TEST(Docs, ThePackagedConfigurationIsGood) {
  const Configured made(read(std::string(HOLDFAST_SOURCE_DIR) + "/packaging/holdfast.toml"));
  EXPECT_EQ(made.problems(), "");
  EXPECT_EQ(made.configuration.inputs.size(), 9U);
}

TEST(Docs, TheConfigurationInTheReadmeIsGood) {
  const std::string readme = read(std::string(HOLDFAST_SOURCE_DIR) + "/README.md");
  const std::size_t begin = readme.find("```toml\n") + 8;
  const std::size_t end = readme.find("```", begin);
  const Configured made(readme.substr(begin, end - begin));
  EXPECT_EQ(made.problems(), "");
  EXPECT_EQ(made.configuration.inputs.size(), 5U);
}

}  // namespace
}  // namespace holdfast::test

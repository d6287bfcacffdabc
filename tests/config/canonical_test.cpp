#include "config/canonical.h"

#include <fstream>

#include <gtest/gtest.h>

#include "config/loader.h"
#include "tests/support/temp_dir.h"

namespace holdfast::config {
namespace {

std::string canonical_of(const std::string& table) {
  Document document;
  Diagnostics diagnostics;
  const Environment none = [](const std::string&) { return std::nullopt; };
  load_text("[[inputs.x]]\n" + table, "test.toml", none, diagnostics, document);
  EXPECT_FALSE(diagnostics.has_errors());
  return document.inputs.empty() ? "" : canonical(document.inputs[0].table);
}

TEST(Canonical, OrderPositionsAndCommentsDoNotMatter) {
  EXPECT_EQ(canonical_of("a = 1\nb = \"x\"\n[inputs.x.tags]\nc = \"1\"\nd = \"2\"\n"),
            canonical_of("# new\n  b = 'x' # b\n\na = 1\ntags = { d = \"2\", c = \"1\" }\n"));
}

TEST(Canonical, EveryValueMatters) {
  const std::vector<std::string> tables = {
      "",           "a = 1",         "a = 2",        "b = 1",
      "a = 1.0",    "a = \"1\"",     "a = true",     "a = [1]",
      "a = [1, 2]", "a = [2, 1]",    "a = [[1], 2]", "a = [\"1,\", \"2\"]",
      "a = { }",    "a = { b = 1 }", "a = \"1\\n\"", "a = [\"1\", \"2\"]",
  };
  std::vector<std::string> texts;
  for (const std::string& table : tables) texts.push_back(canonical_of(table));
  for (std::size_t i = 0; i < texts.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(texts[i], texts[j]) << tables[i] << tables[j];
  }
}

TEST(Canonical, ASecretInAFileCountsByItsContent) {
  const test::TempDir dir;
  const auto with_secret = [&](const std::string& secret) {
    std::ofstream(dir.path("secret")) << secret << "\n";
    return canonical_of("password = \"@file:" + dir.path("secret") + "\"");
  };
  const std::string first = with_secret("one");
  EXPECT_EQ(with_secret("one"), first);
  EXPECT_NE(with_secret("two"), first);
}

}  // namespace
}  // namespace holdfast::config

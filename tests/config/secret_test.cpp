#include "config/secret.h"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace holdfast::config {
namespace {

class SecretTest : public testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& content) {
    std::ofstream(dir_.path(name), std::ios::binary) << content;
    return dir_.path(name);
  }
  base::Result<std::string> resolve(const std::string& text) {
    return resolve_secret(text, [this](const std::string& name) -> std::optional<std::string> {
      if (name != "CREDENTIALS_DIRECTORY" || !with_credentials_) return std::nullopt;
      return dir_.path();
    });
  }
  std::string problem(const std::string& text) {
    const auto result = resolve(text);
    return result ? "(none)" : result.error().message;
  }

  holdfast::test::TempDir dir_;
  bool with_credentials_ = true;
};

TEST_F(SecretTest, OrdinaryTextsAreLeftAlone) {
  for (const char* text : {"", "hunter2", "@", "@files:/x", "a@file:/x", "file:/x"}) {
    EXPECT_EQ(resolve(text), text);
  }
}

TEST(RefersToStore, NeedsAStoreAndAKey) {
  for (const char* text : {"@{os:token}", "Bearer @{my_store1:a key}", "@{} @{a:b}", "@{@{a:b}"}) {
    EXPECT_TRUE(refers_to_store(text)) << text;
  }
  for (const char* text : {"", "@{", "@{os}", "@{:key}", "@{os:}", "@{o s:key}", "@{os:key",
                           "${os:key}", "@file:/a{b:c}"}) {
    EXPECT_FALSE(refers_to_store(text)) << text;
  }
}

TEST_F(SecretTest, OneFinalLineBreakIsNotPartOfIt) {
  EXPECT_EQ(resolve("@file:" + file("a", "x y\n")), "x y");
  EXPECT_EQ(resolve("@file:" + file("b", "x y")), "x y");
  EXPECT_EQ(resolve("@file:" + file("c", "x\ny\n\n")), "x\ny\n");
  EXPECT_EQ(resolve("@file:" + file("d", "x\r\n")), "x");
  EXPECT_EQ(resolve("@credential:a"), "x y");
}

TEST_F(SecretTest, ItIsReadEachTime) {
  const std::string path = file("a", "old");
  EXPECT_EQ(resolve("@file:" + path), "old");
  file("a", "new");
  EXPECT_EQ(resolve("@file:" + path), "new");
}

TEST_F(SecretTest, ProblemsNameThePath) {
  const std::string absent = dir_.path("absent");
  EXPECT_EQ(problem("@file:" + absent), absent + " cannot be opened: No such file or directory");
  EXPECT_EQ(problem("@credential:absent"), absent + " cannot be opened: No such file or directory");
  EXPECT_EQ(problem("@file:" + file("empty", "\n")), dir_.path("empty") + " is empty");
  EXPECT_EQ(problem("@file:" + file("large", std::string(70'000, 'x'))),
            dir_.path("large") + " has more than 64KiB, which is no secret");
  EXPECT_EQ(problem("@file:" + dir_.path()), dir_.path() + " cannot be read: Is a directory");
  EXPECT_EQ(problem("@file:x/y"), "@file: needs an absolute path, found \"x/y\"");
  EXPECT_EQ(problem("@credential:../a"),
            "@credential: needs a name without slashes, found \"../a\"");
  EXPECT_EQ(problem("@credential:"), "@credential: needs a name without slashes, found \"\"");
  with_credentials_ = false;
  EXPECT_EQ(problem("@credential:a"),
            "@credential:a needs CREDENTIALS_DIRECTORY, which systemd sets with LoadCredential");
}

}  // namespace
}  // namespace holdfast::config

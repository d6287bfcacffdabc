#include "agent/config_watch.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// Both ways of watching, the same changes.
class ConfigWatchTest : public testing::TestWithParam<bool> {
 protected:
  ConfigWatchTest() {
    write("main.toml", "a = 1\n");
    fs::create_directories(dir_.path("more/deep"));
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(dir_.path(name)) << text;
  }
  void watch() {
    agent::WatchOptions options{{dir_.path("main.toml"), dir_.path("more")}, std::nullopt, 20ms};
    if (GetParam()) options.poll = 10ms;
    watch_.emplace(
        io_, options, [this] { ++calls_; }, base::Logger());
  }
  // True once there was another call; false after twenty seconds.
  bool called() {
    const int before = seen_;
    const auto deadline = clock_.boot() + 20s;
    while (calls_ == before && clock_.boot() < deadline) io_.run_one_for(10ms);
    seen_ = calls_;
    return calls_ > before;
  }

  TempDir dir_;
  base::SystemClock clock_;
  asio::io_context io_{1};
  int calls_ = 0;
  int seen_ = 0;
  std::optional<agent::ConfigWatch> watch_;
};

TEST_P(ConfigWatchTest, AFileWrittenAnewIsNoticed) {
  watch();
  write("main.toml", "a = 1\nb = 2\n");
  EXPECT_TRUE(called());
}

TEST_P(ConfigWatchTest, AFileRenamedInPlaceIsNoticedAgainAndAgain) {
  watch();
  for (int i = 0; i < 3; ++i) {
    write("new", "a = 1\n");
    fs::rename(dir_.path("new"), dir_.path("main.toml"));
    EXPECT_TRUE(called()) << i;
  }
}

TEST_P(ConfigWatchTest, FilesOfADirectoryComeChangeAndGo) {
  watch();
  write("more/one.conf", "a = 1\n");
  EXPECT_TRUE(called());
  write("more/one.conf", "a = 1234\n");
  EXPECT_TRUE(called());
  write("more/deep/two.toml", "b = 1\n");
  EXPECT_TRUE(called());
  fs::create_directory(dir_.path("more/newer"));
  EXPECT_TRUE(called());
  write("more/newer/three.toml", "b = 1\n");
  EXPECT_TRUE(called());
  fs::remove(dir_.path("more/one.conf"));
  EXPECT_TRUE(called());
}

TEST_P(ConfigWatchTest, ALinkThatPointsElsewhereIsNoticed) {
  write("v1", "a = 1\n");
  write("v2", "a = 2\n");
  fs::remove(dir_.path("main.toml"));
  fs::create_symlink(dir_.path("v1"), dir_.path("main.toml"));
  watch();
  fs::create_symlink(dir_.path("v2"), dir_.path("link"));
  fs::rename(dir_.path("link"), dir_.path("main.toml"));
  EXPECT_TRUE(called());
}

TEST_P(ConfigWatchTest, OtherFilesAreNoChange) {
  watch();
  write("more/.one.conf.swp", "x");
  write("more/notes", "x");
  write("other.toml", "x");
  write("main.toml", "a = 1\nb = 2\n");
  EXPECT_TRUE(called());
  EXPECT_EQ(calls_, 1);
}

TEST_P(ConfigWatchTest, ManyWritesInARowAreOneChange) {
  watch();
  std::string text;
  for (int i = 0; i < 50; ++i) {
    text += "# more\n";
    write("main.toml", text);
  }
  EXPECT_TRUE(called());
  EXPECT_EQ(calls_, 1);
}

INSTANTIATE_TEST_SUITE_P(Ways, ConfigWatchTest, testing::Bool(), [](const auto& way) {
  return std::string(way.param ? "Poll" : "Notify");
});

}  // namespace
}  // namespace holdfast::test

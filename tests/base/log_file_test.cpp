#include "agent/base/log_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

std::string content(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

class LogFileTest : public testing::Test {
 protected:
  std::unique_ptr<base::LogFile> open() {
    options_.path = dir_.path("log/agent.log");
    auto file = base::LogFile::open(options_, clock_);
    EXPECT_TRUE(file) << file.error().message;
    return std::move(*file);
  }

  // Names beside the log, sorted.
  [[nodiscard]] std::vector<std::string> others() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir_.path("log"))) {
      const std::string name = entry.path().filename();
      if (name != "agent.log") names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  TempDir dir_;
  FakeClock clock_;
  base::LogFileOptions options_;
};

TEST_F(LogFileTest, AppendsAndMakesItsDirectory) {
  open()->write("one");
  open()->write("two");
  EXPECT_EQ(content(options_.path), "one\ntwo\n");
  struct stat info {};
  ASSERT_EQ(::stat(dir_.path("log").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(LogFileTest, ALargeFileGivesWayUnderTheNameOfItsTime) {
  options_.rotation_max_size = 10;
  const auto file = open();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(clock_.wall());
  EXPECT_TRUE(file->write("12345"));
  EXPECT_TRUE(file->write("123"));  // ten bytes with this one
  EXPECT_EQ(others().size(), 0U);
  EXPECT_TRUE(file->write("x"));
  EXPECT_EQ(content(options_.path), "x\n");
  const std::string name = "agent." + base::format_utc(clock_.wall()).substr(0, 10) + "-" +
                           std::to_string(seconds.time_since_epoch().count()) + ".log";
  ASSERT_EQ(others(), std::vector<std::string>{name});
  EXPECT_EQ(content(dir_.path("log/" + name)), "12345\n123\n");
}

TEST_F(LogFileTest, OnlyTheNewestArchivesAreKept) {
  options_.rotation_max_size = 1;
  options_.max_archives = 2;
  const auto file = open();
  std::ofstream(dir_.path("log/agent.notes.log")) << "of somebody else";
  for (int i = 0; i < 5; ++i) {
    file->write(std::to_string(i));
    clock_.advance(1s);
  }
  ASSERT_EQ(others().size(), 3U);
  EXPECT_EQ(content(dir_.path("log/" + others()[0])), "2\n");
  EXPECT_EQ(content(dir_.path("log/" + others()[1])), "3\n");
  EXPECT_EQ(others()[2], "agent.notes.log");
  EXPECT_EQ(content(options_.path), "4\n");
}

TEST_F(LogFileTest, AllArchivesAreKeptWhenAskedFor) {
  options_.rotation_max_size = 1;
  options_.max_archives = -1;
  const auto file = open();
  for (int i = 0; i < 9; ++i) {
    file->write("x");
    clock_.advance(1s);
  }
  EXPECT_EQ(others().size(), 8U);
}

TEST_F(LogFileTest, TwoRotationsInOneSecondLoseNothing) {
  options_.rotation_max_size = 1;
  const auto file = open();
  for (const char* line : {"1", "2", "3"}) file->write(line);
  ASSERT_EQ(others().size(), 1U);
  EXPECT_EQ(content(dir_.path("log/" + others()[0])), "1\n");
  EXPECT_EQ(content(options_.path), "2\n3\n");
}

TEST_F(LogFileTest, AgeCountsFromTheFilesLastChangeAlsoAcrossAStart) {
  options_.rotation_interval = 1h;
  open()->write("old");
  const auto changed = clock_.wall().time_since_epoch() - 59min;
  const timespec time{std::chrono::duration_cast<std::chrono::seconds>(changed).count(), 0};
  const timespec times[2] = {time, time};
  ASSERT_EQ(::utimensat(AT_FDCWD, options_.path.c_str(), times, 0), 0);
  const auto file = open();
  file->write("still");
  EXPECT_EQ(others().size(), 0U);
  clock_.advance(2min);
  file->write("new");
  EXPECT_EQ(others().size(), 1U);
  EXPECT_EQ(content(options_.path), "new\n");
}

TEST_F(LogFileTest, AFileThatCannotBeOpenedIsNamed) {
  options_.path = dir_.path();  // a directory
  const auto file = base::LogFile::open(options_, clock_);
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message.find(dir_.path()), std::string::npos);
}

}  // namespace
}  // namespace holdfast::test

// tail on real files and pipes: growth, lines, options.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inputs/tail/followed_file.h"
#include "tail_harness.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

using TailTest = TailHarness;

TEST_F(TailTest, LinesArriveAsTheyAreWritten) {
  write("a.log", "");
  follow("a.log");
  append("a.log", point(1));
  EXPECT_TRUE(reaches(point(1)));
  append("a.log", point(2) + point(3));
  EXPECT_TRUE(reaches(points(1, 3)));
  EXPECT_EQ(counters_.errors, 0U);
  EXPECT_EQ(counters_.gathered, 3U);
  for (const auto origin : sink_.origins()) EXPECT_EQ(origin, buffer::Origin::kReceived);
}

TEST_F(TailTest, LookingNowAndThenDoesToo) {
  write("a.log", "");
  follow("a.log", "watch_method = \"poll\"\n");
  append("a.log", point(1));
  EXPECT_TRUE(reaches(point(1)));
  write("b.log", "");
  append("a.log", point(2));
  EXPECT_TRUE(reaches(points(1, 2)));
}

TEST_F(TailTest, ALineIsReadOnceItIsWhole) {
  write("a.log", "");
  follow("a.log");
  const std::string line = point(1);
  append("a.log", line.substr(0, 20));
  append("b", "");
  append("a.log", line.substr(20) + point(2).substr(0, 10));
  EXPECT_TRUE(reaches(point(1)));
  append("a.log", point(2).substr(10));
  EXPECT_TRUE(reaches(points(1, 2)));
  EXPECT_EQ(counters_.errors, 0U);
}

TEST_F(TailTest, TheTagNamesTheFile) {
  write("a.log", "m v=1 1\n");
  start("tail", files("a.log") + "initial_read_offset = \"beginning\"\n");
  EXPECT_TRUE(reaches("m,path=" + path("a.log") + " v=1 1\n"));
  stop();
  (void)sink_.take_text();
  start("tail", files("a.log") + "initial_read_offset = \"beginning\"\npath_tag = \"file\"\n");
  EXPECT_TRUE(reaches("m,file=" + path("a.log") + " v=1 1\n"));
}

TEST_F(TailTest, TheFirstOffsetSaysWhereToBegin) {
  struct Expectation {
    const char* option;
    std::string without_saved;
    std::string with_saved;
  };
  const std::string all = points(1, 5);
  for (const auto& [option, without_saved, with_saved] : std::vector<Expectation>{
           {"initial_read_offset = \"saved-or-end\"\n", point(5), points(3, 3)},
           {"initial_read_offset = \"saved-or-beginning\"\n", all, points(3, 3)},
           {"initial_read_offset = \"beginning\"\n", all, all},
           {"initial_read_offset = \"end\"\n", point(5), point(5)},
           {"from_beginning = true\n", all, all},
           {"from_beginning = false\n", point(5), points(3, 3)},
           {"", point(5), points(3, 3)}}) {
    for (const bool saved : {false, true}) {
      SCOPED_TRACE(std::string(option) + (saved ? "saved" : "fresh"));
      fs::remove_all(path("state"));
      write("a.log", points(1, 2));
      if (saved) {
        follow("a.log", "initial_read_offset = \"saved-or-beginning\"\n");
        ASSERT_TRUE(reaches(points(1, 2)));
        stop();
        (void)sink_.take_text();
      }
      append("a.log", points(3, 2));
      follow("a.log", option);
      const std::string expected = saved ? with_saved : without_saved;
      ASSERT_TRUE(reaches(expected.substr(0, expected.size() - point(5).size())));
      append("a.log", point(5));
      EXPECT_TRUE(reaches(expected));
      stop();
      (void)sink_.take_text();
    }
  }
}

TEST_F(TailTest, ReadingPausesWhileTooManyLinesAreNotInTheRing) {
  write("a.log", points(1, 100));
  sink_.hold();
  follow("a.log", "initial_read_offset = \"beginning\"\nmax_undelivered_lines = 10\n");
  ASSERT_TRUE(eventually([&] { return sink_.lines_held() == 10 && sink_.flushes() > 0; }));
  EXPECT_EQ(gather(), "");
  wait_until_idle();
  EXPECT_EQ(sink_.lines_held(), 10U);
  sink_.release();
  EXPECT_TRUE(reaches(points(1, 100)));
}

TEST_F(TailTest, LinesThatDoNotParseAreCountedAndTheNextOneIsRead) {
  write("a.log", "m v=1 1\nnonsense\r\nm v=2 2\r\n\nm v=3 3\n");
  follow("a.log", "initial_read_offset = \"beginning\"\n");
  EXPECT_TRUE(reaches("m v=1 1\nm v=2 2\nm v=3 3\n"));
  EXPECT_EQ(counters_.errors, 1U);
  EXPECT_THAT(counters_.last_error(), HasSubstr(path("a.log") + ", before byte 18"));
}

TEST_F(TailTest, ALineThatIsTooLongIsCountedAndTheNextOneIsRead) {
  write("a.log", "m v=1 1\n" + std::string(tail::kMaxLineBytes + 1, 'x') + "\nm v=2 2\n");
  follow("a.log", "initial_read_offset = \"beginning\"\n");
  EXPECT_TRUE(reaches("m v=1 1\nm v=2 2\n"));
  EXPECT_TRUE(eventually([&] { return counters_.errors == 1U; }));
  EXPECT_THAT(counters_.last_error(), HasSubstr("1048576 bytes"));
}

TEST_F(TailTest, OtherEncodingsAreMadeUtf8) {
  std::string wide = "\xff\xfe";
  for (const char c : std::string_view("m v=1 1\nm v=2 2\r\n")) wide += {c, '\0'};
  write("a.log", wide);
  follow("a.log", "initial_read_offset = \"beginning\"\ncharacter_encoding = \"utf-16le\"\n");
  EXPECT_TRUE(reaches("m v=1 1\nm v=2 2\n"));
}

TEST_F(TailTest, ColoursAreTakenOut) {
  write("a.log", "\x1b[32mm v=1 1\x1b[0m\n");
  follow("a.log", "initial_read_offset = \"beginning\"\nfilters = [\"ansi_color\"]\n");
  EXPECT_TRUE(reaches("m v=1 1\n"));
}

TEST_F(TailTest, LinesAreJoinedAndPassedOnWhenNoMoreCome) {
  write("a.log", "m v=1\n,w=2 1\nm v=2 2\n");
  follow("a.log",
         "initial_read_offset = \"saved-or-beginning\"\n[inputs.tail.multiline]\n"
         "pattern = '^,'\ntimeout = \"50ms\"\n");
  ASSERT_TRUE(reaches("m v=1,w=2 1\n"));
  wait_until_idle();
  EXPECT_EQ(sink_.lines(), 1U);
  clock_.advance(std::chrono::seconds(1));
  EXPECT_TRUE(reaches("m v=1,w=2 1\nm v=2 2\n"));
  append("a.log", "m v=3 3\n");
  wait_until_idle();
  // What was not passed on is read again.
  stop();
  ASSERT_EQ(positions().size(), 1U);
  EXPECT_EQ(positions().front().mark.offset, 21U);
}

TEST_F(TailTest, APipeIsRead) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  follow("pipe", "pipe = true\n");
  const int writer = ::open(path("pipe").c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_GE(writer, 0);
  for (int i = 1; i <= 3; ++i) {
    const std::string line = point(i);
    ASSERT_EQ(::write(writer, line.data(), line.size()), static_cast<ssize_t>(line.size()));
    EXPECT_TRUE(reaches(points(1, i)));
  }
  ::close(writer);
  const int again = ::open(path("pipe").c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_EQ(::write(again, point(4).data(), point(4).size()),
            static_cast<ssize_t>(point(4).size()));
  ::close(again);
  EXPECT_TRUE(reaches(points(1, 4)));
}

TEST_F(TailTest, APipeThatWasNotAskedForIsAnError) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  follow("pipe");
  ASSERT_TRUE(eventually([&] { return counters_.errors == 1U; }));
  EXPECT_THAT(counters_.last_error(), HasSubstr("`pipe` is not set"));
}

TEST_F(TailTest, ManyFilesShareTheirTurns) {
  constexpr int kFiles = 20;
  std::string all;
  for (int i = 0; i < kFiles; ++i) write(fmt::format("{}.log", i), points(100 * i, 50));
  follow("*.log", "initial_read_offset = \"beginning\"\nmax_undelivered_lines = 30\n");
  EXPECT_TRUE(eventually([&] { return sink_.lines() == 50U * kFiles; }));
  const std::string text = sink_.text();
  for (int i = 0; i < kFiles; ++i) {
    EXPECT_THAT(text, HasSubstr(point(100 * i + 49)));
  }
}

TEST_F(TailTest, MistakesOfTheConfigurationAreReported) {
  const auto problems = [&](const std::string& toml) { return configure("tail", toml); };
  EXPECT_EQ(problems(""), "");
  EXPECT_THAT(problems("files = [\"[\"]"), HasSubstr("test.toml:2:"));
  const std::string good = "files = [\"/x\"]\n";
  EXPECT_EQ(problems(good), "");
  EXPECT_THAT(problems(good + "character_encoding = \"klingon\""), HasSubstr("klingon"));
  EXPECT_THAT(problems(good + "filters = [\"x\"]"), HasSubstr("ansi_color"));
  EXPECT_THAT(problems(good + "max_undelivered_lines = 0"), HasSubstr("max_undelivered_lines"));
  EXPECT_THAT(problems(good + "multiline = 1"), HasSubstr("expected a table"));
  EXPECT_THAT(problems(good + "multiline.pattern = \"(\""), HasSubstr("no regular expression"));
  EXPECT_THAT(problems(good + "multiline.patern = \"x\""), HasSubstr("did you mean"));
  EXPECT_THAT(problems(good + "from_beginning = true"), HasSubstr("deprecated"));
  EXPECT_THAT(problems(good + "from_beginning = true\ninitial_read_offset = \"end\""),
              HasSubstr("exclude each other"));
  EXPECT_THAT(problems(good + "data_format = \"nothing\""), HasSubstr("data_format"));
}

}  // namespace
}  // namespace holdfast::test

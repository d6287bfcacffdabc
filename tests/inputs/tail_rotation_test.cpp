// tail and what becomes of files: rotation in all its forms, restarts, positions.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "inputs/tail_service.h"
#include "tail_harness.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

using TailRotation = TailHarness;

TEST_F(TailRotation, FilesThatComeLaterAreReadFromTheirBeginning) {
  write("a.log", point(1));
  follow("*.log", "initial_read_offset = \"end\"\nwatch_method = \"poll\"\n");
  wait_until_idle();
  write("b.log", point(2));
  EXPECT_EQ(gather(), "");
  EXPECT_TRUE(reaches(point(2)));
}

TEST_F(TailRotation, FoldersAreWatchedForNewFiles) {
  write("a.log", "");
  follow("**.log");
  wait_until_idle();
  write("b.log", point(2));
  EXPECT_TRUE(reaches(point(2)));  // without a gather
}

TEST_F(TailRotation, ARenamedFileIsReadToItsEndBeforeTheNewOne) {
  write("a.log", "");
  follow("a.log", "max_undelivered_lines = 2\n");
  sink_.hold();
  append("a.log", points(1, 5));
  ASSERT_TRUE(eventually([&] { return sink_.lines_held() == 2; }));
  fs::rename(path("a.log"), path("a.log.1"));
  write("a.log", points(7, 2));
  EXPECT_EQ(gather(), "");
  append("a.log.1", point(6));
  sink_.release();
  EXPECT_TRUE(reaches(points(1, 8)));
  // Its writer may not have noticed yet.
  append("a.log.1", point(9));
  EXPECT_TRUE(reaches(points(1, 9)));
  EXPECT_EQ(counters_.errors, 0U);
}

TEST_F(TailRotation, AFileThatMovedAwayIsGivenUpWithItsLastLine) {
  write("a.log", "");
  follow("a.log");
  append("a.log", point(1) + "m v=2 2");
  ASSERT_TRUE(reaches(point(1)));
  fs::rename(path("a.log"), path("gone"));
  EXPECT_EQ(gather(), "");
  wait_until_idle();
  EXPECT_EQ(sink_.text(), point(1));
  let_go();
  EXPECT_TRUE(reaches(point(1) + "m v=2 2\n"));
  append("gone", "\n" + point(3));
  wait_until_idle();
  EXPECT_EQ(sink_.lines(), 2U);
}

TEST_F(TailRotation, ATruncatedFileIsReadFromItsBeginning) {
  write("a.log", "");
  follow("a.log");
  append("a.log", points(1, 5));
  ASSERT_TRUE(reaches(points(1, 5)));
  write("a.log", point(6));
  EXPECT_TRUE(reaches(points(1, 6)));
}

TEST_F(TailRotation, AFileWrittenAnewAndLongerIsReadFromItsBeginning) {
  write("a.log", "");
  follow("a.log", "watch_method = \"poll\"\n");
  append("a.log", point(1));
  ASSERT_TRUE(reaches(point(1)));
  const int file = ::open(path("a.log").c_str(), O_WRONLY | O_CLOEXEC);
  const std::string text = points(2, 5);
  ASSERT_EQ(::write(file, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::close(file);
  EXPECT_TRUE(reaches(points(1, 6)));
}

TEST_F(TailRotation, WhatWasNotReadBeforeATruncationIsReadFromTheCopy) {
  write("a.log", "");
  follow("a.log", "max_undelivered_lines = 2\n");
  sink_.hold();
  append("a.log", points(1, 6) + "log,kind=cut ");
  ASSERT_TRUE(eventually([&] { return sink_.lines_held() == 2; }));
  fs::copy_file(path("a.log"), path("a.log.1"));
  write("a.log", points(7, 2));
  sink_.release();
  EXPECT_TRUE(reaches(points(1, 8)));
  EXPECT_EQ(counters_.errors, 0U);
}

TEST_F(TailRotation, ALineCutOffByATruncationIsAnError) {
  write("a.log", "");
  follow("a.log");
  append("a.log", point(1) + "log,kind=cut ");
  ASSERT_TRUE(reaches(point(1)));
  wait_until_idle();
  write("a.log", point(2));
  EXPECT_TRUE(reaches(points(1, 2)));
  EXPECT_TRUE(eventually([&] { return counters_.errors == 1U; }));
  EXPECT_THAT(counters_.last_error(), HasSubstr("13 bytes was cut off"));
}

TEST_F(TailRotation, AFileThatIsRemovedAndMadeAgainIsANewOne) {
  write("a.log", "");
  follow("a.log");
  append("a.log", points(1, 2));
  ASSERT_TRUE(reaches(points(1, 2)));
  fs::remove(path("a.log"));
  EXPECT_EQ(gather(), "");
  write("a.log", point(3));
  EXPECT_EQ(gather(), "");
  EXPECT_TRUE(reaches(points(1, 3)));
}

TEST_F(TailRotation, ALinkThatLeadsElsewhereIsARotation) {
  write("one", "");
  write("two", point(3));
  fs::create_symlink(path("one"), path("a.log"));
  follow("a.log");
  append("one", point(1));
  ASSERT_TRUE(reaches(point(1)));
  append("one", point(2));
  fs::create_symlink(path("two"), path("next"));
  fs::rename(path("next"), path("a.log"));
  EXPECT_TRUE(reaches(points(1, 3)));
}

TEST_F(TailRotation, AFileOfTwoNamesIsReadOnce) {
  write("a.log", point(1));
  fs::create_symlink(path("a.log"), path("b.log"));
  follow("*.log", "initial_read_offset = \"beginning\"\n");
  ASSERT_TRUE(reaches(point(1)));
  append("a.log", point(2));
  ASSERT_TRUE(reaches(points(1, 2)));
}

TEST_F(TailRotation, PositionsAreThoseOfWhatIsInTheRing) {
  write("a.log", points(1, 4));
  follow("a.log", "initial_read_offset = \"saved-or-beginning\"\nmax_undelivered_lines = 2\n");
  ASSERT_TRUE(reaches(points(1, 4)));
  const auto saved_offset = [&] {
    const auto all = positions();
    return all.size() == 1 ? all.front().mark.offset : 0;
  };
  ASSERT_TRUE(eventually([&] { return saved_offset() == points(1, 4).size(); }));
  sink_.hold();
  append("a.log", points(5, 3));
  ASSERT_TRUE(eventually([&] { return sink_.lines_held() == 2; }));
  EXPECT_EQ(saved_offset(), points(1, 4).size());
  // As a kill would leave it.
  fs::create_directory(path("killed"));
  fs::copy(path("state"), path("killed"));
  sink_.release();
  ASSERT_TRUE(reaches(points(1, 7)));
  stop();
  EXPECT_EQ(saved_offset(), points(1, 7).size());
  (void)sink_.take_text();
  fs::remove_all(path("state"));
  fs::rename(path("killed"), path("state"));
  follow("a.log");
  EXPECT_TRUE(reaches(points(5, 3)));
}

TEST_F(TailRotation, RefusedLinesAreReadAgainAfterARestart) {
  write("a.log", points(1, 2));
  follow("a.log", "initial_read_offset = \"saved-or-beginning\"\n");
  ASSERT_TRUE(reaches(points(1, 2)));
  sink_.refuse(true);
  append("a.log", points(3, 2));
  ASSERT_TRUE(eventually([&] { return sink_.origins().size() >= 2; }));
  stop();
  EXPECT_EQ(counters_.not_accepted, 2U);
  sink_.refuse(false);
  follow("a.log");
  EXPECT_TRUE(reaches(points(1, 4)));
}

TEST_F(TailRotation, ARotationWhileNobodyLooksIsNoticed) {
  write("a.log", points(1, 3));
  follow("a.log", "initial_read_offset = \"saved-or-beginning\"\n");
  ASSERT_TRUE(reaches(points(1, 3)));
  stop();
  append("a.log", point(4));
  fs::rename(path("a.log"), path("a.log.1"));
  write("a.log", point(5));
  follow("a.log");
  EXPECT_TRUE(reaches(points(1, 5)));
  // And again, with no new file yet.
  stop();
  append("a.log", point(6));
  fs::rename(path("a.log"), path("a.log.2"));
  follow("a.log");
  EXPECT_TRUE(reaches(points(1, 6)));
  write("a.log", point(7));
  EXPECT_EQ(gather(), "");
  EXPECT_TRUE(reaches(points(1, 7)));
}

TEST_F(TailRotation, AFileThatCameAndWentBeforeAnybodyLookedIsReadToo) {
  write("a.log", "");
  follow("a.log");
  append("a.log", points(1, 2));
  ASSERT_TRUE(reaches(points(1, 2)));
  const auto rotate_twice = [&](int first) {
    fs::rename(path("a.log"), path("a.log.2"));
    write("a.log", points(first, 2));
    fs::rename(path("a.log"), path("a.log.1"));
    write("a.log", points(first + 2, 2));
  };
  rotate_twice(3);
  EXPECT_TRUE(reaches(points(1, 6)));
  stop();
  rotate_twice(7);  // and while nobody looks
  follow("a.log");
  EXPECT_TRUE(reaches(points(1, 10)));
  stop();
  fs::rename(path("a.log"), path("a.log.4"));
  write("a.log.3", points(11, 2));
  follow("a.log");
  EXPECT_TRUE(reaches(points(1, 12)));
  EXPECT_EQ(counters_.errors, 0U);
}

TEST_F(TailRotation, ACopyThatCameBeforeAnybodyLookedIsReadToo) {
  write("a.log", "");
  follow("a.log", "max_undelivered_lines = 2\n");
  sink_.hold();
  append("a.log", points(1, 4));
  ASSERT_TRUE(eventually([&] { return sink_.lines_held() == 2; }));
  fs::copy_file(path("a.log"), path("a.log.2"));
  write("a.log", points(5, 2));
  fs::copy_file(path("a.log"), path("a.log.1"));
  write("a.log", points(7, 2));
  sink_.release();
  EXPECT_TRUE(reaches(points(1, 8)));
  EXPECT_EQ(counters_.errors, 0U);
}

TEST_F(TailRotation, ACopyAndTruncationWhileNobodyLooksIsNoticed) {
  write("a.log", points(1, 3));
  follow("a.log", "initial_read_offset = \"saved-or-beginning\"\n");
  ASSERT_TRUE(reaches(points(1, 3)));
  stop();
  append("a.log", point(4));
  fs::copy_file(path("a.log"), path("a.log.1"));
  write("a.log", points(5, 10));
  follow("a.log");
  EXPECT_TRUE(reaches(points(1, 14)));
}

TEST_F(TailRotation, APositionOutlivesAFileThatIsAwayForAWhile) {
  write("a.log", points(1, 3));
  follow("a.log", "initial_read_offset = \"saved-or-beginning\"\n");
  ASSERT_TRUE(reaches(points(1, 3)));
  stop();
  fs::create_directory(path("elsewhere"));
  fs::rename(path("a.log"), path("elsewhere/a.log"));  // a disk that is not mounted
  follow("a.log");
  wait_until_idle();
  stop();
  ASSERT_EQ(positions().size(), 1U);
  fs::rename(path("elsewhere/a.log"), path("a.log"));
  append("a.log", point(4));
  follow("a.log");
  EXPECT_TRUE(reaches(points(1, 4)));
  stop();
  fs::remove(path("a.log"));
  clock_.advance(std::chrono::hours(24 * 8));
  follow("a.log");
  wait_until_idle();
  stop();
  EXPECT_TRUE(positions().empty());
}

TEST_F(TailRotation, DamagedPositionsAreAnErrorAndNothingStops) {
  write("a.log", points(1, 2));
  follow("a.log", "initial_read_offset = \"saved-or-beginning\"\n");
  ASSERT_TRUE(reaches(points(1, 2)));
  stop();
  for (const auto& entry : fs::directory_iterator(path("state"))) {
    std::ofstream(entry.path(), std::ios::app) << "x";
  }
  follow("a.log", "initial_read_offset = \"saved-or-beginning\"\n");
  EXPECT_TRUE(reaches(points(1, 2) + points(1, 2)));
  EXPECT_EQ(counters_.errors, 1U);
}

TEST_F(TailRotation, TheAliasNamesThePositionsWhateverTheFilesAre) {
  write("a.log", points(1, 2));
  follow("a.log", "alias = \"x\"\ninitial_read_offset = \"saved-or-beginning\"\n");
  ASSERT_TRUE(reaches(points(1, 2)));
  stop();
  append("a.log", point(3));
  follow("*.log", "alias = \"x\"\n");
  EXPECT_TRUE(reaches(points(1, 3)));
}

TEST_F(TailRotation, NothingIsKeptWhereNothingIsToBeKept) {
  write("a.log", points(1, 2));
  config::Diagnostics diagnostics;
  config::Document document;
  config::load_text(
      "[[inputs.tail]]\n" + files("a.log") + kNoTag + "initial_read_offset = \"beginning\"\n",
      "test.toml", [](const std::string&) { return std::nullopt; }, diagnostics, document);
  auto bare = context();
  bare.state_directory.clear();
  input_ = inputs::find_input("tail")->create(document.inputs.front().table, diagnostics, bare);
  thread_.run([&] { ASSERT_TRUE(service().start(service_context())); });
  running_ = true;
  EXPECT_TRUE(reaches(points(1, 2)));
  stop();
  EXPECT_FALSE(fs::exists(path("state")));
}

TEST_F(TailRotation, AParserIsShownTheHeadOfAFileWhenReadingGoesOn) {
  // The first line names the measurement of all that follow.
  class Headed final : public parsers::Parser {
   public:
    base::Status parse(std::string_view text, const parsers::AddPoint& add) override {
      if (name_.empty()) {
        name_ = text;
        return base::ok();
      }
      point_.reset(name_);
      point_.field("text", text).time(1);
      add(point_);
      return base::ok();
    }

   private:
    std::string name_;
    line::Point point_{""};
  };
  inputs::TailSettings settings;
  auto finder = files::FileFinder::compile({path("a.log")});
  ASSERT_TRUE(finder);
  settings.finder = std::move(*finder);
  settings.make_parser = [] { return std::make_unique<Headed>(); };
  settings.first_offset = inputs::FirstOffset::kSavedOrBeginning;
  settings.head_lines = 1;
  settings.state_directory = path("state");
  settings.state_name = "tail-test";
  const auto shared = std::make_shared<const inputs::TailSettings>(std::move(settings));
  const auto read = [&] {
    auto service =
        std::make_shared<inputs::TailService>(shared, service_context(), clock_, base::Logger());
    thread_.run([&] { ASSERT_TRUE(service->start()); });
    return service;
  };
  const auto end = [&](const std::shared_ptr<inputs::TailService>& service) {
    std::promise<void> stopped;
    thread_.run([&] { service->stop([&] { stopped.set_value(); }); });
    ASSERT_EQ(stopped.get_future().wait_for(kDeadline), std::future_status::ready);
  };
  write("a.log", "head\none\n");
  const auto first = read();
  EXPECT_TRUE(reaches("head text=\"one\" 1\n"));
  end(first);
  append("a.log", "two\n");
  const auto second = read();
  EXPECT_TRUE(reaches("head text=\"one\" 1\nhead text=\"two\" 1\n"));
  end(second);
}

}  // namespace
}  // namespace holdfast::test

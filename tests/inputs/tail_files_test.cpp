// How tail finds files, knows them again, and keeps its positions.
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "inputs/files/file_finder.h"
#include "inputs/tail/file_mark.h"
#include "inputs/tail/positions.h"
#include "tests/support/temp_dir.h"

namespace holdfast::tail {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void write(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Files : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name = "") const { return dir_.path(name); }
  void make(const std::string& name, std::string_view text = "x") const {
    fs::create_directories(fs::path(path(name)).parent_path());
    write(path(name), text);
  }
  // Names below the directory.
  [[nodiscard]] std::vector<std::string> find(const std::vector<std::string>& patterns) const {
    std::vector<std::string> absolute;
    for (const auto& pattern : patterns) absolute.push_back(path(pattern));
    auto finder = files::FileFinder::compile(absolute);
    if (!finder) return {finder.error().message};
    found_ = finder->find();
    std::vector<std::string> names;
    for (const auto& one : found_.paths) names.push_back(one.substr(path().size() + 1));
    return names;
  }

  test::TempDir dir_;
  mutable files::FileFinder::Found found_;
};

TEST_F(Files, AreFoundByNamesAndGlobs) {
  for (const char* name : {"a.log", "b.log", "b.txt", "one/c.log", "one/two/d.log", "x[1].log"}) {
    make(name);
  }
  EXPECT_THAT(find({"a.log"}), ElementsAre("a.log"));
  EXPECT_THAT(find({"none.log"}), ElementsAre());
  EXPECT_THAT(find({"one"}), ElementsAre());
  EXPECT_THAT(find({"*.log", "a.log", "b.*"}), ElementsAre("a.log", "b.log", "b.txt", "x[1].log"));
  EXPECT_THAT(find({"*/*.log"}), ElementsAre("one/c.log"));
  EXPECT_THAT(find({"**.log"}),
              ElementsAre("a.log", "b.log", "one/c.log", "one/two/d.log", "x[1].log"));
  EXPECT_THAT(find({"**/d.log"}), ElementsAre("one/two/d.log"));
  EXPECT_THAT(find({"{one/c,a}.log"}), ElementsAre("a.log", "one/c.log"));
  EXPECT_THAT(find({"x\\[1\\].log", "[!x].txt"}), ElementsAre("b.txt", "x[1].log"));
  EXPECT_THAT(find({"one//c.log"}), ElementsAre("one/c.log"));
  EXPECT_THAT(find({"["}), ElementsAre(HasSubstr(path("["))));
}

TEST_F(Files, AreFoundThroughLinks) {
  make("real/a.log");
  fs::create_directory_symlink(path("real"), path("link"));
  fs::create_symlink(path("real/a.log"), path("current"));
  fs::create_symlink(path("nowhere"), path("dangling"));
  EXPECT_THAT(find({"link/*.log", "current", "dangling"}), ElementsAre("current", "link/a.log"));
}

TEST_F(Files, FoldersAreNamedInWhichNewOnesMayCome) {
  make("one/c.log");
  EXPECT_THAT(find({"*/*.log"}), ElementsAre("one/c.log"));
  EXPECT_THAT(found_.folders, ::testing::IsSupersetOf({path(), path("one")}));
  EXPECT_THAT(find({"one/**.log"}), ElementsAre("one/c.log"));
  EXPECT_THAT(found_.folders, ::testing::Contains(path("one")));
  EXPECT_FALSE(found_.too_many);
}

FileMark mark_of(const std::string& path, std::uint64_t offset) {
  const base::Descriptor file = open_to_read(path);
  struct stat info {};
  EXPECT_EQ(::fstat(file.get(), &info), 0);
  const std::uint64_t tail = std::min<std::uint64_t>(offset, kTailBytes);
  const auto first = read_at(file.get(), 0, std::min<std::uint64_t>(offset, kHeadBytes));
  const auto last = read_at(file.get(), offset - tail, tail);
  EXPECT_TRUE(first && last);
  return {id_of(info), offset, fingerprint(*first, *last), changed_ns(info)};
}

TEST_F(Files, AreKnownByWhatTheyBeginWith) {
  make("a", std::string(1000, 'x') + "end");
  const FileMark mark = mark_of(path("a"), 1000);
  const auto fits = [&] { return begins_as(open_to_read(path("a")).get(), mark); };
  EXPECT_TRUE(fits());
  make("a", std::string(1000, 'x') + "another end, and more");
  EXPECT_TRUE(fits());
  make("a", std::string(999, 'x'));
  EXPECT_FALSE(fits());
  make("a", "y" + std::string(999, 'x') + "end");
  EXPECT_FALSE(fits());
  make("a", std::string(999, 'x') + "yend");
  EXPECT_FALSE(fits());
}

TEST_F(Files, AreFoundBesideTheirOldName) {
  make("a", std::string(500, 'x') + "rest");
  make("other", std::string(600, 'y'));
  const FileMark mark = mark_of(path("a"), 500);
  EXPECT_FALSE(find_beside(path("a"), mark, {}).valid());
  fs::rename(path("a"), path("a.1"));
  make("a", "new");
  const base::Descriptor moved = find_beside(path("a"), mark, {});
  ASSERT_TRUE(moved.valid());
  struct stat info {};
  ASSERT_EQ(::fstat(moved.get(), &info), 0);
  EXPECT_EQ(id_of(info), mark.id);
  EXPECT_FALSE(find_beside(path("a"), mark, {mark.id}).valid());
}

TEST_F(Files, CopiesAreFoundUnlessTooLittleShowsThatTheyAre) {
  make("a", std::string(63, 'x') + "yz");
  const FileMark too_little = mark_of(path("a"), 63);
  const FileMark enough = mark_of(path("a"), 64);
  fs::copy_file(path("a"), path("a.1"));
  make("a", "");
  EXPECT_FALSE(find_beside(path("a"), too_little, {}).valid());
  EXPECT_TRUE(find_beside(path("a"), enough, {}).valid());
}

TEST_F(Files, ThatHadANameInTheMeantimeAreFoundByTheirOwn) {
  for (const char* name : {"app.log", "app.log.1", "app.log-20240131", "app.2.log",
                           "app-2024-01-31.log", "app.log.gz", "app.log.1.gz", "app.logger",
                           "app.log.old", "other.log.1", "app.log.", "application.log"}) {
    make(name);
  }
  fs::create_directory(path("app.log.9"));
  const auto names_since = [&](std::int64_t since_ns, const std::vector<FileId>& taken) {
    std::vector<std::string> names;
    for (const auto& one : rotated_since(path("app.log"), since_ns, taken)) {
      names.push_back(one.path.substr(path().size() + 1));
    }
    return names;
  };
  EXPECT_THAT(names_since(0, {}),
              ::testing::UnorderedElementsAre("app.log.1", "app.log-20240131", "app.2.log",
                                              "app-2024-01-31.log"));
  EXPECT_THAT(names_since(0, {mark_of(path("app.2.log"), 0).id}), ::testing::SizeIs(3));
  const auto set_time = [&](const char* name, long seconds) {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path(name).c_str(), times, 0), 0);
  };
  set_time("app.log.1", 300);
  set_time("app.log-20240131", 200);
  set_time("app.2.log", 100);
  set_time("app-2024-01-31.log", 99);
  EXPECT_THAT(names_since(100'000'000'000, {}),
              ElementsAre("app.2.log", "app.log-20240131", "app.log.1"));
}

std::vector<Position> some_positions() {
  return {{"/var/log/a log", {{1, 2}, 3, 0xabcdef, -5}, 4},
          {"/odd/\n%name", {{0, UINT64_MAX}, UINT64_MAX, 0, INT64_MAX}, 1'700'000'000}};
}

TEST(Positions, ComeBackAsTheyWere) {
  const auto back = parse_positions(render_positions(some_positions()));
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const Position expected = some_positions()[i];
    EXPECT_EQ((*back)[i].path, expected.path);
    EXPECT_EQ((*back)[i].mark.id, expected.mark.id);
    EXPECT_EQ((*back)[i].mark.offset, expected.mark.offset);
    EXPECT_EQ((*back)[i].mark.fingerprint, expected.mark.fingerprint);
    EXPECT_EQ((*back)[i].mark.changed_ns, expected.mark.changed_ns);
    EXPECT_EQ((*back)[i].seen_s, expected.seen_s);
  }
  EXPECT_TRUE(parse_positions(render_positions({})));
}

TEST(Positions, NoDamagedByteGoesUnnoticed) {
  const std::string text = render_positions(some_positions());
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_FALSE(parse_positions(text.substr(0, i))) << i;
    for (const int flip : {1, 16, 128}) {
      std::string damaged = text;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      EXPECT_FALSE(parse_positions(damaged)) << i;
    }
  }
  EXPECT_FALSE(parse_positions(text + "x"));
}

TEST_F(Files, OfPositionsAreReplacedAsAWhole) {
  {
    auto file = PositionFile::open(path("state"), "tail-x");
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_TRUE(file->found().empty());
    ASSERT_TRUE(file->save(some_positions()));
    ASSERT_TRUE(file->save(some_positions()));
  }
  auto again = PositionFile::open(path("state"), "tail-x");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->found().size(), 2U);
  EXPECT_FALSE(again->problem());
  EXPECT_EQ(std::distance(fs::directory_iterator(path("state")), {}), 1);
}

TEST_F(Files, OfPositionsBelongToOneInputAtATime) {
  auto first = PositionFile::open(path("state"), "tail-x");
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->save(some_positions()));
  auto second = PositionFile::open(path("state"), "tail-x");
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->found().empty());
  ASSERT_TRUE(second->save({}));
  EXPECT_TRUE(fs::exists(path("state/tail-x-2")));
  auto third = PositionFile::open(path("state"), "tail-x");
  ASSERT_TRUE(third);
  EXPECT_TRUE(fs::exists(path("state/tail-x-3")));
}

TEST_F(Files, OfPositionsThatAreDamagedAreSetAside) {
  make("state/tail-x", "nonsense");
  auto file = PositionFile::open(path("state"), "tail-x");
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_TRUE(file->problem());
  EXPECT_THAT(file->problem()->message, HasSubstr("tail-x"));
  EXPECT_EQ(read(path("state/tail-x.bad")), "nonsense");
  ASSERT_TRUE(file->save(some_positions()));
  EXPECT_TRUE(parse_positions(read(path("state/tail-x"))));
}

TEST_F(Files, OfPositionsThatACrashLeftUnfinishedAreNobodys) {
  make("state/.tail-x.tmp", "half");
  auto file = PositionFile::open(path("state"), "tail-x");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_FALSE(fs::exists(path("state/tail-x-2")));
  make("state/.tail-x.tmp", "half");
  EXPECT_TRUE(file->save(some_positions()));
}

TEST_F(Files, OfPositionsCannotBeWhereThereIsNoFolder) {
  make("state");
  const auto file = PositionFile::open(path("state"), "tail-x");
  ASSERT_FALSE(file);
  EXPECT_THAT(file.error().message, HasSubstr(path("state")));
}

}  // namespace
}  // namespace holdfast::tail

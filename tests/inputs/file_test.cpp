// file: whole files of a directory of this test.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "running_input.h"

namespace holdfast::test {
namespace {

using ::testing::HasSubstr;

class FileInput : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(dir_.path(name)).parent_path());
    std::ofstream(dir_.path(name), std::ios::binary) << text;
  }
  [[nodiscard]] std::string gather(const std::string& pattern, const std::string& more = "") {
    input_ =
        std::make_unique<RunningInput>("file", "files = [\"" + dir_.path(pattern) + "\"]\n" + more);
    return input_->problems() + input_->gather();
  }

  TempDir dir_;
  std::unique_ptr<RunningInput> input_;
};

TEST_F(FileInput, TheWholeContentIsReadEachTime) {
  write("m", "m n=1i 5\nm n=2i 6\n");
  EXPECT_EQ(gather("m"), "m n=1i 5\nm n=2i 6\n");
  write("m", "m n=3i\n");
  EXPECT_THAT(input_->gather(), HasSubstr("m n=3i "));
}

TEST_F(FileInput, GlobsGoOverFolders) {
  write("a.json", "{\"n\": 1}");
  write("x/y/b.json", "{\"n\": 2}");
  EXPECT_EQ(gather("**/*.json", "data_format = \"json\""), "file n=2 5000000000\n");
  EXPECT_EQ(gather("**.json", "data_format = \"json\""),
            "file n=1 5000000000\nfile n=2 5000000000\n");
}

TEST_F(FileInput, NameAndPathCanBeTags) {
  write("x/b.json", "{\"n\": 2}");
  EXPECT_EQ(gather("x/*", "data_format = \"json\"\nfile_tag = \"name\"\nfile_path_tag = \"path\""),
            "file,name=b.json,path=" + dir_.path("x/b.json") + " n=2 5000000000\n");
}

TEST_F(FileInput, OneThatCannotBeReadDoesNotKeepTheOthersBack) {
  write("a", "m n=1i\n");
  write("b", "m n=\nm n=2i\n");
  ASSERT_EQ(::mkfifo(dir_.path("c").c_str(), 0600), 0);
  std::filesystem::create_symlink("/no/such/file", dir_.path("d"));
  write("e", "m n=3i\n");
  const std::string text = gather("?", "data_format = \"influx\"");
  EXPECT_THAT(text, HasSubstr("m n=1i "));
  EXPECT_THAT(text, HasSubstr("m n=2i "));
  EXPECT_THAT(text, HasSubstr("m n=3i "));
  EXPECT_THAT(text, HasSubstr(dir_.path("b") + ": line 1: "));
  EXPECT_THAT(text, HasSubstr(dir_.path("c") + ": not a regular file\n"));
  EXPECT_EQ(input_->counters.errors, 2U);
}

TEST_F(FileInput, NoFileIsAnError) {
  EXPECT_EQ(gather("none"), dir_.path("none") + ": no such file\n");
  EXPECT_EQ(gather("*.none"), dir_.path("*.none") + ": no such file\n");
  EXPECT_THAT(RunningInput("file", "").problems(), HasSubstr("warning: `files` is empty"));
}

TEST_F(FileInput, LargeFilesAreRefused) {
  write("large", "x");
  std::filesystem::resize_file(dir_.path("large"), 17U << 20U);
  EXPECT_EQ(gather("large"), dir_.path("large") + ": larger than 16777216 bytes\n");
}

TEST_F(FileInput, EncodingsAreConverted) {
  using namespace std::string_literals;
  write("a",
        "\xFF\xFE{\x00\"\x00\xE4\x00\"\x00:\x00"
        "1\x00}\x00"s);
  const std::string json = "data_format = \"json\"\n";
  EXPECT_EQ(gather("a", json + "character_encoding = \"utf-16le\""), "file ä=1 5000000000\n");
  EXPECT_THAT(gather("a", json), HasSubstr("syntax error"));
  EXPECT_THAT(gather("a", json + "character_encoding = \"klingon\""),
              HasSubstr("`character_encoding`: found \"klingon\", expected a name"));
}

TEST_F(FileInput, EachFileHasItsOwnHeader) {
  write("a", "x,y\n1,2\n");
  write("b", "z\n3\n");
  EXPECT_EQ(gather("*", "data_format = \"csv\"\ncsv_header_row_count = 1"),
            "file x=1i,y=2i 5000000000\nfile z=3i 5000000000\n");
}

TEST_F(FileInput, APatternThatIsNoneIsAProblem) {
  EXPECT_THAT(gather("[a"), HasSubstr("test.toml:2:1: error: `files`: "));
}

// Files of the kernel do not know their size.
TEST_F(FileInput, FilesOfTheKernelCanBeRead) {
  RunningInput input("file", "files = [\"/proc/sys/kernel/pid_max\"]\ndata_format = \"value\"");
  EXPECT_THAT(input.gather(), HasSubstr("file value="));
}

}  // namespace
}  // namespace holdfast::test

// Plugin `file`.
#include "outputs/file.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/outputs/plugin_table.h"
#include "tests/support/fake_ring.h"
#include "tests/support/temp_dir.h"

namespace holdfast::outputs {
namespace {

namespace fs = std::filesystem;

class FileOutputTest : public testing::Test {
 protected:
  Attempt deliver(Output& output, std::uint32_t points) {
    test::FakeRing ring;
    ring.append_points(points);
    auto batch = Batch::from_blocks(std::move(*ring.read(0, {}, Batch::kPrefix)), points);
    return output.deliver(*batch, stop_);
  }
  test::MadeOutput make(const std::string& options) {
    return test::make_output("file", options, {clock_, {}});
  }
  static std::string content(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  base::SystemClock clock_;
  StopSignal stop_;
  test::TempDir dir_;
  fs::path directory_ = dir_.path();
};

TEST_F(FileOutputTest, AppendsLinesToEachFile) {
  const fs::path a = directory_ / "a";
  const fs::path b = directory_ / "b";
  std::ofstream(b) << "before\n";
  auto made = make("files = [\"" + a.string() + "\", \"" + b.string() + "\"]");
  ASSERT_TRUE(made.output);
  EXPECT_EQ(deliver(*made.output, 3).decision.action, Action::kDelivered);
  const Attempt second = deliver(*made.output, 2);
  EXPECT_EQ(second.decision.action, Action::kDelivered);
  EXPECT_EQ(second.bytes_sent, 2 * test::numbered_lines(0, 2).size());
  EXPECT_EQ(content(a), test::numbered_lines(0, 3) + test::numbered_lines(0, 2));
  EXPECT_EQ(content(b), "before\n" + content(a));
}

TEST_F(FileOutputTest, LargeBatchesAreWrittenWhole) {
  const fs::path a = directory_ / "a";
  auto made = make("files = [\"" + a.string() + "\"]");
  EXPECT_EQ(deliver(*made.output, 5000).decision.action, Action::kDelivered);
  EXPECT_EQ(content(a), test::numbered_lines(0, 5000));
}

TEST_F(FileOutputTest, WhatCannotBeWrittenIsTriedAgain) {
  const fs::path late = directory_ / "later" / "a";
  auto made = make("files = [\"" + late.string() + "\"]");
  ASSERT_TRUE(made.output);
  const Attempt failed = deliver(*made.output, 3);
  EXPECT_EQ(failed.decision.action, Action::kRetry);
  EXPECT_NE(failed.decision.reason.find(late.string()), std::string::npos);
  fs::create_directory(late.parent_path());
  EXPECT_EQ(deliver(*made.output, 3).decision.action, Action::kDelivered);
  EXPECT_EQ(content(late), test::numbered_lines(0, 3));
}

TEST_F(FileOutputTest, AFullDeviceKeepsThePoints) {
  auto made = make("files = [\"/dev/full\"]");
  EXPECT_EQ(deliver(*made.output, 3).decision.action, Action::kRetry);
}

TEST_F(FileOutputTest, AReaderThatStoppedDoesNotKeepTheAgentFromStopping) {
  const fs::path pipe = directory_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::fstream reader(pipe);  // opened for both, so that nobody has to wait; never read
  auto made = make("files = [\"" + pipe.string() + "\"]");
  stop_.request(clock_.boot());
  EXPECT_EQ(deliver(*made.output, 5000).decision.action, Action::kRetry);  // more than a pipe holds
}

TEST_F(FileOutputTest, APipeThatNobodyReadsIsTriedAgain) {
  const std::string pipe = directory_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  auto made = make("files = [\"" + pipe + "\"]");
  ASSERT_TRUE(made.output);
  auto delivery = std::async(std::launch::async, [&] { return deliver(*made.output, 3); });
  const bool returned = delivery.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
  EXPECT_TRUE(returned) << "it waits for a reader";
  // Lets one that does wait go on. A pipe opened for both never waits.
  const int reader = ::open(pipe.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  const Attempt attempt = delivery.get();
  EXPECT_EQ(attempt.decision.action, Action::kRetry);
  EXPECT_NE(attempt.decision.reason.find("nobody reads"), std::string::npos);
  EXPECT_EQ(deliver(*made.output, 3).decision.action, Action::kDelivered);
  ::close(reader);
}

TEST_F(FileOutputTest, OptionsAndIdentity) {
  EXPECT_EQ(make("").identity, "stdout\n");
  EXPECT_EQ(make("files = [\"a\", \"b\"]").identity, "a\nb\n");
  EXPECT_EQ(make("files = [\"a\", \"b\"]").output->destination(), "a, b");
  const auto none = make("files = []");
  EXPECT_EQ(none.output, nullptr);
  EXPECT_EQ(none.problems.size(), 1U);
  EXPECT_EQ(make("file = \"x\"").problems.size(), 1U);
}

}  // namespace
}  // namespace holdfast::outputs

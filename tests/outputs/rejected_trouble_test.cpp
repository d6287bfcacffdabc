// The rejected store on disks that do not take anything, and what it says of that.
#include <csignal>

#include <sys/fsuid.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/outputs/rejected_fixture.h"

namespace holdfast::outputs {
namespace {

namespace fs = std::filesystem;
using test::batch_of;
using test::kBatchPoints;
using test::read_file;
using test::RejectedStoreTest;

std::size_t count_of(const std::string& what, const std::string& text) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST_F(RejectedStoreTest, OnlyTheLastPartOfAMissingPathIsMade) {
  const std::string nowhere = dir_.path("absent/rejected");
  RejectedStore lost = store("main", 1U << 20U, nowhere);
  lost.tend();
  keep(lost, 1);
  EXPECT_FALSE(fs::exists(dir_.path("absent")));
  EXPECT_EQ(lost.status()->failed, 1U);
  // Once somebody has made it, it works.
  fs::create_directory(dir_.path("absent"));
  keep(lost, 2);
  EXPECT_EQ(lost.status()->kept, 1U);
  EXPECT_EQ(lost.status()->files, 1U);
}

TEST_F(RejectedStoreTest, ADirectoryThatGoesAwayComesBackEmpty) {
  RejectedStore one = store();
  keep(one, 1);
  fs::remove_all(directory());
  one.tend();
  keep(one, 2);
  EXPECT_EQ(files().size(), 1U);
  EXPECT_EQ(one.status()->kept, 2U);
  EXPECT_EQ(one.status()->files, 1U);
}

TEST_F(RejectedStoreTest, AFileInPlaceOfTheDirectoryIsAnErrorOnly) {
  std::ofstream(directory()) << "precious";
  RejectedStore one = store();
  one.tend();
  keep(one, 1);
  EXPECT_EQ(one.status()->failed, 1U);
  EXPECT_EQ(read_file(directory()), "precious");
}

TEST_F(RejectedStoreTest, ADirectoryThatTakesNothingIsAnErrorOnly) {
  RejectedStore one = store();
  keep(one, 1);
  fs::permissions(dir_.path(), fs::perms(0755));
  fs::permissions(directory(), fs::perms(0555));
  // Root may write everywhere: as somebody else then, for this thread's files only.
  const int self = setfsuid(geteuid() == 0 ? 65'534 : geteuid());
  const auto before = names();
  keep(one, 2);
  const auto after = names();
  RejectedStore restarted = store();
  restarted.tend();
  setfsuid(static_cast<uid_t>(self));
  fs::permissions(directory(), fs::perms::owner_all);
  EXPECT_EQ(before, after);
  EXPECT_EQ(one.status()->kept, 1U);
  EXPECT_EQ(one.status()->failed, 1U);
  EXPECT_EQ(restarted.status()->files, 1U) << "what can be read is counted";
  keep(one, 3);
  EXPECT_EQ(one.status()->kept, 2U);
}

// A bound on the size of files stands for a disk that is full: a write ends half way, then fails.
TEST_F(RejectedStoreTest, AWriteThatFailsHalfWayLeavesNothing) {
  RejectedStore one = store();
  keep(one, 1);
  const auto before = names();
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit usual{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &usual), 0);
  // Too little for the lines; then enough for them, but not for the sidecar.
  for (const rlim_t most :
       {rlim_t{20}, rlim_t{batch_of(test::numbered_lines(40, kBatchPoints)).gzip().size()}}) {
    rlimit small = usual;
    small.rlim_cur = most;
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
    keep(one, 2);
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &usual), 0);
    EXPECT_EQ(names(), before) << most;
  }
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(one.status()->failed, 2U);
  keep(one, 3);
  EXPECT_EQ(files().size(), 2U);
}

// --- the log

TEST_F(RejectedStoreTest, TroubleIsSaidSeldomAndCounted) {
  WorkerOptions options;
  options.rejected_directory = dir_.path("absent/rejected");
  testing::internal::CaptureStderr();
  RejectedStore one(options, "outputs.influxdb", "main", clock_, base::make_stderr_logger({}));
  one.tend();
  for (std::uint64_t n = 0; n < 12; ++n) keep(one, n);  // a second each
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(count_of("cannot be kept: make the directory " + options.rejected_directory, log), 1U);
  EXPECT_EQ(count_of("a refused batch of 20 points is not kept", log), 2U) << log;
  EXPECT_EQ(count_of("9 more batches were not kept since the last line", log), 1U) << log;
}

TEST_F(RejectedStoreTest, RoomThatIsMadeIsSaidSeldomWithNumbers) {
  RejectedStore big = store();
  keep(big, 50);
  WorkerOptions options;
  options.rejected_directory = directory();
  options.rejected_limit.count = files()[0].bytes + 100;
  testing::internal::CaptureStderr();
  RejectedStore small(options, "outputs.influxdb", "main", clock_, base::make_stderr_logger({}));
  for (std::uint64_t n = 51; n < 62; ++n) keep(small, n);
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_EQ(count_of("1 of the oldest batches removed", log), 1U) << log;
  EXPECT_EQ(count_of("10 of the oldest batches removed", log), 1U) << log;
  EXPECT_EQ(count_of(" E! ", log), 0U) << log;
}

}  // namespace
}  // namespace holdfast::outputs

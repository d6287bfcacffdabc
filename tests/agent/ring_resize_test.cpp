// Resizing on the real file system, through the door that the agent uses.
#include "agent/ring_resize.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/store.h"
#include "tests/buffer/ring_harness.h"
#include "tests/support/temp_dir.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using buffer::PosixFile;

constexpr std::uint64_t kMebibyte = 1U << 20U;
constexpr std::uint64_t kPoints = 3000;

class RingResize : public testing::Test {
 protected:
  [[nodiscard]] base::Result<agent::Store> open(std::uint64_t size) const {
    agent::BufferOptions options;
    options.size.count = size;
    return agent::open_store(options, path_, false, clock_, {}, base::Duration{});
  }

  // A ring of this size with kPoints points pending for the reader r, about 300 KiB.
  void make_ring(std::uint64_t size) const {
    const auto store = open(size);
    ASSERT_TRUE(store) << store.error().message;
    (void)*store->ring->attach("r");
    for (std::uint64_t n = 0; n < kPoints; n += 50) {
      auto block = numbered_block(n, 50, 100);
      ASSERT_TRUE(store->ring->append(block));
    }
  }

  // Everything pending for r, with the file of this size; nothing is acknowledged in the file.
  void expect_everything_in(std::uint64_t size) const {
    ASSERT_EQ(fs::file_size(path_), size);
    const auto store = open(size);
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_FALSE(store->ring->info().degraded);
    expect_everything_pending(*store->ring);
  }

  static void expect_everything_pending(buffer::Ring& ring) {
    const auto reader = *ring.attach("r");
    const auto info = ring.info();
    EXPECT_EQ(info.readers[0].ledger.accepted, kPoints);
    EXPECT_EQ(info.readers[0].ledger.buffered, kPoints);
    const auto batch = ring.read(
        reader, {.max_points = kPoints, .max_raw_bytes = 1U << 30U, .max_bytes = 1U << 30U}, 0);
    ASSERT_TRUE(batch);
    EXPECT_EQ(numbers_of(*batch), numbers(0, kPoints));
    ring.release(reader);
  }

  [[nodiscard]] std::string bytes(const std::string& path) const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  FakeClock clock_;
  TempDir dir_;
  std::string path_ = dir_.path("ring");
  std::string new_path_ = agent::resize_path(path_);
};

TEST_F(RingResize, TheContentMovesIntoAFileOfTheNewSize) {
  make_ring(2 * kMebibyte);
  for (const std::uint64_t size : {kMebibyte, 8 * kMebibyte, 2 * kMebibyte + 64}) {
    SCOPED_TRACE(fmt::format("{} bytes", size));
    const auto store = open(size);
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_EQ(store->ring->info().size_bytes, size);
    expect_everything_pending(*store->ring);
    EXPECT_EQ(fs::file_size(path_), size);
    EXPECT_FALSE(fs::exists(new_path_));
    EXPECT_EQ(PosixFile::open_locked(path_).error().code, base::ErrorCode::kBusy);
    struct stat info {};
    ASSERT_EQ(stat(path_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0600U);
    EXPECT_GE(static_cast<std::uint64_t>(info.st_blocks) * 512, size) << "reserved, not sparse";
  }
}

TEST_F(RingResize, OfWhatDoesNotFitTheOldestIsDroppedAndCounted) {
  {
    const auto store = open(8 * kMebibyte);
    (void)*store->ring->attach("r");
    for (std::uint64_t n = 0; n < 20'000; n += 50) {
      auto block = numbered_block(n, 50, 100);
      ASSERT_TRUE(store->ring->append(block));
    }
  }
  const auto store = open(kMebibyte);
  ASSERT_TRUE(store);
  const auto reader = *store->ring->attach("r");
  const auto ledger = store->ring->info().readers[0].ledger;
  EXPECT_EQ(ledger.accepted, 20'000U);
  EXPECT_EQ(ledger.buffered + ledger.counters.overflow, 20'000U);
  EXPECT_EQ(ledger.buffered, (kMebibyte - buffer::kDataOffset) / 5120 * 50)
      << "as many blocks of 64 and 5000 bytes as fit";
  EXPECT_EQ(drain(*store->ring, reader), numbers(ledger.counters.overflow, 20'000));
}

TEST_F(RingResize, ASizeThatDiffersByLessThanAUnitIsTheSame) {
  make_ring(kMebibyte);
  const std::string before = bytes(path_);
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  for (const std::uint64_t size : {kMebibyte - 63, kMebibyte + 63}) {
    ASSERT_TRUE(open(size));
    struct stat now {};
    ASSERT_EQ(stat(path_.c_str(), &now), 0);
    EXPECT_EQ(now.st_ino, info.st_ino);
    EXPECT_EQ(fs::file_size(path_), kMebibyte);
  }
}

TEST_F(RingResize, WhatAnInterruptedResizeLeftIsRemoved) {
  make_ring(kMebibyte);
  for (const std::uint64_t size : {kMebibyte, 2 * kMebibyte}) {
    std::ofstream(new_path_) << "half a ring";
    ASSERT_TRUE(open(size));
    EXPECT_FALSE(fs::exists(new_path_));
    expect_everything_in(size);
  }
}

TEST_F(RingResize, ANewFileThatAnotherProcessHoldsIsLeftAloneAndTheOldSizeStays) {
  make_ring(kMebibyte);
  {
    const auto other = PosixFile::create_locked(new_path_);
    ASSERT_TRUE((*other)->write_at(0, base::as_bytes("mine")));
    const auto store = open(2 * kMebibyte);
    ASSERT_TRUE(store) << store.error().message;
    EXPECT_EQ(store->ring->info().size_bytes, kMebibyte);
    EXPECT_EQ(bytes(new_path_), "mine");
    expect_everything_pending(*store->ring);
  }
  ASSERT_TRUE(open(2 * kMebibyte));
  expect_everything_in(2 * kMebibyte);
}

// The old ring, byte by byte, with a configuration that asks for a size that cannot be had.
TEST_F(RingResize, WithoutRoomForBothTheOldSizeStaysAndNothingIsLost) {
  make_ring(kMebibyte);
  for (const std::uint64_t impossible : {std::uint64_t{8} << 40U, std::uint64_t{1} << 60U}) {
    const std::string before = bytes(path_);
    auto locked = PosixFile::open_locked(path_);
    const auto sized = agent::with_size(std::move(*locked), path_, impossible, clock_, {});
    EXPECT_FALSE(sized.resized);
    EXPECT_TRUE(bytes(path_) == before);
    EXPECT_FALSE(fs::exists(new_path_)) << "what was reserved is given back";
  }
  const auto store = open(std::uint64_t{8} << 40U);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_FALSE(store->ring->info().degraded);
  EXPECT_EQ(store->ring->info().size_bytes, kMebibyte);
  expect_everything_pending(*store->ring);
}

// A limit on the size of files stands for a device that refuses in the middle of it.
TEST_F(RingResize, WithTheReservationRefusedTheOldSizeStays) {
  make_ring(kMebibyte);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit limit = before;
  limit.rlim_cur = 3 * kMebibyte;
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto store = open(4 * kMebibyte);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(store->ring->info().size_bytes, kMebibyte);
  EXPECT_FALSE(fs::exists(new_path_));
  expect_everything_pending(*store->ring);
}

TEST_F(RingResize, WhereTheNewFileCannotBeMadeTheOldSizeStays) {
  make_ring(kMebibyte);
  fs::create_directory(new_path_);
  const auto store = open(2 * kMebibyte);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(store->ring->info().size_bytes, kMebibyte);
  EXPECT_TRUE(fs::is_directory(new_path_));
  expect_everything_pending(*store->ring);
}

TEST_F(RingResize, WhatIsNoRingIsSetAsideAndNotCopied) {
  std::ofstream(path_) << std::string(100'000, 'x');
  fs::permissions(path_, fs::perms(0600));
  const auto store = open(kMebibyte);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(store->ring->info().size_bytes, kMebibyte);
  EXPECT_TRUE(store->ring->recovery().created);
}

// A process that starts with another size is killed at some point of it, over and over. The moment
// is chance; it is moved to and fro so that kills come around the end of the copy.
TEST_F(RingResize, AKillAnywhereLeavesOneOfTheTwoWhole) {
  make_ring(2 * kMebibyte);
  int resized = 0;
  std::chrono::microseconds life(200);
  for (int round = 0; round < 60; ++round) {
    const std::uint64_t size = fs::file_size(path_);
    const std::uint64_t other = size == kMebibyte ? 2 * kMebibyte : kMebibyte;
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto store = open(other);
      for (;;) pause();
    }
    std::this_thread::sleep_for(life);
    kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    const std::uint64_t now = fs::file_size(path_);
    ASSERT_TRUE(now == size || now == other) << now;
    resized += now == other ? 1 : 0;
    life = now == other ? life / 2 : life * 5 / 4;
    expect_everything_in(now);
    EXPECT_FALSE(fs::exists(new_path_));
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(resized, 0);
}

}  // namespace
}  // namespace holdfast::test

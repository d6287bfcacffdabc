#include "buffer/posix_file.h"

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/buffer/ring_harness.h"
#include "tests/support/temp_dir.h"

namespace holdfast::buffer {
namespace {

using base::ErrorCode;
using testing::HasSubstr;

class PosixFileTest : public testing::Test {
 protected:
  // A test may have taken the rights that removing the directory needs.
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::permissions(directory_, std::filesystem::perms::owner_all, ignored);
  }

  static std::string text_at(File& file, std::uint64_t offset, std::size_t size) {
    std::string text(size, '?');
    const auto got = file.read_at(offset, std::as_writable_bytes(std::span<char>(text)));
    EXPECT_TRUE(got);
    text.resize(got.value_or(0));
    return text;
  }

  test::TempDir dir_;
  std::string directory_ = dir_.path();
  std::string path_ = dir_.path("ring");
};

TEST_F(PosixFileTest, IsMadeForItsOwnerOnly) {
  const auto file = PosixFile::open_locked(path_);
  ASSERT_TRUE(file) << file.error().message;
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  EXPECT_EQ((*file)->size(), 0U);
}

TEST_F(PosixFileTest, KeepsWhatIsWritten) {
  {
    const auto file = PosixFile::open_locked(path_);
    ASSERT_TRUE((*file)->write_at(10, base::as_bytes("points")));
    ASSERT_TRUE((*file)->sync());
  }
  const auto file = PosixFile::open_locked(path_);
  ASSERT_TRUE(file);
  EXPECT_EQ(text_at(**file, 10, 6), "points");
  EXPECT_EQ(text_at(**file, 13, 100), "nts") << "reads end with the file";
  EXPECT_EQ(text_at(**file, 16, 1), "");
  EXPECT_EQ(text_at(**file, 1000, 1), "");
}

TEST_F(PosixFileTest, ReservesRoomThatReadsAsZeros) {
  const auto file = PosixFile::open_locked(path_);
  ASSERT_TRUE((*file)->write_at(0, base::as_bytes("abc")));
  ASSERT_TRUE((*file)->allocate(3U << 20U));
  EXPECT_EQ((*file)->size(), 3U << 20U);
  EXPECT_EQ(text_at(**file, 0, 3), "abc");
  EXPECT_EQ(text_at(**file, (3U << 20U) - 2, 10), std::string(2, '\0'));
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_GE(info.st_blocks * 512, 3 << 20) << "reserved, not sparse";
  ASSERT_TRUE((*file)->allocate(100));
  EXPECT_EQ((*file)->size(), 3U << 20U) << "never made smaller";
}

TEST_F(PosixFileTest, RoomThatCannotBeIsAnError) {
  const auto file = PosixFile::open_locked(path_);
  EXPECT_FALSE((*file)->allocate(1ULL << 60U));
}

TEST_F(PosixFileTest, ASecondOpenerIsToldWhoHoldsIt) {
  const auto first = PosixFile::open_locked(path_);
  ASSERT_TRUE(first);
  const auto second = PosixFile::open_locked(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kBusy);
  EXPECT_THAT(second.error().message, HasSubstr(path_));
  EXPECT_THAT(second.error().message, HasSubstr(fmt::format("{}", getpid())));
}

TEST_F(PosixFileTest, TheLockEndsWithTheProcess) {
  std::array<int, 2> ready{};
  ASSERT_EQ(pipe(ready.data()), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto file = PosixFile::open_locked(path_);
    const char result = file ? 'y' : 'n';
    if (write(ready[1], &result, 1) != 1) _exit(1);
    for (;;) pause();
  }
  char result = '?';
  ASSERT_EQ(read(ready[0], &result, 1), 1);
  EXPECT_EQ(result, 'y');
  const auto refused = PosixFile::open_locked(path_);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr(fmt::format("{}", child)));
  kill(child, SIGKILL);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(PosixFile::open_locked(path_));
  close(ready[0]);
  close(ready[1]);
}

TEST_F(PosixFileTest, TheLockIsFreeAgainAfterClosing) {
  { const auto file = PosixFile::open_locked(path_); }
  EXPECT_TRUE(PosixFile::open_locked(path_));
}

TEST_F(PosixFileTest, AMissingDirectoryIsNamedAndNotMade) {
  const auto file = PosixFile::open_locked(directory_ + "/none/ring");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(file.error().message, HasSubstr(directory_ + "/none"));
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/none"));
}

TEST_F(PosixFileTest, AForbiddenDirectoryIsAClearError) {
  if (geteuid() == 0) {
    // Root may write anywhere; a directory in the place of the file is forbidden to everybody.
    std::filesystem::create_directory(path_);
    EXPECT_FALSE(PosixFile::open_locked(path_));
    return;
  }
  std::filesystem::permissions(directory_, std::filesystem::perms::owner_read);
  const auto file = PosixFile::open_locked(path_);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kPermission);
  EXPECT_THAT(file.error().message, HasSubstr(path_));
}

TEST_F(PosixFileTest, ASymbolicLinkIsRefused) {
  std::ofstream(directory_ + "/target") << "precious";
  std::filesystem::create_symlink(directory_ + "/target", path_);
  const auto file = PosixFile::open_locked(path_);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kPermission);
  EXPECT_EQ(std::filesystem::file_size(directory_ + "/target"), 8U);
}

TEST_F(PosixFileTest, AFileThatOthersMayWriteIsRefused) {
  { std::ofstream file(path_); }
  ASSERT_EQ(chmod(path_.c_str(), 0660), 0);
  const auto file = PosixFile::open_locked(path_);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kPermission);
  EXPECT_THAT(file.error().message, HasSubstr("0660"));
}

TEST_F(PosixFileTest, WhatIsNoRegularFileIsRefused) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  const auto file = PosixFile::open_locked(path_);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kInvalid);
}

TEST_F(PosixFileTest, LookingNeedsNoLockAndCannotWrite) {
  const auto holder = PosixFile::open_locked(path_);
  ASSERT_TRUE((*holder)->write_at(0, base::as_bytes("abc")));
  const auto looker = PosixFile::open_readonly(path_);
  ASSERT_TRUE(looker);
  EXPECT_EQ(text_at(**looker, 0, 3), "abc");
  EXPECT_FALSE((*looker)->write_at(0, base::as_bytes("x")));
  EXPECT_EQ(PosixFile::open_readonly(directory_ + "/none").error().code, ErrorCode::kNotFound);
}

TEST_F(PosixFileTest, LooksAtRegularFilesOnlyAndWaitsForNobody) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);  // opening it would wait for a writer
  for (const std::string& path : {path_, directory_}) {
    const auto looker = PosixFile::open_readonly(path);
    ASSERT_FALSE(looker);
    EXPECT_EQ(looker.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(looker.error().message, HasSubstr(path));
  }
}

TEST_F(PosixFileTest, ANewFileIsMadeForItsOwnerAndOnlyOnce) {
  const auto file = PosixFile::create_locked(path_);
  ASSERT_TRUE(file) << file.error().message;
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  EXPECT_EQ(PosixFile::open_locked(path_).error().code, ErrorCode::kBusy) << "it is locked";
  EXPECT_EQ(PosixFile::create_locked(path_).error().code, ErrorCode::kBusy);
  EXPECT_EQ(PosixFile::create_locked(directory_ + "/none/ring").error().code, ErrorCode::kNotFound);
  std::filesystem::create_symlink("nowhere", directory_ + "/link");
  EXPECT_FALSE(PosixFile::create_locked(directory_ + "/link"));
}

TEST_F(PosixFileTest, OnlyWhatNobodyHoldsIsRemoved) {
  EXPECT_TRUE(PosixFile::remove_unlocked(path_)) << "there is none";
  {
    const auto holder = PosixFile::open_locked(path_);
    const auto refused = PosixFile::remove_unlocked(path_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kBusy);
    EXPECT_TRUE(std::filesystem::exists(path_));
  }
  EXPECT_TRUE(PosixFile::remove_unlocked(path_));
  EXPECT_FALSE(std::filesystem::exists(path_));
  std::filesystem::create_directory(path_);
  EXPECT_FALSE(PosixFile::remove_unlocked(path_));
}

TEST_F(PosixFileTest, TakesThePlaceOfAnotherFileTogetherWithItsLock) {
  auto old = PosixFile::open_locked(path_);
  ASSERT_TRUE((*old)->write_at(0, base::as_bytes("old")));
  const auto fresh = PosixFile::create_locked(path_ + ".new");
  ASSERT_TRUE((*fresh)->write_at(0, base::as_bytes("new")));
  ASSERT_TRUE((*fresh)->rename_to(path_));
  ASSERT_TRUE((*fresh)->sync_directory());
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
  EXPECT_TRUE((*fresh)->still_in_place(3));
  EXPECT_FALSE((*old)->still_in_place(3));
  old->reset();
  const auto refused = PosixFile::open_locked(path_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kBusy);
  EXPECT_EQ(text_at(**PosixFile::open_readonly(path_), 0, 3), "new");
  EXPECT_FALSE((*fresh)->rename_to(directory_ + "/none/ring"));
  EXPECT_TRUE((*fresh)->still_in_place(3)) << "it has kept its name";
}

TEST_F(PosixFileTest, TellsWhenItIsNoLongerTheFileOfItsName) {
  const auto file = PosixFile::open_locked(path_);
  ASSERT_TRUE((*file)->allocate(8192));
  EXPECT_TRUE((*file)->still_in_place(8192));
  EXPECT_FALSE((*file)->still_in_place(8193));

  std::filesystem::resize_file(path_, 8191);
  const auto cut = (*file)->still_in_place(8192);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(cut.error().message, HasSubstr("8191 of 8192"));
  std::filesystem::resize_file(path_, 8192);
  EXPECT_TRUE((*file)->still_in_place(8192));

  std::filesystem::rename(path_, directory_ + "/aside");
  EXPECT_EQ((*file)->still_in_place(8192).error().code, ErrorCode::kNotFound);
  {
    std::ofstream other(path_);
    other << std::string(8192, 'x');
  }
  const auto replaced = (*file)->still_in_place(8192);
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(replaced.error().message, HasSubstr("replaced"));
  std::filesystem::remove(path_);
  std::filesystem::create_symlink(directory_ + "/aside", path_);
  EXPECT_FALSE((*file)->still_in_place(8192)) << "its own file, but by a link";
  std::filesystem::rename(directory_ + "/aside", path_);
  EXPECT_TRUE((*file)->still_in_place(8192)) << "back again";

  std::filesystem::remove(path_);
  const auto removed = (*file)->still_in_place(8192);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(removed.error().message, HasSubstr("removed"));
}

// Whoever has the lock has the file that the name leads to, also while the holder replaces it.
TEST_F(PosixFileTest, ALockedFileIsNeverOneThatWasReplacedMeanwhile) {
  constexpr int kReplacements = 2000;
  constexpr int kLocks = 100;
  std::atomic<int> locked{0};
  std::atomic<bool> done{false};
  std::atomic<bool> failed{false};
  std::thread replacer([&] {
    int replaced = 0;
    while (!failed && (replaced < kReplacements || locked < kLocks)) {
      const auto old = PosixFile::open_locked(path_);
      if (!old) continue;
      const auto fresh = PosixFile::create_locked(path_ + ".new");
      failed = !fresh || !(*fresh)->rename_to(path_);
      ++replaced;
    }
    done = true;
  });
  while (!done) {
    const auto file = PosixFile::open_locked(path_);
    if (!file) continue;
    ++locked;
    if (!(*file)->still_in_place(0)) failed = true;
  }
  replacer.join();
  EXPECT_FALSE(failed);
}

TEST_F(PosixFileTest, HoldsARingThatCanBeLookedAtWhileItIsInUse) {
  const test::FakeClock clock;
  auto file = PosixFile::open_locked(path_);
  ASSERT_TRUE(file);
  auto ring = test::open_ring(std::move(*file), clock, test::small_ring(64 * 1024));
  const auto reader = *ring->attach("r");
  for (std::uint64_t i = 0; i < 500; ++i) {
    auto block = test::numbered_block(4 * i, 4, 50);
    ASSERT_TRUE(ring->append(block));
  }
  const auto looker = PosixFile::open_readonly(path_);
  ASSERT_TRUE(looker);
  EXPECT_EQ((*looker)->lock_holder(), getpid());
  const auto info = inspect(**looker);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->point_sequence, 2000U);
  EXPECT_EQ(info->points, ring->pending_points(reader));
  ring.reset();
  EXPECT_EQ((*looker)->lock_holder(), 0);
  auto again = PosixFile::open_locked(path_);
  ASSERT_TRUE(again);
  ring = test::open_ring(std::move(*again), clock, {});
  EXPECT_EQ(test::drain(*ring, *ring->attach("r")), test::numbers(2000 - info->points, 2000));
}

}  // namespace
}  // namespace holdfast::buffer

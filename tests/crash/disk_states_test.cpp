#include "tests/crash/disk_states.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

namespace holdfast::crash {
namespace {

using Kind = test::FileOperation::Kind;

test::FileOperation write(std::uint64_t offset, std::size_t size, int value) {
  return {Kind::kWrite, offset, Bytes(size, static_cast<std::byte>(value))};
}

Bytes bytes_of(std::initializer_list<std::pair<std::size_t, int>> runs) {
  Bytes all;
  for (const auto& [size, value] : runs) all.insert(all.end(), size, static_cast<std::byte>(value));
  return all;
}

std::set<Bytes> images(const DiskStates& disk, std::size_t all_below = 1024) {
  base::Random random(1);
  std::set<Bytes> found;
  for (const Pick& pick : disk.picks(random, 4, all_below)) found.insert(disk.image(pick));
  return found;
}

TEST(DiskStates, NothingIsLeftToChanceAfterASync) {
  DiskStates disk(Bytes(1024));
  disk.issue(write(0, 1024, 1));
  disk.issue({Kind::kSync, 0, {}});
  EXPECT_EQ(images(disk), std::set<Bytes>{Bytes(1024, std::byte{1})});
}

TEST(DiskStates, EachSectorIsOldOrNew) {
  DiskStates disk(Bytes(1024));
  disk.issue(write(0, 1024, 1));
  // Without anything of the write it is as before it, which was a place of its own.
  const std::set<Bytes> expected{bytes_of({{512, 1}, {512, 0}}), bytes_of({{512, 0}, {512, 1}}),
                                 bytes_of({{1024, 1}})};
  EXPECT_EQ(images(disk), expected);
}

TEST(DiskStates, ASectorShowsWhatThePageCacheHeldAtSomeTime) {
  DiskStates disk(Bytes(512));
  disk.issue(write(0, 64, 1));
  disk.issue(write(64, 64, 2));
  // The second write went to a sector that held the first one already.
  EXPECT_EQ(images(disk), std::set<Bytes>{bytes_of({{64, 1}, {64, 2}, {384, 0}})});
}

TEST(DiskStates, AllOrdersOfWritesThatTouchTheSameSectors) {
  DiskStates disk(Bytes(1024));
  disk.issue(write(0, 1024, 1));
  disk.issue(write(512, 512, 2));
  const std::set<Bytes> expected{bytes_of({{512, 0}, {512, 2}}), bytes_of({{512, 1}, {512, 2}})};
  EXPECT_EQ(images(disk), expected) << "those with the second write";
}

TEST(DiskStates, WhenThereAreTooManyTheNastyOnesAreAmongThoseDrawn) {
  DiskStates disk(Bytes(8 * 512));
  for (std::uint64_t i = 0; i < 8; ++i) disk.issue(write(512 * i, 512, static_cast<int>(i) + 1));
  base::Random random(3);
  std::set<std::string> names;
  for (int i = 0; i < 60; ++i) {
    for (const Pick& pick : disk.picks(random, 4, 16)) names.insert(pick.name);
  }
  for (const char* name :
       {"all", "only the last", "all but the first", "alternating", "some writes",
        "nearly all sectors", "few sectors", "all but one write", "any sectors"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST(DiskStates, AllStatesOfFewSectorsAreTried) {
  DiskStates disk(Bytes(4 * 512));
  for (std::uint64_t i = 0; i < 4; ++i) disk.issue(write(512 * i, 512, 7));
  EXPECT_EQ(images(disk).size(), 8U) << "the fourth sector new, each of the others old or new";
}

TEST(DiskStates, AFileMadeLongerHasAnyLengthUntilTheNextSync) {
  DiskStates disk({});
  disk.issue({Kind::kAllocate, 8 * 512, {}});
  disk.issue(write(512, 512, 5));
  std::set<std::size_t> sizes;
  base::Random random(5);
  for (int i = 0; i < 100; ++i) {
    for (const Pick& pick : disk.picks(random, 4, 1024)) sizes.insert(disk.image(pick).size());
  }
  EXPECT_GE(sizes.size(), 5U);
  EXPECT_EQ(*sizes.begin(), 0U);
  EXPECT_EQ(*sizes.rbegin(), 8U * 512U);
  disk.issue({Kind::kSync, 0, {}});
  for (const Bytes& image : images(disk)) EXPECT_EQ(image.size(), 8U * 512U);
}

TEST(DiskStates, TheLastSectorMayBeShort) {
  DiskStates disk(Bytes(576));
  disk.issue(write(448, 128, 9));
  for (const Bytes& image : images(disk)) EXPECT_EQ(image.size(), 576U);
  EXPECT_EQ(disk.cached(), bytes_of({{448, 0}, {128, 9}}));
}

TEST(DiskStates, WhatAFailedSyncMayHaveForgottenNoLaterSyncBringsBack) {
  DiskStates disk(Bytes(1024));
  disk.issue(write(0, 1024, 1));
  disk.issue({Kind::kFailedSync, 0, {}});
  const std::set<Bytes> any{Bytes(1024), bytes_of({{512, 1}, {512, 0}}),
                            bytes_of({{512, 0}, {512, 1}}), bytes_of({{1024, 1}})};
  EXPECT_EQ(images(disk), any);
  disk.issue({Kind::kSync, 0, {}});
  EXPECT_EQ(images(disk), any);
  EXPECT_EQ(disk.cached(), bytes_of({{1024, 1}})) << "the page cache has it";
  disk.issue(write(0, 512, 1));
  disk.issue({Kind::kSync, 0, {}});
  const std::set<Bytes> half{bytes_of({{512, 1}, {512, 0}}), bytes_of({{1024, 1}})};
  EXPECT_EQ(images(disk), half);
  disk.issue(write(512, 512, 1));
  disk.issue({Kind::kSync, 0, {}});
  EXPECT_EQ(images(disk), std::set<Bytes>{bytes_of({{1024, 1}})});
}

TEST(DiskStates, OfASectorWrittenInPartAfterAFailedSyncTheRestIsStillInDoubt) {
  DiskStates disk(Bytes(512));
  disk.issue(write(0, 64, 1));
  disk.issue(write(64, 64, 2));
  disk.issue({Kind::kFailedSync, 0, {}});
  disk.issue(write(64, 64, 2));
  const Bytes one = bytes_of({{64, 0}, {64, 2}, {384, 0}});
  const Bytes both = bytes_of({{64, 1}, {64, 2}, {384, 0}});
  EXPECT_EQ(images(disk), (std::set<Bytes>{one, both}));
  disk.issue({Kind::kSync, 0, {}});
  EXPECT_EQ(images(disk), (std::set<Bytes>{one, both}));
  disk.issue({Kind::kFailedSync, 0, {}});
  disk.issue({Kind::kSync, 0, {}});
  EXPECT_EQ(images(disk), (std::set<Bytes>{one, both})) << "there was nothing new to forget";
  disk.issue(write(0, 64, 1));
  EXPECT_EQ(images(disk), std::set<Bytes>{both});
}

TEST(DiskStates, WhatWasWrittenAgainAfterAFailedSyncIsDurableWithTheNextOne) {
  DiskStates disk(Bytes(1024));
  disk.issue(write(100, 800, 1));
  disk.issue({Kind::kFailedSync, 0, {}});
  disk.issue({Kind::kFailedSync, 0, {}});
  disk.issue(write(100, 800, 1));
  disk.issue({Kind::kSync, 0, {}});
  EXPECT_EQ(images(disk), std::set<Bytes>{bytes_of({{100, 0}, {800, 1}, {124, 0}})});
}

TEST(DiskStates, AReportNamesTheWriteThatEachSectorIsOf) {
  DiskStates disk(Bytes(1024));
  disk.issue(write(0, 512, 1));
  disk.issue(write(512, 512, 2));
  EXPECT_EQ(disk.text({"a name", {0, 1}, 1024}), "a name; sector:write 0:old 1:1");
}

}  // namespace
}  // namespace holdfast::crash

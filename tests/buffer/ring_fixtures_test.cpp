// Rings written by released versions: each is opened, on a copy, and must be found as it was left.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "buffer/resize.h"
#include "tests/buffer/ring_scenarios.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using buffer::BlockKind;
using testing::HasSubstr;

const fs::path kFolder = fs::path(HOLDFAST_FIXTURES) / "rings";

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

Bytes bytes_of(const fs::path& path) {
  const std::string text = text_of(path);
  const auto bytes = base::as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

std::set<std::string> names_of_rings() {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".ring") names.insert(entry.path().stem().string());
  }
  return names;
}

TEST(RingFixtures, EveryRingOfAReleasedVersionIsFoundAsItWasLeft) {
  for (const std::string& name : names_of_rings()) {
    SCOPED_TRACE(name);
    EXPECT_EQ(describe_ring(bytes_of(kFolder / (name + ".ring"))),
              text_of(kFolder / (name + ".txt")));
  }
}

// v1f1: with the incompat feature 1.
TEST(RingFixtures, NoneOfVersion1IsMissing) {
  const auto names = names_of_rings();
  for (const std::string version : {"v1-", "v1f1-"}) {
    for (const char* name : {"clean", "backlog", "wrapped", "killed", "orphan"}) {
      EXPECT_TRUE(names.contains(version + name)) << version << name;
    }
  }
}

TEST(RingFixtures, WhatIsInThemStaysAfterThisVersionHasWrittenToThem) {
  for (const std::string& name : names_of_rings()) {
    SCOPED_TRACE(name);
    const FakeClock clock;
    const auto opened = open_image(bytes_of(kFolder / (name + ".ring")), clock, small_ring(4096));
    ASSERT_NE(opened.ring, nullptr);
    const auto before = opened.ring->info();
    auto block = numbered_block(before.point_sequence, 2);
    ASSERT_TRUE(opened.ring->append(block));
    const auto again = open_image(opened.file->content(), clock, small_ring(4096));
    const auto after = again.ring->info();
    EXPECT_EQ(after.point_sequence, before.point_sequence + 2);
    ASSERT_EQ(after.readers.size(), before.readers.size());
    expect_sound_ledgers(after);
    for (std::size_t i = 0; i < after.readers.size(); ++i) {
      EXPECT_EQ(after.readers[i].id, before.readers[i].id);
      EXPECT_EQ(after.readers[i].ledger.accepted, before.readers[i].ledger.accepted + 2);
    }
  }
}

TEST(RingFixtures, WhatIsInThemIsInTheirLargerCopies) {
  const auto without_size = [](const std::string& text) {
    return text.substr(0, text.find('\n')) + text.substr(text.find(" bytes"));
  };
  for (const std::string& name : names_of_rings()) {
    SCOPED_TRACE(name);
    const FakeClock clock;
    buffer::MemoryFile from(bytes_of(kFolder / (name + ".ring")));
    buffer::MemoryFile to;
    ASSERT_TRUE(buffer::copy_ring(from, to, 64 * 1024, clock, base::Random(1)));
    EXPECT_EQ(without_size(describe_ring(to.content())),
              without_size(text_of(kFolder / (name + ".txt"))));
  }
}

// Blocks of this kind whose sequence is at least `first`.
std::ptrdiff_t count_from(const Bytes& image, std::uint64_t first, BlockKind kind) {
  const auto blocks = blocks_in(image);
  return std::count_if(blocks.begin(), blocks.end(), [&](const PlacedBlock& block) {
    return block.header.block_sequence >= first && block.header.kind == kind;
  });
}

// What a release would write today shows what it is for.
TEST(RingScenarios, EachIsInTheStateOfItsName) {
  std::map<std::string, Bytes> images;
  for (const RingScenario& scenario : ring_scenarios()) {
    EXPECT_EQ(scenario.image.size(), 28U * 1024) << scenario.name;
    images[scenario.name] = scenario.image;
  }
  ASSERT_EQ(images.size(), 5U);
  EXPECT_THAT(describe_ring(images["clean"]), HasSubstr("closed properly, 0"));
  EXPECT_THAT(describe_ring(images["clean"]), HasSubstr("lines none"));
  EXPECT_THAT(describe_ring(images["backlog"]), HasSubstr("lines 17-23"));
  EXPECT_THAT(describe_ring(images["backlog"]), HasSubstr("lines 3-23"));
  EXPECT_THAT(describe_ring(images["killed"]), HasSubstr("not closed properly, 0"));
  EXPECT_THAT(describe_ring(images["killed"]), HasSubstr("lines 2-14"));
  EXPECT_THAT(describe_ring(images["orphan"]), HasSubstr("orphan since"));
  EXPECT_THAT(describe_ring(images["orphan"]), HasSubstr("wait of 90000000000"));
  const Bytes& wrapped = images["wrapped"];
  const auto state = newest_state(wrapped);
  EXPECT_GT(state.next.position, 2U * 4096);
  EXPECT_EQ(state.era, 1U) << "the clock was set back";
  // A pad and a checkpoint lie among what is pending.
  const auto oldest = state.readers[1].ranges[0].begin.block_sequence;
  EXPECT_GE(count_from(wrapped, oldest, BlockKind::kPad), 1);
  EXPECT_GE(count_from(wrapped, oldest, BlockKind::kCheckpoint), 1);
  EXPECT_GE(count_from(wrapped, oldest, BlockKind::kData), 5);
}

}  // namespace
}  // namespace holdfast::test

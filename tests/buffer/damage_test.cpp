// Bit rot: whatever bytes a file holds, the ring opens, hands out only points that were stored, and
// its ledgers add up.
#include <gtest/gtest.h>

#include "buffer/recovery.h"
#include "tests/buffer/damage_fixture.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using buffer::kDataOffset;
using buffer::kHeaderSize;
using buffer::Ring;

using DamageTest = DamageFixture;

TEST_F(DamageTest, TheImageHasAllKindsOfBlocks) {
  std::array<int, 4> kinds{};
  for (const PlacedBlock& block : blocks_in(image_)) {
    ++kinds[static_cast<std::size_t>(block.header.kind)];
  }
  EXPECT_GT(kinds[1], 10);
  EXPECT_GE(kinds[2], 1);
  EXPECT_GE(kinds[3], 1);
  check(image_, 0, 0);
}

TEST_F(DamageTest, AnySingleDamagedByteCostsNoMoreThanItsBlock) {
  for (std::size_t at = 0; at < image_.size(); ++at) {
    // Of the unused bytes of the head, which are all alike, a sample will do.
    if (!near_record(at) && at % 61 != 0) continue;
    SCOPED_TRACE(fmt::format("byte {}", at));
    Bytes image = image_;
    image[at] ^= static_cast<std::byte>(1 + at % 255);
    const auto [hit, hit_end] = points_at(at);
    check(image, hit, hit_end);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST_F(DamageTest, ADamagedBlockInTheMiddleIsSkippedAndCountedExactly) {
  const PlacedBlock victim = block_of_point(image_, next_ - pending_ / 2);
  for (const std::uint64_t offset : {victim.offset, victim.offset + kHeaderSize}) {
    Bytes image = image_;
    wreck(image, offset, 16);
    const auto opened = open_image(image, clock_, options_);
    const auto reader = *opened.ring->attach("r");
    std::vector<std::uint64_t> expected = numbers(next_ - pending_, next_);
    std::erase_if(expected, [&](std::uint64_t n) {
      return n >= victim.header.point_sequence &&
             n < victim.header.point_sequence + victim.header.points;
    });
    EXPECT_EQ(drain(*opened.ring, reader), expected);
    const auto counters = reader_info(*opened.ring, "r").ledger.counters;
    EXPECT_EQ(counters.corrupt, victim.header.points);
    EXPECT_EQ(opened.ring->recovery().points_lost, 0U) << "found when it is read";
  }
}

TEST_F(DamageTest, DamageBetweenOpeningAndReadingIsSkippedToo) {
  const auto opened = open_image(image_, clock_, options_);
  const auto reader = *opened.ring->attach("r");
  const PlacedBlock first = block_of_point(image_, next_ - pending_);
  const PlacedBlock second =
      block_of_point(image_, first.header.point_sequence + first.header.points);
  const std::array<std::byte, 100> noise{};
  ASSERT_TRUE(opened.file->write_at(first.offset + kHeaderSize, std::span(noise).first(20)));
  ASSERT_TRUE(opened.file->write_at(second.offset, noise));
  const auto found = drain(*opened.ring, reader);
  EXPECT_EQ(found, numbers(second.header.point_sequence + second.header.points, next_));
  EXPECT_EQ(reader_info(*opened.ring, "r").ledger.counters.corrupt,
            first.header.points + second.header.points);
}

TEST_F(DamageTest, AWreckedDataAreaIsAllCountedAsCorrupt) {
  Bytes image = image_;
  wreck(image, kDataOffset, kDataBytes);
  const auto opened = open_image(image, clock_, options_);
  const auto reader = *opened.ring->attach("r");
  EXPECT_TRUE(drain(*opened.ring, reader).empty());
  const auto ledger = reader_info(*opened.ring, "r").ledger;
  EXPECT_EQ(ledger.buffered, 0U);
  EXPECT_GT(ledger.counters.corrupt + ledger.counters.overflow, 0U);
  expect_sound_ledgers(opened.ring->info());
  auto block = numbered_block(500, 2);
  ASSERT_TRUE(opened.ring->append(block));
  EXPECT_EQ(drain(*opened.ring, reader), numbers(500, 502));
}

TEST_F(DamageTest, ATruncatedFileOpensAndGetsItsSizeBack) {
  int opened = 0;
  // One that holds nothing any more is a new one.
  for (std::size_t size = 1; size < image_.size(); ++size) {
    if (!near_record(size) && size % 61 != 0) continue;
    SCOPED_TRACE(fmt::format("{} bytes", size));
    Bytes image = image_;
    image.resize(size);
    expect_tame(image, next_);
    if (testing::Test::HasFatalFailure()) return;
    if (size < buffer::kSuperblockBytes) continue;
    const auto again = open_image(image, clock_, options_);
    ASSERT_NE(again.ring, nullptr) << "a superblock is enough";
    ASSERT_EQ(again.file->content().size(), image_.size());
    ++opened;
  }
  EXPECT_GT(opened, 6'000);
}

// With slots and checkpoints gone only the lap in the headers tells old from new, and it counts to
// sixteen.
TEST_F(DamageTest, WithoutAnyRecordOfItsReadersEverythingLeftIsDeliveredInAnyLap) {
  auto options = small_ring(kDataBytes);
  options.checkpoint_bytes = 1U << 30U;
  auto file = std::make_unique<buffer::MemoryFile>();
  buffer::MemoryFile& bytes = *file;
  const auto ring = open_ring(std::move(file), clock_, options);
  const auto reader = *ring->attach("r");
  std::uint64_t next = 0;
  for (std::uint32_t i = 0; next < 18 * kDataBytes / 60; ++i) {
    auto block = numbered_block(next, 2 + i % 3, 60);
    ASSERT_TRUE(ring->append(block));
    next += block.points;
    Bytes image = bytes.content();
    wreck_slots(image);
    const auto opened = open_image(image, clock_, options);
    ASSERT_TRUE(opened.ring->recovery().ledger_lost);
    const std::uint64_t left = ring->pending_points(reader);
    ASSERT_EQ(drain(*opened.ring, *opened.ring->attach("new")), numbers(next - left, next));
  }
}

TEST_F(DamageTest, GarbageIsRefusedWithoutTouchingIt) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    base::Random random(seed);
    auto record = std::make_shared<FileRecord>();
    Bytes garbage(random.below(2) == 0 ? image_.size() : random.below(60'000) + 1);
    for (std::byte& byte : garbage) byte = static_cast<std::byte>(random.next());
    {
      RecordingFile setup(record);
      ASSERT_TRUE(setup.write_at(0, garbage));
    }
    const auto ring = Ring::open(RecordingFile::reopen(record), options_, clock_, random);
    ASSERT_FALSE(ring);
    EXPECT_EQ(ring.error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(record->size(), 1U);
  }
}

TEST_F(DamageTest, GarbageBehindAGoodHeadOpens) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    base::Random random(seed);
    Bytes image = image_;
    for (int spots = 0; spots < 10; ++spots) {
      const std::uint64_t at = kDataOffset + random.below(kDataBytes);
      const std::uint64_t size = random.below(image.size() - at + 1) / 4;
      for (std::uint64_t i = 0; i < size; ++i) {
        image[at + i] = static_cast<std::byte>(random.next());
      }
    }
    check(image, 0, next_);
    if (testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace holdfast::test

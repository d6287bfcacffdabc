// Bit rot: whatever bytes a file holds, the ring opens, hands out only points that were stored, and
// its ledgers add up.
#include <gtest/gtest.h>

#include "buffer/recovery.h"
#include "tests/buffer/image.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using buffer::kDataOffset;
using buffer::kHeaderSize;
using buffer::Ring;

constexpr std::uint64_t kDataBytes = 6144;

class DamageTest : public testing::Test {
 protected:
  DamageTest() {
    options_.checkpoint_bytes = 1700;
    auto file = std::make_unique<buffer::MemoryFile>();
    buffer::MemoryFile& bytes = *file;
    const auto ring = open_ring(std::move(file), clock_, options_);
    const auto reader = *ring->attach("r");
    // More than a lap, a checkpoint and a pad among the blocks, some of them not yet synced.
    for (std::uint32_t i = 0; i < 36; ++i) {
      auto block = numbered_block(next_, 2 + i % 3, 60);
      EXPECT_TRUE(ring->append(block));
      next_ += block.points;
      if (i == 31) {
        const auto batch = ring->read(reader, {.max_points = 1}, 0);
        ring->acknowledge(reader, batch->points, {});
        EXPECT_TRUE(*ring->sync(true));
      }
    }
    pending_ = ring->pending_points(reader);
    image_ = bytes.content();
  }

  // What is read back after damage that hit only the points in [hit, hit_end).
  void check(const Bytes& image, std::uint64_t hit, std::uint64_t hit_end) {
    const auto opened = open_image(image, clock_, options_);
    ASSERT_NE(opened.ring, nullptr);
    const auto reader = *opened.ring->attach("r");
    const auto found = drain(*opened.ring, reader);
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_LT(found[i], next_) << "a point that was never stored";
      if (i > 0) {
        ASSERT_GT(found[i], found[i - 1]) << "out of order or twice";
      }
    }
    auto at = found.begin();
    for (std::uint64_t n = next_ - pending_; n < next_; ++n) {
      at = std::lower_bound(at, found.end(), n);
      const bool there = at != found.end() && *at == n;
      ASSERT_TRUE(there || (n >= hit && n < hit_end)) << "point " << n << " is lost";
    }
    expect_sound_ledgers(opened.ring->info());
    EXPECT_EQ(reader_info(*opened.ring, "r").ledger.buffered, 0U);
    auto block = numbered_block(1'000'000, 2);
    ASSERT_TRUE(opened.ring->append(block));
    EXPECT_EQ(drain(*opened.ring, reader), numbers(1'000'000, 1'000'002));
  }

  // The points of the block that covers this byte of the file.
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> points_at(std::uint64_t offset) const {
    const auto blocks = blocks_in(image_);
    for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
      const auto& header = block->header;
      if (block->offset <= offset && offset < block->end() && header.points > 0) {
        return {header.point_sequence, header.point_sequence + header.points};
      }
    }
    return {0, 0};
  }

  FakeClock clock_;
  buffer::RingOptions options_ = small_ring(kDataBytes);
  Bytes image_;
  std::uint64_t next_ = 0;
  std::uint64_t pending_ = 0;
};

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
    // Bytes of the head that are zero are of no record; a sample of them is enough.
    if (at < kDataOffset && image_[at] == std::byte{0} && at % 61 != 0) continue;
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
  for (std::size_t size = 128; size < image_.size(); size += 97) {
    SCOPED_TRACE(fmt::format("{} bytes", size));
    Bytes image = image_;
    image.resize(size);
    const auto opened = open_image(image, clock_, options_);
    ASSERT_NE(opened.ring, nullptr);
    EXPECT_EQ(opened.file->content().size(), image_.size());
    const auto reader = *opened.ring->attach("r");
    const auto found = drain(*opened.ring, reader);
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_LT(found[i], next_);
      if (i > 0) {
        ASSERT_GT(found[i], found[i - 1]);
      }
    }
    expect_sound_ledgers(opened.ring->info());
    EXPECT_EQ(reader_info(*opened.ring, "r").ledger.buffered, 0U);
  }
}

TEST_F(DamageTest, HalfOfAnOlderCopyOverANewerOneGivesNothingInvented) {
  auto opened = open_image(image_, clock_, options_);
  const auto reader = *opened.ring->attach("r");
  std::uint64_t next = next_;
  for (int i = 0; i < 17; ++i, next += 4) {
    auto block = numbered_block(next, 4, 60);
    ASSERT_TRUE(opened.ring->append(block));
  }
  (void)reader;
  const Bytes newer = opened.file->content();
  for (std::size_t cut = 0; cut <= image_.size(); cut += 512) {
    SCOPED_TRACE(fmt::format("cut at {}", cut));
    Bytes mixed = image_;
    std::copy(newer.begin() + static_cast<std::ptrdiff_t>(cut), newer.end(),
              mixed.begin() + static_cast<std::ptrdiff_t>(cut));
    const auto again = open_image(mixed, clock_, options_);
    const auto found = drain(*again.ring, *again.ring->attach("r"));
    for (std::size_t i = 1; i < found.size(); ++i) ASSERT_GT(found[i], found[i - 1]);
    ASSERT_TRUE(found.empty() || found.back() < next);
    expect_sound_ledgers(again.ring->info());
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

// A small ring with all kinds of blocks in it, and what must hold whatever is done to its bytes.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "buffer/verify.h"
#include "tests/buffer/image.h"

namespace holdfast::test {

class DamageFixture : public testing::Test {
 protected:
  static constexpr std::uint64_t kDataBytes = 6144;

  DamageFixture() {
    options_.checkpoint_bytes = 1500;
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
    blocks_ = blocks_in(image_);
  }

  // What is read back after damage that hit only the points in [hit, hit_end).
  void check(const Bytes& image, std::uint64_t hit, std::uint64_t hit_end) {
    const auto opened = open_image(image, clock_, options_);
    ASSERT_NE(opened.ring, nullptr);
    const auto reader = *opened.ring->attach("r");
    const auto found = drain(*opened.ring, reader);
    expect_only_originals(found, next_);
    if (HasFatalFailure()) return;
    const std::vector<std::uint64_t> lost = missing(found);
    for (const std::uint64_t n : lost) {
      ASSERT_TRUE(n >= hit && n < hit_end) << "point " << n << " is lost";
    }
    const auto ledger = reader_info(*opened.ring, "r").ledger;
    expect_sound_ledgers(opened.ring->info());
    EXPECT_EQ(ledger.buffered, 0U);
    // Behind the last block nothing tells that there was more. Before the first one the writer may
    // have been: then the loss counts as overflow.
    if (hit_end < next_) {
      ASSERT_EQ(ledger.accepted, next_);
      ASSERT_EQ(ledger.counters.total(), next_);
      if (hit != next_ - pending_) {
        ASSERT_EQ(ledger.counters.corrupt, lost.size());
        expect_verified(image, lost.size());
      }
    }
    auto block = numbered_block(1'000'000, 2);
    ASSERT_TRUE(opened.ring->append(block));
    EXPECT_EQ(drain(*opened.ring, reader), numbers(1'000'000, 1'000'002));
  }

  // Points that were once stored, each at most once, in order.
  static void expect_only_originals(const std::vector<std::uint64_t>& found, std::uint64_t next) {
    for (std::size_t i = 0; i < found.size(); ++i) {
      ASSERT_LT(found[i], next) << "a point that was never stored";
      if (i > 0) {
        ASSERT_GT(found[i], found[i - 1]) << "out of order or twice";
      }
    }
  }

  // Any bytes: the ring is refused as kCorrupt and left alone, or it opens, hands out originals
  // below `next`, keeps its ledgers, takes points and is the same after another start; unless parts
  // of a newer copy lie about.
  void expect_tame(const Bytes& image, std::uint64_t next, bool newer_blocks_about = false) {
    auto file = std::make_unique<buffer::MemoryFile>(image);
    buffer::MemoryFile* bytes = file.get();
    auto ring = buffer::Ring::open(std::move(file), options_, clock_, base::Random(3));
    if (!ring) {
      ASSERT_EQ(ring.error().code, base::ErrorCode::kCorrupt);
      return;
    }
    const auto reader = *(*ring)->attach("r");
    expect_sound_ledgers((*ring)->info());
    expect_only_originals(drain(**ring, reader), next);
    if (HasFatalFailure()) return;
    auto block = numbered_block(1'000'000, 2);
    ASSERT_TRUE((*ring)->append(block));
    const auto before = reader_info(**ring, "r").ledger;
    expect_sound_ledgers((*ring)->info());
    const auto again = open_image(bytes->content(), clock_, options_);
    const auto rest = drain(*again.ring, *again.ring->attach("r"));
    expect_sound_ledgers(again.ring->info());
    if (newer_blocks_about) {
      // Behind the new points, others of the newer copy may have come within reach.
      ASSERT_GE(rest.size(), 2U);
      ASSERT_EQ(rest[0], 1'000'000U);
      ASSERT_EQ(rest[1], 1'000'001U);
      expect_only_originals({rest.begin() + 2, rest.end()}, next);
      return;
    }
    ASSERT_EQ(rest, numbers(1'000'000, 1'000'002));
    auto after = reader_info(*again.ring, "r").ledger;
    ASSERT_EQ(after.accepted, before.accepted);
    after.counters.delivered -= 2;
    ASSERT_EQ(after.counters, before.counters);
  }

  // Verify says the same as reading does.
  static void expect_verified(const Bytes& image, std::uint64_t lost) {
    buffer::MemoryFile file(image);
    const auto snapshot = buffer::take_snapshot(file, false);
    ASSERT_TRUE(snapshot);
    std::uint64_t pending_lost = 0;
    const auto report = buffer::verify(file, *snapshot, {}, [&](const buffer::Damage& damage) {
      if (!damage.wanted_by.empty()) pending_lost += damage.stretch.points;
    });
    ASSERT_EQ(pending_lost, lost);
    ASSERT_EQ(report.good(), lost == 0);
  }

  // Of the points that were pending, those that did not come.
  [[nodiscard]] std::vector<std::uint64_t> missing(const std::vector<std::uint64_t>& found) const {
    std::vector<std::uint64_t> lost;
    const auto wanted = numbers(next_ - pending_, next_);
    std::set_difference(wanted.begin(), wanted.end(), found.begin(), found.end(),
                        std::back_inserter(lost));
    return lost;
  }

  // The points of the block that covers this byte of the file.
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> points_at(std::uint64_t offset) const {
    for (auto block = blocks_.rbegin(); block != blocks_.rend(); ++block) {
      const auto& header = block->header;
      if (block->offset <= offset && offset < block->end() && header.points > 0) {
        return {header.point_sequence, header.point_sequence + header.points};
      }
    }
    return {0, 0};
  }

  // Some record covers this byte, or lies closer to it than a few bytes.
  [[nodiscard]] bool near_record(std::size_t at) const {
    if (at + 8 >= buffer::kDataOffset) return true;
    for (const std::uint64_t begin : buffer::kSuperblockOffsets) {
      if (at + 8 >= begin && at < begin + buffer::kSuperblockBytes + 8) return true;
    }
    for (const std::uint64_t begin : buffer::kSlotOffsets) {
      const auto size = base::load_le<std::uint32_t>(image_.data() + begin + 4);
      if (at + 8 >= begin && at < begin + size + 8) return true;
    }
    return false;
  }

  FakeClock clock_;
  buffer::RingOptions options_ = small_ring(kDataBytes);
  Bytes image_;
  std::vector<PlacedBlock> blocks_;  // of the image
  std::uint64_t next_ = 0;
  std::uint64_t pending_ = 0;
};

}  // namespace holdfast::test

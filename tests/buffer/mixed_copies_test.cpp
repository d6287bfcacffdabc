// Files put together from what does not belong together: parts of older copies, slots and blocks in
// each other's place, parts of another ring.
#include <gtest/gtest.h>

#include "tests/buffer/damage_fixture.h"

namespace holdfast::test {
namespace {

using buffer::kDataOffset;
using buffer::kSlotOffsets;
using buffer::kSlotSize;

constexpr std::size_t kSector = 512;

void copy_part(const Bytes& from, std::size_t begin, std::size_t end, Bytes& to) {
  std::copy(from.begin() + static_cast<std::ptrdiff_t>(begin),
            from.begin() + static_cast<std::ptrdiff_t>(end),
            to.begin() + static_cast<std::ptrdiff_t>(begin));
}

void swap_parts(Bytes& image, std::size_t one, std::size_t other, std::size_t size) {
  const auto first = image.begin() + static_cast<std::ptrdiff_t>(one);
  std::swap_ranges(first, first + static_cast<std::ptrdiff_t>(size),
                   image.begin() + static_cast<std::ptrdiff_t>(other));
}

class MixedCopies : public DamageFixture {
 protected:
  // The ring `blocks` blocks later; points are acknowledged on the way.
  Bytes later(int blocks) {
    auto opened = open_image(image_, clock_, options_);
    const auto reader = *opened.ring->attach("r");
    for (int i = 0; i < blocks; ++i, later_next_ += 4) {
      auto block = numbered_block(later_next_, 4, 60);
      EXPECT_TRUE(opened.ring->append(block));
      if (i % 3 != 0) continue;
      EXPECT_TRUE(*opened.ring->sync(true));
      const auto batch = opened.ring->read(reader, {.max_points = 4}, 0);
      opened.ring->acknowledge(reader, batch->points, {});
    }
    return opened.file->content();
  }

  void SetUp() override { later_next_ = next_; }

  std::uint64_t later_next_ = 0;
};

TEST_F(MixedCopies, HalfOfAnOlderCopyOverANewerOneGivesNothingInvented) {
  for (const int blocks : {1, 5, 17, 60}) {
    later_next_ = next_;
    const Bytes newer = later(blocks);
    for (std::size_t cut = 0; cut <= image_.size(); cut += cut < kDataOffset ? kSector : 64) {
      SCOPED_TRACE(fmt::format("{} blocks later, cut at {}", blocks, cut));
      Bytes front_old = newer;
      copy_part(image_, 0, cut, front_old);
      expect_tame(front_old, later_next_, true);
      Bytes back_old = newer;
      copy_part(image_, cut, image_.size(), back_old);
      expect_tame(back_old, later_next_, true);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(MixedCopies, AnySectorOfAnOlderCopyGivesNothingInvented) {
  for (const int blocks : {3, 17}) {
    later_next_ = next_;
    const Bytes newer = later(blocks);
    for (std::size_t at = 0; at < image_.size(); at += kSector) {
      SCOPED_TRACE(fmt::format("{} blocks later, sector at {}", blocks, at));
      Bytes mixed = newer;
      copy_part(image_, at, at + kSector, mixed);
      expect_tame(mixed, later_next_, true);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(MixedCopies, SlotsInEachOthersPlaceAreTheSameSlots) {
  const auto before = open_image(image_, clock_, options_);
  Bytes swapped = image_;
  swap_parts(swapped, kSlotOffsets[0], kSlotOffsets[1], kSlotSize);
  ASSERT_NE(swapped, image_);
  check(swapped, 0, 0);
  const auto after = open_image(swapped, clock_, options_);
  EXPECT_EQ(reader_info(*after.ring, "r").ledger.counters,
            reader_info(*before.ring, "r").ledger.counters);
}

TEST_F(MixedCopies, TheOlderSlotTwiceCostsNothing) {
  const auto newest = newest_state(image_);
  const auto first = buffer::decode_state(std::span(image_).subspan(kSlotOffsets[0], kSlotSize),
                                          superblock_of(image_));
  ASSERT_TRUE(first);
  const bool first_is_newest = first->generation == newest.generation;
  Bytes image = image_;
  const auto from = image_.begin() + static_cast<std::ptrdiff_t>(kSlotOffsets[first_is_newest]);
  std::copy(from, from + kSlotSize,
            image.begin() + static_cast<std::ptrdiff_t>(kSlotOffsets[!first_is_newest]));
  ASSERT_NE(image, image_);
  const auto opened = open_image(image, clock_, options_);
  const auto found = drain(*opened.ring, *opened.ring->attach("r"));
  expect_only_originals(found, next_);
  EXPECT_TRUE(missing(found).empty()) << "what was acknowledged since may come again";
  expect_sound_ledgers(opened.ring->info());
}

TEST_F(MixedCopies, BlocksInEachOthersPlaceAreSkippedAndCounted) {
  int swaps = 0;
  for (std::size_t one = 0; one < blocks_.size(); ++one) {
    for (std::size_t other = one + 1; other < blocks_.size(); ++other) {
      const PlacedBlock& a = blocks_[one];
      const PlacedBlock& b = blocks_[other];
      if (a.header.extent() != b.header.extent()) continue;
      SCOPED_TRACE(
          fmt::format("blocks {} and {}", a.header.block_sequence, b.header.block_sequence));
      Bytes image = image_;
      swap_parts(image, a.offset, b.offset, a.header.extent());
      expect_tame(image, next_);
      if (HasFatalFailure()) return;
      ++swaps;
    }
  }
  EXPECT_GT(swaps, 30);
}

TEST_F(MixedCopies, PartsOfAnotherRingAreNoPartOfThisOne) {
  // The same blocks, but with a salt of its own.
  auto file = std::make_unique<buffer::MemoryFile>();
  buffer::MemoryFile& bytes = *file;
  auto other = buffer::Ring::open(std::move(file), options_, clock_, base::Random(7));
  ASSERT_TRUE(other);
  ASSERT_TRUE((*other)->attach("r"));
  for (std::uint64_t n = 5000; n < 5100; n += 2) {
    auto block = numbered_block(n, 2, 60);
    ASSERT_TRUE((*other)->append(block));
  }
  const Bytes strange = bytes.content();
  ASSERT_EQ(strange.size(), image_.size());
  for (std::size_t at = kDataOffset; at < image_.size(); at += kSector) {
    SCOPED_TRACE(fmt::format("sector at {}", at));
    Bytes mixed = image_;
    copy_part(strange, at, at + kSector, mixed);
    expect_tame(mixed, next_);
    if (HasFatalFailure()) return;
  }
  Bytes mixed = image_;
  copy_part(strange, kDataOffset, image_.size(), mixed);
  expect_tame(mixed, next_);
  mixed = image_;
  copy_part(strange, kSlotOffsets[0], kDataOffset - 4096, mixed);  // both slots
  expect_tame(mixed, next_);
}

}  // namespace
}  // namespace holdfast::test

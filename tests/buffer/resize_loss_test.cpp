// What a copy leaves behind: blocks without room, damaged ones, those that nobody wants; and rings
// that hold little or nothing.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "buffer/resize.h"
#include "tests/buffer/resize_fixture.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using buffer::kDataOffset;
using buffer::kHeaderSize;
using testing::ElementsAre;

using Resize = ResizeFixture;

TEST_F(Resize, PointsAreDroppedFromWhereAReaderStandsInABlock) {
  (void)*ring_->attach("r");
  for (int i = 0; i < 10; ++i) append(8, 120);  // 1024 and 64 bytes each
  acknowledge("r", 8 + 3);
  EXPECT_EQ(open(resized(image(), 16 * 1024).image).ring->info().points, 69U);
  // Room for six blocks: the second one, of which three points are delivered, up to the fourth go.
  const auto opened = open(resized(image(), 6 * 1088).image);
  const auto ledger = reader_info(*opened.ring, "r").ledger;
  EXPECT_EQ(ledger.counters.delivered, 11U);
  EXPECT_EQ(ledger.counters.overflow, 21U);
  EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")), numbers(32, 80));
}

TEST_F(Resize, AFileFilledToTheLastByteGoesOn) {
  (void)*ring_->attach("r");
  for (int i = 0; i < 8; ++i) append(4, 112);  // 512 bytes each with the header
  const Bytes full = resized(image(), 4096).image;
  const auto opened = open(full);
  EXPECT_EQ(opened.ring->info().used_bytes, 4096U);
  auto block = numbered_block(32, 4, 112);
  ASSERT_TRUE(opened.ring->append(block));
  EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")), numbers(4, 36));
  EXPECT_EQ(reader_info(*opened.ring, "r").ledger.counters.overflow, 4U);
}

TEST_F(Resize, BlocksThatAreLargerThanTheNewDataAreaAreDropped) {
  record_ = std::make_shared<FileRecord>();
  reopen(small_ring(128 * 1024));
  (void)*ring_->attach("r");
  append(100, 120);
  append(2);
  const ResizedImage copy = resized(image(), 4096);
  EXPECT_EQ(copy.numbers.points_dropped, 100U);
  EXPECT_EQ(pending_in(copy.image, "r"), numbers(100, 102));
}

TEST_F(Resize, DamagedBlocksAreCountedAsAReaderWould) {
  (void)*ring_->attach("r");
  for (int i = 0; i < 12; ++i) append(4, 100);
  acknowledge("r", 1);
  for (const std::uint64_t victim : {0U, 5U, 20U, 47U}) {
    for (const std::uint64_t into : {std::uint64_t{0}, kHeaderSize}) {
      SCOPED_TRACE(fmt::format("point {}, {} bytes into its block", victim, into));
      Bytes damaged = image();
      const PlacedBlock block = block_of_point(damaged, victim);
      wreck(damaged, block.offset + into, 16);
      for (const std::uint64_t data_bytes : {64U * 1024, 4096U}) {
        const Bytes copy = resized(damaged, data_bytes).image;
        const auto old = open(damaged);
        const auto now = open(copy);
        const auto expected = drain(*old.ring, *old.ring->attach("r"));
        const auto found = drain(*now.ring, *now.ring->attach("r"));
        const auto was = reader_info(*old.ring, "r").ledger;
        const auto is = reader_info(*now.ring, "r").ledger;
        EXPECT_EQ(is.accepted, was.accepted);
        EXPECT_EQ(is.buffered, 0U);
        if (data_bytes > 4096) {
          EXPECT_EQ(found, expected);
          EXPECT_EQ(is.counters, was.counters);
          EXPECT_EQ(is.counters.corrupt, victim == 0 ? 3U : 4U);
        } else {
          EXPECT_GT(is.counters.overflow, 0U);
          EXPECT_TRUE(std::includes(expected.begin(), expected.end(), found.begin(), found.end()));
          EXPECT_EQ(found.back(), expected.back());
        }
        EXPECT_EQ(is.accepted, is.counters.total());
      }
    }
  }
}

TEST_F(Resize, WhatIsDamagedTakesNoRoom) {
  (void)*ring_->attach("r");
  for (int i = 0; i < 9; ++i) append(4, 112);  // 512 bytes each, one more than fits
  Bytes damaged = image();
  wreck(damaged, block_of_point(damaged, 16).offset + kHeaderSize, 8);
  const ResizedImage copy = resized(damaged, 4096);
  EXPECT_EQ(copy.numbers.points_dropped, 0U);
  EXPECT_EQ(pending_in(copy.image, "r").size(), 32U);
}

TEST_F(Resize, WithEveryBlockDamagedOnlyTheLedgerIsLeft) {
  (void)*ring_->attach("r");
  for (int i = 0; i < 6; ++i) append(4);
  ASSERT_TRUE(ring_->close());
  Bytes damaged = image();
  for (const PlacedBlock& block : blocks_in(damaged)) {
    wreck(damaged, block.offset + kHeaderSize, 8);
  }
  const ResizedImage copy = resized(damaged, 4096);
  EXPECT_EQ(copy.numbers.points_kept, 0U);
  const auto opened = open(copy.image);
  const auto ledger = reader_info(*opened.ring, "r").ledger;
  EXPECT_EQ(ledger.accepted, 24U);
  EXPECT_EQ(ledger.counters.corrupt, 24U);
  auto block = numbered_block(24, 4);
  ASSERT_TRUE(opened.ring->append(block));
  EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")), numbers(24, 28));
}

TEST_F(Resize, ARingWithNothingPendingKeepsItsLedgerAndItsNumbers) {
  (void)*ring_->attach("r");
  for (int i = 0; i < 6; ++i) append(4);
  acknowledge("r", 24);
  const ResizedImage copy = resized(image(), 4096);
  EXPECT_TRUE(blocks_in(copy.image).empty());
  const auto opened = open(copy.image);
  EXPECT_EQ(reader_info(*opened.ring, "r").ledger.counters.delivered, 24U);
  EXPECT_EQ(opened.ring->info().block_sequence, ring_->info().block_sequence);
  auto block = numbered_block(24, 4);
  ASSERT_TRUE(opened.ring->append(block));
  EXPECT_EQ(pending_in(opened.file->content(), "r"), numbers(24, 28));
}

TEST_F(Resize, ANewRingCanBeResized) {
  EXPECT_EQ(resized(image(), 4096).image.size(), kDataOffset + 4096);
  EXPECT_TRUE(pending_in(resized(image(), 4096).image, "r").empty());
}

TEST_F(Resize, WithoutReadersEverythingIsKeptForTheFirst) {
  for (int i = 0; i < 6; ++i) append(4, 112);
  EXPECT_EQ(resized(image(), 64 * 1024).numbers.points_kept, 24U);
  EXPECT_EQ(pending_in(resized(image(), 64 * 1024).image, "r"), numbers(0, 24));
  for (int i = 0; i < 4; ++i) append(4, 112);
  const ResizedImage small = resized(image(), 4096);
  EXPECT_EQ(small.numbers.points_kept, 32U);
  EXPECT_EQ(small.numbers.points_dropped, 8U);
  EXPECT_EQ(pending_in(small.image, "r"), numbers(8, 40));
}

TEST_F(Resize, ALedgerThatWasLostLeavesTheBlocks) {
  (void)*ring_->attach("r");
  for (int i = 0; i < 6; ++i) append(4);
  Bytes damaged = image();
  wreck_slots(damaged);
  const ResizedImage copy = resized(damaged, 64 * 1024);
  EXPECT_TRUE(copy.numbers.recovery.ledger_lost);
  EXPECT_EQ(pending_in(copy.image, "r"), numbers(0, 24));
}

TEST_F(Resize, BlocksAfterTheLastSyncComeAlong) {
  (void)*ring_->attach("r");
  append(4);
  ASSERT_TRUE(ring_->sync(true));
  append(4);
  append(4);
  const ResizedImage copy = resized(image(), 64 * 1024);
  EXPECT_EQ(copy.numbers.recovery.blocks_found_past_tail, 3U)
      << "the one before counts: its sync's slot vouches for the sync before";
  EXPECT_FALSE(copy.numbers.recovery.clean);
  EXPECT_EQ(pending_in(copy.image, "r"), numbers(0, 12));
}

TEST_F(Resize, PointsLostInAPowerCutStayCountedForTheReader) {
  (void)*ring_->attach("r");
  append(4);
  append(4);
  ASSERT_TRUE(ring_->sync(true));
  append(4);
  append(4);
  const FileOperation hole = last_data_write(*record_, 1);
  const Bytes cut = image_without(*record_, [&](const FileOperation& operation) {
    return operation.kind == FileOperation::Kind::kWrite && operation.offset == hole.offset;
  });
  const ResizedImage copy = resized(cut, 64 * 1024);
  EXPECT_EQ(copy.numbers.recovery.points_lost, 4U);
  const auto opened = open(copy.image);
  auto expected = numbers(0, 8);
  expected.insert(expected.end(), {12, 13, 14, 15});
  EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")), expected);
  EXPECT_EQ(reader_info(*opened.ring, "r").ledger.counters.corrupt, 4U);
}

TEST_F(Resize, OfSeveralRangesOnlyWhatLiesInThemIsCopied) {
  (void)*ring_->attach("r");
  for (int i = 0; i < 10; ++i) append(4);
  ASSERT_TRUE(ring_->close());
  Bytes with_ranges = image();
  const auto mark = [&](std::uint64_t point, std::uint32_t into) {
    const PlacedBlock block = block_of_point(with_ranges, point);
    return buffer::Mark{block.offset - kDataOffset, block.header.block_sequence,
                        block.header.point_sequence, into};
  };
  buffer::State state = newest_state(with_ranges);
  ++state.generation;
  // Points 1 to 8 (one into the third block), 20 to 23, and everything from 33 on.
  state.readers[0].ranges = {
      {mark(0, 1), mark(8, 1)}, {mark(20, 0), mark(24, 0)}, {mark(32, 1), buffer::Range{}.end}};
  state.readers[0].counters.delivered = 40 - (8 + 4 + 7);
  const std::string slot = encode_state(state, superblock_of(with_ranges));
  std::copy_n(base::as_bytes(slot).begin(), slot.size(),
              with_ranges.begin() + static_cast<std::ptrdiff_t>(buffer::kSlotOffsets[0]));

  const ResizedImage copy = resized(with_ranges, 64 * 1024);
  std::vector<std::uint64_t> first_points;
  for (const auto& block : blocks_in(copy.image)) {
    first_points.push_back(block.header.point_sequence);
  }
  EXPECT_THAT(first_points, ElementsAre(0, 4, 8, 20, 32, 36));
  const auto ranges = newest_state(copy.image).readers[0].ranges;
  ASSERT_EQ(ranges.size(), 3U);
  const std::uint64_t extent = 128;
  EXPECT_EQ(ranges[0].begin, (buffer::Mark{0, 1, 0, 1}));
  EXPECT_EQ(ranges[0].end, (buffer::Mark{2 * extent, 3, 8, 1}));
  EXPECT_EQ(ranges[1].begin, (buffer::Mark{3 * extent, 6, 20, 0}));
  EXPECT_EQ(ranges[1].end, (buffer::Mark{4 * extent, 7, 24, 0}));
  EXPECT_EQ(ranges[2].begin, (buffer::Mark{4 * extent, 9, 32, 1}));
  EXPECT_EQ(copy.numbers.points_kept, 8U + 4 + 7);

  // The damaged block was all of its range.
  wreck(with_ranges, block_of_point(with_ranges, 20).offset + kHeaderSize, 8);
  const auto left = newest_state(resized(with_ranges, 64 * 1024).image).readers[0];
  EXPECT_EQ(left.ranges.size(), 2U);
  EXPECT_EQ(left.counters.corrupt, 4U);
}

TEST_F(Resize, TheSizeIsTheSameWithinOneUnit) {
  buffer::MemoryFile file(image());
  const std::uint64_t size = image().size();
  for (const std::uint64_t same : {size - 63, size, size + 63}) {
    EXPECT_EQ(buffer::other_size(file, same), std::nullopt) << same;
  }
  for (const std::uint64_t other : {size - 64, size + 64, size * 2}) {
    EXPECT_EQ(buffer::other_size(file, other), size) << other;
  }
  buffer::MemoryFile empty;
  EXPECT_EQ(buffer::other_size(empty, size), std::nullopt);
}

TEST_F(Resize, WhatIsNoRingOrTooSmallASizeIsRefused) {
  buffer::MemoryFile to;
  const auto code = [&](buffer::File& from, std::uint64_t size) {
    const auto copied = buffer::copy_ring(from, to, size, clock_, base::Random(1));
    return copied ? std::nullopt : std::optional(copied.error().code);
  };
  buffer::MemoryFile empty;
  EXPECT_EQ(code(empty, 64 * 1024), ErrorCode::kNotFound);
  buffer::MemoryFile noise(Bytes(100'000, std::byte{7}));
  EXPECT_EQ(code(noise, 64 * 1024), ErrorCode::kCorrupt);
  buffer::MemoryFile ring(image());
  EXPECT_EQ(code(ring, kDataOffset + 4095), ErrorCode::kInvalid);
  EXPECT_EQ(code(ring, kDataOffset + 4096), std::nullopt);
}

}  // namespace
}  // namespace holdfast::test

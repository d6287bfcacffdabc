// Power cuts: writes since the last sync that are lost, torn or reordered.
#include "buffer/recovery.h"

#include <gtest/gtest.h>

#include "tests/buffer/image.h"

namespace holdfast::test {
namespace {

using buffer::kDataOffset;
using buffer::kHeaderSize;
using buffer::Ring;

class RecoveryTest : public testing::Test {
 protected:
  explicit RecoveryTest(std::uint64_t data_bytes = 16 * 1024) : options_(small_ring(data_bytes)) {
    ring_ = open_ring(std::make_unique<RecordingFile>(record_), clock_, options_);
    reader_ = *ring_->attach("r");
  }

  void append(std::uint32_t points, std::size_t line_bytes = 16) {
    auto block = numbered_block(next_, points, line_bytes);
    ASSERT_TRUE(ring_->append(block));
    next_ += points;
  }
  void sync() { ASSERT_TRUE(*ring_->sync(false)); }
  [[nodiscard]] Bytes image() const { return record_->content_after(record_->size()); }
  // The file as it is but for the writes of these blocks (by the first point of each).
  [[nodiscard]] Bytes image_without_blocks(const std::vector<std::uint64_t>& points) const {
    std::vector<std::uint64_t> offsets;
    for (const auto point : points) offsets.push_back(block_of_point(image(), point).offset);
    return image_without(*record_, [&](const FileOperation& operation) {
      return operation.kind == FileOperation::Kind::kWrite &&
             std::count(offsets.begin(), offsets.end(), operation.offset) > 0;
    });
  }

  FakeClock clock_;
  buffer::RingOptions options_;
  std::shared_ptr<FileRecord> record_ = std::make_shared<FileRecord>();
  std::unique_ptr<Ring> ring_;
  buffer::ReaderId reader_ = 0;
  std::uint64_t next_ = 0;
};

TEST_F(RecoveryTest, BlocksAfterTheLastSyncAreFoundAgainAfterAKill) {
  append(3);
  sync();
  append(4);
  append(5);
  const auto opened = open_image(image(), clock_, options_);
  EXPECT_EQ(opened.ring->recovery().blocks_found_past_tail, 3U)
      << "the slot names the tail of the sync before";
  EXPECT_EQ(opened.ring->recovery().holes, 0U);
  EXPECT_EQ(opened.ring->recovery().points_lost, 0U);
  EXPECT_FALSE(opened.ring->recovery().full_scan);
  EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")), numbers(0, 12));
}

TEST_F(RecoveryTest, ReadsTheUnsyncedPartNotTheWholeRing) {
  auto file = std::make_unique<buffer::MemoryFile>();
  buffer::MemoryFile& bytes = *file;
  auto options = small_ring(16U << 20U);
  options.unsynced_limit = 256U << 10U;
  const auto ring = open_ring(std::move(file), clock_, options);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    auto block = numbered_block(10 * i, 10, 400);
    ASSERT_TRUE(ring->append(block));
  }
  const auto opened = open_image(bytes.content(), clock_, options);
  EXPECT_FALSE(opened.ring->recovery().full_scan);
  EXPECT_EQ(opened.ring->info().point_sequence, 20'000U);
  EXPECT_LE(opened.ring->recovery().bytes_read, 4U << 20U);
}

TEST_F(RecoveryTest, OfARingThatWasClosedOnlyItsEndsAreRead) {
  auto file = std::make_unique<buffer::MemoryFile>();
  const buffer::MemoryFile& bytes = *file;
  const auto options = small_ring(16U << 20U);
  const auto ring = open_ring(std::move(file), clock_, options);
  auto block = numbered_block(0, 3);
  ASSERT_TRUE(ring->append(block));
  const auto killed = open_image(bytes.content(), clock_, options);
  EXPECT_GE(killed.ring->recovery().bytes_read, 1U << 20U);
  ASSERT_TRUE(ring->close());
  const auto closed = open_image(bytes.content(), clock_, options);
  EXPECT_TRUE(closed.ring->recovery().clean);
  EXPECT_LE(closed.ring->recovery().bytes_read, 128U << 10U);
  EXPECT_EQ(drain(*closed.ring, *closed.ring->attach("r")), numbers(0, 3));
}

TEST_F(RecoveryTest, BlocksBehindTheTailOfAProperCloseAreFoundAllTheSame) {
  append(3);
  ASSERT_TRUE(ring_->close());
  const Bytes closed = image();
  auto again = open_image(closed, clock_, options_);
  for (std::uint64_t number = 3; number < 9; number += 3) {
    auto block = numbered_block(number, 3);
    ASSERT_TRUE(again.ring->append(block));
  }
  ASSERT_TRUE(again.ring->sync(true));
  // A device that lies: the slots written since are gone.
  Bytes lost = again.file->content();
  for (const auto offset : buffer::kSlotOffsets) {
    const auto from = closed.begin() + static_cast<std::ptrdiff_t>(offset);
    std::copy_n(from, buffer::kSlotSize, lost.begin() + static_cast<std::ptrdiff_t>(offset));
  }
  const auto opened = open_image(lost, clock_, options_);
  EXPECT_EQ(opened.ring->recovery().blocks_found_past_tail, 2U);
  EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")), numbers(0, 9));
}

TEST_F(RecoveryTest, ALostBlockIsCountedAndTheLaterOnesSurvive) {
  append(2);
  sync();
  append(3);
  append(4);  // lost
  append(5);
  append(6);
  const auto opened = open_image(image_without_blocks({5}), clock_, options_);
  EXPECT_EQ(opened.ring->recovery().holes, 1U);
  EXPECT_EQ(opened.ring->recovery().points_lost, 4U);
  const auto reader = *opened.ring->attach("r");
  auto expected = numbers(0, 5);
  const auto rest = numbers(9, 20);
  expected.insert(expected.end(), rest.begin(), rest.end());
  EXPECT_EQ(drain(*opened.ring, reader), expected);
  const auto ledger = reader_info(*opened.ring, "r").ledger;
  EXPECT_EQ(ledger.counters.corrupt, 4U);
  EXPECT_EQ(ledger.counters.delivered, 16U);
  EXPECT_EQ(ledger.accepted, 20U);
  EXPECT_EQ(ledger.buffered, 0U);
}

TEST_F(RecoveryTest, ATornBlockIsCountedAndTheLaterOnesSurvive) {
  append(2);
  sync();
  append(3, 60);  // torn behind its header
  append(4);
  append(5);
  Bytes torn = image();
  wreck(torn, block_of_point(torn, 2).offset + kHeaderSize + 64, 32);
  const auto opened = open_image(torn, clock_, options_);
  EXPECT_EQ(opened.ring->recovery().points_lost, 3U);
  EXPECT_EQ(opened.ring->recovery().ghosts_erased, 0U) << "it lies before the tail";
  auto expected = numbers(0, 2);
  const auto rest = numbers(5, 14);
  expected.insert(expected.end(), rest.begin(), rest.end());
  EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")), expected);
  EXPECT_EQ(reader_info(*opened.ring, "r").ledger.counters.corrupt, 3U);
}

TEST_F(RecoveryTest, AnySetOfUnsyncedBlocksLostLeavesTheOthers) {
  append(1);
  sync();
  for (std::uint32_t i = 0; i < 6; ++i) append(2 + i % 3, 30);
  std::vector<PlacedBlock> blocks = blocks_in(image());
  ASSERT_EQ(blocks.size(), 7U);
  for (unsigned lost = 0; lost < 64; ++lost) {
    SCOPED_TRACE(fmt::format("lost {:06b}", lost));
    std::vector<std::uint64_t> points;
    std::vector<std::uint64_t> expected{0};
    for (unsigned i = 0; i < 6; ++i) {
      const auto& header = blocks[i + 1].header;
      const auto held = numbers(header.point_sequence, header.point_sequence + header.points);
      if ((lost >> i & 1U) != 0) {
        points.push_back(header.point_sequence);
      } else {
        expected.insert(expected.end(), held.begin(), held.end());
      }
    }
    const auto opened = open_image(image_without_blocks(points), clock_, options_);
    EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")), expected);
    expect_sound_ledgers(opened.ring->info());
    EXPECT_EQ(reader_info(*opened.ring, "r").ledger.buffered, 0U);
    // Blocks that come after the last one found were accepted, but nothing in the file says so.
    const auto corrupt = reader_info(*opened.ring, "r").ledger.counters.corrupt;
    EXPECT_EQ(corrupt, expected.back() + 1 - expected.size());
  }
}

TEST_F(RecoveryTest, PointsThatOnlyASlotKnowsOfAreCountedEvenIfNothingFollows) {
  append(2);
  sync();
  append(3);
  append(4);
  // The acknowledgement's slot names the tail behind a block that the power cut then takes away.
  (void)ring_->read(reader_, {.max_points = 2}, 0);
  ring_->acknowledge(reader_, 1, {});
  const auto opened = open_image(image_without_blocks({5}), clock_, options_);
  EXPECT_EQ(opened.ring->recovery().points_lost, 4U);
  EXPECT_EQ(opened.ring->info().point_sequence, 9U);
  const auto reader = *opened.ring->attach("r");
  EXPECT_EQ(drain(*opened.ring, reader), numbers(1, 5));
  const auto ledger = reader_info(*opened.ring, "r").ledger;
  EXPECT_EQ(ledger.buffered, 0U) << "nothing stays pending that can never be read";
  EXPECT_EQ(ledger.counters.corrupt, 4U);
  EXPECT_EQ(ledger.accepted, 9U);
}

TEST_F(RecoveryTest, NumbersGivenOutAreNotUsedAgain) {
  append(2);
  sync();
  append(3);
  append(4);
  (void)ring_->read(reader_, {.max_points = 2}, 0);
  ring_->acknowledge(reader_, 1, {});
  const auto opened = open_image(image_without_blocks({2, 5}), clock_, options_);
  EXPECT_EQ(opened.ring->info().block_sequence, 4U);
  EXPECT_EQ(opened.ring->info().point_sequence, 9U);
  auto block = numbered_block(9, 2);
  ASSERT_TRUE(opened.ring->append(block));
  const auto reader = *opened.ring->attach("r");
  EXPECT_EQ(drain(*opened.ring, reader), (std::vector<std::uint64_t>{1, 9, 10}));
  EXPECT_EQ(reader_info(*opened.ring, "r").ledger.counters.corrupt, 7U);
}

// Block k is lost, block k + 1 lies torn behind it: its header is whole, its payload is not.
class GhostTest : public RecoveryTest {
 protected:
  GhostTest() {
    append(2);
    sync();
    append(3);
    append(3);
    ghost_ = block_of_point(image(), 5);
    torn_ = image_without_blocks({2});
    wreck(torn_, ghost_.offset + kHeaderSize + 20, 4);
  }

  PlacedBlock ghost_;
  Bytes torn_;
};

TEST_F(GhostTest, IsErasedOnceItsNumbersAreDurable) {
  const auto record = std::make_shared<FileRecord>(torn_);
  const auto ring = open_ring(RecordingFile::reopen(record), clock_, options_);
  EXPECT_EQ(ring->recovery().ghosts_erased, 1U);
  const auto operations = record->operations();
  ASSERT_EQ(operations.size(), 5U);
  EXPECT_EQ(operations[0].kind, FileOperation::Kind::kSync);
  EXPECT_LT(operations[1].offset, kDataOffset) << "the slot";
  EXPECT_EQ(operations[2].kind, FileOperation::Kind::kSync);
  EXPECT_EQ(operations[3].offset, ghost_.offset);
  EXPECT_EQ(operations[3].bytes, Bytes(kHeaderSize));
  EXPECT_EQ(operations[4].kind, FileOperation::Kind::kSync);
}

// tests/kills found that a kill between the erasing and the slot lowered the count.
TEST_F(GhostTest, IsNotForgottenByAKillWhileTheRingOpens) {
  const auto record = std::make_shared<FileRecord>(torn_);
  (void)open_ring(RecordingFile::reopen(record), clock_, options_);
  for (std::size_t count = 0; count <= record->size(); ++count) {
    SCOPED_TRACE(fmt::format("killed after {} operations", count));
    const auto opened = open_image(record->content_after(count), clock_, options_);
    EXPECT_EQ(opened.ring->info().point_sequence, 8U);
    const auto blocks = blocks_in(opened.file->content());
    EXPECT_EQ(blocks.back().header.block_sequence, 1U) << "the ghost is still there";
  }
}

TEST_F(GhostTest, NeverComesBackWhenBlocksOfEqualLengthAreAppended) {
  auto opened = open_image(torn_, clock_, options_);
  EXPECT_EQ(opened.ring->info().point_sequence, 8U) << "the ghost shows how many there were";
  const auto reader = *opened.ring->attach("r");
  EXPECT_EQ(drain(*opened.ring, reader), numbers(0, 2));
  EXPECT_EQ(reader_info(*opened.ring, "r").ledger.counters.corrupt, 6U);
  auto block = numbered_block(100, 3);
  ASSERT_TRUE(opened.ring->append(block));
  const Bytes after = opened.file->content();
  EXPECT_EQ(block_of_point(after, 8).end(), ghost_.offset) << "the new block ends where it lay";
  const auto again = open_image(after, clock_, options_);
  EXPECT_EQ(drain(*again.ring, *again.ring->attach("r")), numbers(100, 103));
  EXPECT_EQ(again.ring->info().point_sequence, 11U);
}

TEST_F(RecoveryTest, APadThatIsLostLosesNoPoints) {
  // Up to shortly before the end, then a block that does not fit there.
  while (16 * 1024 - ring_->info().used_bytes > 600) append(4, 60);
  sync();
  ASSERT_TRUE(*ring_->sync(true));
  append(10, 80);
  const auto blocks = blocks_in(image());
  const auto pad = std::find_if(blocks.begin(), blocks.end(), [](const PlacedBlock& block) {
    return block.header.kind == buffer::BlockKind::kPad;
  });
  ASSERT_NE(pad, blocks.end());
  const Bytes without = image_without(*record_, [&](const FileOperation& operation) {
    return operation.kind == FileOperation::Kind::kWrite && operation.offset == pad->offset;
  });
  const auto pending = reader_info(*ring_, "r").ledger.buffered;
  const auto opened = open_image(without, clock_, options_);
  EXPECT_EQ(opened.ring->recovery().holes, 1U);
  EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")), numbers(next_ - pending, next_));
  EXPECT_EQ(reader_info(*opened.ring, "r").ledger.counters.corrupt, 0U);
}

TEST_F(RecoveryTest, WhatLiesUnderAPadStaysBuried) {
  // The first lap ends with small blocks; in the second a large one leaves a pad over them.
  while (next_ < 120) append(2, 20);
  while (ring_->info().used_bytes + 128 <= 16 * 1024) append(2, 20);
  (void)drain(*ring_, reader_);
  const auto first_of_lap = next_;
  while (16 * 1024 - (next_ - first_of_lap) / 10 * 1088 > 1088) append(10, 100);
  append(10, 100);
  const auto blocks = blocks_in(image());
  const auto pad = std::find_if(blocks.rbegin(), blocks.rend(), [](const PlacedBlock& block) {
    return block.header.kind == buffer::BlockKind::kPad;
  });
  ASSERT_NE(pad, blocks.rend());
  const auto buried = std::count_if(blocks.begin(), blocks.end(), [&](const PlacedBlock& block) {
    return block.offset > pad->offset && block.end() <= pad->end();
  });
  ASSERT_GT(buried, 2) << "stale headers lie in the pad";
  const auto pending = reader_info(*ring_, "r").ledger.buffered;
  for (const bool slots_too : {false, true}) {
    Bytes damaged = image();
    wreck(damaged, pad->offset, kHeaderSize);
    if (slots_too) wreck_slots(damaged);
    const auto opened = open_image(damaged, clock_, options_);
    const auto found = drain(*opened.ring, *opened.ring->attach("r"));
    ASSERT_GE(found.size(), pending);
    EXPECT_EQ(found, numbers(next_ - found.size(), next_));
    EXPECT_EQ(reader_info(*opened.ring, "r").ledger.counters.corrupt, 0U);
  }
}

TEST_F(RecoveryTest, ASlotOfTheFirstLapDoesNotHideLaterOnes) {
  const Bytes fresh = record_->content_after(4);  // allocate, slot, sync, superblock
  for (int i = 0; i < 500; ++i) append(4, 60);
  Bytes aged = image();
  std::copy_n(fresh.begin() + buffer::kSlotOffsets[0], buffer::kSlotSize,
              aged.begin() + buffer::kSlotOffsets[0]);
  wreck(aged, buffer::kSlotOffsets[1], buffer::kSlotSize);
  const auto state = newest_state(aged);
  ASSERT_EQ(state.generation, 1U);
  ASSERT_EQ(state.last_block, 0U);
  const auto opened = open_image(aged, clock_, options_);
  EXPECT_TRUE(opened.ring->recovery().full_scan);
  EXPECT_GE(opened.ring->info().block_sequence, ring_->info().block_sequence);
  const auto found = drain(*opened.ring, *opened.ring->attach("r"));
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found, numbers(found.front(), next_));
}

TEST_F(RecoveryTest, InspectTellsWhatOpeningWouldAndWritesNothing) {
  append(2);
  sync();
  append(3);
  append(4);
  append(5);
  for (const Bytes& bytes : {image(), image_without_blocks({5}), image_without_blocks({9})}) {
    auto record = std::make_shared<FileRecord>();
    RecordingFile file(record);
    ASSERT_TRUE(file.write_at(0, bytes));
    const auto before = record->size();
    const auto inspected = buffer::inspect(file);
    ASSERT_TRUE(inspected);
    EXPECT_EQ(record->size(), before);
    EXPECT_EQ(file.content(), bytes);
    const auto info = open_image(bytes, clock_, options_).ring->info();
    EXPECT_EQ(inspected->size_bytes, info.size_bytes);
    EXPECT_EQ(inspected->used_bytes, info.used_bytes);
    EXPECT_EQ(inspected->points, info.points);
    EXPECT_EQ(inspected->oldest_stored_at_s, info.oldest_stored_at_s);
    EXPECT_EQ(inspected->block_sequence, info.block_sequence);
    EXPECT_EQ(inspected->point_sequence, info.point_sequence);
    ASSERT_EQ(inspected->readers.size(), 1U);
    EXPECT_EQ(inspected->readers[0].ledger.accepted, info.readers.at(0).ledger.accepted);
    EXPECT_EQ(inspected->readers[0].ledger.buffered, info.readers[0].ledger.buffered);
    EXPECT_EQ(inspected->readers[0].ledger.counters, info.readers[0].ledger.counters);
  }
}

TEST_F(RecoveryTest, ARingWrittenToCanBeInspected) {
  append(7);
  RecordingFile copy(std::make_shared<FileRecord>());
  ASSERT_TRUE(copy.write_at(0, image()));
  const auto info = buffer::inspect(copy);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->points, 7U);
  EXPECT_EQ(info->point_sequence, 7U);
}

}  // namespace
}  // namespace holdfast::test

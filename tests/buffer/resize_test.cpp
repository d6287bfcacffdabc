// A copy of a ring that has everything: what comes along, in what order it is written, what fails.
#include "buffer/resize.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/buffer/hook_file.h"
#include "tests/buffer/resize_fixture.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using buffer::BlockKind;
using buffer::kDataOffset;
using buffer::kEraMask;

bool is_data(const PlacedBlock& block) { return block.header.kind == BlockKind::kData; }

// The headers of the last `count` data blocks, without their laps.
std::vector<buffer::BlockHeader> last_headers(const Bytes& image, std::size_t count) {
  std::vector<buffer::BlockHeader> found;
  for (const PlacedBlock& block : blocks_in(image)) {
    if (!is_data(block)) continue;
    found.push_back(block.header);
    found.back().flags &= kEraMask;
  }
  EXPECT_GE(found.size(), count);
  return {found.end() - static_cast<std::ptrdiff_t>(std::min(count, found.size())), found.end()};
}

void expect_same_reader(const buffer::ReaderInfo& a, const buffer::ReaderInfo& b) {
  SCOPED_TRACE("reader " + a.id);
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.orphaned_ns, b.orphaned_ns);
  EXPECT_EQ(a.not_before, b.not_before);
  EXPECT_EQ(a.ledger.since_ns, b.ledger.since_ns);
  EXPECT_EQ(a.ledger.accepted, b.ledger.accepted);
  EXPECT_EQ(a.ledger.buffered, b.ledger.buffered);
  EXPECT_EQ(a.ledger.counters, b.ledger.counters);
}

// Two readers at different places, one within a block; an orphan with a wait; counters in use; more
// than a lap with pads and checkpoints; a stepped clock.
class FullResize : public ResizeFixture {
 protected:
  FullResize() {
    auto options = small_ring(16 * 1024);
    options.checkpoint_bytes = 5000;
    record_ = std::make_shared<FileRecord>();
    reopen(options);
    (void)*ring_->attach("fast");
    (void)*ring_->attach("orphan");
    for (int i = 0; i < 50; ++i) {
      clock_.advance(std::chrono::seconds(7));
      if (i % 9 == 8) clock_.step_wall(std::chrono::hours(i % 2 == 0 ? 2 : -2));
      append(5, 70);
    }
    acknowledge("fast", 4, {.rejected = 1, .filtered = 2});
    acknowledge("fast", ring_->pending_points(0) - 12, {});
    acknowledge("orphan", 3);
    ring_->set_not_before(1, {.wall_ns = 17, .boot_ns = 18, .remaining_ns = 19, .boot_id = {'x'}});
    reopen(options);
    (void)*ring_->attach("fast");
    (void)ring_->settle_orphans(std::chrono::hours(24));
    before_ = ring_->info();
    image_ = image();
  }

  [[nodiscard]] const buffer::Ledger& ledger(const buffer::RingInfo& info, std::size_t i) const {
    return info.readers[i].ledger;
  }

  buffer::RingInfo before_;
  Bytes image_;
};

TEST_F(FullResize, TheSourceHasEverythingThatMatters) {
  ASSERT_EQ(before_.readers.size(), 2U);
  EXPECT_EQ(ledger(before_, 0).buffered, 12U);
  EXPECT_EQ(ledger(before_, 0).counters.rejected, 1U);
  EXPECT_GT(ledger(before_, 1).buffered, 120U);
  EXPECT_EQ(ledger(before_, 1).counters.delivered, 3U);
  EXPECT_NE(before_.readers[1].orphaned_ns, 0);
  EXPECT_EQ(newest_state(image_).readers[0].ranges[0].begin.points_into_block, 3U);
  EXPECT_GT(newest_state(image_).next.position, 16U * 1024) << "it has gone round";
  EXPECT_GE(newest_state(image_).era, 3U);
  std::array<int, 4> kinds{};
  for (const auto& block : blocks_in(image_)) ++kinds[static_cast<std::size_t>(block.header.kind)];
  EXPECT_GE(kinds[2], 1);
  EXPECT_GE(kinds[3], 1);
}

TEST_F(FullResize, EverythingComesAlongWhereItFits) {
  for (const std::uint64_t data_bytes :
       {16U * 1024 - 64, 16U * 1024, 16U * 1024 + 64, 64U * 1024, 1U << 20U}) {
    SCOPED_TRACE(fmt::format("data area of {} bytes", data_bytes));
    const ResizedImage copy = resized(image_, data_bytes);
    EXPECT_EQ(copy.image.size(), kDataOffset + data_bytes);
    EXPECT_EQ(copy.numbers.from_bytes, image_.size());
    EXPECT_EQ(copy.numbers.to_bytes, copy.image.size());
    EXPECT_EQ(copy.numbers.points_kept, before_.points);
    EXPECT_EQ(copy.numbers.points_dropped, 0U);
    const auto opened = open(copy.image);
    const auto after = opened.ring->info();
    EXPECT_EQ(after.size_bytes, copy.image.size());
    EXPECT_EQ(after.point_sequence, before_.point_sequence);
    EXPECT_EQ(after.block_sequence, before_.block_sequence);
    EXPECT_EQ(after.oldest_stored_at_s, before_.oldest_stored_at_s);
    EXPECT_FALSE(opened.ring->recovery().full_scan);
    EXPECT_EQ(opened.ring->recovery().points_lost, 0U);
    ASSERT_EQ(after.readers.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) expect_same_reader(before_.readers[i], after.readers[i]);
    for (const char* id : {"fast", "orphan"}) {
      EXPECT_EQ(pending_in(copy.image, id), pending_in(image_, id)) << id;
    }
  }
}

TEST_F(FullResize, BlocksKeepTheirNumbersErasAndTimes) {
  const ResizedImage copy = resized(image_, 64 * 1024);
  const auto copied = blocks_in(copy.image);
  EXPECT_TRUE(std::all_of(copied.begin(), copied.end(), is_data)) << "no pads, no checkpoints";
  EXPECT_GT(copied.size(), 20U);
  EXPECT_EQ(last_headers(copy.image, copied.size()), last_headers(image_, copied.size()));
  EXPECT_EQ(newest_state(copy.image).era, newest_state(image_).era);
  EXPECT_EQ(newest_state(copy.image).boot_id, newest_state(image_).boot_id);
}

TEST_F(FullResize, TheNewFileHasASaltAndUuidOfItsOwn) {
  const auto old = superblock_of(image_);
  const auto first = superblock_of(resized(image_, 64 * 1024).image);
  random_seed_ = 1;
  const auto second = superblock_of(resized(image_, 64 * 1024).image);
  EXPECT_NE(first.seed(), old.seed());
  EXPECT_NE(first.uuid, old.uuid);
  EXPECT_NE(first.seed(), second.seed());
  EXPECT_NE(first.uuid, second.uuid);
}

TEST_F(FullResize, WhatDoesNotFitIsDroppedFromTheOldestOn) {
  std::uint64_t most_dropped = 0;
  for (std::uint64_t data_bytes = 4096; data_bytes < 16384; data_bytes += 64) {
    SCOPED_TRACE(fmt::format("data area of {} bytes", data_bytes));
    const ResizedImage copy = resized(image_, data_bytes);
    const auto opened = open(copy.image);
    const auto after = opened.ring->info();
    const std::uint64_t dropped =
        ledger(after, 1).counters.overflow - ledger(before_, 1).counters.overflow;
    EXPECT_EQ(copy.numbers.points_dropped, dropped);
    EXPECT_EQ(copy.numbers.points_kept, ledger(after, 1).buffered);
    EXPECT_EQ(ledger(after, 1).buffered, ledger(before_, 1).buffered - dropped);
    EXPECT_EQ(ledger(after, 1).counters.corrupt, 0U);
    expect_same_reader(before_.readers[0], after.readers[0]);
    expect_sound_ledgers(after);
    auto expected = pending_in(image_, "orphan");
    expected.erase(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(dropped));
    EXPECT_EQ(pending_in(copy.image, "orphan"), expected);
    // One block more would have been too much: they all take 448 bytes.
    if (dropped > 0) {
      EXPECT_GT(after.used_bytes + 448, data_bytes);
    }
    most_dropped = std::max(most_dropped, dropped);
  }
  EXPECT_GT(most_dropped, 80U);
}

TEST_F(FullResize, ThereAndBackAgainIsTheSameContent) {
  const Bytes back = resized(resized(image_, 128 * 1024).image, 16 * 1024).image;
  const auto opened = open(back);
  const auto after = opened.ring->info();
  for (std::size_t i = 0; i < 2; ++i) expect_same_reader(before_.readers[i], after.readers[i]);
  EXPECT_EQ(pending_in(back, "orphan"), pending_in(image_, "orphan"));
}

TEST_F(FullResize, TheRingGoesOnInItsNewSize) {
  for (const std::uint64_t data_bytes : {4096U, 64U * 1024}) {
    const auto opened = open(resized(image_, data_bytes).image);
    const auto fast = *opened.ring->attach("fast");
    const auto expected = numbers(next_ - 12, next_ + 400);
    std::vector<std::uint64_t> found;
    for (int i = 0; i < 80; ++i) {
      auto block = numbered_block(next_ + 5 * static_cast<std::uint64_t>(i), 5, 70);
      ASSERT_TRUE(opened.ring->append(block));
      const auto part = drain(*opened.ring, fast);
      found.insert(found.end(), part.begin(), part.end());
    }
    EXPECT_EQ(found, expected);
    expect_sound_ledgers(opened.ring->info());
    const auto again = open(opened.file->content());
    expect_same_reader(reader_info(*opened.ring, "orphan"), reader_info(*again.ring, "orphan"));
    EXPECT_FALSE(again.ring->recovery().full_scan);
  }
}

TEST_F(FullResize, SlotAndSuperblocksComeLastAndAfterASync) {
  const auto record = std::make_shared<FileRecord>();
  buffer::MemoryFile from(image_);
  RecordingFile to(record);
  ASSERT_TRUE(buffer::copy_ring(from, to, 64 * 1024, clock_, base::Random(1)));
  const auto operations = record->operations();
  std::string order;
  for (const FileOperation& operation : operations) {
    const bool data =
        operation.kind == FileOperation::Kind::kWrite && operation.offset >= kDataOffset;
    const char step = operation.kind == FileOperation::Kind::kAllocate ? 'a'
                      : operation.kind == FileOperation::Kind::kSync   ? 's'
                      : data                                           ? 'd'
                                                                       : 'h';
    if (order.empty() || order.back() != step) order += step;
  }
  EXPECT_EQ(order, "adshs");
  EXPECT_EQ(operations[operations.size() - 4].offset, buffer::kSlotOffsets[0]);
}

TEST_F(FullResize, AFailureOfAnyOperationIsAnErrorAndLeavesTheOldRingAlone) {
  const auto record = std::make_shared<FileRecord>();
  const auto run = [&](std::size_t failing) {
    std::size_t count = 0;
    record->fail_with([&count, failing](const FileOperation&) -> base::Status {
      if (count++ == failing) return base::fail(ErrorCode::kNoSpace, "no room");
      return base::ok();
    });
    buffer::MemoryFile from(image_);
    RecordingFile to(record);
    const auto copied = buffer::copy_ring(from, to, 64 * 1024, clock_, base::Random(1));
    EXPECT_TRUE(from.content() == image_);
    if (copied) return true;
    EXPECT_EQ(copied.error().code, ErrorCode::kNoSpace);
    return false;
  };
  std::size_t operations = 0;
  while (!run(operations)) ++operations;
  EXPECT_GT(operations, 15U);
}

TEST_F(FullResize, ADeviceThatCannotReadAllIsNotTakenForDamage) {
  std::size_t failures = 0;
  const std::size_t after_the_head = 5;
  for (std::size_t failing = 0; failing < 1000; ++failing) {
    std::size_t reads = 0;
    HookFile from;
    ASSERT_TRUE(from.write_at(0, image_));
    from.before_read([&](std::uint64_t) -> base::Status {
      if (reads++ == failing) return base::fail(ErrorCode::kIo, "bad sector");
      return base::ok();
    });
    buffer::MemoryFile to;
    const auto copied = buffer::copy_ring(from, to, 64 * 1024, clock_, base::Random(1));
    if (copied) {
      EXPECT_LE(reads, failing);
      break;
    }
    if (failing >= after_the_head) {
      EXPECT_EQ(copied.error().code, ErrorCode::kIo);
    }
    ++failures;
  }
  EXPECT_GT(failures, after_the_head);
  EXPECT_LT(failures, 1000U);
}

// Whatever is wrong with the old ring: a copy hands out and counts what the ring itself would have.
TEST_F(FullResize, OfADamagedRingTheCopyHasWhatTheRingItselfWouldGive) {
  for (std::size_t at = 0; at < image_.size(); at += at < kDataOffset ? 41 : 17) {
    SCOPED_TRACE(fmt::format("byte {}", at));
    Bytes damaged = image_;
    damaged[at] ^= static_cast<std::byte>(1 + at % 255);
    const auto old = open(damaged);
    const auto copy = open(resized(damaged, 32 * 1024).image);
    ASSERT_EQ(copy.ring->info().point_sequence, old.ring->info().point_sequence);
    ASSERT_EQ(copy.ring->info().block_sequence, old.ring->info().block_sequence);
    for (const char* id : {"fast", "orphan"}) {
      const auto expected = drain(*old.ring, *old.ring->attach(id));
      ASSERT_EQ(drain(*copy.ring, *copy.ring->attach(id)), expected) << id;
      expect_same_reader(reader_info(*old.ring, id), reader_info(*copy.ring, id));
    }
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace holdfast::test

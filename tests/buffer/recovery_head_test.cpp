// Damage to the head of the file: superblocks and slots.
#include <gtest/gtest.h>

#include "buffer/recovery.h"
#include "tests/buffer/hook_file.h"
#include "tests/buffer/image.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using buffer::kDataOffset;
using buffer::kSlotOffsets;
using buffer::kSuperblockOffsets;
using buffer::Ring;

// A ring with two readers at different places and, if wanted, checkpoints.
class RecoveryHeadTest : public testing::Test {
 protected:
  RecoveryHeadTest() { options_.checkpoint_bytes = 1500; }

  Bytes fill() {
    auto file = std::make_unique<buffer::MemoryFile>();
    buffer::MemoryFile& bytes = *file;
    const auto ring = open_ring(std::move(file), clock_, options_);
    const auto first = *ring->attach("first");
    const auto second = *ring->attach("second");
    for (int i = 0; i < 20; ++i) {
      auto block = numbered_block(4 * static_cast<std::uint64_t>(i), 4, 60);
      EXPECT_TRUE(ring->append(block));
      if (i < 15) acknowledge(*ring, first, 4);
      if (i < 10) acknowledge(*ring, second, 3);
    }
    EXPECT_TRUE(*ring->sync(false));
    expected_ = ring->info();
    return bytes.content();
  }
  static void acknowledge(Ring& ring, buffer::ReaderId reader, std::uint64_t points) {
    const auto batch = ring.read(reader, {.max_points = 4}, 0);
    ASSERT_GE(batch->points, 1U);
    ring.acknowledge(reader, std::min(points, batch->points), {});
  }
  void expect_ledgers_of_before(const Ring& ring) const {
    for (const auto& reader : expected_.readers) {
      const auto found = reader_info(ring, reader.id).ledger;
      EXPECT_EQ(found.counters, reader.ledger.counters);
      EXPECT_EQ(found.buffered, reader.ledger.buffered);
      EXPECT_EQ(found.accepted, reader.ledger.accepted);
    }
  }
  [[nodiscard]] static base::Result<std::unique_ptr<Ring>> try_open(Bytes image,
                                                                    const base::Clock& clock) {
    return Ring::open(std::make_unique<buffer::MemoryFile>(std::move(image)), {}, clock,
                      base::Random(3));
  }

  FakeClock clock_;
  buffer::RingOptions options_ = small_ring(16 * 1024);
  buffer::RingInfo expected_;
};

TEST_F(RecoveryHeadTest, EitherSuperblockIsEnoughAndTheOtherIsRepaired) {
  const Bytes good = fill();
  for (const auto offset : kSuperblockOffsets) {
    Bytes image = good;
    wreck(image, offset, 512);
    const auto opened = open_image(image, clock_, options_);
    expect_ledgers_of_before(*opened.ring);
    const Bytes after = opened.file->content();
    for (const auto copy : kSuperblockOffsets) {
      EXPECT_TRUE(std::equal(good.begin() + static_cast<std::ptrdiff_t>(copy),
                             good.begin() + static_cast<std::ptrdiff_t>(copy + 128),
                             after.begin() + static_cast<std::ptrdiff_t>(copy)));
    }
  }
}

TEST_F(RecoveryHeadTest, BothSuperblocksAreRebuiltFromASlot) {
  const Bytes good = fill();
  Bytes image = good;
  wreck_superblocks(image);
  const auto opened = open_image(image, clock_, options_);
  expect_ledgers_of_before(*opened.ring);
  const Bytes after = opened.file->content();
  for (const auto copy : kSuperblockOffsets) {
    const auto at = static_cast<std::ptrdiff_t>(copy);
    EXPECT_TRUE(std::equal(good.begin() + at, good.begin() + at + 128, after.begin() + at));
  }
}

TEST_F(RecoveryHeadTest, TheOlderSlotIsGoodEnough) {
  const Bytes good = fill();
  const auto superblock = superblock_of(good);
  std::uint64_t newest = 0;
  for (const auto offset : kSlotOffsets) {
    const auto state =
        buffer::decode_state(std::span(good).subspan(offset, buffer::kSlotSize), superblock);
    if (state && state->generation == newest_state(good).generation) newest = offset;
  }
  Bytes image = good;
  wreck(image, newest, buffer::kSlotSize);
  const auto opened = open_image(image, clock_, options_);
  EXPECT_FALSE(opened.ring->recovery().full_scan);
  EXPECT_EQ(opened.ring->info().point_sequence, 80U);
  expect_sound_ledgers(opened.ring->info());
  for (const auto& reader : expected_.readers) {
    const auto found = drain(*opened.ring, *opened.ring->attach(reader.id));
    ASSERT_GE(found.size(), reader.ledger.buffered);
    EXPECT_EQ(found, numbers(80 - found.size(), 80));
  }
}

TEST_F(RecoveryHeadTest, WithoutSlotsTheNewestCheckpointGivesTheReaders) {
  Bytes image = fill();
  const auto blocks = blocks_in(image);
  const auto checkpoint = std::find_if(
      blocks.rbegin(), blocks.rend(),
      [](const PlacedBlock& block) { return block.header.kind == buffer::BlockKind::kCheckpoint; });
  ASSERT_NE(checkpoint, blocks.rend());
  const auto record = std::span(image).subspan(checkpoint->offset + buffer::kHeaderSize);
  const auto state = buffer::decode_state(record, superblock_of(image));
  ASSERT_TRUE(state);
  wreck_slots(image);
  const auto opened = open_image(image, clock_, options_);
  EXPECT_TRUE(opened.ring->recovery().full_scan);
  EXPECT_FALSE(opened.ring->recovery().ledger_lost);
  ASSERT_EQ(opened.ring->info().readers.size(), 2U);
  for (const auto& reader : state->readers) {
    const auto ledger = reader_info(*opened.ring, reader.id).ledger;
    EXPECT_EQ(ledger.counters, reader.counters);
    EXPECT_EQ(ledger.accepted, 80U);
    EXPECT_EQ(drain(*opened.ring, *opened.ring->attach(reader.id)),
              numbers(reader.ranges.front().begin.points(), 80));
  }
  expect_sound_ledgers(opened.ring->info());
}

TEST_F(RecoveryHeadTest, WithoutSlotsAndCheckpointsTheLedgerStartsAnewAndAllIsDelivered) {
  options_.checkpoint_bytes = UINT64_MAX;
  options_.checkpoint_interval = std::chrono::hours(1000);
  Bytes image = fill();
  wreck_slots(image);
  clock_.advance(std::chrono::hours(1));
  const auto opened = open_image(image, clock_, options_);
  EXPECT_TRUE(opened.ring->recovery().ledger_lost);
  EXPECT_TRUE(opened.ring->info().readers.empty());
  const auto reader = *opened.ring->attach("first");
  EXPECT_EQ(reader_info(*opened.ring, "first").ledger.since_ns, clock_.wall_ns());
  EXPECT_EQ(drain(*opened.ring, reader), numbers(0, 80));
  auto block = numbered_block(80, 1);
  ASSERT_TRUE(opened.ring->append(block));
  EXPECT_EQ(drain(*opened.ring, reader), numbers(80, 81));
}

TEST_F(RecoveryHeadTest, WithoutSlotsALappedRingIsFoundAgain) {
  options_.checkpoint_bytes = UINT64_MAX;
  options_.checkpoint_interval = std::chrono::hours(1000);
  for (const int laps : {1, 3, 15, 16, 17, 40}) {
    SCOPED_TRACE(fmt::format("{} laps", laps));
    auto file = std::make_unique<buffer::MemoryFile>();
    buffer::MemoryFile& bytes = *file;
    const auto ring = open_ring(std::move(file), clock_, small_ring(4096));
    const auto reader = *ring->attach("r");
    std::uint64_t next = 0;
    for (int i = 0; i < 12 * laps + 5; ++i, next += 4) {
      auto block = numbered_block(next, 4, 60);
      ASSERT_TRUE(ring->append(block));
    }
    const auto pending = ring->pending_points(reader);
    Bytes image = bytes.content();
    wreck_slots(image);
    auto opened = open_image(image, clock_, options_);
    EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")), numbers(next - pending, next));
    EXPECT_EQ(opened.ring->info().block_sequence, ring->info().block_sequence);
  }
}

TEST_F(RecoveryHeadTest, WithoutSlotsNothingOfAnOlderLapIsTakenForTheOldest) {
  options_.checkpoint_bytes = UINT64_MAX;
  options_.checkpoint_interval = std::chrono::hours(1000);
  auto file = std::make_unique<buffer::MemoryFile>();
  buffer::MemoryFile& bytes = *file;
  const auto ring = open_ring(std::move(file), clock_, small_ring(8192));
  std::uint64_t next = 0;
  const auto append = [&](std::uint32_t points) {
    auto block = numbered_block(next, points, 60);
    ASSERT_TRUE(ring->append(block));
    next += points;
  };
  // A lap of small blocks, then one of large ones that ends with a pad over small ones.
  for (int i = 0; i < 64; ++i) append(1);
  for (int i = 0; i < 9; ++i) append(14);
  // Small ones again: step by step the oldest place moves on, right through the pad.
  std::size_t fewest = SIZE_MAX;
  for (int i = 0; i < 80; ++i) {
    append(1);
    Bytes image = bytes.content();
    wreck_slots(image);
    const auto opened = open_image(image, clock_, small_ring(8192));
    const auto found = drain(*opened.ring, *opened.ring->attach("r"));
    ASSERT_FALSE(found.empty());
    ASSERT_EQ(found, numbers(found.front(), next)) << "after " << i << " blocks";
    EXPECT_EQ(reader_info(*opened.ring, "r").ledger.counters.corrupt, 0U);
    fewest = std::min(fewest, found.size());
  }
  EXPECT_LT(fewest, 80U) << "all of the large blocks went by";
}

TEST_F(RecoveryHeadTest, ASlotAloneIsUsedWhenItsTailIsNotThere) {
  Bytes image = fill();
  const auto state = newest_state(image);
  // The block that the slot calls the last synced one is damaged.
  wreck(image, kDataOffset + state.last_position, 64);
  const auto opened = open_image(image, clock_, options_);
  EXPECT_TRUE(opened.ring->recovery().full_scan);
  EXPECT_FALSE(opened.ring->recovery().ledger_lost);
  for (const auto& reader : expected_.readers) {
    EXPECT_EQ(reader_info(*opened.ring, reader.id).ledger.counters.delivered,
              reader.ledger.counters.delivered);
    (void)drain(*opened.ring, *opened.ring->attach(reader.id));
    EXPECT_EQ(reader_info(*opened.ring, reader.id).ledger.buffered, 0U);
  }
  expect_sound_ledgers(opened.ring->info());
}

TEST_F(RecoveryHeadTest, WithTheWholeHeadDestroyedTheFileIsLeftAlone) {
  Bytes image = fill();
  wreck_superblocks(image);
  wreck_slots(image);
  const auto opened = try_open(image, clock_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
}

TEST_F(RecoveryHeadTest, AHeadOfZerosIsNotTakenForANewFileWhenThereAreBlocks) {
  Bytes image = fill();
  std::fill_n(image.begin(), kDataOffset, std::byte{0});
  auto record = std::make_shared<FileRecord>();
  {
    RecordingFile setup(record);
    ASSERT_TRUE(setup.write_at(0, image));
  }
  const auto opened = Ring::open(RecordingFile::reopen(record), options_, clock_, base::Random(1));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(record->size(), 1U) << "nothing was written";
}

TEST_F(RecoveryHeadTest, AnEmptyFileAndOneOfZerosBecomeNewRings) {
  for (const std::size_t size : {0U, 100U, 24'576U, 40'960U}) {
    const auto opened = open_image(Bytes(size), clock_, options_);
    EXPECT_TRUE(opened.ring->recovery().created);
    EXPECT_EQ(opened.file->content().size(), options_.size);
  }
}

TEST_F(RecoveryHeadTest, ACreationCutAnywhereIsTakenUpAgain) {
  auto record = std::make_shared<FileRecord>();
  (void)open_ring(std::make_unique<RecordingFile>(record), clock_, options_);
  for (std::size_t cut = 0; cut <= record->size(); ++cut) {
    SCOPED_TRACE(fmt::format("cut after {} operations", cut));
    const auto opened = open_image(record->content_after(cut), clock_, options_);
    const auto reader = *opened.ring->attach("r");
    auto block = numbered_block(0, 3);
    ASSERT_TRUE(opened.ring->append(block));
    EXPECT_EQ(drain(*opened.ring, reader), numbers(0, 3));
    EXPECT_EQ(opened.file->content().size(), options_.size);
  }
}

// The superblock of `image` with other contents and a right checksum, in both places.
Bytes with_superblock(Bytes image, const buffer::Superblock& superblock) {
  for (const auto offset : kSuperblockOffsets) {
    buffer::encode_superblock(superblock,
                              std::span(image).subspan(offset).first<buffer::kSuperblockBytes>());
  }
  return image;
}

TEST_F(RecoveryHeadTest, NewerFormatsAreRefusedAndUnknownExtrasAreNot) {
  const Bytes good = fill();
  buffer::Superblock superblock = superblock_of(good);
  superblock.compat = 0x80;
  EXPECT_TRUE(try_open(with_superblock(good, superblock), clock_));
  superblock.ro_compat = 0x80;
  const auto extra = try_open(with_superblock(good, superblock), clock_);
  ASSERT_FALSE(extra);
  EXPECT_EQ(extra.error().code, ErrorCode::kUnsupported);
  buffer::MemoryFile readable(with_superblock(good, superblock));
  EXPECT_TRUE(buffer::inspect(readable)) << "looking is allowed";
  superblock = superblock_of(good);
  superblock.incompat = 0x80;
  buffer::MemoryFile incompatible(with_superblock(good, superblock));
  EXPECT_EQ(buffer::inspect(incompatible).error().code, ErrorCode::kUnsupported);
  superblock.incompat = 0;
  superblock.version = buffer::kFormatVersion + 1;
  EXPECT_EQ(try_open(with_superblock(good, superblock), clock_).error().code,
            ErrorCode::kUnsupported);
}

TEST_F(RecoveryHeadTest, ARingFromBeforeAFeatureGetsItInBothSuperblocks) {
  const Bytes good = fill();
  buffer::Superblock superblock = superblock_of(good);
  EXPECT_EQ(superblock.incompat, buffer::kPrimedBlocks);
  superblock.incompat = 0;
  const Bytes before = with_superblock(good, superblock);
  Bytes halfway = before;  // the one write was cut short
  const auto first = static_cast<std::ptrdiff_t>(kSuperblockOffsets[0]);
  std::copy_n(good.begin() + first, buffer::kSuperblockSize, halfway.begin() + first);
  for (const Bytes& image : {before, halfway}) {
    const auto opened = open_image(image, clock_, options_);
    ASSERT_NE(opened.ring, nullptr);
    expect_ledgers_of_before(*opened.ring);
    const Bytes after = opened.file->content();
    for (const std::uint64_t offset : kSuperblockOffsets) {
      const auto copy = buffer::decode_superblock(
          std::span(after).subspan(offset).first<buffer::kSuperblockBytes>());
      ASSERT_TRUE(copy);
      EXPECT_EQ(copy->incompat, buffer::kPrimedBlocks);
    }
  }
}

TEST_F(RecoveryHeadTest, ImpossibleSizesInASuperblockAreDamage) {
  const Bytes good = fill();
  for (const std::uint64_t data_size :
       {std::uint64_t{0}, std::uint64_t{4032}, std::uint64_t{16 * 1024 + 1}, buffer::kMaxNumber,
        UINT64_MAX - 63}) {
    buffer::Superblock superblock = superblock_of(good);
    superblock.data_size = data_size;
    superblock.file_size = kDataOffset + data_size;
    // The slots are right and win.
    const auto opened = open_image(with_superblock(good, superblock), clock_, options_);
    ASSERT_NE(opened.ring, nullptr);
    expect_ledgers_of_before(*opened.ring);
  }
}

TEST_F(RecoveryHeadTest, AClaimOfAHugeFileDoesNotTakeForever) {
  Bytes image = fill();
  buffer::Superblock superblock = superblock_of(image);
  superblock.data_size = 1ULL << 60U;
  superblock.file_size = kDataOffset + superblock.data_size;
  wreck_slots(image);
  buffer::MemoryFile file(with_superblock(image, superblock));
  const auto info = buffer::inspect(file);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->point_sequence, 80U);
}

TEST_F(RecoveryHeadTest, AHeadThatCannotBeReadIsNotTakenForANewFile) {
  const Bytes image = fill();
  // Only the head: something is there. Also the first block, or all of it: the device may be away.
  for (const auto& [unreadable, code] : {std::pair(kDataOffset, ErrorCode::kCorrupt),
                                         {kDataOffset + 64, ErrorCode::kIo},
                                         {kDataOffset * 100, ErrorCode::kIo}}) {
    auto file = std::make_unique<HookFile>();
    ASSERT_TRUE(file->write_at(0, image));
    file->before_read([limit = unreadable](std::uint64_t offset) -> base::Status {
      if (offset >= limit) return base::ok();
      return base::fail(ErrorCode::kIo, "bad sector");
    });
    int writes = 0;
    file->before_write([&](std::uint64_t) -> base::Status {
      ++writes;
      return base::ok();
    });
    EXPECT_EQ(buffer::inspect(*file).error().code, code);
    const auto ring = Ring::open(std::move(file), options_, clock_, base::Random(1));
    ASSERT_FALSE(ring);
    EXPECT_EQ(ring.error().code, code);
    EXPECT_EQ(writes, 0) << "it may be readable again";
  }
}

}  // namespace
}  // namespace holdfast::test

// Verify: what is sound is called sound, whatever the laps have left behind; what is damaged is
// named with its place, its points and the readers that still wanted them.
#include "buffer/verify.h"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "buffer/posix_file.h"
#include "tests/buffer/ring_fixture.h"
#include "tests/support/temp_dir.h"

namespace holdfast::test {
namespace {

using buffer::Damage;
using buffer::kDataOffset;
using buffer::kHeaderSize;
using buffer::MemoryFile;
using buffer::PartState;
using buffer::Stretch;
using buffer::VerifyReport;
using ::testing::HasSubstr;

struct Verified {
  VerifyReport report;
  std::vector<Damage> damage;
};

std::uint64_t lines_in(std::string_view text) {
  return static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

Verified verify(buffer::File& file, const buffer::Snapshot& snapshot) {
  Verified out;
  out.report = buffer::verify(file, snapshot, lines_in,
                              [&](const Damage& damage) { out.damage.push_back(damage); });
  EXPECT_EQ(out.report.damaged, out.damage.size());
  return out;
}

Verified verify(const Bytes& image) {
  MemoryFile file(image);
  const auto snapshot = buffer::take_snapshot(file, false);
  EXPECT_TRUE(snapshot.has_value());
  return snapshot ? verify(file, *snapshot) : Verified{};
}

using VerifyTest = RingFixture;

TEST_F(VerifyTest, ANewRingIsSound) {
  const auto [report, damage] = verify(image());
  EXPECT_TRUE(report.good());
  EXPECT_EQ(report.damaged + report.data_blocks + report.points, 0U);
}

TEST_F(VerifyTest, WhatEarlierLapsHaveLeftIsNoDamage) {
  for (const bool with_reader : {false, true}) {
    if (with_reader) {
      ASSERT_TRUE(ring_->attach("r"));
    }
    // Blocks of many lengths over twenty laps: pads, checkpoints and stale blocks everywhere.
    for (std::uint32_t i = 0; next_ < 3000 * (with_reader ? 2U : 1U); ++i) {
      append(1 + i % 13, 20 + i * 7 % 90);
      const auto [report, damage] = verify(image());
      ASSERT_EQ(report.damaged, 0U) << damage.front().stretch.fault;
      ASSERT_TRUE(report.good());
      ASSERT_GT(report.points, 0U);
    }
  }
}

TEST_F(VerifyTest, SaysHowMuchThereIs) {
  ASSERT_TRUE(ring_->attach("r"));
  append(3, 20);
  append(5, 30);
  const auto report = verify(image()).report;
  EXPECT_EQ(report.data_blocks, 2U);
  EXPECT_EQ(report.points, 8U);
  EXPECT_EQ(report.raw_bytes, 3U * 20 + 5 * 30);
  EXPECT_EQ(report.payload_bytes, report.raw_bytes);
}

class DamagedTest : public RingFixture {
 protected:
  DamagedTest() {
    reader_ = *ring_->attach("r");
    for (std::uint32_t i = 0; i < 40; ++i) append(2 + i % 3, 200);  // more than a lap
    EXPECT_TRUE(*ring_->sync(true));  // the slot knows where the reader stands
    pending_ = ring_->pending_points(reader_);
  }
  [[nodiscard]] std::uint64_t oldest_pending() const { return next_ - pending_; }
  // A block with pending ones on both sides.
  [[nodiscard]] PlacedBlock victim() const { return block_of_point(image(), next_ - pending_ / 2); }

  buffer::ReaderId reader_ = 0;
  std::uint64_t pending_ = 0;
};

TEST_F(DamagedTest, ADamagedPayloadIsNamedWithItsPointsAndReader) {
  const PlacedBlock block = victim();
  Bytes bytes = image();
  bytes[block.offset + kHeaderSize + 5] ^= std::byte{1};
  const auto [report, damage] = verify(bytes);
  ASSERT_EQ(damage.size(), 1U);
  EXPECT_EQ(damage[0].offset, block.offset);
  EXPECT_EQ(damage[0].stretch.size, block.header.extent());
  EXPECT_EQ(damage[0].stretch.points, block.header.points);
  EXPECT_THAT(damage[0].stretch.fault,
              HasSubstr(fmt::format("expected {:08x}", block.header.payload_crc32c)));
  EXPECT_EQ(damage[0].wanted_by, std::vector<std::string>{"r"});
  EXPECT_EQ(report.points_lost, block.header.points);
  EXPECT_FALSE(report.good());
}

TEST_F(DamagedTest, ADamagedHeaderCostsWhatTheNeighboursTell) {
  const PlacedBlock block = victim();
  Bytes bytes = image();
  bytes[block.offset + 20] ^= std::byte{1};
  const auto [report, damage] = verify(bytes);
  ASSERT_EQ(damage.size(), 1U);
  EXPECT_EQ(damage[0].stretch.kind, Stretch::Kind::kMissing);
  EXPECT_EQ(damage[0].offset, block.offset);
  EXPECT_EQ(damage[0].stretch.size, block.header.extent());
  EXPECT_TRUE(damage[0].stretch.points_known);
  EXPECT_EQ(damage[0].stretch.points, block.header.points);
  EXPECT_THAT(damage[0].stretch.fault,
              HasSubstr(fmt::format("expected block {}", block.header.block_sequence)));
  EXPECT_FALSE(report.good());
}

TEST_F(DamagedTest, TheFirstPendingBlockCountsToo) {
  const PlacedBlock block = block_of_point(image(), oldest_pending());
  for (const std::uint64_t spot : {std::uint64_t{20}, std::uint64_t{kHeaderSize}}) {
    Bytes bytes = image();
    bytes[block.offset + spot] ^= std::byte{1};
    const auto [report, damage] = verify(bytes);
    ASSERT_EQ(damage.size(), 1U) << spot;
    EXPECT_EQ(damage[0].offset, block.offset);
    EXPECT_EQ(report.points_lost, block.header.points);
    EXPECT_FALSE(report.good());
  }
}

TEST_F(DamagedTest, WhatIsDeliveredMayRot) {
  const PlacedBlock block = victim();
  (void)drain(*ring_, reader_);
  for (const std::uint64_t spot : {std::uint64_t{20}, std::uint64_t{kHeaderSize}}) {
    Bytes bytes = image();
    bytes[block.offset + spot] ^= std::byte{1};
    const auto [report, damage] = verify(bytes);
    ASSERT_EQ(damage.size(), 1U);
    EXPECT_TRUE(damage[0].wanted_by.empty());
    EXPECT_EQ(report.points_lost, block.header.points);
    EXPECT_TRUE(report.good());
  }
}

TEST_F(DamagedTest, EachReaderCountsForItself) {
  const auto other = *ring_->attach("other");
  const PlacedBlock block = victim();
  (void)drain(*ring_, reader_);
  EXPECT_GT(ring_->pending_points(other), 0U);
  Bytes bytes = image();
  bytes[block.offset + kHeaderSize] ^= std::byte{1};
  const auto verified = verify(bytes);
  ASSERT_EQ(verified.damage.size(), 1U);
  EXPECT_EQ(verified.damage[0].wanted_by, std::vector<std::string>{"other"});
}

TEST_F(DamagedTest, ATruncatedFileIsDamaged) {
  Bytes bytes = image();
  bytes.resize(victim().offset + kHeaderSize + 3);
  MemoryFile file(bytes);
  const auto snapshot = buffer::take_snapshot(file, false);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->file_size, bytes.size());
  const auto [report, damage] = verify(file, *snapshot);
  EXPECT_FALSE(report.good());
  EXPECT_GT(report.points_lost, 0U);
}

TEST_F(DamagedTest, DamageToTheHeadIsToldAndCostsNothing) {
  Bytes bytes = image();
  wreck(bytes, buffer::kSuperblockOffsets[0], 64);
  const auto newest = newest_state(image());
  for (const std::uint64_t offset : buffer::kSlotOffsets) {
    const auto state = buffer::decode_state(std::span(bytes).subspan(offset, buffer::kSlotSize),
                                            superblock_of(image()));
    if (state && state->generation < newest.generation) wreck(bytes, offset, 300);
  }
  MemoryFile file(bytes);
  const auto snapshot = buffer::take_snapshot(file, false);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->superblocks[0], PartState::kDamaged);
  EXPECT_EQ(snapshot->superblocks[1], PartState::kSound);
  EXPECT_TRUE(snapshot->recovered.rewrite_superblock);
  EXPECT_EQ((snapshot->slots[0].state == PartState::kDamaged) +
                (snapshot->slots[1].state == PartState::kDamaged),
            1);
  EXPECT_TRUE(verify(file, *snapshot).report.good());
}

TEST_F(VerifyTest, WithoutReadersAllOfItCounts) {
  append(3, 200);
  append(4, 200);
  append(5, 200);
  const PlacedBlock block = block_of_point(image(), 4);
  Bytes bytes = image();
  bytes[block.offset + kHeaderSize] ^= std::byte{1};
  EXPECT_FALSE(verify(bytes).report.good());
  // Nothing was overwritten yet, so the first block must be there.
  bytes = image();
  bytes[kDataOffset + 2] ^= std::byte{1};
  const auto [report, damage] = verify(bytes);
  ASSERT_EQ(damage.size(), 1U);
  EXPECT_EQ(damage[0].stretch.points, 3U);
  EXPECT_FALSE(report.good());
}

TEST_F(VerifyTest, LinesThatContradictTheHeaderAreDamage) {
  ASSERT_TRUE(ring_->attach("r"));
  auto block = numbered_block(0, 3);
  block.points = 5;
  ASSERT_TRUE(ring_->append(block));
  block = numbered_block(5, 3);
  block.raw_crc32 ^= 1U;
  ASSERT_TRUE(ring_->append(block));
  block = numbered_block(8, 3);
  block.raw_size += 1;
  ASSERT_TRUE(ring_->append(block));
  block = numbered_block(11, 3);
  block.codec = buffer::Codec::kDeflate;
  ASSERT_TRUE(ring_->append(block));
  block = numbered_block(14, 3);
  ASSERT_TRUE(ring_->append(block));
  const auto [report, damage] = verify(image());
  ASSERT_EQ(damage.size(), 4U);
  EXPECT_THAT(damage[0].stretch.fault, HasSubstr("3 points in the lines, expected 5"));
  EXPECT_EQ(report.points_lost, 5U + 3 * 3);
  EXPECT_EQ(report.points, 3U) << "the last one";
}

// The bytes under a pad stay as they are. Once the writer has passed its header, a block of sixteen
// laps ago may show there again, with the right lap bits.
TEST_F(VerifyTest, WhatAPadHadCoveredForSixteenLapsIsNotTheOldestBlock) {
  std::uint64_t lap = 0;
  for (std::uint32_t i = 0; lap < 30; ++i) {
    append(10, 30 + i * 20 % 60);
    MemoryFile file(image());
    const auto snapshot = buffer::take_snapshot(file, false);
    ASSERT_TRUE(snapshot);
    const std::uint64_t data_size = snapshot->superblock().data_size;
    lap = snapshot->tail().position / data_size;
    // From there on the floor may be where a pad of the lap before lies.
    if (snapshot->tail().position % data_size < data_size * 3 / 4) continue;
    const auto [report, damage] = verify(file, *snapshot);
    ASSERT_EQ(report.damaged, 0U) << damage.front().stretch.fault << " in lap " << lap;
    const auto opened = open_image(image(), clock_, options_);
    const auto all = numbers(next_ - report.points, next_);
    ASSERT_EQ(drain(*opened.ring, *opened.ring->attach("new")), all) << "in lap " << lap;
  }
}

TEST_F(VerifyTest, PointsLostWithTheLastBlockAreAGapInTheCount) {
  ASSERT_TRUE(ring_->attach("r"));
  append(3, 100);
  append(4, 100);
  ASSERT_TRUE(ring_->close());
  Bytes bytes = image();
  const PlacedBlock last = block_of_point(bytes, 4);
  wreck(bytes, last.offset, kHeaderSize);
  const auto [report, damage] = verify(bytes);
  ASSERT_EQ(damage.size(), 1U);
  EXPECT_EQ(damage[0].stretch.size, 0U);
  EXPECT_EQ(damage[0].stretch.points, 4U);
  EXPECT_EQ(damage[0].wanted_by, std::vector<std::string>{"r"});
  EXPECT_FALSE(report.good());
}

TEST_F(VerifyTest, PointsDeliveredFromMemoryAreNotMissing) {
  auto options = options_;
  options.mode = buffer::Mode::kSpill;
  reopen(options);
  const auto reader = *ring_->attach("r");
  origin_ = buffer::Origin::kGathered;
  append(3, 100);
  EXPECT_EQ(drain(*ring_, reader), numbers(0, 3));
  append(4, 100);
  origin_ = buffer::Origin::kReceived;  // takes what waits into the file with it
  append(5, 100);
  ASSERT_EQ(blocks_in(image()).front().header.point_sequence, 3U) << "the first was never written";
  for (const bool later : {false, true}) {
    const auto [report, damage] = verify(image());
    EXPECT_EQ(report.damaged, 0U) << damage.front().stretch.fault;
    EXPECT_TRUE(report.good());
    EXPECT_EQ(report.points, 9U);
    if (!later) {
      EXPECT_EQ(drain(*ring_, reader), numbers(3, 12));
    }
  }
}

TEST_F(VerifyTest, WhatAWriterOverwritesMeanwhileIsNoDamage) {
  ASSERT_TRUE(ring_->attach("r"));
  for (int i = 0; i < 40; ++i) append(3, 200);
  for (const bool in_use : {true, false}) {
    auto file = RecordingFile::reopen(record_);
    auto snapshot = buffer::take_snapshot(*file, in_use);
    ASSERT_TRUE(snapshot);
    for (int i = 0; i < 7; ++i) append(3, 200);
    auto later = RecordingFile::reopen(record_);
    const auto [report, damage] = verify(*later, *snapshot);
    EXPECT_EQ(report.damaged, 0U) << damage.front().stretch.fault;
    EXPECT_GT(report.overwritten, 0U);
    EXPECT_LT(report.overwritten, next_);
    EXPECT_TRUE(report.good());
  }
}

TEST(VerifyBesideAWriter, NothingLooksDamaged) {
  const TempDir dir;
  const FakeClock clock;
  auto file = buffer::PosixFile::open_locked(dir.path("ring"));
  ASSERT_TRUE(file);
  const auto ring = open_ring(std::move(*file), clock, small_ring(64 * 1024));
  ASSERT_TRUE(ring->attach("r"));
  std::atomic<bool> done{false};
  std::jthread writer([&] {
    for (std::uint64_t first = 0; first < 40'000; first += 10) {
      auto block = numbered_block(first, 10, 30 + first % 100);
      EXPECT_TRUE(ring->append(block));
    }
    done = true;
  });
  std::uint64_t looks = 0;
  while (!done || looks == 0) {
    auto looker = buffer::PosixFile::open_readonly(dir.path("ring"));
    ASSERT_TRUE(looker);
    const auto snapshot = buffer::take_snapshot(**looker, true);
    ASSERT_TRUE(snapshot);
    const auto [report, damage] = verify(**looker, *snapshot);
    ASSERT_EQ(report.damaged, 0U) << damage.front().stretch.fault;
    ++looks;
  }
}

}  // namespace
}  // namespace holdfast::test

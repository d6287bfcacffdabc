// Sectors that cannot be read: they cost the blocks that lie in them and no others, however far
// ahead is read.
#include <gtest/gtest.h>

#include "buffer/verify.h"
#include "tests/buffer/bad_sector_file.h"
#include "tests/buffer/ring_fixture.h"

namespace holdfast::test {
namespace {

constexpr std::uint64_t kSector = 512;

class BadSectorTest : public RingFixture {
 protected:
  BadSectorTest() {
    reader_ = *ring_->attach("r");
    for (std::uint32_t i = 0; i < 60; ++i) append(2 + i % 3, 200);  // more than a lap
    EXPECT_TRUE(*ring_->sync(true));
    pending_ = ring_->pending_points(reader_);
    image_ = image();
  }

  // Pending points of blocks that touch the sector.
  [[nodiscard]] std::vector<std::uint64_t> points_in(std::uint64_t sector) const {
    std::vector<std::uint64_t> points;
    for (const PlacedBlock& block : blocks_in(image_)) {
      const std::uint64_t end =
          block.offset + buffer::kHeaderSize +
          (block.header.kind == buffer::BlockKind::kPad ? 0 : block.header.payload_size);
      if (block.offset >= sector + kSector || end <= sector) continue;
      for (std::uint64_t i = 0; i < block.header.points; ++i) {
        const std::uint64_t point = block.header.point_sequence + i;
        if (point >= next_ - pending_) points.push_back(point);
      }
    }
    return points;
  }

  buffer::ReaderId reader_ = 0;
  std::uint64_t pending_ = 0;
  Bytes image_;
};

TEST_F(BadSectorTest, CostsOnlyTheBlocksInIt) {
  for (std::uint64_t sector = buffer::kDataOffset; sector < image_.size(); sector += kSector) {
    SCOPED_TRACE(fmt::format("sector at {}", sector));
    const auto lost = points_in(sector);
    if (!lost.empty() && lost.back() == next_ - 1) continue;  // the end of the stream itself
    const auto ring = open_ring(std::make_unique<BadSectorFile>(image_, sector, sector + kSector),
                                clock_, options_);
    ASSERT_NE(ring, nullptr);
    auto expected = numbers(next_ - pending_, next_);
    std::erase_if(expected, [&](std::uint64_t point) {
      return std::find(lost.begin(), lost.end(), point) != lost.end();
    });
    ASSERT_EQ(drain(*ring, *ring->attach("r")), expected);
    const auto ledger = reader_info(*ring, "r").ledger;
    EXPECT_EQ(ledger.counters.corrupt, lost.size());
    EXPECT_EQ(ledger.accepted, next_);
    expect_sound_ledgers(ring->info());
  }
}

TEST_F(BadSectorTest, CostsNoMoreWhenTheWholeFileMustBeScanned) {
  Bytes image = image_;
  wreck_slots(image);
  for (std::uint64_t sector = buffer::kDataOffset; sector < image.size(); sector += kSector) {
    SCOPED_TRACE(fmt::format("sector at {}", sector));
    const auto lost = points_in(sector);
    const auto ring = open_ring(std::make_unique<BadSectorFile>(image, sector, sector + kSector),
                                clock_, options_);
    ASSERT_NE(ring, nullptr);
    const auto found = drain(*ring, *ring->attach("r"));
    std::size_t missing = 0;
    for (std::uint64_t point = next_ - pending_; point < next_; ++point) {
      if (!std::binary_search(found.begin(), found.end(), point)) ++missing;
    }
    ASSERT_LE(missing, lost.size());
  }
}

TEST_F(BadSectorTest, IsNamedByVerifyAndReadAroundCheaply) {
  for (std::uint64_t sector = buffer::kDataOffset; sector < image_.size(); sector += kSector) {
    SCOPED_TRACE(fmt::format("sector at {}", sector));
    const auto lost = points_in(sector);
    if (lost.empty() || lost.back() == next_ - 1) continue;
    BadSectorFile file(image_, sector, sector + kSector);
    const auto snapshot = buffer::take_snapshot(file, false);
    ASSERT_TRUE(snapshot);
    std::uint64_t pending_lost = 0;
    bool named = false;
    const auto report = buffer::verify(file, *snapshot, {}, [&](const buffer::Damage& damage) {
      if (!damage.wanted_by.empty()) pending_lost += damage.stretch.points;
      named = named || damage.stretch.fault.find("bad sector") != std::string::npos;
    });
    EXPECT_FALSE(report.good());
    EXPECT_EQ(pending_lost, lost.size());
    EXPECT_TRUE(named);
    // A quarter of the headers that there could be.
    EXPECT_LE(file.failed_reads(), 64U);
    EXPECT_LE(file.reads(), 128U);
  }
}

// A device takes seconds to give up on a sector: it is not asked for each of the eight headers that
// could begin in one.
TEST_F(BadSectorTest, SideBySideAreEachLookedAtFewTimes) {
  constexpr std::uint64_t kSectors = 8;
  const std::uint64_t begin = buffer::kDataOffset + 4096;
  BadSectorFile file(image_, begin, begin + kSectors * kSector);
  const auto snapshot = buffer::take_snapshot(file, false);
  ASSERT_TRUE(snapshot);
  const auto report = buffer::verify(file, *snapshot, {}, [](const buffer::Damage&) {});
  EXPECT_FALSE(report.good());
  EXPECT_LE(file.failed_reads(), 8 * kSectors + 16);
}

TEST_F(BadSectorTest, AReadThatFailsOnceCostsNothing) {
  BadSectorFile sound(image_, 0, 0);
  ASSERT_TRUE(buffer::take_snapshot(sound, false));
  const std::uint64_t head = sound.reads();
  (void)buffer::verify(sound, *buffer::take_snapshot(sound, false), {}, {});
  const std::uint64_t all = sound.reads() - head;
  ASSERT_GT(all, head) << "the walk reads, too";
  for (std::uint64_t read = head + 1; read <= all; ++read) {
    SCOPED_TRACE(fmt::format("read {} of {}", read, all));
    BadSectorFile file(image_, 0, 0);
    file.fail_once(read);
    const auto snapshot = buffer::take_snapshot(file, false);
    ASSERT_TRUE(snapshot);
    const auto report = buffer::verify(file, *snapshot, {}, [](const buffer::Damage& damage) {
      ADD_FAILURE() << damage.stretch.fault;
    });
    EXPECT_EQ(report.points, pending_);
    EXPECT_EQ(file.failed_reads(), 1U);
  }
}

}  // namespace
}  // namespace holdfast::test

// What lies in the file from earlier laps and earlier states must not pass for what is there now.
// The crash enumerator (tests/crash) found each of these.
#include <gtest/gtest.h>

#include "buffer/crc32c.h"
#include "buffer/recovery.h"
#include "tests/buffer/ring_fixture.h"

namespace holdfast::test {
namespace {

using buffer::BlockKind;
using buffer::kDataOffset;
using buffer::kHeaderSize;
using buffer::SyncMode;

constexpr std::uint64_t kDataBytes = 8192;

class RecoveryStaleTest : public RingFixture {
 protected:
  void start(SyncMode sync) {
    record_ = std::make_shared<FileRecord>();
    auto options = small_ring(kDataBytes);
    options.sync = sync;
    options.checkpoint_bytes = 1024;
    reopen(options);
    reader_ = *ring_->attach("r");
  }
  [[nodiscard]] static std::vector<PlacedBlock> checkpoints_in(const Bytes& image) {
    auto blocks = blocks_in(image);
    std::erase_if(blocks,
                  [](const PlacedBlock& b) { return b.header.kind != BlockKind::kCheckpoint; });
    return blocks;
  }
  [[nodiscard]] static buffer::State state_in(const Bytes& image, const PlacedBlock& checkpoint) {
    const auto state = buffer::decode_state(
        std::span(image).subspan(checkpoint.offset + kHeaderSize), superblock_of(image));
    EXPECT_TRUE(state);
    return state.value_or(buffer::State{});
  }

  buffer::ReaderId reader_ = 0;
};

// Without syncs the ring goes round while the slot still speaks of the first lap. The block that it
// vouches for has survived the cut, as the sectors over it were not written back.
TEST_F(RecoveryStaleTest, WithoutSyncsABlockOfTheFirstLapDoesNotLeadToTheTail) {
  start(SyncMode::kNever);
  append(4, 100);
  ASSERT_TRUE(*ring_->sync(true));
  ASSERT_TRUE(*ring_->sync(true));  // now the slot says what the first one made durable
  const Bytes synced = image();
  while (next_ < 100) append(4, 100);  // more than one lap
  Bytes cut = image();
  std::copy_n(synced.begin() + kDataOffset, 512, cut.begin() + kDataOffset);
  const auto opened = open_image(cut, clock_, options_);
  EXPECT_TRUE(opened.ring->recovery().full_scan);
  EXPECT_EQ(opened.ring->info().point_sequence, next_);
  const auto found = drain(*opened.ring, *opened.ring->attach("r"));
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.back(), next_ - 1);
}

TEST_F(RecoveryStaleTest, WithoutSyncsTheSlotOfTheOpeningIsLeftAlone) {
  start(SyncMode::kInterval);
  append(4);
  ASSERT_TRUE(ring_->close());
  options_.sync = SyncMode::kNever;
  reopen();
  // All that is written from now on may be lost in any part: say, the slots are torn.
  const std::size_t opened_at = record_->size();
  reader_ = *ring_->attach("r");
  append(4);
  (void)drain(*ring_, reader_);
  Bytes cut = image();
  const auto operations = record_->operations();
  std::size_t torn = 0;
  for (std::size_t i = opened_at; i < operations.size(); ++i) {
    if (operations[i].offset >= kDataOffset) continue;
    wreck(cut, operations[i].offset, 512);
    ++torn;
  }
  EXPECT_GE(torn, 2U);
  const auto opened = open_image(cut, clock_, options_);
  EXPECT_FALSE(opened.ring->recovery().clean) << "a block was appended since the ring was closed";
  EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")), numbers(0, next_));
}

// All records of one length have the same CRC-32C with the checksum that they end with. So where a
// checkpoint is lost but for its record, and its number is given out again, the new header in front
// of the old record looks sound.
TEST_F(RecoveryStaleTest, ARecordBehindTheHeaderOfAnotherCheckpointIsNotUsed) {
  start(SyncMode::kInterval);
  while (checkpoints_in(image()).size() < 2) {
    append(4, 60);
    (void)drain(*ring_, reader_);
  }
  Bytes image = this->image();
  const auto checkpoints = checkpoints_in(image);
  buffer::State state = state_in(image, checkpoints[1]);
  state.next = state_in(image, checkpoints[0]).next;
  const std::string record = buffer::encode_state(state, superblock_of(image));
  const auto payload = std::span(image).subspan(checkpoints[0].offset + kHeaderSize, record.size());
  ASSERT_EQ(checkpoints[0].header.payload_size, record.size());
  std::copy_n(base::as_bytes(record).begin(), record.size(), payload.begin());
  ASSERT_EQ(buffer::crc32c(payload), checkpoints[0].header.payload_crc32c);
  wreck(image, checkpoints[1].offset, kHeaderSize);
  wreck_slots(image);
  const auto opened = open_image(image, clock_, options_);
  EXPECT_TRUE(opened.ring->recovery().ledger_lost);
  expect_sound_ledgers(opened.ring->info());
}

// A checkpoint that was written after the last sync has a higher generation than the slot that is
// left. What is written from now on is newer than it all the same, and must say so.
TEST_F(RecoveryStaleTest, RecordsAfterRecoveryAreNewerThanAnyCheckpointFound) {
  start(SyncMode::kInterval);
  append(4, 60);
  ASSERT_TRUE(*ring_->sync(true));
  const std::size_t synced_at = record_->size();
  for (int i = 0; i < 20; ++i) ring_->set_not_before(reader_, {.wall_ns = 100 + i});
  while (checkpoints_in(image()).empty()) append(4, 60);
  const auto checkpoint = state_in(image(), checkpoints_in(image()).back());
  for (const bool scan : {false, true}) {
    SCOPED_TRACE(scan ? "found by a scan" : "found past the tail");
    std::size_t at = 0;
    Bytes cut = image_without(*record_, [&](const FileOperation& operation) {
      return at++ >= synced_at && operation.offset < kDataOffset;
    });
    ASSERT_LT(newest_state(cut).generation, checkpoint.generation);
    if (scan) wreck(cut, block_of_point(cut, 0).offset, kHeaderSize);
    const auto opened = open_image(cut, clock_, options_);
    EXPECT_EQ(opened.ring->recovery().full_scan, scan);
    EXPECT_GT(newest_state(opened.file->content()).generation, checkpoint.generation);
  }
}

// After a device has lost what it called durable, numbers may be given out again, and blocks of the
// numbering before may lie among the new ones, their points too low or too high.
TEST_F(RecoveryStaleTest, ABlockWhosePointsGoBackOrPassTheTailIsDamage) {
  start(SyncMode::kInterval);
  for (int i = 0; i < 5; ++i) append(4);
  ASSERT_TRUE(*ring_->sync(true));
  ASSERT_TRUE(*ring_->sync(true));
  const Bytes sound = image();
  for (const std::uint64_t point : {3U, 17U}) {
    SCOPED_TRACE(fmt::format("a block of points {} to {} after point 7", point, point + 3));
    Bytes image = sound;
    auto odd = block_of_point(image, 8);
    odd.header.point_sequence = point;
    buffer::encode_header(odd.header, superblock_of(image).seed(),
                          std::span(image).subspan(odd.offset).first<kHeaderSize>());
    const auto opened = open_image(image, clock_, options_);
    EXPECT_FALSE(opened.ring->recovery().full_scan);
    auto expected = numbers(0, 8);
    const auto rest = numbers(12, 20);
    expected.insert(expected.end(), rest.begin(), rest.end());
    EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")), expected);
    expect_sound_ledgers(opened.ring->info());
    EXPECT_EQ(reader_info(*opened.ring, "r").ledger.counters.corrupt, 4U);
    EXPECT_EQ(reader_info(*opened.ring, "r").ledger.buffered, 0U);
  }
}

// The same among the blocks that were not synced: there it is a ghost.
TEST_F(RecoveryStaleTest, ABlockPastTheTailWhosePointsGoBackIsErased) {
  start(SyncMode::kInterval);
  append(4);
  ASSERT_TRUE(*ring_->sync(true));
  ASSERT_TRUE(*ring_->sync(true));
  append(4);
  Bytes image = this->image();
  auto odd = block_of_point(image, 4);
  odd.header.point_sequence = 3;
  buffer::encode_header(odd.header, superblock_of(image).seed(),
                        std::span(image).subspan(odd.offset).first<kHeaderSize>());
  const auto opened = open_image(image, clock_, options_);
  EXPECT_EQ(opened.ring->recovery().ghosts_erased, 1U);
  EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")), numbers(0, 4));
  expect_sound_ledgers(opened.ring->info());
}

}  // namespace
}  // namespace holdfast::test

// When a ring writes and syncs: slots, checkpoints, the bound on what is unsynced, the clock era.
#include <gtest/gtest.h>

#include "tests/buffer/image.h"

namespace holdfast::test {
namespace {

using buffer::BlockKind;
using buffer::Ring;
using buffer::SyncMode;

constexpr std::uint64_t kDataBytes = 16 * 1024;

class RingSyncTest : public testing::Test {
 protected:
  void open(const buffer::RingOptions& options) {
    ring_.reset();
    ring_ = open_ring(record_->size() == 0 ? std::make_unique<RecordingFile>(record_)
                                           : RecordingFile::reopen(record_),
                      clock_, options);
  }
  void append(std::uint32_t points, std::size_t line_bytes = 16) {
    auto block = numbered_block(next_, points, line_bytes);
    ASSERT_TRUE(ring_->append(block));
    next_ += points;
  }
  [[nodiscard]] Bytes image() const { return record_->content_after(record_->size()); }
  // The slot, 0 or 1, that each slot write since operation `from` went to.
  [[nodiscard]] std::vector<int> slots_written(std::size_t from) const {
    std::vector<int> slots;
    const auto operations = record_->operations();
    for (std::size_t i = from; i < operations.size(); ++i) {
      for (int slot = 0; slot < 2; ++slot) {
        if (operations[i].kind == FileOperation::Kind::kWrite &&
            operations[i].offset == buffer::kSlotOffsets[slot]) {
          slots.push_back(slot);
        }
      }
    }
    return slots;
  }

  FakeClock clock_;
  std::shared_ptr<FileRecord> record_ = std::make_shared<FileRecord>();
  std::unique_ptr<Ring> ring_;
  std::uint64_t next_ = 0;
};

TEST_F(RingSyncTest, NoMoreThanTheLimitIsEverUnsynced) {
  auto options = small_ring(kDataBytes);
  options.unsynced_limit = 1024;
  open(options);
  const auto before = count_syncs(*record_);
  for (int i = 0; i < 100; ++i) {
    append(10);  // 160 bytes of lines: 256 in the file
    EXPECT_LE(ring_->info().unsynced_bytes, 1024U);
  }
  EXPECT_GE(count_syncs(*record_) - before, 24U);
  EXPECT_LE(count_syncs(*record_) - before, 34U);
}

TEST_F(RingSyncTest, TheLimitIsAtMostAQuarterOfTheDataArea) {
  auto options = small_ring(kDataBytes);
  options.unsynced_limit = UINT64_MAX / 2;
  open(options);
  for (int i = 0; i < 200; ++i) {
    append(10);
    EXPECT_LE(ring_->info().unsynced_bytes, kDataBytes / 4);
  }
  EXPECT_EQ(newest_state(image()).unsynced_limit, kDataBytes / 4);
}

TEST_F(RingSyncTest, ALimitSmallerThanABlockSyncsBeforeEachOne) {
  auto options = small_ring(kDataBytes);
  options.unsynced_limit = 1;
  open(options);
  const auto before = count_syncs(*record_);
  for (int i = 0; i < 10; ++i) append(10);
  EXPECT_EQ(count_syncs(*record_) - before, 9U) << "the first one found nothing to sync";
}

TEST_F(RingSyncTest, SomebodyIsAskedToSyncAtHalfTheLimit) {
  auto options = small_ring(kDataBytes);
  options.unsynced_limit = 1024;
  open(options);
  int wanted = 0;
  ring_->on_sync_wanted([&wanted] { ++wanted; });
  const auto before = count_syncs(*record_);
  append(10);
  append(10);
  EXPECT_EQ(wanted, 0);
  append(10);
  EXPECT_EQ(wanted, 1);
  EXPECT_EQ(count_syncs(*record_), before) << "asking is not syncing";
}

TEST_F(RingSyncTest, NeverMeansNeverWhileItRuns) {
  auto options = small_ring(kDataBytes);
  options.sync = SyncMode::kNever;
  open(options);
  const auto reader = *ring_->attach("r");
  const auto before = count_syncs(*record_);
  for (int i = 0; i < 300; ++i) append(10);
  (void)drain(*ring_, reader);
  EXPECT_EQ(count_syncs(*record_), before);
  ASSERT_TRUE(ring_->close());
  EXPECT_GT(count_syncs(*record_), before);
}

TEST_F(RingSyncTest, ARingThatNeverSyncsIsFoundAgainAfterAKill) {
  auto options = small_ring(kDataBytes);
  options.sync = SyncMode::kNever;
  open(options);
  (void)*ring_->attach("r");
  for (int i = 0; i < 300; ++i) append(10);
  const auto before = reader_info(*ring_, "r").ledger;
  open(options);
  EXPECT_TRUE(ring_->recovery().full_scan) << "the slot's tail was overwritten long ago";
  EXPECT_FALSE(ring_->recovery().ledger_lost);
  EXPECT_EQ(reader_info(*ring_, "r").ledger.counters, before.counters);
  EXPECT_EQ(drain(*ring_, *ring_->attach("r")), numbers(next_ - before.buffered, next_));
}

TEST_F(RingSyncTest, WithNothingNewNothingIsSynced) {
  open(small_ring(kDataBytes));
  const auto before = record_->size();
  EXPECT_FALSE(*ring_->sync(false));
  EXPECT_EQ(record_->size(), before);
  append(1);
  EXPECT_TRUE(*ring_->sync(false));
  EXPECT_FALSE(*ring_->sync(false));
  EXPECT_TRUE(*ring_->sync(true));
}

TEST_F(RingSyncTest, AnAcknowledgementWritesASlotAndDoesNotSync) {
  open(small_ring(kDataBytes));
  const auto reader = *ring_->attach("r");
  append(3);
  (void)ring_->read(reader, {}, 0);
  const auto at = record_->size();
  const auto syncs = count_syncs(*record_);
  ring_->acknowledge(reader, 2, {});
  EXPECT_EQ(slots_written(at).size(), 1U);
  EXPECT_EQ(record_->size(), at + 1);
  EXPECT_EQ(count_syncs(*record_), syncs);
  EXPECT_EQ(newest_state(image()).readers.at(0).counters.delivered, 2U);
}

TEST_F(RingSyncTest, TheSlotThatTheLastSyncMadeDurableIsNotOverwritten) {
  open(small_ring(kDataBytes));
  const auto reader = *ring_->attach("r");
  const auto acknowledge = [&] {
    (void)ring_->read(reader, {.max_points = 1}, 0);
    ring_->acknowledge(reader, 1, {});
  };
  for (int round = 0; round < 4; ++round) {
    append(3);
    auto at = record_->size();
    ASSERT_TRUE(*ring_->sync(false));
    const auto durable = slots_written(at);
    ASSERT_EQ(durable.size(), 1U);
    at = record_->size();
    acknowledge();
    acknowledge();
    EXPECT_EQ(slots_written(at), (std::vector<int>{1 - durable[0], 1 - durable[0]}));
  }
}

// Remembers slot writes; runs something in the middle of a sync.
class SyncHookFile final : public buffer::MemoryFile {
 public:
  [[nodiscard]] base::Status write_at(std::uint64_t offset,
                                      std::span<const std::byte> bytes) override {
    for (int slot = 0; slot < 2; ++slot) {
      if (offset == buffer::kSlotOffsets[slot]) slots.push_back(slot);
    }
    return MemoryFile::write_at(offset, bytes);
  }
  [[nodiscard]] base::Status sync() override {
    if (during_sync) during_sync();
    return base::ok();
  }

  std::vector<int> slots;
  std::function<void()> during_sync;
};

TEST(RingSlots, ASlotRewrittenDuringASyncDoesNotCountAsDurable) {
  const FakeClock clock;
  auto owned = std::make_unique<SyncHookFile>();
  SyncHookFile& file = *owned;
  const auto ring = open_ring(std::move(owned), clock, small_ring(kDataBytes));
  const auto reader = *ring->attach("r");
  auto block = numbered_block(0, 9);
  ASSERT_TRUE(ring->append(block));
  ASSERT_TRUE(*ring->sync(false));
  const int durable = file.slots.back();
  file.during_sync = [&] {
    (void)ring->read(reader, {}, 0);
    ring->acknowledge(reader, 1, {});
  };
  file.slots.clear();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(*ring->sync(true));
  file.during_sync = {};
  EXPECT_EQ(file.slots, std::vector<int>(6, 1 - durable)) << "the other one stays as it is";
  ASSERT_TRUE(*ring->sync(true));
  ASSERT_TRUE(*ring->sync(true));
  EXPECT_EQ(file.slots.back(), durable) << "after a sync by itself they take turns again";
}

TEST_F(RingSyncTest, ASlotNamesTheTailOfAnEarlierSyncNeverItsOwn) {
  open(small_ring(kDataBytes));
  append(3);
  ASSERT_TRUE(*ring_->sync(false));
  EXPECT_EQ(newest_state(image()).synced.position, 0U);
  EXPECT_EQ(newest_state(image()).next.position, 128U);
  append(3);
  ASSERT_TRUE(*ring_->sync(false));
  const auto state = newest_state(image());
  EXPECT_EQ(state.synced, (buffer::Mark{128, 2, 3, 0}));
  EXPECT_EQ(state.last_position, 0U);
  EXPECT_EQ(state.last_block, 1U);
  EXPECT_EQ(state.next, (buffer::Mark{256, 3, 6, 0}));
}

TEST_F(RingSyncTest, AfterAKillWhatWasFoundIsSyncedBeforeASlotCallsItSo) {
  open(small_ring(kDataBytes));
  (void)*ring_->attach("r");
  append(3);
  const auto at = record_->size();
  open(small_ring(kDataBytes));
  const auto operations = record_->operations();
  ASSERT_EQ(operations.size(), at + 3);
  EXPECT_EQ(operations[at].kind, FileOperation::Kind::kSync);
  EXPECT_EQ(operations[at + 1].kind, FileOperation::Kind::kWrite);
  EXPECT_EQ(operations[at + 2].kind, FileOperation::Kind::kSync);
  EXPECT_EQ(newest_state(image()).synced.position, 128U);
}

TEST_F(RingSyncTest, AFailedSyncIsReportedAndNothingCountsAsSynced) {
  open(small_ring(kDataBytes));
  append(3);
  record_->fail_with([](const FileOperation& operation) -> base::Status {
    if (operation.kind == FileOperation::Kind::kSync) return base::fail_errno("sync", EIO);
    return base::ok();
  });
  EXPECT_FALSE(ring_->sync(false));
  EXPECT_EQ(ring_->info().unsynced_bytes, 128U);
  record_->fail_with({});
  EXPECT_FALSE(*ring_->sync(false)) << "not before the device is due to be tried";
  clock_.advance(std::chrono::seconds(1));
  ring_->tend();
  EXPECT_EQ(ring_->info().unsynced_bytes, 0U);
}

TEST_F(RingSyncTest, ClosingLeavesACleanSlotWithTheExactTail) {
  open(small_ring(kDataBytes));
  append(3);
  ASSERT_TRUE(ring_->close());
  auto state = newest_state(image());
  EXPECT_TRUE(state.clean);
  EXPECT_EQ(state.synced, state.next);
  ASSERT_TRUE(ring_->close()) << "closing twice does no harm";
  EXPECT_TRUE(newest_state(image()).clean);
  open(small_ring(kDataBytes));
  EXPECT_TRUE(ring_->recovery().clean);
  EXPECT_FALSE(newest_state(image()).clean) << "open again, so no longer closed";
  open(small_ring(kDataBytes));
  EXPECT_FALSE(ring_->recovery().clean);
}

std::vector<PlacedBlock> checkpoints_in(const Bytes& image) {
  auto blocks = blocks_in(image);
  std::erase_if(
      blocks, [](const PlacedBlock& block) { return block.header.kind != BlockKind::kCheckpoint; });
  return blocks;
}

TEST_F(RingSyncTest, CheckpointsComeAfterSoManyBytes) {
  auto options = small_ring(kDataBytes);
  options.checkpoint_bytes = 2048;
  open(options);
  (void)*ring_->attach("r");
  for (int i = 0; i < 8; ++i) append(10);  // 8 * 256 bytes
  EXPECT_TRUE(checkpoints_in(image()).empty());
  append(10);
  const auto found = checkpoints_in(image());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].header.points, 0U);
  EXPECT_EQ(found[0].header.block_sequence, 9U);
  const Bytes bytes = image();
  const auto state = buffer::decode_state(
      std::span(bytes).subspan(found[0].offset + buffer::kHeaderSize), superblock_of(bytes));
  ASSERT_TRUE(state);
  EXPECT_EQ(state->next, (buffer::Mark{2048, 9, 80, 0})) << "it names its own place";
  EXPECT_EQ(state->readers.at(0).id, "r");
}

TEST_F(RingSyncTest, CheckpointsComeAfterSoMuchTime) {
  auto options = small_ring(kDataBytes);
  options.checkpoint_interval = std::chrono::minutes(10);
  open(options);
  append(1);
  clock_.advance(std::chrono::minutes(9));
  append(1);
  EXPECT_TRUE(checkpoints_in(image()).empty());
  clock_.advance(std::chrono::minutes(1));
  append(1);
  EXPECT_EQ(checkpoints_in(image()).size(), 1U);
}

TEST_F(RingSyncTest, ReadersPassOverCheckpointsAndPads) {
  auto options = small_ring(kDataBytes);
  options.checkpoint_bytes = 700;
  open(options);
  const auto reader = *ring_->attach("r");
  for (int i = 0; i < 300; ++i) {
    append(1 + static_cast<std::uint32_t>(i) % 17, 40);
    if (i % 5 == 0) {
      ASSERT_EQ(drain(*ring_, reader).back(), next_ - 1);
    }
  }
  (void)drain(*ring_, reader);
  const auto ledger = reader_info(*ring_, "r").ledger;
  EXPECT_EQ(ledger.counters.delivered, next_);
}

TEST_F(RingSyncTest, TheClockEraRisesAtABootAndAtAStep) {
  open(small_ring(kDataBytes));
  const auto last_era = [this] {
    return blocks_in(image()).back().header.flags & buffer::kEraMask;
  };
  append(1);
  const auto era = last_era();
  clock_.advance(std::chrono::hours(30));
  append(1);
  EXPECT_EQ(last_era(), era) << "time that passes is no step";
  clock_.step_wall(std::chrono::seconds(59));
  append(1);
  EXPECT_EQ(last_era(), era);
  clock_.step_wall(-std::chrono::seconds(61));
  append(1);
  EXPECT_EQ(last_era(), era + 1);
  ASSERT_TRUE(ring_->sync(true));
  open(small_ring(kDataBytes));
  append(1);
  EXPECT_EQ(last_era(), era + 1) << "a restart is no boot";
  clock_.reboot("99999999-2222-3333-4444-555555555555");
  open(small_ring(kDataBytes));
  append(1);
  EXPECT_EQ(last_era(), era + 2);
}

TEST_F(RingSyncTest, BlocksSayWhenTheyWereStoredAndWhatTheySpan) {
  open(small_ring(kDataBytes));
  auto block = numbered_block(0, 2);
  block.oldest_ns = -1;
  block.newest_ns = 1'000'000'000;
  ASSERT_TRUE(ring_->append(block));
  block = numbered_block(2, 1);
  block.oldest_ns = INT64_MIN;
  block.newest_ns = INT64_MAX;
  ASSERT_TRUE(ring_->append(block));
  const auto blocks = blocks_in(image());
  EXPECT_EQ(blocks[0].header.oldest_ns, -1);
  EXPECT_EQ(blocks[0].header.span_s, 2U) << "rounded up";
  EXPECT_EQ(blocks[0].header.stored_at_s, clock_.wall_ns() / 1'000'000'000);
  EXPECT_EQ(blocks[1].header.span_s, UINT32_MAX);
}

}  // namespace
}  // namespace holdfast::test

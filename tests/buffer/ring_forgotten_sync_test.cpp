// A sync that fails while an append makes room is no less a failure than one that was asked for.
#include <gtest/gtest.h>

#include "tests/buffer/held_fixture.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using buffer::Origin;
using std::chrono::seconds;

class RingForgottenSyncTest : public HeldFixture {
 protected:
  // A checkpoint is due, and does not fit under the limit of what may be unsynced; a small block
  // alone does.
  RingForgottenSyncTest() {
    options_.unsynced_limit = 1024;
    options_.checkpoint_bytes = 512;
    reopen(options_);
    reader_ = *ring_->attach("r");
    synced_ = record_->size();
    append(8, 80);
    EXPECT_EQ(count_syncs_since(synced_), 0U);
    fail_syncs(EIO);
  }
  [[nodiscard]] std::size_t count_syncs_since(std::size_t from) const {
    std::size_t syncs = 0;
    for (const auto& operation : record_->operations_since(from)) {
      syncs += operation.kind == Kind::kSync ? 1U : 0U;
    }
    return syncs;
  }
  // The kernel drops what it could not write when the first sync failed.
  [[nodiscard]] Bytes image_of_a_forgetful_device() const {
    const auto operations = record_->operations();
    const auto failed = std::find_if(operations.begin(), operations.end(),
                                     [](const auto& o) { return o.kind == Kind::kFailedSync; });
    EXPECT_NE(failed, operations.end());
    const auto forgotten = static_cast<std::size_t>(failed - operations.begin());
    std::size_t place = 0;
    return image_without(*record_, [&](const FileOperation&) {
      ++place;
      return place > synced_ && place <= forgotten;
    });
  }
  void expect_all_there_once_healed() {
    mend_device();
    tend_after(seconds(1));
    EXPECT_FALSE(ring_->info().degraded);
    ASSERT_TRUE(ring_->sync(true));
    const auto opened = open_image(image_of_a_forgetful_device(), clock_, options_);
    EXPECT_EQ(opened.ring->recovery().points_lost, 0U);
    EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")), numbers(0, next_));
    EXPECT_EQ(drain(*ring_, reader_), numbers(0, next_));
  }

  buffer::ReaderId reader_ = 0;
  std::size_t synced_ = 0;
};

TEST_F(RingForgottenSyncTest, ForACheckpointRefusesTheBlockBehindIt) {
  const auto stored = try_append(Origin::kReceived, 1);
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, ErrorCode::kIo);
  EXPECT_TRUE(ring_->info().degraded);
  expect_all_there_once_healed();
}

TEST_F(RingForgottenSyncTest, ForACheckpointLetsAGatheredBlockWait) {
  gather(1);
  EXPECT_TRUE(ring_->info().degraded);
  EXPECT_EQ(ring_->info().held_points, 1U);
  expect_all_there_once_healed();
  EXPECT_EQ(next_, 9U);
}

// The file shows what it held before the sync that failed: memory has the rest, and it is written
// again. Until then nothing is lost and nothing is handed out.
class RingOnAForgetfulDevice : public HeldFixture {
 protected:
  RingOnAForgetfulDevice() {
    reader_ = *ring_->attach("r");
    receive(4);
    EXPECT_TRUE(ring_->sync(false));
    receive(3);
    receive(2);
    record_->forget_on_failed_sync();
    fail_syncs(EIO);
  }
  void expect_nothing_lost() {
    EXPECT_EQ(reader_info(*ring_, "r").ledger.counters.corrupt, 0U);
    mend_device();
    tend_after(seconds(1));
    EXPECT_EQ(drain(*ring_, reader_), numbers(4, next_));
    EXPECT_EQ(reader_info(*ring_, "r").ledger.counters.corrupt, 0U);
  }

  buffer::ReaderId reader_ = 0;
};

TEST_F(RingOnAForgetfulDevice, WhatIsWrittenAgainIsNoDamage) {
  EXPECT_FALSE(ring_->sync(false));
  EXPECT_EQ(read_all(reader_), numbers(0, 4)) << "what was synced is there";
  ring_->acknowledge(reader_, 4, {});
  const auto batch = ring_->read(reader_, {}, 0);
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code, ErrorCode::kIo);
  EXPECT_EQ(ring_->pending_points(reader_), 5U);
  expect_nothing_lost();
}

TEST_F(RingOnAForgetfulDevice, WhatWaitsInMemoryComesAfterIt) {
  EXPECT_FALSE(ring_->sync(false));
  EXPECT_EQ(read_all(reader_), numbers(0, 4));
  ring_->acknowledge(reader_, 4, {});
  gather(3);
  EXPECT_FALSE(ring_->read(reader_, {}, 0));
  expect_nothing_lost();
}

TEST_F(RingOnAForgetfulDevice, DamageInFrontOfItIsDamageAllTheSame) {
  const auto first = last_data_write(*record_, 2);
  auto file = RecordingFile::reopen(record_);
  mend_device();
  ASSERT_TRUE(file->write_at(first.offset, Bytes(8, std::byte{0})));
  ring_ = open_ring(std::move(file), clock_, options_);
  reader_ = *ring_->attach("r");
  receive(2);
  fail_syncs(EIO);
  EXPECT_FALSE(ring_->sync(false));
  EXPECT_EQ(read_all(reader_), numbers(4, 9));
  ring_->acknowledge(reader_, 5, {});
  EXPECT_FALSE(ring_->read(reader_, {}, 0));
  EXPECT_EQ(reader_info(*ring_, "r").ledger.counters.corrupt, 4U);
  mend_device();
  tend_after(seconds(1));
  EXPECT_EQ(drain(*ring_, reader_), numbers(9, 11));
}

}  // namespace
}  // namespace holdfast::test

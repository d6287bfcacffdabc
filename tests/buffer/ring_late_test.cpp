// A ring whose file comes late: points wait in memory from the start and join what the file holds.
#include <gtest/gtest.h>

#include "tests/buffer/held_fixture.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using buffer::Origin;
using buffer::ReaderId;
using std::chrono::seconds;

class RingLateTest : public HeldFixture {
 protected:
  RingLateTest() { record_ = std::make_shared<FileRecord>(); }

  // The process ends as by kill -9 and starts again without its device.
  void start_without_device(base::Error why = {ErrorCode::kNoSpace, "no room"}) {
    ring_.reset();
    there_ = false;
    ring_ = buffer::Ring::open_degraded(
        why,
        [this]() -> base::Result<std::unique_ptr<buffer::File>> {
          ++tries_;
          if (!there_) return base::fail(ErrorCode::kNoSpace, "still no room");
          if (record_->size() > 0) return RecordingFile::reopen(record_);
          return std::make_unique<RecordingFile>(record_);
        },
        options_, clock_, base::Random(7));
  }
  ReaderId start_late(std::string_view id = "r") {
    start_without_device();
    return *ring_->attach(id);
  }
  void device_comes() {
    there_ = true;
    tend_after(seconds(60));
    EXPECT_FALSE(ring_->info().degraded) << ring_->info().degraded_why;
    EXPECT_EQ(ring_->info().held_points, 0U);
    expect_sound_ledgers(ring_->info());
  }
  // A file that an agent with these readers has left behind.
  void leave_file(const std::vector<std::string>& ids, int blocks) {
    reopen(small_ring(16 * 1024));
    for (const auto& id : ids) (void)*ring_->attach(id);
    for (int i = 0; i < blocks; ++i) receive(2);
  }
  void deliver(ReaderId reader, std::uint64_t points) {
    const auto batch = ring_->read(reader, {}, 0);
    ASSERT_TRUE(batch);
    ASSERT_GE(batch->points, points);
    ring_->acknowledge(reader, points, {});
  }

  bool there_ = false;
  int tries_ = 0;
};

TEST_F(RingLateTest, WithoutAFileGatheredPointsAreDeliveredFromMemory) {
  const ReaderId reader = start_late();
  const auto refused = try_append(Origin::kReceived, 2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kNoSpace);
  gather(3);
  gather(2);
  EXPECT_TRUE(ring_->info().degraded);
  EXPECT_EQ(ring_->info().degraded_why, "no room");
  EXPECT_FALSE(*ring_->sync(true));
  EXPECT_EQ(read_all(reader), numbers(0, 5));
  ring_->acknowledge(reader, 4, {.filtered = 1});
  EXPECT_EQ(drain(*ring_, reader), numbers(4, 5));
  const auto ledger = reader_info(*ring_, "r").ledger;
  EXPECT_EQ(ledger.counters.delivered, 4U);
  EXPECT_EQ(ledger.counters.filtered, 1U);
  expect_sound_ledgers(ring_->info());
  EXPECT_FALSE(ring_->close());
}

TEST_F(RingLateTest, TheDeviceMayBeUnableToHoldARingOfThisSize) {
  start_without_device({ErrorCode::kTooLarge, "more than the file system can address"});
  const auto refused = try_append(Origin::kReceived, 2);
  EXPECT_EQ(refused.error().code, ErrorCode::kIo) << "not the block is too large";
  EXPECT_EQ(refused.error().message, "more than the file system can address");
}

TEST_F(RingLateTest, ANewFileTakesWhatWaits) {
  const ReaderId reader = start_late();
  gather(3);
  deliver(reader, 2);
  gather(4);
  device_comes();
  EXPECT_TRUE(ring_->recovery().created);
  receive(2);
  EXPECT_EQ(left_after_kill("r"), numbers(2, 9));
  EXPECT_EQ(drain(*ring_, reader), numbers(2, 9));
  const auto ledger = reader_info(*ring_, "r").ledger;
  EXPECT_EQ(ledger.accepted, 9U);
  EXPECT_EQ(ledger.counters.delivered, 9U);
}

TEST_F(RingLateTest, ClosingFindsTheFileToo) {
  (void)start_late();
  gather(3);
  there_ = true;
  ASSERT_TRUE(ring_->close());
  EXPECT_EQ(left_after_kill("r"), numbers(0, 3));
}

TEST_F(RingLateTest, TheBacklogOfTheFileComesFirst) {
  leave_file({"r"}, 5);
  const auto before = reader_info(*ring_, "r").ledger;
  const ReaderId reader = start_late();
  gather(4);
  device_comes();
  EXPECT_EQ(left_after_kill("r"), numbers(0, 14));
  EXPECT_EQ(drain(*ring_, reader), numbers(0, 14));
  const auto ledger = reader_info(*ring_, "r").ledger;
  EXPECT_EQ(ledger.since_ns, before.since_ns);
  EXPECT_EQ(ledger.accepted, 14U);
  EXPECT_EQ(ledger.counters.delivered, 14U);
}

TEST_F(RingLateTest, WhatWasDeliveredMeanwhileIsCountedOnceAndNotSentAgain) {
  leave_file({"r"}, 5);
  deliver(0, 3);
  const ReaderId reader = start_late();
  gather(4);
  deliver(reader, 3);
  gather(2);
  device_comes();
  auto ledger = reader_info(*ring_, "r").ledger;
  EXPECT_EQ(ledger.accepted, 16U);
  EXPECT_EQ(ledger.counters.delivered, 6U);
  EXPECT_EQ(ledger.buffered, 10U);
  const auto wanted = [] {
    auto all = numbers(3, 10);
    const auto rest = numbers(13, 16);
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  }();
  EXPECT_EQ(left_after_kill("r"), wanted);
  EXPECT_EQ(after_kill().ring->recovery().points_lost, 0U);
  EXPECT_EQ(drain(*ring_, reader), wanted);
  receive(1);
  EXPECT_EQ(drain(*ring_, reader), numbers(16, 17));
  ledger = reader_info(*ring_, "r").ledger;
  EXPECT_EQ(ledger.counters.delivered, 17U);
  EXPECT_EQ(ledger.counters.corrupt, 0U);
}

TEST_F(RingLateTest, WholeBlocksDeliveredMeanwhileAreNoLossInTheFile) {
  leave_file({"r"}, 5);
  const ReaderId reader = start_late();
  for (int i = 0; i < 3; ++i) gather(4);
  EXPECT_EQ(drain(*ring_, reader), numbers(10, 22));
  gather(2);
  device_comes();
  EXPECT_EQ(after_kill().ring->recovery().points_lost, 0U);
  auto wanted = numbers(0, 10);
  wanted.insert(wanted.end(), {22, 23});
  EXPECT_EQ(left_after_kill("r"), wanted);
  EXPECT_EQ(drain(*ring_, reader), wanted);
  EXPECT_EQ(reader_info(*ring_, "r").ledger.counters.corrupt, 0U);
}

TEST_F(RingLateTest, TheWriterMayOvertakeTheFirstStretch) {
  leave_file({"r"}, 5);
  const ReaderId reader = start_late();
  gather(4);
  deliver(reader, 4);
  gather(2);
  device_comes();
  append_until_overtaken("r");
  const auto ledger = reader_info(*ring_, "r").ledger;
  EXPECT_EQ(ledger.counters.delivered, 4U) << "what was delivered does not overflow as well";
  EXPECT_GT(ledger.counters.overflow, 12U);
  expect_sound_ledgers(ring_->info());
  EXPECT_EQ(drain(*ring_, reader), numbers(next_ - ledger.buffered, next_));
}

TEST_F(RingLateTest, ANewReaderBesideAnOvertakenBatchSharesBothStretches) {
  leave_file({"r"}, 40);
  const ReaderId reader = start_late();
  gather(4);
  deliver(reader, 4);
  gather(2);
  device_comes();
  ASSERT_TRUE(ring_->read(reader, {.max_points = 30}, 0));
  for (int i = 0; i < 100; ++i) receive(2);
  const ReaderId fresh = *ring_->attach("fresh");
  ring_->release(reader);
  const auto found = drain(*ring_, reader);
  EXPECT_GT(found.front(), 0U) << "overtaken";
  EXPECT_LT(found.front(), 80U) << "within the first stretch";
  EXPECT_EQ(drain(*ring_, fresh), found);
  EXPECT_EQ(reader_info(*ring_, "fresh").ledger.counters.corrupt, 0U);
  EXPECT_EQ(reader_info(*ring_, "fresh").ledger.accepted, found.size());
}

TEST_F(RingLateTest, AReaderThatNobodyClaimsIsAnOrphanAndMissesWhatOthersHad) {
  leave_file({"gone"}, 3);
  const ReaderId reader = start_late("r");
  gather(4);
  deliver(reader, 4);
  gather(2);
  device_comes();
  // The new reader starts at what is pending for anyone, as it would have in the file.
  auto ledger = reader_info(*ring_, "r").ledger;
  EXPECT_EQ(ledger.accepted, 12U);
  EXPECT_EQ(ledger.counters.delivered, 4U);
  EXPECT_EQ(drain(*ring_, reader), (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 10, 11}));
  const ReaderId gone = *ring_->attach("gone");
  EXPECT_EQ(drain(*ring_, gone), (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 10, 11}));
  ledger = reader_info(*ring_, "gone").ledger;
  EXPECT_EQ(ledger.accepted, 12U);
  EXPECT_EQ(ledger.counters.corrupt, 4U) << "delivered to another reader, and nowhere else";
  expect_sound_ledgers(ring_->info());
}

TEST_F(RingLateTest, AFileWithoutReadersIsDelivered) {
  leave_file({}, 4);
  const ReaderId reader = start_late();
  gather(3);
  deliver(reader, 1);
  device_comes();
  EXPECT_EQ(drain(*ring_, reader), (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7, 9, 10}));
  const auto ledger = reader_info(*ring_, "r").ledger;
  EXPECT_EQ(ledger.accepted, 11U);
  EXPECT_EQ(ledger.counters.delivered, 11U);
}

TEST_F(RingLateTest, ReadersThatCameOneAfterTheOtherAreCountedRight) {
  leave_file({"a", "b"}, 2);
  const ReaderId a = start_late("a");
  gather(5);
  EXPECT_EQ(drain(*ring_, a), numbers(4, 9));
  const ReaderId b = *ring_->attach("b");
  const ReaderId c = *ring_->attach("c");
  gather(2);
  device_comes();
  const std::vector<std::uint64_t> wanted{0, 1, 2, 3, 9, 10};
  for (const ReaderId reader : {a, b, c}) EXPECT_EQ(drain(*ring_, reader), wanted);
  EXPECT_EQ(reader_info(*ring_, "a").ledger.counters.delivered, 11U);
  EXPECT_EQ(reader_info(*ring_, "b").ledger.counters.corrupt, 5U) << "delivered to `a` alone";
  EXPECT_EQ(reader_info(*ring_, "c").ledger.accepted, 6U) << "it was new then";
  expect_sound_ledgers(ring_->info());
}

TEST_F(RingLateTest, WithEightReadersInTheFileThereIsNoRoomForMore) {
  leave_file({"1", "2", "3", "4", "5", "6", "7", "8"}, 2);
  const ReaderId reader = start_late("new");
  gather(2);
  device_comes();
  EXPECT_EQ(ring_->info().readers.size(), 8U);
  EXPECT_EQ(drain(*ring_, reader), numbers(0, 6));
  expect_sound_ledgers(after_kill().ring->info());
}

TEST_F(RingLateTest, ManyLateStartsLeaveManyStretches) {
  leave_file({"r"}, 1);
  std::vector<std::uint64_t> wanted = numbers(0, 2);
  ReaderId reader = 0;
  for (std::size_t start = 1; start <= 9; ++start) {
    reader = start_late();
    gather(1);
    deliver(reader, 1);
    gather(2);
    device_comes();
    const auto stretches = newest_state(image()).readers[0].ranges.size();
    EXPECT_EQ(stretches, std::min<std::size_t>(1 + start, 8));
    wanted.insert(wanted.end(), {next_ - 2, next_ - 1});
  }
  EXPECT_EQ(drain(*ring_, reader), wanted);
  const auto ledger = reader_info(*ring_, "r").ledger;
  // Where there was no room for another stretch the gap counts as a loss, whoever had its points.
  EXPECT_EQ(ledger.counters.corrupt, 2U);
  EXPECT_EQ(ledger.accepted, next_);
  expect_sound_ledgers(ring_->info());
}

TEST_F(RingLateTest, AKillAtAnyOperationOfTheAdoptionLosesNothingOfTheFile) {
  leave_file({"r", "gone"}, 5);
  deliver(0, 3);
  const auto before = record_->size();
  const ReaderId reader = start_late();
  gather(4);
  deliver(reader, 3);
  gather(2);
  device_comes();
  ASSERT_GT(record_->size(), before + 4);
  for (std::size_t cut = before; cut <= record_->size(); ++cut) {
    SCOPED_TRACE(fmt::format("cut after operation {}", cut));
    const auto opened = open_image(record_->content_after(cut), clock_, options_);
    const auto info = opened.ring->info();
    expect_sound_ledgers(info);
    EXPECT_LE(opened.ring->recovery().points_lost, 3U) << "what `r` alone has had";
    const auto ledger = reader_info(*opened.ring, "r").ledger;
    EXPECT_EQ(ledger.counters.corrupt, 0U);
    EXPECT_TRUE(ledger.counters.delivered == 3 || ledger.counters.delivered == 6);
    const auto found = drain(*opened.ring, *opened.ring->attach("r"));
    auto wanted = numbers(3, 10);
    if (info.point_sequence > 13) wanted.push_back(13);
    if (info.point_sequence > 14) wanted.insert(wanted.end(), {14, 15});
    EXPECT_EQ(found, wanted);
    const auto orphan = drain(*opened.ring, *opened.ring->attach("gone"));
    ASSERT_GE(orphan.size(), 10U);
    EXPECT_EQ(std::vector(orphan.begin(), orphan.begin() + 10), numbers(0, 10));
    expect_sound_ledgers(opened.ring->info());
  }
}

TEST_F(RingLateTest, AFileThatCannotBeRepairedYetIsTriedAgain) {
  leave_file({"r"}, 3);
  const ReaderId reader = start_late();
  gather(2);
  tend_after(seconds(60));
  EXPECT_EQ(tries_, 1);
  EXPECT_TRUE(ring_->info().degraded);
  there_ = true;
  for (int allowed = 0; allowed < 3; ++allowed) {
    int operations = 0;
    record_->fail_with([&operations, allowed](const FileOperation&) -> base::Status {
      return ++operations > allowed ? base::Status(base::fail_errno("ring", EIO)) : base::ok();
    });
    tend_after(seconds(60));
    EXPECT_TRUE(ring_->info().degraded);
    gather(1);
    EXPECT_EQ(read_all(reader), numbers(0, next_)) << "the file can be read already";
    ring_->release(reader);
    mend_device();
    EXPECT_EQ(left_after_kill("r"), numbers(0, 6));
  }
  EXPECT_EQ(tries_, 2) << "once it is found it stays";
  device_comes();
  EXPECT_EQ(left_after_kill("r"), numbers(0, 11));
}

TEST_F(RingLateTest, TheFileWaitsForABatchInFlight) {
  leave_file({"r"}, 3);
  const ReaderId reader = start_late();
  gather(2);
  EXPECT_EQ(read_all(reader), numbers(6, 8));
  there_ = true;
  for (int i = 0; i < 5; ++i) tend_after(seconds(60));
  EXPECT_EQ(tries_, 0);
  EXPECT_TRUE(ring_->info().degraded);
  EXPECT_EQ(try_append(Origin::kReceived, 1).error().code, ErrorCode::kNoSpace)
      << "refused, not put off";
  ring_->acknowledge(reader, 1, {});
  tend_after(seconds(1));
  EXPECT_EQ(tries_, 1) << "a batch in flight is no failure";
  EXPECT_FALSE(ring_->info().degraded);
  EXPECT_EQ(drain(*ring_, reader), (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 7}));
}

TEST_F(RingLateTest, AnAnnouncedWaitIsKept) {
  leave_file({"a", "b"}, 1);
  const buffer::NotBefore old{.wall_ns = 5, .boot_ns = 6, .remaining_ns = 7, .boot_id = {}};
  ring_->set_not_before(0, old);
  ring_->set_not_before(1, old);
  start_without_device();
  const ReaderId a = *ring_->attach("a");
  const ReaderId b = *ring_->attach("b");
  const buffer::NotBefore fresh{.wall_ns = 50, .boot_ns = 60, .remaining_ns = 70, .boot_id = {}};
  ring_->set_not_before(b, fresh);
  device_comes();
  EXPECT_EQ(ring_->not_before(a), old);
  EXPECT_EQ(ring_->not_before(b), fresh);
  const auto opened = after_kill();
  EXPECT_EQ(reader_info(*opened.ring, "b").not_before, fresh);
}

TEST_F(RingLateTest, TheFileMayBeFull) {
  leave_file({"r"}, 0);
  for (int i = 0; i < 40; ++i) receive(8, 100);
  const auto before = reader_info(*ring_, "r").ledger;
  EXPECT_GT(before.counters.overflow, 0U);
  const ReaderId reader = start_late();
  for (int i = 0; i < 6; ++i) gather(8, 100);
  deliver(reader, 3);
  device_comes();
  const auto ledger = reader_info(*ring_, "r").ledger;
  EXPECT_EQ(ledger.counters.delivered, 3U);
  EXPECT_GT(ledger.counters.overflow, before.counters.overflow);
  EXPECT_EQ(ledger.counters.corrupt, 0U);
  auto wanted = numbers(320 + 3 - ledger.buffered + 45 - 3, 320);
  const auto rest = numbers(323, 368);
  wanted.insert(wanted.end(), rest.begin(), rest.end());
  EXPECT_EQ(drain(*ring_, reader), wanted);
}

}  // namespace
}  // namespace holdfast::test

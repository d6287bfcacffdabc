// A backlog set apart, so that what comes after it can go out first: both stay exact through kills,
// overflow and damage.
#include <set>

#include <gtest/gtest.h>

#include "agent/base/random.h"
#include "tests/buffer/ring_fixture.h"

namespace holdfast::test {
namespace {

using buffer::Part;

class RingLive : public RingFixture {
 protected:
  RingLive() { reader_ = *ring_->attach("out"); }

  void restart() {
    reopen();
    reader_ = *ring_->attach("out");
  }
  std::vector<std::uint64_t> read(Part part, std::uint64_t most = 5000) {
    const auto batch = ring_->read(reader_, {.max_points = most}, 0, part);
    EXPECT_TRUE(batch);
    points_ = batch ? batch->points : 0;
    return batch ? numbers_of(*batch) : std::vector<std::uint64_t>{};
  }
  void acknowledge() { ring_->acknowledge(reader_, points_, {}); }
  std::vector<std::uint64_t> take(Part part, std::uint64_t most = 5000) {
    auto found = read(part, most);
    if (!found.empty()) acknowledge();
    return found;
  }
  [[nodiscard]] std::uint64_t pending(Part part) const {
    return ring_->pending_points(reader_, part);
  }
  [[nodiscard]] buffer::Ledger ledger() const { return reader_info(*ring_, "out").ledger; }

  buffer::ReaderId reader_ = 0;
  std::uint64_t points_ = 0;  // of the batch in flight
};

TEST_F(RingLive, WithoutABacklogBothPartsAreTheSame) {
  append(3);
  EXPECT_EQ(pending(Part::kLive), 3U);
  EXPECT_EQ(take(Part::kLive), numbers(0, 3));
  EXPECT_EQ(pending(Part::kOldest), 0U);
  EXPECT_FALSE(ring_->set_apart(reader_)) << "there is nothing to set apart";
}

TEST_F(RingLive, WhatComesAfterTheBacklogCanGoFirst) {
  append(3);
  append(4);
  ASSERT_TRUE(ring_->set_apart(reader_));
  EXPECT_EQ(pending(Part::kLive), 0U);
  EXPECT_TRUE(read(Part::kLive).empty());
  append(2);
  EXPECT_EQ(pending(Part::kLive), 2U);
  EXPECT_EQ(pending(Part::kOldest), 9U);
  EXPECT_EQ(take(Part::kLive), numbers(7, 9));
  EXPECT_EQ(take(Part::kOldest, 3), numbers(0, 3));
  append(1);
  EXPECT_EQ(take(Part::kLive), numbers(9, 10));
  EXPECT_EQ(take(Part::kOldest), numbers(3, 7));
  EXPECT_EQ(pending(Part::kOldest), 0U);
  EXPECT_EQ(ledger().counters.delivered, 10U);
}

TEST_F(RingLive, BothPartsOutliveAKill) {
  append(5);
  ASSERT_TRUE(ring_->set_apart(reader_));
  append(5);
  EXPECT_EQ(read(Part::kLive), numbers(5, 10));
  ring_->acknowledge(reader_, 2, {});
  EXPECT_EQ(read(Part::kOldest), numbers(0, 5));
  ring_->acknowledge(reader_, 1, {});
  restart();
  EXPECT_EQ(pending(Part::kLive), 3U);
  EXPECT_EQ(pending(Part::kOldest), 7U);
  EXPECT_EQ(take(Part::kLive), numbers(7, 10));
  EXPECT_EQ(take(Part::kOldest), numbers(1, 5));
  EXPECT_TRUE(take(Part::kOldest).empty());
  EXPECT_EQ(ledger().buffered, 0U);
}

TEST_F(RingLive, SevenBacklogsAreKeptApartAndNoMore) {
  for (int i = 0; i < 7; ++i) {
    append(2);
    EXPECT_TRUE(ring_->set_apart(reader_)) << i;
  }
  append(2);
  EXPECT_FALSE(ring_->set_apart(reader_));
  restart();
  EXPECT_EQ(take(Part::kLive), numbers(14, 16));
  EXPECT_EQ(take(Part::kOldest), numbers(0, 2)) << "one backlog at a time";
  append(2);
  EXPECT_TRUE(ring_->set_apart(reader_)) << "there is room again";
  EXPECT_EQ(drain(*ring_, reader_), [] {
    auto rest = numbers(2, 14);
    rest.insert(rest.end(), {16, 17});
    return rest;
  }());
}

TEST_F(RingLive, AFlightCanBeSetApartFromWhatFollowsIt) {
  append(3);
  append(4);
  append(5);
  EXPECT_EQ(read(Part::kOldest, 4), numbers(0, 3));
  ASSERT_TRUE(ring_->set_flight_apart(reader_));
  EXPECT_EQ(take(Part::kLive, 4), numbers(3, 7));
  restart();
  EXPECT_EQ(read(Part::kOldest), numbers(0, 3)) << "it ends where it was parted";
  EXPECT_FALSE(ring_->set_flight_apart(reader_)) << "nothing follows in its part";
  EXPECT_EQ(take(Part::kOldest), numbers(0, 3));
  EXPECT_EQ(take(Part::kOldest), numbers(7, 12));
  EXPECT_EQ(ledger().buffered, 0U);
}

TEST_F(RingLive, AFlightOfTheLivePartCanBeSetApartToo) {
  append(3);
  ASSERT_TRUE(ring_->set_apart(reader_));
  append(4);
  append(5);
  EXPECT_EQ(read(Part::kLive, 4), numbers(3, 7));
  ASSERT_TRUE(ring_->set_flight_apart(reader_));
  EXPECT_EQ(take(Part::kLive), numbers(7, 12));
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 7));
}

TEST_F(RingLive, TheWriterTakesTheBacklogFirstAndCountsIt) {
  append(8, 120);
  ASSERT_TRUE(ring_->set_apart(reader_));
  append_until_overtaken("out");
  const std::uint64_t lost = ledger().counters.overflow;
  EXPECT_GT(lost, 8U);
  EXPECT_EQ(drain(*ring_, reader_), numbers(lost, next_));
}

TEST_F(RingLive, AFlightOfTheLivePartOutlivesTheLossOfTheBacklog) {
  append(8, 120);
  ASSERT_TRUE(ring_->set_apart(reader_));
  append(3);
  EXPECT_EQ(read(Part::kLive), numbers(8, 11));
  append_until_overtaken("out");
  acknowledge();
  EXPECT_EQ(ledger().counters.delivered, 3U);
  const std::uint64_t lost = ledger().counters.overflow;
  EXPECT_EQ(drain(*ring_, reader_), numbers(lost + 3, next_));
  EXPECT_EQ(ledger().buffered, 0U);
}

// What waits in memory is live: the backlog lies in the file.
TEST_F(RingLive, BlocksInMemoryStayLive) {
  append(4);
  record_->fail_with([](const FileOperation&) { return base::fail_errno("ring", EIO); });
  origin_ = buffer::Origin::kGathered;
  append(3);
  ASSERT_TRUE(ring_->info().degraded);
  ASSERT_TRUE(ring_->set_apart(reader_));
  EXPECT_EQ(take(Part::kLive, 2), numbers(4, 7));
  append(2);
  record_->fail_with({});
  clock_.advance(std::chrono::seconds(90));
  ring_->tend();
  ASSERT_FALSE(ring_->info().degraded);
  append(1);
  restart();
  EXPECT_EQ(take(Part::kLive), numbers(7, 10));
  EXPECT_EQ(take(Part::kOldest), numbers(0, 4));
  EXPECT_EQ(ledger().buffered, 0U);
  EXPECT_EQ(ledger().counters.corrupt, 0U);
}

// Random operations against a set of numbers. A cut leaves out what was written after the last
// sync.
class LiveWorkload {
 public:
  explicit LiveWorkload(std::uint64_t seed) : random_(seed) {
    options_.checkpoint_bytes = 2048;
    ring_ = open_ring(std::make_unique<RecordingFile>(record_), clock_, options_);
    reader_ = *ring_->attach("out");
    sync();
  }

  void step() {
    const auto choice = random_.below(20);
    if (choice < 8) append();
    if (choice >= 8 && choice < 13) take(Part::kLive);
    if (choice >= 13 && choice < 16) take(Part::kOldest);
    if (choice == 16) apart_ += ring_->set_apart(reader_) ? 1 : 0;
    if (choice == 17) sync();
    if (choice == 18) kill();
    if (choice == 19 && random_.below(3) == 0) cut();
    check();
  }
  int apart_ = 0, cuts_ = 0;
  std::uint64_t overflow_ = 0;

 private:
  void sync() { EXPECT_TRUE(ring_->sync(true)); }
  void append() {
    const auto points = static_cast<std::uint32_t>(1 + random_.below(9));
    auto block = numbered_block(accepted_, points, 16 + random_.below(80));
    ASSERT_TRUE(ring_->append(block));
    for (std::uint32_t i = 0; i < points; ++i) pending_.insert(accepted_++);
    book_overflow();
  }
  // The writer takes the oldest.
  void book_overflow() {
    const std::uint64_t now = reader_info(*ring_, "out").ledger.counters.overflow;
    for (; overflow_ < now; ++overflow_) {
      ASSERT_FALSE(pending_.empty());
      pending_.erase(pending_.begin());
    }
  }
  void take(Part part) {
    const auto batch = ring_->read(reader_, {.max_points = 1 + random_.below(30)}, 0, part);
    ASSERT_TRUE(batch);
    const auto found = numbers_of(*batch);
    for (const std::uint64_t number : found) ASSERT_TRUE(pending_.contains(number)) << number;
    if (part == Part::kOldest && !pending_.empty()) {
      ASSERT_FALSE(found.empty());
      ASSERT_EQ(found.front(), *pending_.begin());
    }
    if (found.empty()) return;
    for (std::uint64_t i = random_.below(6); i > 0; --i) append_in_flight();
    const std::uint64_t done =
        random_.below(3) == 0 ? random_.below(batch->points + 1) : batch->points;
    ring_->acknowledge(reader_, done, {});
    for (std::uint64_t i = 0; i < done; ++i) pending_.erase(found[i]);
    book_overflow();
  }
  // What it overtakes of the flight is booked when that is over.
  void append_in_flight() {
    const auto points = static_cast<std::uint32_t>(1 + random_.below(9));
    auto block = numbered_block(accepted_, points, 16 + random_.below(80));
    ASSERT_TRUE(ring_->append(block));
    for (std::uint32_t i = 0; i < points; ++i) pending_.insert(accepted_++);
  }
  void kill() {
    ring_.reset();
    ring_ = open_ring(RecordingFile::reopen(record_), clock_, options_);
    reader_ = *ring_->attach("out");
    const auto info = reader_info(*ring_, "out").ledger;
    EXPECT_EQ(info.counters.corrupt, 0U);
  }
  // Nothing that was synced and not acknowledged may be missing, nothing may be invented.
  void cut() {
    ++cuts_;
    const std::size_t synced = record_->synced();
    const auto opened = open_image(record_->content_after(synced), clock_, options_);
    const auto before = reader_info(*opened.ring, "out").ledger;
    const auto found = drain(*opened.ring, *opened.ring->attach("out"));
    const auto after = reader_info(*opened.ring, "out").ledger;
    EXPECT_EQ(after.accepted, after.counters.total());
    EXPECT_EQ(found.size() + after.counters.corrupt - before.counters.corrupt, before.buffered);
    const std::set<std::uint64_t> there(found.begin(), found.end());
    EXPECT_EQ(there.size(), found.size()) << "nothing twice";
    for (const std::uint64_t number : pending_) {
      EXPECT_TRUE(number >= before.accepted || there.contains(number)) << number;
    }
  }
  void check() {
    const auto ledger = reader_info(*ring_, "out").ledger;
    ASSERT_EQ(ledger.accepted, accepted_);
    ASSERT_EQ(ledger.buffered, pending_.size());
    ASSERT_EQ(ledger.counters.total() + ledger.buffered, ledger.accepted);
    ASSERT_LE(ring_->pending_points(reader_, Part::kLive), pending_.size());
  }

  base::Random random_;
  FakeClock clock_;
  buffer::RingOptions options_ = small_ring(8192);
  std::shared_ptr<FileRecord> record_ = std::make_shared<FileRecord>();
  std::unique_ptr<buffer::Ring> ring_;
  buffer::ReaderId reader_ = 0;
  std::uint64_t accepted_ = 0;
  std::set<std::uint64_t> pending_;
};

TEST(RingLiveModel, RandomOperationsKeepBothPartsExact) {
  int apart = 0, cuts = 0;
  std::uint64_t overflow = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    LiveWorkload workload(seed);
    for (int i = 0; i < 300; ++i) {
      SCOPED_TRACE(testing::Message() << "step " << i);
      workload.step();
      if (testing::Test::HasFailure()) return;
    }
    apart += workload.apart_;
    cuts += workload.cuts_;
    overflow += workload.overflow_;
  }
  EXPECT_GT(apart, 300);
  EXPECT_GT(cuts, 100);
  EXPECT_GT(overflow, 1000U);
}

}  // namespace
}  // namespace holdfast::test

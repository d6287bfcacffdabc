// Trimming: what is given up, for whom, how it is counted, and that a crash in the middle of it
// leaves the old state or the new one.
#include "buffer/ring_trim.h"

#include <gtest/gtest.h>

#include "tests/buffer/ring_fixture.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using buffer::TrimOptions;
using buffer::TrimPlan;

constexpr std::int64_t kSecond = 1'000'000'000;

class TrimTest : public RingFixture {
 protected:
  TrimTest() {
    options_.checkpoint_bytes = 1U << 20U;  // none among so few blocks: room is easy to count
    reopen();
  }

  // Blocks of 4 points, one every 10 s from 0 s on, each spanning 5 s.
  void fill(int blocks) {
    for (int i = 0; i < blocks; ++i) {
      auto block = numbered_block(next_, 4, 100);
      block.oldest_ns = static_cast<std::int64_t>(next_ / 4) * 10 * kSecond;
      block.newest_ns = block.oldest_ns + 5 * kSecond;
      ASSERT_TRUE(ring_->append(block));
      next_ += 4;
    }
  }

  TrimPlan trim(const TrimOptions& options) {
    ring_.reset();
    const auto dry = plan(options);
    auto done = buffer::trim(RecordingFile::reopen(record_), options, clock_, base::Random(5));
    EXPECT_TRUE(done) << (done ? "" : done.error().message);
    if (!done || !dry) return {};
    EXPECT_EQ(done->cut, dry->cut) << "the dry run said something else";
    EXPECT_EQ(done->erased, dry->erased);
    for (std::size_t i = 0; i < done->readers.size(); ++i) {
      EXPECT_EQ(done->readers[i].dropped, dry->readers[i].dropped);
    }
    reopen();
    // Unless even the block is gone that the slot refers to.
    EXPECT_NE(ring_->recovery().clean, ring_->recovery().full_scan);
    expect_sound_ledgers(ring_->info());
    return *done;
  }

  base::Result<TrimPlan> plan(const TrimOptions& options) {
    const std::size_t before = record_->size();
    auto file = RecordingFile::reopen(record_);
    const auto snapshot = buffer::take_snapshot(*file, false);
    if (!snapshot) return tl::unexpected(snapshot.error());
    auto planned = buffer::plan_trim(*file, *snapshot, options);
    EXPECT_EQ(record_->size(), before) << "a plan writes nothing";
    return planned;
  }

  [[nodiscard]] std::vector<std::uint64_t> left(std::string_view id) {
    return drain(*ring_, *ring_->attach(id));
  }
};

TEST_F(TrimTest, BeforeATimeWholeBlocksGoAndCountAsOverflow) {
  ASSERT_TRUE(ring_->attach("r"));
  fill(10);
  // The block from 30 s on ends at 35 s.
  for (const auto& [before_s, first_left] : {std::pair(35, 12), {36, 16}, {40, 16}, {41, 16}}) {
    const auto planned = plan({.before_ns = before_s * kSecond});
    ASSERT_TRUE(planned);
    EXPECT_EQ(planned->readers.at(0).dropped, first_left) << before_s;
  }
  const TrimPlan done = trim({.before_ns = 40 * kSecond});
  EXPECT_EQ(done.readers.at(0).id, "r");
  EXPECT_EQ(done.readers.at(0).dropped, 16U);
  EXPECT_EQ(done.readers.at(0).kept, 24U);
  EXPECT_EQ(reader_info(*ring_, "r").ledger.counters.overflow, 16U);
  EXPECT_EQ(left("r"), numbers(16, 40));
}

TEST_F(TrimTest, ALateBlockOfOldPointsStaysBehindNewerOnes) {
  ASSERT_TRUE(ring_->attach("r"));
  fill(2);
  auto late = numbered_block(next_, 4, 100);
  late.oldest_ns = late.newest_ns = 0;
  ASSERT_TRUE(ring_->append(late));
  next_ += 4;
  EXPECT_EQ(trim({.before_ns = 8 * kSecond}).readers.at(0).dropped, 4U);
  EXPECT_EQ(left("r"), numbers(4, 12));
}

TEST_F(TrimTest, KeepLastKeepsWholeBlocksThatFit) {
  ASSERT_TRUE(ring_->attach("r"));
  fill(10);
  const std::uint64_t extent = block_of_point(image(), 0).header.extent();
  EXPECT_EQ(plan({.keep_last = 3 * extent})->readers.at(0).kept, 12U);
  EXPECT_EQ(plan({.keep_last = 3 * extent - 1})->readers.at(0).kept, 8U);
  EXPECT_EQ(plan({.keep_last = 1000 * extent})->readers.at(0).dropped, 0U);
  EXPECT_EQ(plan({.keep_last = 0})->readers.at(0).kept, 0U);
  EXPECT_EQ(trim({.keep_last = 3 * extent}).readers.at(0).dropped, 28U);
  EXPECT_EQ(left("r"), numbers(28, 40));
}

TEST_F(TrimTest, EachReaderLosesWhatItHadNotRead) {
  const auto fast = *ring_->attach("fast");
  ASSERT_TRUE(ring_->attach("slow"));
  fill(10);
  const auto batch = ring_->read(fast, {.max_points = 24}, 0);
  ring_->acknowledge(fast, batch->points - 2, {});  // in the middle of a block
  trim({.before_ns = 70 * kSecond});
  EXPECT_EQ(reader_info(*ring_, "slow").ledger.counters.overflow, 28U);
  EXPECT_EQ(reader_info(*ring_, "fast").ledger.counters.overflow, 6U);
  EXPECT_EQ(reader_info(*ring_, "fast").ledger.counters.delivered, 22U);
  EXPECT_EQ(left("fast"), numbers(28, 40));
  EXPECT_EQ(left("slow"), numbers(28, 40));
}

TEST_F(TrimTest, AReaderAheadOfTheCutLosesNothing) {
  const auto fast = *ring_->attach("fast");
  ASSERT_TRUE(ring_->attach("slow"));
  fill(10);
  const auto batch = ring_->read(fast, {.max_points = 32}, 0);
  ring_->acknowledge(fast, batch->points, {});
  trim({.before_ns = 40 * kSecond});
  EXPECT_EQ(reader_info(*ring_, "fast").ledger.counters.overflow, 0U);
  EXPECT_EQ(left("fast"), numbers(32, 40));
}

TEST_F(TrimTest, OneReaderAlone) {
  ASSERT_TRUE(ring_->attach("a"));
  ASSERT_TRUE(ring_->attach("b"));
  fill(10);
  const TrimPlan done = trim({.reader = "a"});
  ASSERT_EQ(done.readers.size(), 1U);
  EXPECT_EQ(done.readers[0].dropped, 40U);
  EXPECT_TRUE(left("a").empty());
  EXPECT_EQ(left("b"), numbers(0, 40));
  EXPECT_EQ(plan({.reader = "c"}).error().code, ErrorCode::kNotFound);
}

TEST_F(TrimTest, OnlyAnOrphanIsRemoved) {
  ASSERT_TRUE(ring_->attach("gone"));
  ASSERT_TRUE(ring_->attach("used"));
  fill(5);
  reopen();
  ASSERT_TRUE(ring_->attach("used"));
  (void)ring_->settle_orphans(std::chrono::hours(1));
  EXPECT_EQ(plan({.reader = "used", .remove = true}).error().code, ErrorCode::kInvalid);
  const TrimPlan done = trim({.reader = "gone", .remove = true});
  EXPECT_TRUE(done.readers.at(0).removed);
  EXPECT_EQ(done.readers.at(0).dropped, 20U);
  const auto info = ring_->info();
  ASSERT_EQ(info.readers.size(), 1U);
  EXPECT_EQ(info.readers[0].id, "used");
  EXPECT_EQ(left("used"), numbers(0, 20));
}

TEST_F(TrimTest, WithoutReadersTheBlocksAreErased) {
  fill(10);
  const TrimPlan done = trim({.before_ns = 40 * kSecond});
  EXPECT_EQ(done.erased.size(), 4U);
  EXPECT_EQ(done.erased_points, 16U);
  EXPECT_EQ(left("first"), numbers(16, 40));
}

TEST_F(TrimTest, WithoutReadersAllMayGo) {
  fill(10);
  EXPECT_EQ(trim({.keep_last = 0}).erased_points, 40U);
  EXPECT_TRUE(left("first").empty());
  fill(2);
  reopen();
  EXPECT_EQ(left("first"), numbers(40, 48));
}

TEST_F(TrimTest, WorksAfterManyLapsAndOverDamage) {
  ASSERT_TRUE(ring_->attach("r"));
  fill(200);
  const std::uint64_t first = next_ - reader_info(*ring_, "r").ledger.buffered;
  const PlacedBlock victim = block_of_point(image(), first + 10);
  const auto noise = std::vector<std::byte>(80, std::byte{7});
  {
    auto file = RecordingFile::reopen(record_);
    ASSERT_TRUE(file->write_at(victim.offset, noise));
  }
  const auto cut_s = static_cast<std::int64_t>((first + 20) / 4 * 10);
  const TrimPlan done = trim({.before_ns = cut_s * kSecond});
  EXPECT_EQ(done.readers.at(0).dropped, (first + 20) / 4 * 4 - first);
  const auto kept = left("r");
  EXPECT_EQ(kept, numbers(next_ - kept.size(), next_));
  EXPECT_EQ(reader_info(*ring_, "r").ledger.counters.corrupt, 0U) << "given up before it was read";
}

TEST_F(TrimTest, ACrashLeavesTheOldStateOrTheNewOne) {
  ASSERT_TRUE(ring_->attach("r"));
  fill(60);
  const auto before = reader_info(*ring_, "r").ledger;
  ring_.reset();
  const std::size_t start = record_->size();
  const auto cut_s = static_cast<std::int64_t>((next_ - 20) / 4 * 10);
  ASSERT_TRUE(buffer::trim(RecordingFile::reopen(record_), {.before_ns = cut_s * kSecond}, clock_,
                           base::Random(5)));
  int old_states = 0;
  int new_states = 0;
  for (std::size_t done = start; done <= record_->size(); ++done) {
    const auto opened = open_image(record_->content_after(done), clock_, options_);
    const auto ledger = reader_info(*opened.ring, "r").ledger;
    expect_sound_ledgers(opened.ring->info());
    const bool is_old = ledger.counters == before.counters && ledger.buffered == before.buffered;
    const bool is_new = ledger.buffered == 20;
    EXPECT_TRUE(is_old || is_new) << done;
    (is_old ? old_states : new_states) += 1;
    EXPECT_EQ(drain(*opened.ring, *opened.ring->attach("r")).size(), ledger.buffered);
  }
  EXPECT_GT(old_states, 0);
  EXPECT_GT(new_states, 0);
}

TEST_F(TrimTest, WhatIsNoRingStaysAsItIs) {
  const Bytes garbage(5000, std::byte{9});
  auto record = std::make_shared<FileRecord>();
  ASSERT_TRUE(RecordingFile(record).write_at(0, garbage));
  const auto done =
      buffer::trim(RecordingFile::reopen(record), {.keep_last = 0}, clock_, base::Random(5));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(record->size(), 1U);
  record = std::make_shared<FileRecord>();
  ASSERT_TRUE(RecordingFile(record).write_at(0, Bytes(5000)));
  EXPECT_EQ(buffer::trim(RecordingFile::reopen(record), {}, clock_, base::Random(5)).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(record->size(), 1U);
}

}  // namespace
}  // namespace holdfast::test

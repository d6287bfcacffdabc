// sync = "always" at the door, and a ring that is too busy to take a block before the next sync.
#include <thread>

#include <gtest/gtest.h>

#include "buffer/block_writer.h"
#include "tests/buffer/hook_file.h"
#include "tests/buffer/image.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using buffer::BlockWriter;
using buffer::BlockWriterOptions;
using buffer::Lines;
using buffer::Origin;

struct Answer {
  int calls = 0;
  base::Status status;
  std::uint64_t not_accepted = 0;
};

class BlockWriterSyncTest : public testing::Test {
 protected:
  BlockWriterSyncTest() { open(64 * 1024, 0); }

  void open(std::uint64_t data_bytes, std::uint64_t unsynced_limit) {
    record_ = std::make_shared<FileRecord>();
    options_ = small_ring(data_bytes);
    options_.unsynced_limit = unsynced_limit;
    ring_ = open_ring(std::make_unique<RecordingFile>(record_), clock_, options_);
    reader_ = *ring_->attach("r");
  }
  // As a SyncWorker would be there, which comes when the test lets it.
  void expect_worker() {
    ring_->on_sync_wanted([this] { ++wanted_; });
  }
  // Closes at 4 points, so that one request can be one block or more.
  [[nodiscard]] std::unique_ptr<BlockWriter> writer(bool always) const {
    BlockWriterOptions options;
    options.limits.points = 4;
    options.wait_for_sync = always;
    return std::make_unique<BlockWriter>(*ring_, clock_, options);
  }
  static std::string line(std::uint64_t number) {
    // Deflate finds nothing to save in it.
    std::string noise;
    base::Random random(number + 1);
    for (int i = 0; i < 60; ++i) noise += static_cast<char>('a' + random.below(26));
    return fmt::format("p,x={} n={}i\n", noise, number);
  }
  void add(BlockWriter& to, std::uint32_t points, Origin origin, Answer& answer) {
    std::vector<std::string> texts;
    std::vector<Lines> pieces;
    for (std::uint32_t i = 0; i < points; ++i) texts.push_back(line(next_++));
    for (const auto& text : texts) pieces.push_back({text, 1, 1, 1});
    to.add(pieces, origin, [&answer](const base::Status& status, std::uint64_t refused) {
      ++answer.calls;
      answer.status = status;
      answer.not_accepted = refused;
    });
  }
  // The numbers of all lines in the ring, in order.
  [[nodiscard]] std::vector<std::uint64_t> stored() const {
    std::vector<std::uint64_t> found;
    while (true) {
      const auto batch = ring_->read(reader_, {}, 0);
      EXPECT_TRUE(batch);
      if (!batch || batch->blocks.empty()) return found;
      for (const auto& block : batch->blocks) {
        const std::string lines = inflated(*batch, block);
        for (std::size_t at = lines.find(" n="); at != std::string::npos;
             at = lines.find(" n=", at + 1)) {
          found.push_back(std::stoull(lines.substr(at + 3)));
        }
      }
      ring_->acknowledge(reader_, batch->points, {});
    }
  }
  void fail_syncs() {
    record_->fail_with([](const FileOperation& operation) -> base::Status {
      if (operation.kind == FileOperation::Kind::kSync) return base::fail_errno("sync", EIO);
      return base::ok();
    });
  }

  FakeClock clock_;
  std::shared_ptr<FileRecord> record_;
  buffer::RingOptions options_;
  std::unique_ptr<buffer::Ring> ring_;
  buffer::ReaderId reader_ = 0;
  std::uint64_t next_ = 0;
  int wanted_ = 0;
};

TEST_F(BlockWriterSyncTest, ReceivedPointsAreAnsweredForOnceTheyAreDurable) {
  expect_worker();
  const auto to = writer(true);
  Answer answer;
  add(*to, 3, Origin::kReceived, answer);
  to->flush();
  EXPECT_EQ(ring_->info().point_sequence, 3U);
  EXPECT_EQ(answer.calls, 0);
  EXPECT_GT(wanted_, 0) << "somebody is asked to sync";
  const auto before = count_syncs(*record_);
  ASSERT_TRUE(ring_->sync(false));
  EXPECT_EQ(answer.calls, 1);
  EXPECT_TRUE(answer.status);
  EXPECT_EQ(answer.not_accepted, 0U);
  EXPECT_EQ(count_syncs(*record_), before + 1);
}

TEST_F(BlockWriterSyncTest, RequestsShareASync) {
  expect_worker();
  const auto to = writer(true);
  std::vector<Answer> answers(6);
  for (Answer& answer : answers) add(*to, 3, Origin::kReceived, answer);
  to->flush();
  const auto before = count_syncs(*record_);
  ASSERT_TRUE(ring_->sync(false));
  EXPECT_EQ(count_syncs(*record_), before + 1);
  for (const Answer& answer : answers) EXPECT_EQ(answer.calls, 1);
  EXPECT_EQ(stored(), numbers(0, 18));
}

TEST_F(BlockWriterSyncTest, OfARequestInSeveralBlocksTheLastOneCounts) {
  expect_worker();
  const auto to = writer(true);
  Answer answer;
  add(*to, 6, Origin::kReceived, answer);  // 4 are stored, 2 wait for company
  ASSERT_TRUE(ring_->sync(false));
  EXPECT_EQ(answer.calls, 0);
  to->flush();
  EXPECT_EQ(answer.calls, 0) << "the sync was before the last block";
  ASSERT_TRUE(ring_->sync(false));
  EXPECT_EQ(answer.calls, 1);
}

TEST_F(BlockWriterSyncTest, GatheredPointsAreAnsweredForAtOnce) {
  expect_worker();
  const auto to = writer(true);
  Answer gathered;
  Answer received;
  add(*to, 4, Origin::kGathered, gathered);
  EXPECT_EQ(gathered.calls, 1);
  add(*to, 4, Origin::kReceived, received);
  EXPECT_EQ(received.calls, 0);
  add(*to, 4, Origin::kGathered, gathered);
  EXPECT_EQ(gathered.calls, 2);
  ASSERT_TRUE(ring_->sync(false));
  EXPECT_EQ(received.calls, 1);
  EXPECT_EQ(gathered.calls, 2);
}

TEST_F(BlockWriterSyncTest, ASyncThatFailsIsAnErrorThoughAllIsAccepted) {
  expect_worker();
  const auto to = writer(true);
  Answer answer;
  add(*to, 4, Origin::kReceived, answer);
  fail_syncs();
  EXPECT_FALSE(ring_->sync(false));
  EXPECT_EQ(answer.calls, 1);
  ASSERT_FALSE(answer.status);
  EXPECT_EQ(answer.status.error().code, ErrorCode::kIo);
  EXPECT_EQ(answer.not_accepted, 0U);
  EXPECT_EQ(ring_->info().point_sequence, 4U);
  Answer refused;
  add(*to, 4, Origin::kReceived, refused);
  EXPECT_EQ(refused.calls, 1) << "refused at once while the device is in trouble";
  EXPECT_EQ(refused.not_accepted, 4U);
  next_ -= 4;
  record_->fail_with({});
  clock_.advance(std::chrono::seconds(1));
  ring_->tend();
  Answer later;
  add(*to, 4, Origin::kReceived, later);
  ASSERT_TRUE(ring_->sync(false));
  EXPECT_TRUE(later.calls == 1 && later.status);
  EXPECT_EQ(answer.calls + refused.calls, 2) << "nobody is answered twice";
  EXPECT_EQ(stored(), numbers(0, 8));
}

TEST_F(BlockWriterSyncTest, PartOfARequestThatIsRefusedIsCountedAfterTheSyncOfTheRest) {
  expect_worker();
  const auto to = writer(true);
  Answer answer;
  int blocks = 0;
  record_->fail_with([&blocks](const FileOperation& operation) -> base::Status {
    const bool block = operation.kind == FileOperation::Kind::kWrite &&
                       operation.offset >= buffer::kDataOffset && ++blocks > 1;
    return block ? base::Status(base::fail_errno("write", ENOSPC)) : base::ok();
  });
  add(*to, 8, Origin::kReceived, answer);
  EXPECT_EQ(answer.calls, 0);
  (void)ring_->sync(false);
  EXPECT_EQ(answer.calls, 1);
  ASSERT_FALSE(answer.status);
  EXPECT_EQ(answer.status.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(answer.not_accepted, 4U);
}

TEST_F(BlockWriterSyncTest, WithoutAWorkerTheWriterSyncsByItself) {
  const auto to = writer(true);
  Answer answer;
  add(*to, 3, Origin::kReceived, answer);
  const auto before = count_syncs(*record_);
  to->flush();
  EXPECT_EQ(answer.calls, 1);
  EXPECT_TRUE(answer.status);
  EXPECT_EQ(count_syncs(*record_), before + 1);
  fail_syncs();
  add(*to, 3, Origin::kReceived, answer);
  to->flush();
  EXPECT_EQ(answer.calls, 2);
  EXPECT_FALSE(answer.status);
  EXPECT_EQ(answer.not_accepted, 0U);
}

TEST_F(BlockWriterSyncTest, ABlockWrittenWhileASyncRunsWaitsForTheNext) {
  auto owned = std::make_unique<HookFile>();
  HookFile& file = *owned;
  ring_ = open_ring(std::move(owned), clock_, options_);
  reader_ = *ring_->attach("r");
  expect_worker();
  const auto to = writer(true);
  Answer first;
  Answer second;
  add(*to, 4, Origin::kReceived, first);
  bool inside = false;
  file.before_sync([&]() -> base::Status {
    if (!std::exchange(inside, true)) add(*to, 4, Origin::kReceived, second);
    return base::ok();
  });
  ASSERT_TRUE(ring_->sync(false));
  EXPECT_EQ(first.calls, 1);
  EXPECT_EQ(second.calls, 0) << "it came after that sync had begun";
  ASSERT_TRUE(ring_->sync(false));
  EXPECT_EQ(second.calls, 1);
  EXPECT_EQ(stored(), numbers(0, 8));
}

TEST_F(BlockWriterSyncTest, WhatHasNoRoomBeforeTheNextSyncWaitsForIt) {
  open(64 * 1024, 2048);
  expect_worker();
  const auto to = writer(false);
  std::vector<Answer> answers(20);
  for (Answer& answer : answers) add(*to, 4, Origin::kReceived, answer);
  const auto answered = [&answers] {
    return std::count_if(answers.begin(), answers.end(), [](const Answer& a) { return a.calls; });
  };
  EXPECT_TRUE(to->busy());
  EXPECT_LE(ring_->info().unsynced_bytes, 2048U);
  EXPECT_GT(wanted_, 0);
  auto before = answered();
  EXPECT_GT(before, 2);
  EXPECT_LT(before, 12);
  int syncs = 0;
  while (to->busy() && syncs < 20) {
    ASSERT_TRUE(ring_->sync(false));
    ++syncs;
    EXPECT_GT(answered(), before);
    before = answered();
    EXPECT_LE(ring_->info().unsynced_bytes, 2048U);
  }
  EXPECT_GT(syncs, 1);
  EXPECT_FALSE(to->busy());
  for (const Answer& answer : answers) EXPECT_TRUE(answer.calls == 1 && answer.status);
  EXPECT_EQ(stored(), numbers(0, 80));
}

TEST_F(BlockWriterSyncTest, WhatWaitsForASyncIsBounded) {
  open(64 * 1024, 1024);
  expect_worker();
  BlockWriterOptions options;
  options.limits.points = 4;
  options.max_waiting_bytes = 2000;
  BlockWriter to(*ring_, clock_, options);
  std::vector<Answer> answers(30);
  std::size_t refused = 0;
  for (Answer& answer : answers) {
    const auto number = next_;
    add(to, 4, Origin::kReceived, answer);
    if (answer.calls == 0 || answer.status) continue;
    next_ = number;
    ++refused;
    EXPECT_EQ(answer.status.error().code, ErrorCode::kBusy);
    EXPECT_EQ(answer.not_accepted, 4U);
  }
  EXPECT_GT(refused, 15U);
  while (to.busy()) ASSERT_TRUE(ring_->sync(false));
  EXPECT_EQ(stored(), numbers(0, (30 - refused) * 4));
}

TEST_F(BlockWriterSyncTest, GatheredPointsBehindParkedOnesKeepTheirOrder) {
  open(64 * 1024, 1024);
  expect_worker();
  const auto to = writer(false);
  std::vector<Answer> answers(24);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    add(*to, 4, i % 2 == 0 ? Origin::kReceived : Origin::kGathered, answers[i]);
  }
  while (to->busy()) {
    ring_->tend();
    ASSERT_TRUE(ring_->sync(false));
  }
  for (const Answer& answer : answers) EXPECT_TRUE(answer.calls == 1 && answer.status);
  EXPECT_EQ(stored(), numbers(0, 96));
}

TEST_F(BlockWriterSyncTest, ParkedBlocksAreRefusedWhenTheSyncFails) {
  open(64 * 1024, 1024);
  expect_worker();
  const auto to = writer(false);
  std::vector<Answer> answers(12);
  for (Answer& answer : answers) add(*to, 4, Origin::kReceived, answer);
  ASSERT_TRUE(to->busy());
  const std::uint64_t accepted = ring_->info().point_sequence;
  fail_syncs();
  EXPECT_FALSE(ring_->sync(false));
  EXPECT_FALSE(to->busy());
  std::uint64_t refused = 0;
  for (const Answer& answer : answers) {
    EXPECT_EQ(answer.calls, 1);
    refused += answer.not_accepted;
  }
  EXPECT_EQ(accepted + refused, 48U);
  EXPECT_EQ(stored(), numbers(0, accepted));
}

// A stop: the worker goes, and nobody else syncs.
TEST_F(BlockWriterSyncTest, AParkedWriterGoesOnByItselfOnceTheWorkerIsGone) {
  open(64 * 1024, 1024);
  expect_worker();
  const auto to = writer(false);
  std::vector<Answer> answers(12);
  for (Answer& answer : answers) add(*to, 4, Origin::kReceived, answer);
  ASSERT_TRUE(to->busy());
  ring_->on_sync_wanted({});
  to->flush();
  EXPECT_FALSE(to->busy());
  for (const Answer& answer : answers) EXPECT_TRUE(answer.calls == 1 && answer.status);
  EXPECT_EQ(stored(), numbers(0, 48));
}

TEST_F(BlockWriterSyncTest, AWriterIsBusyWhileABlockIsOnItsWay) {
  auto owned = std::make_unique<HookFile>();
  HookFile& file = *owned;
  ring_ = open_ring(std::move(owned), clock_, options_);
  reader_ = *ring_->attach("r");
  const auto to = writer(false);
  Gate gate;
  file.before_write([&gate](std::uint64_t offset) -> base::Status {
    if (offset >= buffer::kDataOffset) gate.pass();
    return base::ok();
  });
  Answer answer;
  std::thread other([&] { add(*to, 4, Origin::kReceived, answer); });
  ASSERT_TRUE(gate.reached());
  EXPECT_TRUE(to->busy());
  gate.open();
  other.join();
  EXPECT_FALSE(to->busy());
  EXPECT_EQ(answer.calls, 1);
}

}  // namespace
}  // namespace holdfast::test

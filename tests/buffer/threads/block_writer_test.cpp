#include "buffer/block_writer.h"

#include <atomic>
#include <map>
#include <thread>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "agent/base/random.h"
#include "tests/buffer/hook_file.h"
#include "tests/buffer/ring_harness.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using buffer::BlockWriter;
using buffer::BlockWriterOptions;
using buffer::Lines;
using buffer::Origin;

// What became of one add().
struct Answer {
  int calls = 0;
  base::Status status;
  std::uint64_t not_accepted = 0;

  [[nodiscard]] buffer::BlockSink::Done done() {
    return [this](const base::Status& result, std::uint64_t count) {
      ++calls;
      status = result;
      not_accepted = count;
    };
  }
};

class BlockWriterTest : public testing::Test {
 protected:
  BlockWriterTest() {
    auto file = std::make_unique<HookFile>();
    file_ = file.get();
    ring_ = open_ring(std::move(file), clock_, small_ring(1U << 20U));
    reader_ = *ring_->attach("reader");
  }

  [[nodiscard]] static Lines piece(std::string_view bytes, std::uint32_t points,
                                   std::int64_t oldest = 1, std::int64_t newest = 1) {
    return {bytes, points, oldest, newest};
  }

  static void add(BlockWriter& writer, std::string_view bytes, std::uint32_t points,
                  Answer& answer) {
    const Lines lines = piece(bytes, points);
    writer.add({&lines, 1}, Origin::kReceived, answer.done());
  }

  // The text of each block in the ring.
  [[nodiscard]] std::vector<std::string> blocks() {
    std::vector<std::string> texts;
    while (true) {
      const auto batch = ring_->read(reader_, {}, 0);
      EXPECT_TRUE(batch);
      if (!batch || batch->blocks.empty()) return texts;
      for (const auto& block : batch->blocks) texts.push_back(inflated(*batch, block));
      ring_->acknowledge(reader_, batch->points, {});
    }
  }

  FakeClock clock_;
  HookFile* file_ = nullptr;
  std::unique_ptr<buffer::Ring> ring_;
  buffer::ReaderId reader_ = 0;
};

TEST_F(BlockWriterTest, RareSmallBlocksArePrimed) {
  BlockWriter writer(*ring_, clock_, {});
  Answer answer;
  for (const int seconds : {0, 1, 10, 2}) {
    clock_.advance(std::chrono::seconds(seconds));
    add(writer, "cpu,host=edge usage=1i 1\n", 1, answer);
    writer.flush();
  }
  const auto batch = ring_->read(reader_, {}, 0);
  ASSERT_TRUE(batch);
  std::vector<buffer::Codec> codecs;
  for (const auto& block : batch->blocks) codecs.push_back(block.codec);
  using buffer::Codec;
  const std::vector wanted{Codec::kPrimed, Codec::kDeflate, Codec::kPrimed, Codec::kPrimed};
  EXPECT_EQ(codecs, wanted) << "the second comes a second later";
}

TEST_F(BlockWriterTest, ContributorsShareOneBlockUntilItIsFlushed) {
  BlockWriter writer(*ring_, clock_, {});
  Answer first;
  Answer second;
  add(writer, "a v=1i 1\n", 1, first);
  add(writer, "b v=1i 1\nb v=2i 2\n", 2, second);
  EXPECT_EQ(first.calls + second.calls, 0) << "nothing is accepted yet";
  EXPECT_EQ(ring_->info().point_sequence, 0U);
  writer.flush();
  EXPECT_EQ(first.calls, 1);
  EXPECT_EQ(second.calls, 1);
  EXPECT_TRUE(first.status && second.status);
  EXPECT_EQ(ring_->info().point_sequence, 3U);
  EXPECT_EQ(blocks(), (std::vector<std::string>{"a v=1i 1\nb v=1i 1\nb v=2i 2\n"}));
  writer.flush();
  EXPECT_EQ(first.calls + second.calls, 2) << "an empty block is not stored";
  EXPECT_EQ(ring_->info().block_sequence, 2U);
}

TEST_F(BlockWriterTest, ABlockClosesAtTheLimitOfPoints) {
  BlockWriterOptions options;
  options.limits.points = 3;
  BlockWriter writer(*ring_, clock_, options);
  std::vector<Answer> answers(5);
  for (int i = 0; i < 5; ++i)
    add(writer, fmt::format("m v={}i 1\n", i), 1, answers[static_cast<std::size_t>(i)]);
  EXPECT_EQ(answers[2].calls, 1);
  EXPECT_EQ(answers[3].calls, 0);
  writer.flush();
  EXPECT_EQ(blocks(),
            (std::vector<std::string>{"m v=0i 1\nm v=1i 1\nm v=2i 1\n", "m v=3i 1\nm v=4i 1\n"}));
}

TEST_F(BlockWriterTest, ABlockClosesBeforeThePieceThatWouldPassTheLimitOfBytes) {
  BlockWriterOptions options;
  options.limits.raw_bytes = 20;
  BlockWriter writer(*ring_, clock_, options);
  Answer answer;
  const std::vector<Lines> pieces{piece("aaaaaaaa\n", 1), piece("bbbbbbbbb\n", 1),
                                  piece("cc\n", 1)};
  writer.add(pieces, Origin::kReceived, answer.done());
  EXPECT_EQ(answer.calls, 0) << "one piece is still in the open block";
  writer.flush();
  EXPECT_EQ(answer.calls, 1);
  EXPECT_EQ(blocks(), (std::vector<std::string>{"aaaaaaaa\nbbbbbbbbb\n", "cc\n"}));
}

TEST_F(BlockWriterTest, NewLimitsHoldForTheBlocksFromNowOn) {
  BlockWriter writer(*ring_, clock_, {});
  Answer answer;
  add(writer, "a\nb\nc\n", 3, answer);
  buffer::BlockLimits limits;
  limits.points = 2;
  writer.set_limits(limits);
  EXPECT_EQ(writer.limits().points, 2U);
  add(writer, "d\n", 1, answer);
  add(writer, "e\n", 1, answer);
  add(writer, "f\ng\nh\n", 3, answer);  // cut to the limits before
  EXPECT_EQ(answer.calls, 4);
  EXPECT_EQ(blocks(), (std::vector<std::string>{"a\nb\nc\n", "d\ne\n", "f\ng\nh\n"}));
}

TEST_F(BlockWriterTest, ALineLongerThanABlockGetsItsOwn) {
  BlockWriterOptions options;
  options.limits.raw_bytes = 50;
  BlockWriter writer(*ring_, clock_, options);
  const std::string longer = std::string(200, 'x') + "\n";
  Answer answer;
  const std::vector<Lines> pieces{piece("a\n", 1), piece(longer, 1), piece("b\n", 1)};
  writer.add(pieces, Origin::kReceived, answer.done());
  writer.flush();
  EXPECT_EQ(answer.calls, 1);
  EXPECT_TRUE(answer.status);
  EXPECT_EQ(blocks(), (std::vector<std::string>{"a\n", longer, "b\n"}));
}

TEST_F(BlockWriterTest, WhatIsTooLargeForTheRingIsRefusedAloneAndCounted) {
  BlockWriterOptions options;
  options.compression = buffer::Compression::kNone;
  BlockWriter writer(*ring_, clock_, options);
  const std::string huge(ring_->max_payload() + 1, 'x');
  Answer answer;
  const std::vector<Lines> pieces{piece("a\na\n", 2), piece(huge, 3), piece("b\n", 1)};
  writer.add(pieces, Origin::kReceived, answer.done());
  writer.flush();
  EXPECT_EQ(answer.calls, 1);
  ASSERT_FALSE(answer.status);
  EXPECT_EQ(answer.status.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(answer.not_accepted, 3U);
  EXPECT_EQ(ring_->info().point_sequence, 3U);
  EXPECT_EQ(blocks(), (std::vector<std::string>{"a\na\n", "b\n"}));
}

TEST_F(BlockWriterTest, PiecesWithoutPointsAreAnsweredAtOnce) {
  BlockWriter writer(*ring_, clock_, {});
  Answer none;
  writer.add({}, Origin::kReceived, none.done());
  Answer empty;
  add(writer, "", 0, empty);
  EXPECT_EQ(none.calls, 1);
  EXPECT_EQ(empty.calls, 1);
  EXPECT_TRUE(none.status && empty.status);
}

TEST_F(BlockWriterTest, TimestampsOfTheBlockSpanThoseOfItsPieces) {
  BlockWriter writer(*ring_, clock_, {});
  Answer answer;
  const std::vector<Lines> pieces{piece("a\n", 1, 50, 60), piece("b\n", 1, -7, 20),
                                  piece("c\n", 1, 70, 1'999'999'990)};
  writer.add(pieces, Origin::kReceived, answer.done());
  writer.flush();
  const auto batch = ring_->read(reader_, {}, 0);
  ASSERT_EQ(batch->blocks.size(), 1U);
  EXPECT_EQ(batch->blocks[0].oldest_ns, -7);
  EXPECT_EQ(batch->blocks[0].points, 3U);
}

TEST_F(BlockWriterTest, AFailingRingRefusesExactlyWhatItDidNotStore) {
  BlockWriterOptions options;
  options.limits.points = 4;
  BlockWriter writer(*ring_, clock_, options);
  int writes = 0;
  file_->before_write([&writes](std::uint64_t offset) -> base::Status {
    // The second block fails, the others do not.
    if (offset >= buffer::kDataOffset && ++writes == 2) return base::fail_errno("write", EIO);
    return base::ok();
  });
  Answer mine;
  Answer other;
  const std::vector<Lines> pieces{piece("a\na\na\na\n", 4), piece("b\nb\nb\n", 3)};
  writer.add(pieces, Origin::kReceived, mine.done());
  EXPECT_EQ(mine.calls, 0);
  add(writer, "c\n", 1, other);  // fills the second block
  EXPECT_EQ(mine.calls, 1);
  ASSERT_FALSE(mine.status);
  EXPECT_EQ(mine.status.error().code, ErrorCode::kIo);
  EXPECT_EQ(mine.not_accepted, 3U);
  EXPECT_EQ(other.calls, 1);
  EXPECT_FALSE(other.status);
  EXPECT_EQ(other.not_accepted, 1U);
  clock_.advance(std::chrono::seconds(1));
  ring_->tend();
  Answer later;
  add(writer, "d\n", 1, later);
  writer.flush();
  EXPECT_TRUE(later.status);
  EXPECT_EQ(later.not_accepted, 0U);
  EXPECT_EQ(ring_->info().point_sequence, 5U);
  EXPECT_EQ(blocks(), (std::vector<std::string>{"a\na\na\na\n", "d\n"}));
}

TEST_F(BlockWriterTest, ARingThatStallsMakesLaterContributorsBusyWithinABound) {
  Gate gate;
  file_->before_write([&gate](std::uint64_t offset) -> base::Status {
    if (offset >= buffer::kDataOffset) gate.pass();
    return base::ok();
  });
  BlockWriterOptions options;
  options.limits.raw_bytes = 100;
  options.max_waiting_bytes = 350;
  BlockWriter writer(*ring_, clock_, options);
  const std::string block(100, 'x');
  Answer stalled;
  std::thread appender([&] { add(writer, block, 1, stalled); });
  ASSERT_TRUE(gate.reached());
  std::vector<Answer> waiting(2);
  for (Answer& answer : waiting) add(writer, block, 2, answer);
  EXPECT_EQ(waiting[0].calls + waiting[1].calls, 0);
  Answer refused;
  add(writer, block, 5, refused);
  EXPECT_EQ(refused.calls, 1);
  ASSERT_FALSE(refused.status);
  EXPECT_EQ(refused.status.error().code, ErrorCode::kBusy);
  EXPECT_EQ(refused.not_accepted, 5U);
  Answer small;
  add(writer, "y\n", 1, small);
  EXPECT_EQ(small.calls, 0) << "what fits the bound is still taken";
  gate.open();
  appender.join();
  writer.flush();
  for (const Answer* answer : {&stalled, &waiting[0], &waiting[1], &small}) {
    EXPECT_EQ(answer->calls, 1);
    EXPECT_TRUE(answer->status);
  }
  EXPECT_EQ(blocks(), (std::vector<std::string>{block, block, block, "y\n"}));
}

TEST_F(BlockWriterTest, WhoIsToldMayAddAndFlushAtOnce) {
  BlockWriter writer(*ring_, clock_, {});
  Answer last;
  int depth = 0;
  std::function<void()> again = [&] {
    const std::string line = fmt::format("n v={}i 1\n", depth);
    const Lines lines = piece(line, 1);
    if (++depth == 5) {
      writer.add({&lines, 1}, Origin::kReceived, last.done());
    } else {
      writer.add({&lines, 1}, Origin::kReceived,
                 [&](const base::Status&, std::uint64_t) { again(); });
    }
    writer.flush();
  };
  again();
  EXPECT_EQ(depth, 5);
  EXPECT_EQ(last.calls, 1);
  EXPECT_EQ(ring_->info().point_sequence, 5U);
  EXPECT_EQ(blocks().size(), 5U);
}

TEST_F(BlockWriterTest, ManyThreadsAreEachAnsweredOnceAndTheTotalsMatch) {
  constexpr int kThreads = 4;
  constexpr int kAdds = 150;
  BlockWriterOptions options;
  options.limits.points = 40;
  BlockWriter writer(*ring_, clock_, options);
  std::vector<std::atomic<int>> calls(kThreads * kAdds);
  std::atomic<std::uint64_t> refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kAdds; ++i) {
        const std::string line = fmt::format("t={} n={}\n", t, i);
        const Lines lines = piece(line, 1);
        writer.add({&lines, 1}, Origin::kReceived,
                   [&, t, i](const base::Status&, std::uint64_t count) {
                     ++calls[static_cast<std::size_t>(t * kAdds + i)];
                     refused += count;
                   });
        if (i % 7 == t) writer.flush();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  writer.flush();
  for (const auto& count : calls) ASSERT_EQ(count, 1);
  EXPECT_EQ(refused, 0U);
  EXPECT_EQ(ring_->info().point_sequence, static_cast<std::uint64_t>(kThreads * kAdds));
  std::string all;
  for (const std::string& text : blocks()) all += text;
  // Each thread's lines are there, in its order.
  std::map<int, int> next;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = all.find('\n', at);
    int t = -1;
    int n = -1;
    ASSERT_EQ(std::sscanf(all.c_str() + at, "t=%d n=%d", &t, &n), 2);
    EXPECT_EQ(n, next[t]++);
    at = end + 1;
  }
  for (int t = 0; t < kThreads; ++t) EXPECT_EQ(next[t], kAdds);
}

}  // namespace
}  // namespace holdfast::test

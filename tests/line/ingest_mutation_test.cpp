// Hostile text never makes a line in the output that a server would refuse, and never costs a good
// neighbour. Run with the address sanitizer, it also shows that nothing is read out of bounds.
#include <memory>

#include <gtest/gtest.h>

#include "agent/line/cursor.h"
#include "agent/line/ingest.h"
#include "tests/line/generate.h"

namespace holdfast::line {
namespace {

IngestOptions random_options(base::Random& random) {
  constexpr Precision kPrecisions[] = {Precision::kNanoseconds, Precision::kMilliseconds,
                                       Precision::kHours};
  IngestOptions options;
  options.precision = kPrecisions[random.below(3)];
  options.now_ns = static_cast<std::int64_t>(random.next() >> 2);
  options.uint_support = random.below(2) == 0;
  if (random.below(2) == 0) {
    options.add_tags = {{"a", "x y"}, {"host", "h"}, {"k=", "1"}};
  }
  return options;
}

void check_chunk(const LineChunk& chunk) {
  ASSERT_GT(chunk.points, 0U);
  std::uint32_t points = 0;
  std::int64_t oldest = INT64_MAX;
  std::int64_t newest = INT64_MIN;
  LineCursor cursor(chunk.bytes);
  while (const auto parts = cursor.next()) {
    ASSERT_EQ(check_line(parts->line), std::nullopt) << parts->line;
    ASSERT_FALSE(parts->timestamp.empty()) << parts->line;
    const std::int64_t time = std::stoll(std::string(parts->timestamp));
    oldest = std::min(oldest, time);
    newest = std::max(newest, time);
    ++points;
  }
  ASSERT_EQ(points, chunk.points) << chunk.bytes;
  ASSERT_EQ(oldest, chunk.oldest_ns);
  ASSERT_EQ(newest, chunk.newest_ns);
  ASSERT_EQ(chunk.bytes.back(), '\n');
}

TEST(IngestMutationTest, WhateverComesInOnlyGoodLinesComeOut) {
  base::Random random(42);
  std::uint64_t points = 0;
  std::uint64_t bad = 0;
  for (int i = 0; i < 10'000; ++i) {
    const std::string text = test::random_lines(random);
    // A copy of exactly this size: the sanitizer sees a byte read too far.
    const auto exact = std::make_unique<char[]>(text.size());
    text.copy(exact.get(), text.size());
    LineChunks out(1 + random.below(300), static_cast<std::uint32_t>(1 + random.below(5)));
    const IngestOptions options = random_options(random);
    const IngestResult result = ingest({exact.get(), text.size()}, options, out);
    ASSERT_EQ(result.points, out.points()) << text;
    ASSERT_EQ(result.errors.size(), std::min<std::uint64_t>(result.bad_lines, 10)) << text;
    points += result.points;
    bad += result.bad_lines;
    for (const LineChunk& chunk : out.take()) {
      check_chunk(chunk);
      ASSERT_FALSE(testing::Test::HasFatalFailure()) << "text " << i << ": " << text;
    }
  }
  EXPECT_GT(points, 8'000U);
  EXPECT_GT(bad, 8'000U);
}

TEST(IngestMutationTest, FinishedLinesStayTheSame) {
  base::Random random(43);
  for (int i = 0; i < 3'000; ++i) {
    const IngestOptions options = random_options(random);
    LineChunks first(1 << 20, 1'000);
    (void)ingest(test::random_lines(random), options, first);
    for (const LineChunk& chunk : first.take()) {
      IngestOptions again = options;
      again.precision = Precision::kNanoseconds;
      LineChunks second(1 << 20, 1'000);
      ASSERT_EQ(ingest(chunk.bytes, again, second).bad_lines, 0U) << chunk.bytes;
      const auto chunks = second.take();
      ASSERT_EQ(chunks.size(), 1U);
      ASSERT_EQ(chunks[0].bytes, chunk.bytes);
    }
  }
}

TEST(IngestMutationTest, ABadLineWithoutQuotesNeverCostsItsNeighbours) {
  base::Random random(44);
  for (int i = 0; i < 3'000; ++i) {
    std::string middle = test::random_lines(random);
    std::erase(middle, '"');
    LineChunks out(1 << 20, 1'000);
    (void)ingest("before f=1 1\n" + middle + "\nafter f=1 1\n", {}, out);
    const auto chunks = out.take();
    ASSERT_EQ(chunks.size(), 1U);
    ASSERT_TRUE(chunks[0].bytes.starts_with("before f=1 1\n")) << middle;
    ASSERT_TRUE(chunks[0].bytes.ends_with("after f=1 1\n")) << middle;
  }
}

}  // namespace
}  // namespace holdfast::line

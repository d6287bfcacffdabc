#include "agent/line/lines.h"

#include <gtest/gtest.h>

namespace holdfast::line {
namespace {

TEST(LineChunksTest, NothingAddedGivesNoChunk) {
  LineChunks chunks(100, 10);
  EXPECT_EQ(chunks.points(), 0U);
  EXPECT_TRUE(chunks.take().empty());
}

TEST(LineChunksTest, AChunkClosesAtItsBytes) {
  LineChunks chunks(8, 100);
  chunks.add("aaa\n", 1);
  chunks.add("bbb\n", 2);  // exactly full
  chunks.add("ccc\n", 3);
  const auto taken = chunks.take();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].bytes, "aaa\nbbb\n");
  EXPECT_EQ(taken[0].points, 2U);
  EXPECT_EQ(taken[1].bytes, "ccc\n");
  EXPECT_EQ(taken[1].points, 1U);
}

TEST(LineChunksTest, AChunkClosesAtItsPoints) {
  LineChunks chunks(1000, 2);
  for (int i = 0; i < 5; ++i) {
    chunks.add("x\n", i);
  }
  EXPECT_EQ(chunks.points(), 5U);
  const auto taken = chunks.take();
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_EQ(taken[0].points, 2U);
  EXPECT_EQ(taken[1].points, 2U);
  EXPECT_EQ(taken[2].points, 1U);
}

TEST(LineChunksTest, ALineLongerThanTheLimitHasAChunkOfItsOwn) {
  LineChunks chunks(4, 100);
  chunks.add("a\n", 1);
  chunks.add("longer than four\n", 2);
  chunks.add("b\n", 3);
  const auto taken = chunks.take();
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_EQ(taken[1].bytes, "longer than four\n");
  EXPECT_EQ(taken[2].bytes, "b\n");
}

TEST(LineChunksTest, TimesAreThoseOfTheLinesInEachChunk) {
  LineChunks chunks(1000, 3);
  for (const std::int64_t time : {5, -7, 3, 100, 50}) {
    chunks.add("x\n", time);
  }
  const auto taken = chunks.take();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].oldest_ns, -7);
  EXPECT_EQ(taken[0].newest_ns, 5);
  EXPECT_EQ(taken[1].oldest_ns, 50);
  EXPECT_EQ(taken[1].newest_ns, 100);
}

TEST(LineChunksTest, RollbackForgetsWhatWasAppendedSinceOpen) {
  LineChunks chunks(6, 100);
  chunks.open().append("kept\n");
  chunks.commit(1);
  chunks.open().append("forgotten and long\n");
  chunks.rollback();
  chunks.open().append("next\n");
  chunks.commit(2);
  chunks.open().append("never finished");
  const auto taken = chunks.take();
  ASSERT_EQ(taken.size(), 2U);
  EXPECT_EQ(taken[0].bytes, "kept\n");
  EXPECT_EQ(taken[1].bytes, "next\n");
  EXPECT_EQ(taken[1].oldest_ns, 2);
}

TEST(LineChunksTest, ChunksGivenBackAreUsedAgainAndEmpty) {
  LineChunks chunks(8, 100);
  for (const char* line : {"a f=1\n", "b f=1\n", "c f=1\n"}) chunks.add(line, 7);
  auto taken = chunks.take();
  ASSERT_EQ(taken.size(), 3U);
  chunks.give_back(std::move(taken));
  chunks.add("d f=12\n", 9);
  const auto again = chunks.take();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].bytes, "d f=12\n");
  EXPECT_EQ(again[0].points, 1U);
  EXPECT_EQ(again[0].oldest_ns, 9);
  EXPECT_EQ(again[0].newest_ns, 9);
}

TEST(LineChunksTest, CanBeUsedAgainAfterTake) {
  LineChunks chunks(100, 10);
  chunks.add("one\n", 1);
  ASSERT_EQ(chunks.take().size(), 1U);
  EXPECT_EQ(chunks.points(), 0U);
  chunks.add("two\n", 2);
  const auto taken = chunks.take();
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_EQ(taken[0].bytes, "two\n");
}

}  // namespace
}  // namespace holdfast::line

#include "outputs/line_groups.h"

#include <gtest/gtest.h>

namespace holdfast::outputs {
namespace {

LineRules by_database(bool exclude = false) { return {.routes = {{"db", "site", exclude}}}; }

TEST(GroupLines, WithoutTheTagLinesStayTogether) {
  const std::string lines = "m v=1i 1\nm,host=a v=2i,w=\"x y\" 2\n";
  const auto groups = group_lines(lines, by_database());
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].parameters, Parameters{});
  EXPECT_EQ(groups[0].lines, lines);
  EXPECT_EQ(groups[0].points, 2U);
}

TEST(GroupLines, TheTagsValueNamesThePlace) {
  const auto groups = group_lines(
      "m,site=n v=1i 1\nm v=2i 2\nm,site=s\\ w v=3i 3\nm,a=b,site=n v=4i 4\n", by_database());
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].parameters, (Parameters{{"db", "n"}}));
  EXPECT_EQ(groups[0].lines, "m,site=n v=1i 1\nm,a=b,site=n v=4i 4\n");
  EXPECT_EQ(groups[0].points, 2U);
  EXPECT_EQ(groups[1].parameters, Parameters{});
  EXPECT_EQ(groups[1].lines, "m v=2i 2\n");
  EXPECT_EQ(groups[2].parameters, (Parameters{{"db", "s w"}}));
  EXPECT_EQ(groups[2].lines, "m,site=s\\ w v=3i 3\n");
}

TEST(GroupLines, TheTagCanBeLeftOut) {
  const auto groups =
      group_lines("m,a=1,site=n,z=2 v=1i 1\nm,site=n v=2i 2\n", by_database(/*exclude=*/true));
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].lines, "m,a=1,z=2 v=1i 1\nm v=2i 2\n");
}

TEST(GroupLines, TwoTagsMakeAGroupForEachPair) {
  const LineRules rules{.routes = {{"db", "d"}, {"rp", "r k", true}}};
  const auto groups =
      group_lines("m,d=1,r\\ k=x v=1i 1\nm,d=1,r\\ k=y v=2i 2\nm,r\\ k=x v=3i 3\n", rules);
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0].parameters, (Parameters{{"db", "1"}, {"rp", "x"}}));
  EXPECT_EQ(groups[0].lines, "m,d=1 v=1i 1\n");
  EXPECT_EQ(groups[1].parameters, (Parameters{{"db", "1"}, {"rp", "y"}}));
  EXPECT_EQ(groups[2].parameters, (Parameters{{"rp", "x"}}));
}

TEST(GroupLines, FinerTimesAreCutOff) {
  const std::string lines =
      "m v=1i 1700000000999999999\nm,a=b\\,c s=\"1 2\nx\" -1500000001\nm v=2i 999999\n";
  const auto milliseconds =
      group_lines(lines, {.routes = {}, .precision = line::Precision::kMilliseconds});
  ASSERT_EQ(milliseconds.size(), 1U);
  EXPECT_EQ(milliseconds[0].lines,
            "m v=1i 1700000000999\nm,a=b\\,c s=\"1 2\nx\" -1500\nm v=2i 0\n");
  EXPECT_EQ(milliseconds[0].points, 3U);
  const auto seconds = group_lines(lines, {.routes = {}, .precision = line::Precision::kSeconds});
  EXPECT_EQ(seconds[0].lines, "m v=1i 1700000000\nm,a=b\\,c s=\"1 2\nx\" -1\nm v=2i 0\n");
}

LineGroup group(const std::string& database, const std::string& lines, std::uint64_t points) {
  return {{{"db", database}}, lines, points};
}

TEST(GroupProgress, ARetryOfTheSameLinesIsDone) {
  GroupProgress progress;
  progress.add(group("a", "1\n2\n", 2), 1);
  EXPECT_EQ(progress.done(group("a", "1\n2\n", 2)).bytes, 4U);
  EXPECT_EQ(progress.done(group("a", "1\n2\n", 2)).rejected, 1U);
  EXPECT_EQ(progress.done(group("b", "1\n2\n", 2)).bytes, 0U);
  EXPECT_EQ(progress.done(group("a", "7\n2\n", 2)).bytes, 0U);
  progress.settle({group("a", "1\n2\n", 2)});
  EXPECT_TRUE(progress.empty());
}

TEST(GroupProgress, ARetryWithMoreLinesSendsOnlyThose) {
  GroupProgress progress;
  progress.add(group("a", "1\n2\n", 2), 0);
  EXPECT_EQ(progress.done(group("a", "1\n2\n3\n", 3)).bytes, 4U);
  progress.add(group("a", "1\n2\n3\n", 3), 0);
  EXPECT_EQ(progress.done(group("a", "1\n2\n3\n", 3)).bytes, 6U);
}

TEST(GroupProgress, RefusedGroupsAreForgotten) {
  GroupProgress progress;
  const std::vector groups{group("a", "1\n2\n", 2), group("b", "1\n2\n", 2)};
  progress.add(groups[0], 2);
  progress.add(groups[1], 1);
  progress.forget_refused(groups);
  EXPECT_EQ(progress.done(groups[0]).bytes, 0U);
  EXPECT_EQ(progress.done(groups[1]).bytes, 4U);
}

TEST(GroupProgress, IsBounded) {
  GroupProgress progress;
  const std::string lines = std::string((1U << 20U) - 1, 'x') + "\n";
  std::size_t remembered = 0;
  for (int i = 0; i < 50; ++i) progress.add(group(std::to_string(i), lines, 1), 0);
  for (int i = 0; i < 50; ++i) {
    remembered += progress.done(group(std::to_string(i), lines, 1)).bytes;
  }
  EXPECT_GT(remembered, 0U);
  EXPECT_LE(remembered, GroupProgress::kMaxBytes + lines.size());
}

TEST(GroupProgress, AHalvedBatchLeavesTheRestForTheOtherHalf) {
  GroupProgress progress;
  progress.add(group("a", "1\n2\n3\n", 3), 2);
  EXPECT_EQ(progress.done(group("a", "1\n", 1)).bytes, 2U);
  EXPECT_EQ(progress.done(group("a", "1\n", 1)).rejected, 1U);
  progress.settle({group("a", "1\n", 1)});
  EXPECT_EQ(progress.done(group("a", "2\n3\n", 2)).bytes, 4U);
  EXPECT_EQ(progress.done(group("a", "2\n3\n", 2)).rejected, 1U);
  // Other lines: what was remembered is of no more use.
  progress.settle({group("a", "8\n", 1)});
  EXPECT_TRUE(progress.empty());
}

}  // namespace
}  // namespace holdfast::outputs

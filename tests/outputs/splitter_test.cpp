#include "outputs/splitter.h"

#include <cmath>
#include <functional>
#include <set>

#include <gtest/gtest.h>

namespace holdfast::outputs {
namespace {

struct Result {
  std::set<std::uint64_t> dropped;
  std::uint64_t requests = 0;
};

// A server that refuses any request with a bad line in it. `names` says whether it tells which.
Result send_all(std::uint64_t points, const std::set<std::uint64_t>& bad, bool names = false) {
  Splitter splitter;
  Result result;
  for (std::uint64_t at = 0; at < points;) {
    const std::uint64_t most = splitter.limit() > 0 ? splitter.limit() : points;
    const std::uint64_t end = std::min(points, at + most);
    ++result.requests;
    const auto first = bad.lower_bound(at);
    if (first == bad.end() || *first >= end) {
      splitter.delivered(end - at);
      at = end;
    } else if (!splitter.refused(end - at, names ? *first - at + 1 : 0)) {
      for (; at < end; ++at) result.dropped.insert(at);
    }
  }
  EXPECT_EQ(splitter.limit(), 0U) << "nothing is left of the batch";
  return result;
}

std::uint64_t requests_for(std::uint64_t points, std::size_t bad_lines) {
  const double halvings = std::ceil(std::log2(static_cast<double>(points)));
  return static_cast<std::uint64_t>(2 * halvings + 1) * bad_lines;
}

TEST(Splitter, DropsOneBadLineWhereverItIs) {
  for (const std::uint64_t points : {1U, 2U, 3U, 7U, 64U, 100U}) {
    for (std::uint64_t bad = 0; bad < points; ++bad) {
      const Result result = send_all(points, {bad});
      EXPECT_EQ(result.dropped, std::set{bad});
      EXPECT_LE(result.requests, requests_for(points, 1)) << bad << " of " << points;
    }
  }
}

TEST(Splitter, DropsSeveralBadLines) {
  const std::set<std::uint64_t> bad{0, 1, 17, 2500, 2501, 4999};
  const Result result = send_all(5000, bad);
  EXPECT_EQ(result.dropped, bad);
  EXPECT_LE(result.requests, requests_for(5000, bad.size()));
}

TEST(Splitter, ANamedLineIsCutOutAtOnce) {
  const Result result = send_all(5000, {1234, 4000}, true);
  EXPECT_EQ(result.dropped, (std::set<std::uint64_t>{1234, 4000}));
  EXPECT_LE(result.requests, 7U);
}

TEST(Splitter, AWronglyNamedLineCostsOnlyRequests) {
  Splitter splitter;
  std::uint64_t at = 0, requests = 0;
  std::set<std::uint64_t> dropped;
  while (at < 100) {
    const std::uint64_t end =
        std::min<std::uint64_t>(100, at + (splitter.limit() > 0 ? splitter.limit() : 100));
    ASSERT_LT(++requests, 60U);
    if (at <= 41 && 41 < end) {
      if (!splitter.refused(end - at, 7)) {
        dropped.insert(at);
        at = end;
      }
    } else {
      splitter.delivered(end - at);
      at = end;
    }
  }
  EXPECT_EQ(dropped, std::set<std::uint64_t>{41});
}

TEST(Splitter, GivesUpWhenNothingPasses) {
  std::set<std::uint64_t> all;
  for (std::uint64_t i = 0; i < 5000; ++i) all.insert(i);
  const Result result = send_all(5000, all);
  EXPECT_EQ(result.dropped.size(), 5000U);
  EXPECT_LE(result.requests, Splitter::kPatience + 30U);
}

// A request may take less than it might: a block ends.
TEST(Splitter, KeepsCountOfSmallerRequests) {
  Splitter splitter;
  EXPECT_TRUE(splitter.refused(10, 0));
  EXPECT_EQ(splitter.limit(), 5U);
  splitter.delivered(3);
  EXPECT_EQ(splitter.limit(), 2U);
  splitter.delivered(2);
  EXPECT_EQ(splitter.limit(), 2U) << "the other half is bad, and is halved unsent";
  splitter.delivered(2);
  EXPECT_EQ(splitter.limit(), 1U) << "of the three left";
  EXPECT_FALSE(splitter.refused(1, 0));
  splitter.delivered(2);
  EXPECT_EQ(splitter.limit(), 0U);
}

}  // namespace
}  // namespace holdfast::outputs

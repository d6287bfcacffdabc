// What becomes of refused batches, of batches that always get a 500, and of a backlog after an
// outage.
#include <algorithm>
#include <cmath>

#include "tests/outputs/delivery_fixture.h"

namespace holdfast::outputs {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using test::DeliveryTest;
using test::http_answer;

constexpr base::Duration kFlush = seconds(10);
using Numbers = std::vector<std::uint64_t>;

bool has(const Numbers& numbers, std::uint64_t number) {
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

// --- refused batches

TEST_F(DeliveryTest, ARefusedBatchIsDroppedUnlessTheOptionSaysSplit) {
  server_ = [](const Numbers& n) { return http_answer(has(n, 7) ? 400 : 204); };
  start();
  append(20);
  append(20);
  pass(kFlush);
  EXPECT_EQ(requests_.size(), 1U);
  EXPECT_EQ(ledger().counters.rejected, 40U);
}

TEST_F(DeliveryTest, SplittingSavesTheGoodPoints) {
  constexpr std::uint64_t kPoints = 1000;
  server_ = [](const Numbers& n) {
    return http_answer(has(n, 617) ? 400 : 204,
                       R"({"code":"invalid","message":"unable to parse"})");
  };
  start({.on_rejected = "split"});
  for (std::uint64_t i = 0; i < kPoints; i += 50) append(50);
  pass(kFlush);
  EXPECT_EQ(ledger().counters.rejected, 1U);
  EXPECT_EQ(ledger().counters.delivered, kPoints - 1);
  EXPECT_LE(requests_.size(), 2 * std::ceil(std::log2(kPoints)) + 1);
  EXPECT_EQ(stored().size(), kPoints - 1);
  EXPECT_FALSE(stored().contains(617));
}

TEST_F(DeliveryTest, SplittingUsesTheLineThatTheServerNames) {
  server_ = [](const Numbers& n) {
    const auto bad = std::find(n.begin(), n.end(), 617U);
    if (bad == n.end()) return http_answer(204);
    return http_answer(400, R"({"code":"invalid","message":"bad","line":)" +
                                std::to_string(bad - n.begin() + 1) + "}");
  };
  start({.on_rejected = "split"});
  for (int i = 0; i < 20; ++i) append(50);
  pass(kFlush);
  EXPECT_EQ(ledger().counters.rejected, 1U);
  EXPECT_EQ(requests_.size(), 5U) << "all, before it in whole blocks and the rest, it, behind it";
}

TEST_F(DeliveryTest, SplittingGoesOnAfterTroubleInBetween) {
  int request = 0;
  server_ = [&](const Numbers& n) {
    if (++request == 4) return http_answer(503, "", {{"Retry-After", "30"}});
    return http_answer(has(n, 3) || has(n, 90) ? 422 : 204);
  };
  start({.on_rejected = "split"});
  append(60);
  append(60);
  pass(kFlush);
  EXPECT_EQ(requests_.size(), 4U);
  pass(seconds(30));
  EXPECT_EQ(ledger().counters.rejected, 2U);
  EXPECT_EQ(ledger().counters.delivered, 118U);
  EXPECT_EQ(stored().size(), 118U) << "none twice";
}

TEST_F(DeliveryTest, APartialWriteIsNotSentAgain) {
  server_ = [](const Numbers&) {
    return http_answer(400, R"({"error":"partial write: unable to parse 'x' dropped=0"})");
  };
  start({.on_rejected = "split"});
  append(20);
  pass(kFlush);
  EXPECT_EQ(requests_.size(), 1U);
  EXPECT_EQ(ledger().counters.rejected, 20U);
}

TEST_F(DeliveryTest, A413WithASizeBoundsLaterRequests) {
  constexpr std::size_t kMost = 2000;
  server_ = [&](const Numbers& n) {
    return n.size() > 300 ? http_answer(413, R"({"code":"invalid","message":"at most 2000 bytes"})")
                          : http_answer(204);
  };
  start({.on_rejected = "split"});
  for (int i = 0; i < 100; ++i) append(20);
  pass(kFlush);
  EXPECT_EQ(ledger().counters.delivered, 2000U);
  EXPECT_EQ(stored().size(), 2000U);
  for (std::size_t i = 1; i < requests_.size(); ++i) EXPECT_LE(requests_[i].bytes, kMost) << i;
}

// --- a batch that always gets a 500

TEST_F(DeliveryTest, ABatchThatAloneGets500IsSetAsideAndTheOthersGoOn) {
  server_ = [](const Numbers& n) { return http_answer(has(n, 5) ? 500 : 204, "internal error"); };
  start({.metric_batch_size = 100});
  for (int i = 0; i < 10; ++i) append(50);
  pass(minutes(20));
  EXPECT_EQ(ledger().counters.rejected, 100U) << "the batch";
  EXPECT_EQ(ledger().counters.delivered, 400U);
  EXPECT_EQ(ledger().buffered, 0U);
  EXPECT_EQ(stored().size(), 400U);
  append(50);
  pass(kFlush);
  EXPECT_EQ(ledger().counters.delivered, 450U);
}

TEST_F(DeliveryTest, AServerThatAnswers500ToAllLosesNothing) {
  server_ = [](const Numbers&) {
    return http_answer(500, "engine: cache-max-memory-size exceeded");
  };
  start({.metric_batch_size = 100});
  for (int i = 0; i < 10; ++i) append(50);
  pass(hours(6));
  EXPECT_EQ(ledger().buffered, 500U);
  server_ = [](const Numbers&) { return http_answer(204); };
  pass(minutes(10));
  EXPECT_EQ(ledger().counters.delivered, 500U);
  EXPECT_EQ(stored().size(), 500U);
}

// The server is well again by the time another batch is tried: then the suspect passes, too.
TEST_F(DeliveryTest, ASuspectHasALastChance) {
  int failures = 0;
  server_ = [&](const Numbers& n) {
    if (has(n, 5) && ++failures <= Suspect::kAnswers) return http_answer(500);
    return http_answer(204);
  };
  start({.metric_batch_size = 100});
  for (int i = 0; i < 10; ++i) append(50);
  pass(minutes(20));
  EXPECT_EQ(ledger().counters.delivered, 500U);
  EXPECT_EQ(ledger().counters.rejected, 0U);
}

TEST_F(DeliveryTest, ALoneBatchIsKeptUntilAnotherOneShowsWhoseFaultItIs) {
  server_ = [](const Numbers& n) { return http_answer(has(n, 5) ? 500 : 204); };
  start({.metric_batch_size = 100});
  append(50);
  pass(hours(1));
  EXPECT_EQ(ledger().buffered, 50U);
  append(60);
  pass(minutes(30));
  EXPECT_EQ(ledger().counters.rejected, 50U);
  EXPECT_EQ(ledger().counters.delivered, 60U);
}

// --- without an announced wait

TEST_F(DeliveryTest, AServerThatAnswers503ForAnHourSeesFewRequests) {
  server_ = [](const Numbers&) { return http_answer(503, "request throttled, queue full"); };
  start();
  append(50);
  for (int i = 0; i < 360; ++i) {
    append(20);
    pass(seconds(10));
  }
  EXPECT_LE(requests_.size(), 60U);
  EXPECT_GE(requests_.size(), 12U) << "the longest wait is five minutes";
  RecordProperty("requests", static_cast<int>(requests_.size()));
}

// --- a backlog

class AfterAnOutage : public DeliveryTest {
 protected:
  // A day without the server, a gather every ten seconds.
  void outage(const std::string& drain) {
    server_ = [](const Numbers&) {
      return test::http_failure(TransportError::kConnect, "refused");
    };
    start({.metric_batch_size = 1000, .drain = drain, .backfill_rate = "50%"}, 64U << 20U);
    for (int i = 0; i < 8640; ++i) {
      append(100);
      pass(seconds(10));
    }
    requests_.clear();
    server_ = [this](const Numbers&) {
      clock_.advance(std::chrono::milliseconds(200));
      return http_answer(204);
    };
    // The longest wait after a failure.
    for (int i = 0; i < 30 && requests_.empty(); ++i) gather();
    ASSERT_FALSE(requests_.empty());
  }
  void gather() {
    append(100);
    pass(seconds(10));
  }
};

TEST_F(AfterAnOutage, LiveFirstSendsTheNewestPointAtOnceAndTheBacklogInBetween) {
  outage("live_first");
  const std::uint64_t then = next_;
  append(100);
  pass(2 * kFlush);
  EXPECT_TRUE(stored().contains(next_ - 1)) << "within two flush intervals";
  EXPECT_LT(stored().size(), then / 2) << "long before the backlog";
  for (int i = 0; i < 200; ++i) gather();
  pass(kFlush);
  EXPECT_EQ(ledger().buffered, 0U);
  EXPECT_EQ(ledger().counters.delivered, next_);
  EXPECT_EQ(stored().size(), next_) << "each once";
  EXPECT_EQ(std::set<std::uint64_t>(stored().begin(), stored().end()).size(), next_);
}

TEST_F(AfterAnOutage, OldestFirstKeepsTheOrder) {
  outage("oldest_first");
  for (int i = 0; i < 20; ++i) gather();
  std::uint64_t expected = 0;
  for (const test::Request& request : requests_) {
    for (const std::uint64_t number : request.numbers) ASSERT_EQ(number, expected++);
  }
  EXPECT_EQ(expected, next_);
  EXPECT_EQ(ledger().buffered, 0U);
}

TEST_F(DeliveryTest, TheBacklogTakesItsShareOfTheTimeOnly) {
  start({.metric_batch_size = 100, .drain = "live_first", .backfill_rate = "25%"});
  server_ = [](const Numbers&) { return http_answer(503); };
  for (int i = 0; i < 200; ++i) append(50);
  pass(minutes(5));
  server_ = [this](const Numbers&) {
    clock_.advance(seconds(1));
    return http_answer(204);
  };
  pass(minutes(5));
  requests_.clear();
  pass(seconds(80));
  EXPECT_GE(requests_.size(), 18U);
  EXPECT_LE(requests_.size(), 21U);
}

TEST_F(DeliveryTest, TheLastFlushSendsTheBacklogWithoutPauses) {
  start({.metric_batch_size = 100, .drain = "live_first", .backfill_rate = "1%"});
  server_ = [](const Numbers&) { return http_answer(503); };
  for (int i = 0; i < 20; ++i) append(50);
  server_ = [this](const Numbers&) {
    clock_.advance(std::chrono::milliseconds(10));
    return http_answer(204);
  };
  while (stored().empty()) pass(seconds(1));
  EXPECT_GT(ledger().buffered, 0U);
  stop_.request(clock_.boot() + seconds(5));
  delivery_->finish(stop_);
  EXPECT_EQ(ledger().buffered, 0U);
}

TEST_F(DeliveryTest, ALinkCarriesNoMoreThanItsLimit) {
  constexpr std::uint64_t kRate = 2000;
  start({.metric_batch_size = 1000,
         .rate_limit = {kRate * 300},
         .rate_limit_period = std::chrono::minutes(5)});
  for (int i = 0; i < 800; ++i) append(100);
  const base::BootTime begin = clock_.boot();
  pass(minutes(2));
  std::uint64_t bytes = 0;
  for (const test::Request& request : requests_) {
    const auto elapsed = std::chrono::duration<double>(request.at - begin).count();
    EXPECT_LE(static_cast<double>(bytes), elapsed * kRate + 1) << "before this one";
    bytes += request.bytes + kRequestOverhead;
    EXPECT_LE(request.bytes, kRate * 10 + 100);
  }
  EXPECT_GT(bytes, kRate * 110) << "and uses it";
  EXPECT_GT(ledger().buffered, 0U);
}

TEST_F(DeliveryTest, ALimitForNoTimeIsNone) {
  start({.metric_batch_size = 1000, .rate_limit = {1}, .rate_limit_period = {}});
  for (int i = 0; i < 100; ++i) append(100);
  EXPECT_EQ(ledger().buffered, 0U);
}

}  // namespace
}  // namespace holdfast::outputs

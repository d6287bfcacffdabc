// For each answer: what was kept, dropped and counted, and when the next request came.
#include "outputs/rejected_directory.h"
#include "tests/outputs/worker_fixture.h"
#include "tests/support/temp_dir.h"

namespace holdfast::outputs {
namespace {

using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using test::http_answer;
using test::http_failure;
using test::kFlush;
using test::WorkerTest;

// --- answers that settle a batch

struct Settled {
  const char* name;
  HttpResult answer;
  std::uint64_t delivered;
  std::uint64_t rejected;
};

TEST_F(WorkerTest, AnswersThatSettleABatchMoveTheReader) {
  const Settled rows[] = {
      {"204", http_answer(204), 50, 0},
      {"200", http_answer(200), 50, 0},
      {"400", http_answer(400, R"({"error":"unable to parse 'x': y"})"), 0, 50},
      {"400 partial write", http_answer(400, R"({"error":"partial write: x dropped=3"})"), 47, 3},
      {"422", http_answer(422, R"({"message":"partial write: x dropped=50"})"), 0, 50},
      {"500 partial write", http_answer(500, R"({"error":"partial write: x dropped=1"})"), 49, 1},
      {"413", http_answer(413), 0, 50},  // the last: later batches are smaller
  };
  start();
  buffer::LedgerCounters expected;
  for (const Settled& row : rows) {
    SCOPED_TRACE(row.name);
    http_.answer(row.answer);
    EXPECT_EQ(flush(50), kFlush);  // the next request comes with the next flush
    expected.delivered += row.delivered;
    expected.rejected += row.rejected;
    EXPECT_EQ(ring_.counters(), expected);
    EXPECT_EQ(ring_.pending_points(0), 0U);
    EXPECT_FALSE(ring_.in_flight());
    EXPECT_EQ(worker_->status().state, OutputState::kOk);
    EXPECT_EQ(worker_->status().by_status.at(row.answer.status) > 0, true);
  }
  EXPECT_EQ(worker_->status().requests, std::size(rows));
}

TEST_F(WorkerTest, A413LowersTheSizeOfLaterBatches) {
  for (int i = 0; i < 40; ++i) ring_.append_points(10);
  http_.answer(http_answer(413));
  start({.metric_batch_size = 200});
  rest();
  EXPECT_EQ(ring_.counters().rejected, 200U);
  EXPECT_EQ(worker_->status().batch_size, 100U);
  ASSERT_EQ(http_.count(), 3U);  // 200 refused, then 100 and 100
  EXPECT_EQ(http_.sent()[1].lines, test::numbered_lines(200, 100));
  EXPECT_EQ(ring_.counters().delivered, 200U);
}

TEST_F(WorkerTest, TheBatchSizeNeverFallsBelowOne) {
  for (int i = 0; i < 10; ++i) ring_.append_points(1);
  http_.answer(http_answer(413), 6);  // to 4, 2, 1, 1, 1 and 1 points
  start({.metric_batch_size = 4});
  EXPECT_EQ(http_.count(), 6U);
  EXPECT_EQ(worker_->status().batch_size, 1U);
  EXPECT_EQ(ring_.counters().rejected, 10U);
  append(3);  // one block of three points, sent one by one
  rest();
  EXPECT_EQ(http_.count(), 9U);
  EXPECT_EQ(ring_.counters().delivered, 3U);
}

// --- the rejected store

class RejectedBatches : public WorkerTest {
 protected:
  [[nodiscard]] WorkerOptions keeping() const {
    WorkerOptions options;
    options.rejected_directory = dir_.path("rejected");
    return options;
  }
  // What is kept now, oldest first: reason and lines of each.
  struct Kept {
    RejectedInfo info;
    std::string lines;
  };
  [[nodiscard]] std::vector<Kept> kept() const {
    std::vector<Kept> kept;
    const auto directory = RejectedDirectory::open(dir_.path("rejected"));
    EXPECT_TRUE(directory);
    if (!directory) return kept;
    for (const RejectedFile& file : directory->list().value_or(std::vector<RejectedFile>{})) {
      kept.push_back(
          {directory->info(file.name).value_or(RejectedInfo{}),
           test::gunzip_single_member(directory->gzip(file.name).value_or("")).value_or("broken")});
    }
    return kept;
  }

  test::TempDir dir_;
};

TEST_F(RejectedBatches, AreKeptWithStatusAndReason) {
  start(keeping());
  http_.answer(http_answer(400, R"({"error":"unable to parse 'm': bad"})"));
  flush(50);
  http_.answer(http_answer(413, "too much of it"));
  flush(20);
  const auto found = kept();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].lines, test::numbered_lines(0, 50));
  EXPECT_EQ(found[0].info.status, 400);
  EXPECT_EQ(found[0].info.reason, "HTTP 400: unable to parse 'm': bad");
  EXPECT_EQ(found[0].info.url, "http://h/write?db=t");
  EXPECT_EQ(found[0].info.output, "outputs.influxdb");
  EXPECT_EQ(found[0].info.points, 50U);
  EXPECT_EQ(found[1].lines, test::numbered_lines(50, 20));
  EXPECT_EQ(found[1].info.status, 413);
  EXPECT_EQ(ring_.counters().rejected, 70U);
  const auto status = worker_->status().rejected_store;
  ASSERT_TRUE(status);
  EXPECT_EQ(status->files, 2U);
  EXPECT_EQ(status->kept, 2U);
}

TEST_F(RejectedBatches, OfAPartialWriteOnlyThoseOfWhichNothingIsStored) {
  start(keeping());
  http_.answer(http_answer(400, R"({"error":"partial write: x dropped=3"})"));
  flush(50);
  EXPECT_EQ(kept().size(), 0U);
  http_.answer(http_answer(400, R"({"error":"partial write: x dropped=20"})"));
  flush(20);
  http_.answer(http_answer(400, R"({"error":"partial write: something"})"));
  flush(10);
  const auto found = kept();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].lines, test::numbered_lines(50, 20));
  EXPECT_FALSE(found[0].info.may_be_stored);
  EXPECT_TRUE(found[1].info.may_be_stored);
}

TEST_F(RejectedBatches, AreNotThereForAnyOtherAnswer) {
  start(keeping());
  for (const int status : {204, 401, 500, 503}) {
    http_.answer(http_answer(status));
    flush(10);
    pass(minutes(10));
  }
  EXPECT_EQ(ring_.counters().delivered, 40U);
  EXPECT_EQ(kept().size(), 0U);
}

TEST_F(RejectedBatches, AreWrittenBeforeTheReaderMoves) {
  start(keeping());
  http_.answer(http_answer(400, "no"));
  std::size_t files_at_acknowledge = 0;
  ring_.on_acknowledge([&] { files_at_acknowledge = kept().size(); });
  flush(50);
  EXPECT_EQ(files_at_acknowledge, 1U);
}

TEST_F(RejectedBatches, ThatCannotBeKeptHoldNobodyUp) {
  WorkerOptions options;
  options.rejected_directory = dir_.path("absent/rejected");
  start(options);
  http_.answer(http_answer(400, "no"), 2);
  flush(50);
  flush(50);
  flush(50);
  EXPECT_EQ(ring_.counters().rejected, 100U);
  EXPECT_EQ(ring_.counters().delivered, 50U);
  EXPECT_EQ(worker_->status().state, OutputState::kOk);
  EXPECT_EQ(worker_->status().rejected_store->failed, 2U);
}

// --- answers that keep a batch

struct Kept {
  const char* name;
  HttpResult answer;
  OutputState state;
  base::Duration at_least;  // wait until the next request
  base::Duration below;     // zero: exactly at_least
};

TEST_F(WorkerTest, AnswersThatKeepABatchDelayTheNextRequest) {
  const std::vector<HttpHeader> dated{{"Date", "Thu, 09 Oct 2025 10:00:00 GMT"},
                                      {"Retry-After", "Thu, 09 Oct 2025 10:02:00 GMT"}};
  const Kept rows[] = {
      {"401", http_answer(401), OutputState::kMisconfigured, seconds(60), {}},
      {"403", http_answer(403), OutputState::kMisconfigured, seconds(60), {}},
      {"404", http_answer(404), OutputState::kMisconfigured, seconds(60), {}},
      {"307", http_answer(307), OutputState::kMisconfigured, seconds(60), {}},
      {"500 retention policy",
       http_answer(500, R"({"error":"retention policy not found: x"})"),
       OutputState::kMisconfigured,
       seconds(60),
       {}},
      {"429 with seconds",
       http_answer(429, "", {{"Retry-After", "33"}}),
       OutputState::kWaiting,
       seconds(33),
       {}},
      {"429 with a date", http_answer(429, "", dated), OutputState::kWaiting, seconds(120), {}},
      {"503 with seconds",
       http_answer(503, "", {{"Retry-After", "1"}}),
       OutputState::kWaiting,
       seconds(1),
       {}},
      {"503 with a date", http_answer(503, "", dated), OutputState::kWaiting, seconds(120), {}},
      {"503 with more than the cap",
       http_answer(503, "", {{"Retry-After", "86400"}}),
       OutputState::kWaiting,
       minutes(10),
       {}},
      {"503 without a wait", http_answer(503), OutputState::kBackoff, {}, seconds(1)},
      {"429 without a wait", http_answer(429), OutputState::kBackoff, {}, seconds(1)},
      {"a wait of nothing",
       http_answer(503, "", {{"Retry-After", "0"}}),
       OutputState::kBackoff,
       {},
       seconds(1)},
      {"500", http_answer(500), OutputState::kBackoff, {}, seconds(1)},
      {"502", http_answer(502), OutputState::kBackoff, {}, seconds(1)},
      {"reset",
       http_failure(TransportError::kReset, "Recv failure"),
       OutputState::kBackoff,
       {},
       seconds(1)},
      {"hang",
       http_failure(TransportError::kTimeout, "timed out"),
       OutputState::kBackoff,
       {},
       seconds(1)},
      {"refused",
       http_failure(TransportError::kConnect, "refused"),
       OutputState::kBackoff,
       {},
       seconds(1)},
      {"no HTTP",
       http_failure(TransportError::kMalformed, "weird"),
       OutputState::kBackoff,
       {},
       seconds(1)},
  };
  start();
  std::uint64_t delivered = 0;
  for (const Kept& row : rows) {
    SCOPED_TRACE(row.name);
    const std::size_t before = http_.count();
    http_.answer(row.answer);
    const base::Duration wait = flush(50);
    if (row.below == base::Duration::zero()) {
      EXPECT_EQ(wait, row.at_least);
    } else {
      EXPECT_GE(wait, base::Duration::zero());
      EXPECT_LT(wait, row.below);
    }
    // Kept: neither delivered nor dropped, and not in flight.
    ASSERT_EQ(http_.count(), before + 1);
    EXPECT_EQ(ring_.pending_points(0), 50U);
    EXPECT_EQ(ring_.counters().delivered, delivered);
    EXPECT_EQ(ring_.counters().rejected, 0U);
    EXPECT_FALSE(ring_.in_flight());
    const OutputStatus status = worker_->status();
    EXPECT_EQ(status.state, row.state);
    EXPECT_EQ(status.retry_in, wait);
    EXPECT_FALSE(status.last_error.empty());
    // Not a nanosecond too early, and then with the same bytes.
    if (wait > nanoseconds(1)) {
      pass(wait - nanoseconds(1));
      EXPECT_EQ(http_.count(), before + 1);
    }
    pass(nanoseconds(1));
    ASSERT_EQ(http_.count(), before + 2);
    EXPECT_EQ(http_.sent()[before].body, http_.sent()[before + 1].body);
    delivered += 50;
    EXPECT_EQ(ring_.counters().delivered, delivered);
    EXPECT_EQ(worker_->status().state, OutputState::kOk);
    EXPECT_EQ(worker_->status().retry_in, base::Duration::zero());
  }
}

TEST_F(WorkerTest, BackoffGrowsToItsCapAndASuccessEndsIt) {
  start();
  http_.answer(http_answer(500), 40);
  base::Duration wait = flush(5);
  base::Duration longest{};
  for (int failure = 1; failure < 40; ++failure) {
    longest = std::max(longest, wait);
    EXPECT_LT(wait, std::min<base::Duration>(seconds(300), seconds(1LL << std::min(failure, 20))));
    wait = pass(wait);
    EXPECT_EQ(http_.count(), static_cast<std::size_t>(failure + 1));
  }
  EXPECT_GT(longest, seconds(100));
  pass(wait);
  EXPECT_EQ(ring_.counters().delivered, 5U);
  http_.answer(http_answer(500));
  EXPECT_LT(flush(5), seconds(1));
}

TEST_F(WorkerTest, NewDataDoesNotEndABackoff) {
  start({.metric_batch_size = 100});
  http_.answer(http_answer(401));
  flush(10);
  for (int i = 0; i < 20; ++i) append(100);
  EXPECT_EQ(http_.count(), 1U);
  EXPECT_EQ(waiter_->wakes(), 0);
  pass(seconds(60));
  EXPECT_EQ(ring_.counters().delivered, 2010U);
}

}  // namespace
}  // namespace holdfast::outputs

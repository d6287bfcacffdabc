// When batches go out, what a stop does, and what a ring that fails does to the worker.
#include "tests/outputs/worker_fixture.h"

namespace holdfast::outputs {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using test::http_answer;
using test::kFlush;
using test::WorkerTest;

// --- when batches go out

TEST_F(WorkerTest, PendingPointsGoOutAtTheFlushInterval) {
  start();
  append(20);
  EXPECT_EQ(pass(kFlush - nanoseconds(1)), nanoseconds(1));
  EXPECT_EQ(http_.count(), 0U);
  EXPECT_EQ(pass(nanoseconds(1)), kFlush);
  ASSERT_EQ(http_.count(), 1U);
  EXPECT_EQ(http_.sent()[0].lines, test::numbered_lines(0, 20));
  EXPECT_EQ(ring_.counters().delivered, 20U);
}

TEST_F(WorkerTest, AFullBatchGoesOutAtOnce) {
  start({.metric_batch_size = 100});
  append(60);
  EXPECT_EQ(http_.count(), 0U);
  append(60);
  rest();
  EXPECT_EQ(http_.count(), 1U);  // whole blocks only: 60 points, and 60 remain below a batch
  EXPECT_EQ(ring_.counters().delivered, 60U);
  append(40);
  rest();
  EXPECT_EQ(ring_.counters().delivered, 160U);
}

TEST_F(WorkerTest, AFlushSendsAllThatWasPending) {
  for (int i = 0; i < 7; ++i) ring_.append_points(30);
  start({.metric_batch_size = 100});
  EXPECT_EQ(ring_.counters().delivered, 180U);  // two full batches at the start
  pass(kFlush);
  EXPECT_EQ(ring_.counters().delivered, 210U);
  EXPECT_EQ(http_.count(), 3U);
}

TEST_F(WorkerTest, NothingIsSentWhenNothingIsPending) {
  start();
  for (int i = 0; i < 5; ++i) pass(kFlush);
  EXPECT_EQ(http_.count(), 0U);
  EXPECT_EQ(worker_->status().state, OutputState::kIdle);
}

TEST_F(WorkerTest, SmallAppendsDoNotWakeTheThread) {
  start({.metric_batch_size = 1000});
  for (int i = 0; i < 50; ++i) append(10);
  EXPECT_EQ(waiter_->wakes(), 0);
}

TEST_F(WorkerTest, BatchesKeepTheByteLimit) {
  for (int i = 0; i < 10; ++i) ring_.append_points(100);  // 3,400 bytes and more each
  start({.max_batch_bytes = {8'000}});
  pass(kFlush);
  EXPECT_EQ(http_.count(), 5U);
  for (const auto& request : http_.sent()) EXPECT_LE(request.lines.size(), 8'000U);
  EXPECT_EQ(ring_.counters().delivered, 1000U);
}

TEST_F(WorkerTest, ABlockLargerThanABatchIsCut) {
  ring_.append_points(250);
  start({.metric_batch_size = 100});
  pass(kFlush);
  ASSERT_EQ(http_.count(), 3U);
  EXPECT_EQ(http_.sent()[1].lines, test::numbered_lines(100, 100));
  EXPECT_EQ(http_.sent()[2].lines, test::numbered_lines(200, 50));
  EXPECT_EQ(ring_.counters().delivered, 250U);
}

// --- stop

TEST_F(WorkerTest, StopMakesALastFlush) {
  start({.metric_batch_size = 100});
  for (int i = 0; i < 9; ++i) append(10);
  worker_->request_stop(clock_.boot() + seconds(5));
  worker_->join();
  EXPECT_EQ(ring_.counters().delivered, 90U);
}

TEST_F(WorkerTest, TheLastFlushEndsAtTheFirstFailure) {
  start({.metric_batch_size = 100});
  http_.answer(http_answer(500));
  append(10);
  worker_->request_stop(clock_.boot() + seconds(5));
  worker_->join();
  EXPECT_EQ(http_.count(), 1U);
  EXPECT_EQ(ring_.pending_points(0), 10U);
  EXPECT_FALSE(ring_.in_flight());
}

TEST_F(WorkerTest, TheLastFlushEndsAtTheDeadline) {
  start({.metric_batch_size = 10});
  http_.during_next([this](const StopSignal& stop) {
    // The batch in flight: more is pending, and the stop comes with no time left.
    for (int i = 0; i < 5; ++i) ring_.append_points(10);
    worker_->request_stop(clock_.boot() + seconds(5));
    clock_.advance(seconds(5));
    EXPECT_TRUE(stop.expired(clock_.boot()));
  });
  append(10);
  worker_->join();
  EXPECT_EQ(http_.count(), 1U);
  EXPECT_EQ(ring_.counters().delivered, 10U);
  EXPECT_EQ(ring_.pending_points(0), 50U);
}

TEST_F(WorkerTest, StopWithoutALastFlushLeavesWhatIsPending) {
  start();
  append(20);
  EXPECT_FALSE(worker_->ended());
  worker_->request_stop(clock_.boot() + seconds(5), LastFlush::kNo);
  worker_->join();
  EXPECT_TRUE(worker_->ended());
  EXPECT_EQ(http_.count(), 0U);
  EXPECT_FALSE(ring_.in_flight());
  EXPECT_EQ(ring_.counters().delivered, 0U);
}

TEST_F(WorkerTest, StopFinishesWhatIsInFlightAndDrainsTheRest) {
  start({.metric_batch_size = 10});
  http_.during_next([this](const StopSignal&) {
    for (int i = 0; i < 5; ++i) ring_.append_points(10);
    worker_->request_stop(clock_.boot() + seconds(5));
  });
  append(10);
  worker_->join();
  EXPECT_EQ(ring_.counters().delivered, 60U);
}

TEST_F(WorkerTest, ABackoffDoesNotForbidTheLastFlush) {
  start();
  http_.answer(http_answer(401));
  flush(10);
  worker_->request_stop(clock_.boot() + seconds(5));
  worker_->join();
  EXPECT_EQ(ring_.counters().delivered, 10U);
}

// --- the ring

TEST_F(WorkerTest, AReadErrorIsTriedAgain) {
  start();
  ring_.fail_reads(true);
  EXPECT_LT(flush(10), seconds(1));
  EXPECT_EQ(worker_->status().state, OutputState::kBackoff);
  EXPECT_EQ(http_.count(), 0U);
  ring_.fail_reads(false);
  pass(rest());
  EXPECT_EQ(ring_.counters().delivered, 10U);
}

TEST_F(WorkerTest, ABatchThatCannotBeReadIsCountedAndLeftBehind) {
  ring_.append_points(250);
  ring_.spoil_last_block();
  ring_.append_points(5);
  start({.metric_batch_size = 100});
  pass(kFlush);
  EXPECT_EQ(ring_.counters().rejected, 250U);
  EXPECT_EQ(ring_.counters().delivered, 5U);
}

TEST_F(WorkerTest, StatusKnowsWhenTheReaderMoved) {
  start();
  const auto begin = clock_.boot();
  EXPECT_EQ(worker_->status().moved_at, begin);
  pass(kFlush);  // nothing pending: not stalled
  EXPECT_EQ(worker_->status().moved_at, begin + kFlush);
  http_.answer(http_answer(401), 3);
  flush(10);
  pass(seconds(60));
  EXPECT_EQ(worker_->status().moved_at, begin + kFlush);
  EXPECT_EQ(worker_->status().reader, "reader");
  EXPECT_EQ(worker_->status().by_status.at(401), 2U);
}

}  // namespace
}  // namespace holdfast::outputs

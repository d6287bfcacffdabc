// An announced wait (Retry-After): nothing at all is sent before it has passed, across restarts
// too.
#include "tests/outputs/worker_fixture.h"

namespace holdfast::outputs {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using test::http_answer;
using test::kFlush;
using test::WorkerTest;

// --- an announced wait

TEST_F(WorkerTest, NewDataDoesNotEndAnAnnouncedWait) {
  start({.metric_batch_size = 100});
  http_.answer(http_answer(503, "", {{"Retry-After", "120"}}));
  flush(10);
  for (int i = 0; i < 11; ++i) {
    append(500);
    pass(seconds(10));
  }
  EXPECT_EQ(http_.count(), 1U);
  EXPECT_EQ(worker_->status().retry_in, seconds(10));
  pass(seconds(10));
  EXPECT_GT(http_.count(), 1U);
  EXPECT_EQ(ring_.pending_points(0), 0U);
}

TEST_F(WorkerTest, AnAnnouncedWaitForbidsTheLastFlush) {
  start();
  http_.answer(http_answer(503, "", {{"Retry-After", "120"}}));
  flush(10);
  worker_->request_stop(clock_.boot() + minutes(60));
  worker_->join();
  EXPECT_EQ(http_.count(), 1U);
  EXPECT_EQ(ring_.pending_points(0), 10U);
}

TEST_F(WorkerTest, AnAnnouncedWaitIsMeasuredFromTheAnswer) {
  start();
  http_.answer(http_answer(503, "", {{"Retry-After", "20"}}));
  http_.during_next([this](const StopSignal&) { clock_.advance(seconds(14)); });
  EXPECT_EQ(flush(10), seconds(20));
}

TEST_F(WorkerTest, AnAnnouncedWaitIsNoLongerThanTheOptionAllows) {
  outputs::WorkerOptions options;
  options.max_retry_after = seconds(45);
  start(options);
  http_.answer(http_answer(503, "", {{"Retry-After", "120"}}));
  EXPECT_EQ(flush(10), seconds(45));
}

TEST_F(WorkerTest, AStepOfTheWallClockDoesNotChangeAnAnnouncedWait) {
  start();
  http_.answer(http_answer(503, "", {{"Retry-After", "120"}}));
  flush(10);
  clock_.step_wall(std::chrono::hours(5));
  EXPECT_EQ(pass(seconds(119)), seconds(1));
  EXPECT_EQ(http_.count(), 1U);
}

TEST_F(WorkerTest, AnAnnouncedWaitSurvivesARestart) {
  start();
  http_.answer(http_answer(503, "", {{"Retry-After", "120"}}));
  flush(10);
  pass(seconds(50));
  clock_.step_wall(std::chrono::hours(-5));  // of no matter: the boot is the same
  restart();
  EXPECT_EQ(rest(), seconds(70));
  EXPECT_EQ(worker_->status().state, OutputState::kWaiting);
  pass(seconds(70));
  EXPECT_EQ(http_.count(), 2U);
  EXPECT_EQ(ring_.counters().delivered, 10U);
  EXPECT_EQ(ring_.not_before(0), buffer::NotBefore{});  // over and done with
}

TEST_F(WorkerTest, AfterAReboot) {
  struct Row {
    const char* name;
    base::Duration wall_passed;
    base::Duration wait;  // zero: none
  };
  const Row rows[] = {
      {"by the wall clock", seconds(50), seconds(70)},
      {"over by the wall clock", seconds(500), {}},
      {"never longer than announced", std::chrono::hours(-5), seconds(120)},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    start();
    http_.answer(http_answer(503, "", {{"Retry-After", "120"}}));
    flush(10);
    const std::size_t before = http_.count();
    worker_->request_stop(base::BootTime::min());
    worker_->join();
    clock_.step_wall(row.wall_passed);
    clock_.reboot("another-boot-" + std::string(row.name));
    start();
    if (row.wait > base::Duration::zero()) {
      EXPECT_EQ(rest(), row.wait);
      EXPECT_EQ(worker_->status().state, OutputState::kWaiting);
    } else {
      EXPECT_EQ(worker_->status().state, OutputState::kIdle);
    }
    EXPECT_EQ(http_.count(), before);
    pass(rest());
    EXPECT_EQ(http_.count(), before + 1);
    worker_->request_stop(base::BootTime::min());
    worker_->join();
  }
}

TEST_F(WorkerTest, ABackoffDoesNotSurviveARestart) {
  start();
  http_.answer(http_answer(401));
  flush(10);
  restart();
  EXPECT_EQ(rest(), kFlush);
  EXPECT_EQ(ring_.not_before(0), buffer::NotBefore{});
}

// --- a flush that a person asks for

TEST_F(WorkerTest, AFlushThatIsAskedForDoesNotWaitForTheInterval) {
  start();
  append(10);
  EXPECT_EQ(http_.count(), 0U);
  worker_->flush();
  rest();
  EXPECT_EQ(http_.count(), 1U);
  EXPECT_EQ(ring_.counters().delivered, 10U);
  worker_->flush();  // nothing there
  rest();
  EXPECT_EQ(http_.count(), 1U);
}

TEST_F(WorkerTest, ItEndsABackoffButNoAnnouncedWait) {
  start();
  http_.answer(http_answer(500));
  flush(10);
  EXPECT_EQ(worker_->status().state, OutputState::kBackoff);
  http_.answer(http_answer(503, "", {{"Retry-After", "120"}}));
  worker_->flush();
  rest();
  EXPECT_EQ(http_.count(), 2U);
  worker_->flush();
  EXPECT_EQ(rest(), seconds(120));
  EXPECT_EQ(http_.count(), 2U);
  pass(seconds(120));
  EXPECT_EQ(ring_.counters().delivered, 10U);
}

// --- creating the database

TEST_F(WorkerTest, NoDatabaseIsCreatedDuringAnAnnouncedWait) {
  http_.answer(http_answer(200));
  http_.answer(http_answer(503, "", {{"Retry-After", "30"}}));
  start({}, /*create_database=*/true);
  EXPECT_EQ(flush(10), seconds(30));
  EXPECT_EQ(http_.count(), 2U);
  http_.answer(http_answer(404, R"({"error":"database not found: \"t\""})"));
  http_.answer(http_answer(503, "", {{"Retry-After", "40"}}));  // to CREATE DATABASE
  EXPECT_EQ(pass(seconds(30)), seconds(40));
  EXPECT_EQ(http_.count(), 4U);
  pass(seconds(39));
  EXPECT_EQ(http_.count(), 4U);
  pass(seconds(1));  // writes; somebody has made the database by now
  EXPECT_EQ(http_.count(), 5U);
  EXPECT_EQ(ring_.counters().delivered, 10U);
}

}  // namespace
}  // namespace holdfast::outputs

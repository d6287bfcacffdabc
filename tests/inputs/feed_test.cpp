// Feed: into a sink that takes, refuses or keeps silent, on an I/O context that the test runs.
#include "inputs/feed.h"

#include <gtest/gtest.h>

#include "tests/support/eventually.h"
#include "tests/support/fake_clock.h"

namespace holdfast::test {
namespace {

using inputs::WhenRefused;

// Answers at once; counts flushes.
class AnsweringSink final : public buffer::BlockSink {
 public:
  [[nodiscard]] buffer::BlockLimits limits() const override { return {}; }
  void add(std::span<const buffer::Lines> pieces, buffer::Origin origin, Done done) override {
    ++adds;
    last_origin = origin;
    if (hold) {
      held.push_back(std::move(done));
      return;
    }
    if (refusals > 0) {
      --refusals;
      return done(base::fail(base::ErrorCode::kFull, "the ring is full"), pieces[0].points);
    }
    for (const buffer::Lines& piece : pieces) text += piece.bytes;
    done(base::ok(), 0);
  }
  void flush() override { ++flushes; }

  std::string text;
  int adds = 0;
  int refusals = 0;
  int flushes = 0;
  bool hold = false;
  std::vector<Done> held;
  buffer::Origin last_origin{};
};

class FeedTest : public testing::Test {
 protected:
  FeedTest() {
    rules_.precision = base::Duration(1);
    feed_ = std::make_shared<inputs::Feed>(
        inputs::ServiceContext{io_, [](const std::function<void()>& job) { job(); }, sink_, rules_,
                               counters_},
        clock_, base::Logger{});
  }

  inputs::Accumulator points(int count) {
    auto out = feed_->open();
    for (int i = 0; i < count; ++i) out.add(line::Point("m").field("n", std::int64_t{i}).time(i));
    return out;
  }

  // Runs the I/O context until it is so, at most ten seconds.
  template <class Condition>
  [[nodiscard]] bool run_until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition() && std::chrono::steady_clock::now() < deadline) {
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(10));
    }
    return condition();
  }

  asio::io_context io_;
  AnsweringSink sink_;
  inputs::PointRules rules_;
  inputs::InputCounters counters_;
  FakeClock clock_;
  std::shared_ptr<inputs::Feed> feed_;
  std::vector<bool> done_;
};

TEST_F(FeedTest, PointsOfManyReadsAreFlushedTogether) {
  const auto note = [this](bool accepted) { done_.push_back(accepted); };
  feed_->submit(points(2), buffer::Origin::kGathered, WhenRefused::kDrop, note);
  feed_->submit(points(1), buffer::Origin::kReceived, WhenRefused::kDrop, note);
  ASSERT_TRUE(run_until([&] { return done_.size() == 2; }));
  EXPECT_EQ(sink_.text, "m n=0i 0\nm n=1i 1\nm n=0i 0\n");
  EXPECT_EQ(sink_.last_origin, buffer::Origin::kReceived);
  EXPECT_EQ(counters_.gathered, 3U);
  EXPECT_EQ(feed_->pending(), 0U);
}

TEST_F(FeedTest, PointsWithoutATimeAreToldApart) {
  auto one = feed_->open();
  auto other = feed_->open();
  for (const auto value : {1, 2}) one.add(line::Point("m").field("n", std::int64_t{value}));
  other.add(line::Point("m").field("n", std::int64_t{3}));
  one.add(line::Point("m").field("n", std::int64_t{4}).time(5));
  feed_->submit(std::move(one), buffer::Origin::kGathered, WhenRefused::kDrop);
  feed_->submit(std::move(other), buffer::Origin::kGathered, WhenRefused::kDrop);
  const std::int64_t now = clock_.wall_ns();
  EXPECT_EQ(sink_.text,
            fmt::format("m n=1i {}\nm n=2i {}\nm n=4i 5\nm n=3i {}\n", now, now + 1, now + 2));
  // A clock that was set back is believed.
  clock_.step_wall(-std::chrono::hours(1));
  auto later = feed_->open();
  later.add(line::Point("m").field("n", std::int64_t{5}));
  feed_->submit(std::move(later), buffer::Origin::kGathered, WhenRefused::kDrop);
  EXPECT_TRUE(sink_.text.ends_with(fmt::format("m n=5i {}\n", clock_.wall_ns())));
}

TEST_F(FeedTest, AnOpenBlockIsClosedWhileItsPointsWait) {
  sink_.hold = true;
  feed_->submit(points(1), buffer::Origin::kReceived, WhenRefused::kDrop);
  feed_->submit(points(1), buffer::Origin::kReceived, WhenRefused::kDrop);
  ASSERT_TRUE(run_until([&] { return sink_.flushes > 0; }));
  EXPECT_EQ(sink_.flushes, 1);
  EXPECT_EQ(feed_->pending(), 2U);
  for (const auto& done : sink_.held) done(base::ok(), 0);
  EXPECT_TRUE(run_until([&] { return feed_->pending() == 0; }));
}

TEST_F(FeedTest, NothingToSubmitIsAcceptedAtOnce) {
  feed_->submit(feed_->open(), buffer::Origin::kGathered, WhenRefused::kDrop,
                [this](bool accepted) { done_.push_back(accepted); });
  ASSERT_TRUE(run_until([&] { return !done_.empty(); }));
  EXPECT_TRUE(done_.front());
  EXPECT_EQ(sink_.adds, 0);
}

TEST_F(FeedTest, RefusedPointsAreCountedAndDropped) {
  sink_.refusals = 1;
  feed_->submit(points(3), buffer::Origin::kGathered, WhenRefused::kDrop,
                [this](bool accepted) { done_.push_back(accepted); });
  ASSERT_TRUE(run_until([&] { return !done_.empty(); }));
  EXPECT_FALSE(done_.front());
  EXPECT_EQ(counters_.not_accepted, 3U);
  EXPECT_EQ(sink_.adds, 1);
}

TEST_F(FeedTest, ThoseThatCanWaitAreHandedOverUntilTheyAreIn) {
  sink_.refusals = 2;
  feed_->submit(points(3), buffer::Origin::kReceived, WhenRefused::kWait,
                [this](bool accepted) { done_.push_back(accepted); });
  ASSERT_TRUE(run_until([&] { return !done_.empty(); }));
  EXPECT_TRUE(done_.front());
  EXPECT_EQ(sink_.adds, 3);
  EXPECT_EQ(sink_.text, "m n=0i 0\nm n=1i 1\nm n=2i 2\n");
  EXPECT_EQ(counters_.not_accepted, 0U);
  EXPECT_EQ(counters_.gathered, 3U);
}

TEST_F(FeedTest, ClosingGivesUpWhatWaits) {
  sink_.refusals = 1000;
  bool closed = false;
  feed_->submit(points(3), buffer::Origin::kReceived, WhenRefused::kWait,
                [this](bool accepted) { done_.push_back(accepted); });
  ASSERT_TRUE(run_until([&] { return sink_.adds >= 1; }));
  feed_->close([&] { closed = true; });
  EXPECT_FALSE(closed);
  ASSERT_TRUE(run_until([&] { return closed; }));
  EXPECT_EQ(done_, std::vector<bool>{false});
  EXPECT_EQ(counters_.not_accepted, 3U);
}

TEST_F(FeedTest, ClosingWaitsForAnswersAndAsksForThem) {
  sink_.hold = true;
  bool closed = false;
  feed_->submit(points(1), buffer::Origin::kReceived, WhenRefused::kDrop);
  feed_->close([&] { closed = true; });
  ASSERT_TRUE(run_until([&] { return sink_.flushes == 1; }));
  EXPECT_FALSE(closed);
  sink_.held.front()(base::ok(), 0);
  EXPECT_TRUE(run_until([&] { return closed; }));
}

TEST_F(FeedTest, ErrorsOfAReadAreCounted) {
  auto out = points(1);
  out.add_error({base::ErrorCode::kInvalid, "line 2: no fields"});
  feed_->submit(std::move(out), buffer::Origin::kGathered, WhenRefused::kDrop);
  EXPECT_EQ(counters_.errors, 1U);
  EXPECT_EQ(counters_.last_error(), "line 2: no fields");
  EXPECT_TRUE(run_until([&] { return feed_->pending() == 0; }));
  EXPECT_EQ(sink_.text, "m n=0i 0\n");
}

}  // namespace
}  // namespace holdfast::test

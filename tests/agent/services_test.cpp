#include "agent/services.h"

#include <gtest/gtest.h>

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using agent::StartupErrors;

class NoSink final : public buffer::BlockSink {
 public:
  [[nodiscard]] buffer::BlockLimits limits() const override { return {}; }
  void add(std::span<const buffer::Lines>, buffer::Origin, Done done) override {
    done(base::ok(), 0);
  }
  void flush() override {}
};

struct Calls {
  int starts = 0;
  int stops = 0;
};

// Fails to start so many times.
class StubbornInput final : public inputs::ServiceInput {
 public:
  StubbornInput(Calls& calls, int failures) : calls_(calls), failures_(failures) {}
  base::Status start(const inputs::ServiceContext&) override {
    if (calls_.starts++ < failures_) return base::fail(base::ErrorCode::kBusy, "port in use");
    return base::ok();
  }
  void stop(std::function<void()> stopped) override {
    ++calls_.stops;
    stopped();
  }

 private:
  Calls& calls_;
  int failures_;
};

class ServicesTest : public testing::Test {
 protected:
  void add(Calls& calls, int failures, StartupErrors behavior) {
    agent::ConfiguredInput input;
    input.display = "inputs.stubborn";
    input.interval = 5ms;
    input.startup_errors = behavior;
    input.counters = std::make_unique<inputs::InputCounters>();
    input.input = std::make_unique<StubbornInput>(calls, failures);
    inputs_.push_back(std::make_shared<agent::ConfiguredInput>(std::move(input)));
  }
  std::unique_ptr<agent::Services> services() {
    return std::make_unique<agent::Services>(
        io_, [](const std::function<void()>& job) { job(); }, sink_, clock_, base::Logger());
  }
  // All that were added.
  [[nodiscard]] base::Status start(agent::Services& services) const {
    for (const auto& input : inputs_) {
      if (auto started = services.start(input); !started) return started;
    }
    return base::ok();
  }
  void run_until(const std::function<bool()>& done) {
    const auto deadline = clock_.boot() + 20s;
    while (!done() && clock_.boot() < deadline) {
      io_.restart();
      io_.run_one_for(20ms);
    }
    EXPECT_TRUE(done());
  }

  asio::io_context io_{1};
  base::SystemClock clock_;
  NoSink sink_;
  agent::Services::Inputs inputs_;
};

TEST_F(ServicesTest, AnErrorEndsTheStartAndWhatRunsCanBeStopped) {
  Calls first;
  Calls second;
  add(first, 0, StartupErrors::kFail);
  add(second, 1, StartupErrors::kFail);
  const auto made = services();
  const auto started = start(*made);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, "inputs.stubborn: port in use");
  EXPECT_EQ(made->all().size(), 1U);
  EXPECT_EQ(*made->stop(made->all()), 0U);
  EXPECT_TRUE(made->all().empty());
  EXPECT_EQ(first.stops, 1);
  EXPECT_EQ(second.stops, 0);
}

TEST_F(ServicesTest, OneThatIsIgnoredIsLeftOutAndTheOthersRun) {
  Calls first;
  Calls second;
  add(first, 1, StartupErrors::kIgnore);
  add(second, 0, StartupErrors::kFail);
  const auto made = services();
  ASSERT_TRUE(start(*made));
  EXPECT_EQ(made->all().size(), 1U);
  EXPECT_EQ(inputs_[0]->input, nullptr);
  EXPECT_EQ(inputs_[0]->service(), nullptr);
  EXPECT_EQ(inputs_[0]->counters->last_error(), "cannot start: port in use");
  (void)made->stop(made->all());
  EXPECT_EQ(first.stops, 0);
  EXPECT_EQ(second.stops, 1);
}

TEST_F(ServicesTest, OneThatIsRetriedStartsWhenItCan) {
  Calls calls;
  add(calls, 3, StartupErrors::kRetry);
  const auto made = services();
  ASSERT_TRUE(start(*made));
  EXPECT_EQ(calls.starts, 1);
  run_until([&] { return calls.starts == 4; });
  EXPECT_EQ(calls.starts, 4);
  EXPECT_EQ(inputs_[0]->counters->errors, 3U);
  (void)made->stop(made->all());
  EXPECT_EQ(calls.stops, 1);
}

TEST_F(ServicesTest, NothingIsRetriedAfterTheStop) {
  Calls calls;
  add(calls, 1000, StartupErrors::kRetry);
  auto made = services();
  ASSERT_TRUE(start(*made));
  run_until([&] { return calls.starts >= 2; });
  (void)made->stop(made->all());
  const int starts = calls.starts;
  made.reset();
  io_.restart();
  io_.run();  // the timers are gone: this returns
  EXPECT_EQ(calls.starts, starts);
}

}  // namespace
}  // namespace holdfast::test

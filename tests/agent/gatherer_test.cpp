#include "agent/gatherer.h"

#include <condition_variable>
#include <mutex>
#include <stdexcept>

#include <gtest/gtest.h>

#include <asio/post.hpp>
#include <asio/thread_pool.hpp>

#include "tests/support/fake_clock.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;

// An input that does what a test tells it.
class ScriptedInput final : public inputs::Input {
 public:
  explicit ScriptedInput(std::function<base::Status(inputs::Accumulator&)> script)
      : script_(std::move(script)) {}
  base::Status gather(inputs::Accumulator& out) override { return script_(out); }

 private:
  std::function<base::Status(inputs::Accumulator&)> script_;
};

// Counts what it is given; refuses everything when told to.
class CountingSink final : public buffer::BlockSink {
 public:
  [[nodiscard]] buffer::BlockLimits limits() const override { return {}; }
  void add(std::span<const buffer::Lines> pieces, buffer::Origin origin, Done done) override {
    EXPECT_EQ(origin, buffer::Origin::kGathered);
    std::uint64_t points = 0;
    for (const auto& piece : pieces) points += piece.points;
    {
      const std::lock_guard lock(mutex_);
      (refuse_ ? refused_ : open_) += points;
    }
    if (refuse_) {
      done(base::fail(base::ErrorCode::kBusy, "full"), points);
    } else {
      done(base::ok(), 0);
    }
    changed_.notify_all();
  }
  void flush() override {
    const std::lock_guard lock(mutex_);
    if (open_ > 0) blocks_.push_back(open_);
    open_ = 0;
    changed_.notify_all();
  }
  void refuse() { refuse_ = true; }
  // Points in each block so far.
  [[nodiscard]] std::vector<std::uint64_t> blocks() const {
    const std::lock_guard lock(mutex_);
    return blocks_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<bool> refuse_{false};
  std::uint64_t open_ = 0;
  std::uint64_t refused_ = 0;
  std::vector<std::uint64_t> blocks_;
};

agent::ConfiguredInput scripted(std::function<base::Status(inputs::Accumulator&)> script,
                                base::Duration interval = 20ms) {
  static const inputs::InputPlugin plugin{.name = "scripted", .summary = "for tests"};
  agent::ConfiguredInput input;
  input.plugin = &plugin;
  input.display = "inputs.scripted";
  input.interval = interval;
  input.counters = std::make_unique<inputs::InputCounters>();
  input.input = std::make_unique<ScriptedInput>(std::move(script));
  return input;
}

base::Status one_point(inputs::Accumulator& out) {
  out.add(line::Point("m").field("f", 1.5));
  return base::ok();
}

// The test keeps it alive.
std::shared_ptr<agent::ConfiguredInput> shared_with(agent::ConfiguredInput& input) {
  return {std::shared_ptr<void>(), &input};
}

// Runs gathers until `done`, at most ten seconds.
void run_until(std::vector<agent::ConfiguredInput>& inputs, CountingSink& sink,
               const std::function<bool()>& done) {
  asio::io_context io(1);
  asio::thread_pool pool(2);
  const base::SystemClock clock;
  agent::Gatherer gatherer(io, [&](std::function<void()> job) { asio::post(pool, std::move(job)); },
                           sink, clock, {});
  for (agent::ConfiguredInput& input : inputs) gatherer.add(shared_with(input), true);
  const auto deadline = clock.boot() + 10s;
  while (!done() && clock.boot() < deadline) io.run_one_for(10ms);
  EXPECT_TRUE(done());
  gatherer.stop();
  pool.join();
}

TEST(Gatherer, EachInputIsGatheredAtItsInterval) {
  std::vector<agent::ConfiguredInput> inputs;
  inputs.push_back(scripted(one_point, 100ms));
  CountingSink sink;
  run_until(inputs, sink, [&] { return sink.blocks().size() >= 4; });
  EXPECT_EQ(inputs[0].counters->errors, 0U);
  EXPECT_GE(inputs[0].counters->gathered, 4U);
}

TEST(Gatherer, GathersOfOneTickShareABlock) {
  constexpr std::size_t kInputs = 6;
  std::vector<agent::ConfiguredInput> inputs;
  for (std::size_t i = 0; i < kInputs; ++i) inputs.push_back(scripted(one_point, 200ms));
  CountingSink sink;
  run_until(inputs, sink, [&] { return sink.blocks().size() >= 5; });
  std::uint64_t points = 0;
  for (const std::uint64_t block : sink.blocks()) points += block;
  // A machine under load may part one tick in two.
  EXPECT_GE(points, kInputs / 2 * sink.blocks().size());
}

TEST(Gatherer, GathersWithoutAPauseAreStoredAllTheSame) {
  std::vector<agent::ConfiguredInput> inputs;
  inputs.push_back(scripted(one_point, 10ms));
  CountingSink sink;
  run_until(inputs, sink, [&] { return !sink.blocks().empty(); });
  EXPECT_GE(inputs[0].counters->gathers, 2U);
}

// The timer of a block may run out while the end of a gather sets it anew.
TEST(Gatherer, ABlockIsClosedOnceThoughItsTimerRunsOutAndIsSetAtOnce) {
  std::vector<agent::ConfiguredInput> inputs;
  for (int i = 0; i < 20; ++i) inputs.push_back(scripted(one_point, 20ms));
  CountingSink sink;
  run_until(inputs, sink, [&] { return sink.blocks().size() >= 4; });
  EXPECT_EQ(inputs[0].counters->errors, 0U);
}

TEST(Gatherer, ABrokenInputDoesNotStopTheOthers) {
  std::vector<agent::ConfiguredInput> inputs;
  inputs.push_back(scripted([](inputs::Accumulator&) -> base::Status {
    return base::fail(base::ErrorCode::kNotFound, "no such file");
  }));
  inputs.push_back(
      scripted([](inputs::Accumulator&) -> base::Status { throw std::runtime_error("a bug"); }));
  inputs.push_back(scripted(one_point));
  CountingSink sink;
  run_until(inputs, sink, [&] {
    return inputs[0].counters->errors >= 3 && inputs[1].counters->errors >= 3 &&
           inputs[2].counters->gathered >= 3;
  });
  EXPECT_EQ(inputs[0].counters->last_error(), "no such file");
  EXPECT_EQ(inputs[1].counters->last_error(), "the gather failed: a bug");
  EXPECT_EQ(inputs[2].counters->errors, 0U);
}

TEST(Gatherer, ASlowInputIsSkippedAndDelaysNoOther) {
  std::mutex mutex;
  std::condition_variable released;
  bool release = false;
  std::vector<agent::ConfiguredInput> inputs;
  inputs.push_back(scripted([&](inputs::Accumulator& out) {
    std::unique_lock lock(mutex);
    released.wait_for(lock, 10s, [&] { return release; });
    return one_point(out);
  }));
  inputs.push_back(scripted(one_point));
  CountingSink sink;
  run_until(inputs, sink, [&] {
    const bool enough = inputs[0].counters->skipped >= 3 && inputs[1].counters->gathers >= 3;
    if (enough) {
      const std::lock_guard lock(mutex);
      release = true;
      released.notify_all();
    }
    return enough && inputs[0].counters->gathers >= 1;
  });
}

TEST(Gatherer, PointsTheRingRefusesAreCountedAtTheInput) {
  std::vector<agent::ConfiguredInput> inputs;
  inputs.push_back(scripted(one_point));
  CountingSink sink;
  sink.refuse();
  run_until(inputs, sink, [&] { return inputs[0].counters->not_accepted >= 3; });
  EXPECT_TRUE(sink.blocks().empty());
}

TEST(Gatherer, TheTimeOfPointsIsTheirOwnOrThatOfTheGather) {
  using inputs::TimeSource;
  const auto line_with = [](TimeSource source) {
    FakeClock clock;
    clock.set_wall(base::WallTime(100s));
    auto input = scripted([&clock](inputs::Accumulator& out) -> base::Status {
      out.add(line::Point("m").field("f", true).time(42'000'000'000));
      clock.advance(7s);
      return base::ok();
    });
    input.rules.time_source = source;
    std::string lines;
    EXPECT_TRUE(
        agent::gather_once(input, {}, clock, {}, [&](const std::vector<line::LineChunk>& chunks) {
          for (const auto& chunk : chunks) lines += chunk.bytes;
        }));
    EXPECT_EQ(input.counters->gathered, 1U);
    return lines;
  };
  EXPECT_EQ(line_with(TimeSource::kMetric), "m f=true 42000000000\n");
  EXPECT_EQ(line_with(TimeSource::kCollectionStart), "m f=true 100000000000\n");
  EXPECT_EQ(line_with(TimeSource::kCollectionEnd), "m f=true 107000000000\n");
}

TEST(Gatherer, GatherOnceKeepsThePointsBeforeAnError) {
  auto input = scripted([](inputs::Accumulator& out) -> base::Status {
    (void)one_point(out);
    return base::fail(base::ErrorCode::kIo, "half way");
  });
  std::uint64_t points = 0;
  const bool good = agent::gather_once(input, {}, base::SystemClock(), {},
                                       [&](const std::vector<line::LineChunk>& chunks) {
                                         for (const auto& chunk : chunks) points += chunk.points;
                                       });
  EXPECT_FALSE(good);
  EXPECT_EQ(points, 1U);
  EXPECT_EQ(input.counters->errors, 1U);
}

}  // namespace
}  // namespace holdfast::test

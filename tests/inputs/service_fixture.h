// An input that receives points by itself, made from TOML and started on an I/O thread, with a pool
// and a sink that records.
#pragma once

#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cases.h"
#include "inputs/socket_input.h"
#include "map_host.h"
#include "tests/sockets/socket_fixture.h"
#include "tests/support/fake_clock.h"

namespace holdfast::test {

// Answers when it is flushed, or at once with a failure, if one is set.
class RecordingSink final : public buffer::BlockSink {
 public:
  [[nodiscard]] buffer::BlockLimits limits() const override { return {}; }

  void add(std::span<const buffer::Lines> pieces, buffer::Origin origin, Done done) override {
    std::optional<base::Error> failure;
    std::uint64_t points = 0;
    for (const buffer::Lines& piece : pieces) points += piece.points;
    {
      const std::lock_guard lock(mutex_);
      failure = failure_;
      origins_.push_back(origin);
      if (!failure) {
        points_ += points;
        for (const buffer::Lines& piece : pieces) text_ += piece.bytes;
        waiting_.push_back(std::move(done));
      }
    }
    if (failure) done(tl::unexpected(*failure), points);
  }
  void flush() override {
    std::vector<Done> ready;
    {
      const std::lock_guard lock(mutex_);
      ready.swap(waiting_);
    }
    for (const Done& done : ready) done(base::ok(), 0);
  }

  void fail_with(std::optional<base::Error> failure) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
  }
  [[nodiscard]] std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  [[nodiscard]] std::uint64_t points() const {
    const std::lock_guard lock(mutex_);
    return points_;
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> lines;
    std::istringstream stream(text());
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }
  [[nodiscard]] std::vector<buffer::Origin> origins() const {
    const std::lock_guard lock(mutex_);
    return origins_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
  std::uint64_t points_ = 0;
  std::vector<Done> waiting_;
  std::vector<buffer::Origin> origins_;
  std::optional<base::Error> failure_;
};

class ServiceTest : public ::testing::Test {
 protected:
  explicit ServiceTest(std::string plugin) : plugin_(std::move(plugin)) {
    rules_.precision = base::Duration(1);
    rules_.encode = {.uint_support = true, .sort_fields = true};
  }
  void TearDown() override {
    pool_.release();
    stop();
  }

  // Problems of the configuration; empty if there are none.
  std::vector<std::string> configure(const std::string& options) {
    std::vector<std::string> errors;
    input_ = make_input(plugin_, "[[inputs." + plugin_ + "]]\n" + options, host_, clock_, errors);
    return errors;
  }
  void start(const std::string& options) {
    const auto errors = configure(options);
    ASSERT_TRUE(errors.empty()) << errors.front();
    restart();
  }
  void restart() {
    thread_.run([&] {
      const auto started = service().start(
          {thread_.io(), [this](std::function<void()> job) { pool_.run(std::move(job)); }, sink_,
           rules_, counters_});
      ASSERT_TRUE(started) << started.error().message;
      running_ = true;
    });
  }
  void stop() {
    if (!std::exchange(running_, false)) return;
    std::promise<void> stopped;
    thread_.run([&] { service().stop([&] { stopped.set_value(); }); });
    ASSERT_EQ(stopped.get_future().wait_for(kDeadline), std::future_status::ready);
  }
  [[nodiscard]] inputs::ServiceInput& service() const {
    return dynamic_cast<inputs::ServiceInput&>(*input_);
  }
  [[nodiscard]] const sockets::Server& server() const {
    return dynamic_cast<const inputs::SocketInput&>(*input_).server();
  }
  [[nodiscard]] std::uint16_t port() const { return server().port(); }
  [[nodiscard]] TcpClient connect() const { return TcpClient(loopback(port())); }
  // Until so many points are in the sink, and no more for the moment.
  [[nodiscard]] bool wait_points(std::size_t count) const {
    return eventually([&] { return sink_.points() >= count; }) && sink_.points() == count;
  }

  const MapHost host_;
  FakeClock clock_;
  TempDir directory_;
  inputs::PointRules rules_;
  inputs::InputCounters counters_;
  RecordingSink sink_;
  IoThread thread_;
  HeldPool pool_;  // its jobs use all of these: it ends before them
  std::unique_ptr<inputs::Input> input_;

 private:
  std::string plugin_;
  bool running_ = false;
};

}  // namespace holdfast::test

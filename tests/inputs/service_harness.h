// ServiceHarness: an input that receives points by itself, on a real I/O thread and pool, with a
// sink that records, holds back or refuses.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <asio/post.hpp>
#include <asio/thread_pool.hpp>

#include "config/loader.h"
#include "inputs/input.h"
#include "inputs/registry.h"
#include "tests/http/http_client.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace holdfast::test {

// Takes everything at once, unless told otherwise.
class HoldingSink final : public buffer::BlockSink {
 public:
  [[nodiscard]] buffer::BlockLimits limits() const override { return {}; }

  void add(std::span<const buffer::Lines> pieces, buffer::Origin origin, Done done) override {
    std::string text;
    std::uint64_t points = 0;
    for (const buffer::Lines& piece : pieces) {
      text += piece.bytes;
      points += piece.points;
    }
    bool refused = false;
    {
      const std::lock_guard lock(mutex_);
      origins_.push_back(origin);
      if (held_) {
        waiting_.push_back({std::move(text), std::move(done)});
        return;
      }
      refused = refused_;
      if (!refused) text_ += text;
    }
    if (refused) {
      done(base::fail(base::ErrorCode::kFull, "the ring is full"), points);
    } else {
      done(base::ok(), 0);
    }
  }

  void flush() override {
    const std::lock_guard lock(mutex_);
    ++flushes_;
  }

  // From now on nothing is answered until release().
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    std::vector<Waiting> ready;
    {
      const std::lock_guard lock(mutex_);
      held_ = false;
      ready.swap(waiting_);
      for (const Waiting& one : ready) text_ += one.text;
    }
    for (const Waiting& one : ready) one.done(base::ok(), 0);
  }
  void refuse(bool refuse) {
    const std::lock_guard lock(mutex_);
    refused_ = refuse;
  }

  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  std::string take_text() {
    const std::lock_guard lock(mutex_);
    return std::exchange(text_, {});
  }
  // Lines added and neither taken nor refused.
  std::size_t lines_held() {
    const std::lock_guard lock(mutex_);
    std::size_t lines = 0;
    for (const Waiting& one : waiting_) {
      lines += static_cast<std::size_t>(std::count(one.text.begin(), one.text.end(), '\n'));
    }
    return lines;
  }
  std::size_t lines() {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '\n'));
  }
  int flushes() {
    const std::lock_guard lock(mutex_);
    return flushes_;
  }
  std::vector<buffer::Origin> origins() {
    const std::lock_guard lock(mutex_);
    return origins_;
  }

 private:
  struct Waiting {
    std::string text;
    Done done;
  };
  std::mutex mutex_;
  bool held_ = false;
  bool refused_ = false;
  int flushes_ = 0;
  std::string text_;
  std::vector<Waiting> waiting_;
  std::vector<buffer::Origin> origins_;
};

class ServiceHarness : public ::testing::Test {
 protected:
  ServiceHarness() { rules_.encode.sort_fields = true; }

  void TearDown() override {
    sink_.release();
    stop();
  }

  [[nodiscard]] inputs::InputContext context() const {
    return {host_, clock_, base::Logger(), directory_.path("state")};
  }
  [[nodiscard]] inputs::ServiceContext service_context() {
    const auto pool = [this](std::function<void()> job) {
      ++jobs_;
      ++open_jobs_;
      asio::post(pool_, [this, job = std::move(job)] {
        job();
        --open_jobs_;
      });
    };
    return {thread_.io(), pool, sink_, rules_, counters_};
  }

  // The problems of a table, a line each; empty if there are none. Makes the input.
  std::string configure(const std::string& plugin, const std::string& toml) {
    config::Diagnostics diagnostics;
    config::Document document;
    config::load_text(
        "[[inputs." + plugin + "]]\n" + toml, "test.toml",
        [](const std::string&) { return std::nullopt; }, diagnostics, document);
    const inputs::InputPlugin* entry = inputs::find_input(plugin);
    if (document.inputs.size() == 1 && entry != nullptr) {
      auto& table = document.inputs.front().table;
      input_ = entry->create(table, diagnostics, context());
      for (const char* common : {"alias", "interval"}) (void)table.take(common);
      table.report_unused(diagnostics, {});
    }
    std::string problems;
    for (const auto& one : diagnostics.sorted()) problems += one.text() + "\n";
    return problems;
  }

  // `toml` is the input's table.
  void start(const std::string& plugin, const std::string& toml) {
    const std::string problems = configure(plugin, toml);
    ASSERT_EQ(problems.find("error"), std::string::npos) << problems;
    ASSERT_NE(input_, nullptr);
    base::Status started;
    thread_.run([&] { started = service().start(service_context()); });
    ASSERT_TRUE(started) << started.error().message;
    running_ = true;
  }

  // Waits until the input is done.
  void stop() {
    if (!std::exchange(running_, false)) return;
    std::promise<void> stopped;
    thread_.run([&] { service().stop([&] { stopped.set_value(); }); });
    EXPECT_EQ(stopped.get_future().wait_for(kDeadline), std::future_status::ready);
  }

  // What the agent does at each interval; the lines of it.
  std::string gather() {
    inputs::Accumulator points(rules_, {}, clock_.wall_ns(), counters_);
    EXPECT_TRUE(input_->gather(points));
    points.finish(clock_.wall_ns());
    std::string text;
    for (const auto& chunk : points.take()) text += chunk.bytes;
    return text;
  }

  // Has the input look at everything, and waits until it has nothing left to do.
  void wait_until_idle() {
    EXPECT_EQ(gather(), "");
    EXPECT_TRUE(eventually([&] {
      const int before = jobs_;
      thread_.run([] {});
      return open_jobs_ == 0 && jobs_ == before;
    }));
  }

  [[nodiscard]] inputs::ServiceInput& service() {
    return dynamic_cast<inputs::ServiceInput&>(*input_);
  }
  [[nodiscard]] bool reaches(const std::string& text) {
    return eventually([&] { return sink_.text() == text; });
  }

  const inputs::HostFs host_{inputs::HostRoots{}};
  FakeClock clock_;
  TempDir directory_;
  inputs::PointRules rules_;
  inputs::InputCounters counters_;
  HoldingSink sink_;
  IoThread thread_;
  std::atomic<int> jobs_{0};  // ever posted
  std::atomic<int> open_jobs_{0};
  asio::thread_pool pool_{2};
  std::unique_ptr<inputs::Input> input_;
  bool running_ = false;
};

}  // namespace holdfast::test

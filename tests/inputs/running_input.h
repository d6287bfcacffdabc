// An input as the agent runs it: an I/O thread, a pool, a sink that records what it is given and
// can refuse for a while.
#pragma once

#include <atomic>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "config/loader.h"
#include "inputs/registry.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace holdfast::test {

// Thread-safe.
class AcceptingSink final : public buffer::BlockSink {
 public:
  [[nodiscard]] buffer::BlockLimits limits() const override { return {}; }
  void add(std::span<const buffer::Lines> pieces, buffer::Origin, Done done) override {
    std::uint64_t points = 0;
    bool refuse = false;
    {
      const std::lock_guard lock(mutex_);
      refuse = refuse_;
      for (const buffer::Lines& piece : pieces) {
        points += piece.points;
        if (!refuse) text_ += piece.bytes;
      }
    }
    if (refuse) return done(base::fail(base::ErrorCode::kFull, "the ring is full"), points);
    done(base::ok(), 0);
  }
  void flush() override {}

  void refuse(bool refuse) {
    const std::lock_guard lock(mutex_);
    refuse_ = refuse;
  }
  [[nodiscard]] std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
  bool refuse_ = false;
};

class RunningInput {
 public:
  // `options` is the content of the plugin's table.
  RunningInput(const std::string& plugin, const std::string& options) {
    base::LogOptions log;
    log.level = base::LogLevel::kTrace;
    log.file.path = directory_.path("log");
    const base::Logger logger = base::make_stderr_logger(log);
    EXPECT_TRUE(logger.configure(log));
    config::Diagnostics diagnostics;
    config::Document document;
    config::load_text(
        "[[inputs." + plugin + "]]\n" + options, "test.toml",
        [](const std::string&) { return std::optional<std::string>(); }, diagnostics, document);
    auto& table = document.inputs.front().table;
    rules_.precision = base::Duration(1);
    if (const auto* precision = table.take("precision")) {
      config::read_value(*precision, {}, diagnostics, rules_.precision);
    }
    input_ = inputs::find_input(plugin)->create(table, diagnostics,
                                                {host_, clock_, logger.named("test")});
    table.report_unused(diagnostics, {});
    for (const auto& problem : diagnostics.sorted()) problems_ += problem.text() + "\n";
    rules_.encode.sort_fields = true;
  }
  RunningInput(const RunningInput&) = delete;
  RunningInput& operator=(const RunningInput&) = delete;
  ~RunningInput() {
    if (started_) (void)stop();
    work_.reset();
    io_.stop();
    thread_.join();
    pool_.join();
  }

  // Of the configuration, errors and warnings, one a line.
  [[nodiscard]] const std::string& problems() const { return problems_; }

  [[nodiscard]] base::Status start() {
    base::Status status;
    run_on_io([&] {
      status = service().start(
          {io_, [this](std::function<void()> job) { asio::post(pool_, std::move(job)); }, sink,
           rules_, counters});
    });
    started_ = status.has_value();
    return status;
  }
  // False if the input is not done after a while.
  [[nodiscard]] bool stop() {
    started_ = false;
    const auto stopped = std::make_shared<std::atomic<bool>>(false);
    run_on_io([&] { service().stop([stopped] { *stopped = true; }); });
    return eventually([&] { return stopped->load(); });
  }
  // One gather, on this thread; its lines, and below them its errors.
  std::string gather() {
    inputs::Accumulator out(rules_, {}, kNowNs, counters);
    const auto status = input_->gather(out);
    std::string text;
    for (const auto& chunk : out.take()) text += chunk.bytes;
    for (const auto& error : out.errors()) text += error.message + "\n";
    if (!status) text += status.error().message + "\n";
    return text;
  }
  [[nodiscard]] inputs::ServiceInput& service() {
    return dynamic_cast<inputs::ServiceInput&>(*input_);
  }
  [[nodiscard]] std::string log() const {
    std::ifstream file(directory_.path("log"));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path(name); }

  static constexpr std::int64_t kNowNs = 5'000'000'000;
  AcceptingSink sink;
  inputs::InputCounters counters;

 private:
  // Runs the job on the I/O thread and waits for it.
  void run_on_io(const std::function<void()>& job) {
    std::promise<void> ran;
    asio::post(io_, [&] {
      job();
      ran.set_value();
    });
    ran.get_future().wait();
  }

  TempDir directory_;
  base::SystemClock clock_;  // programs take real time
  inputs::HostFs host_{inputs::HostRoots{}};
  inputs::PointRules rules_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io_);
  std::thread thread_{[this] { io_.run(); }};
  asio::thread_pool pool_{2};
  std::unique_ptr<inputs::Input> input_;
  std::string problems_;
  bool started_ = false;
};

// Whether there is such a process that is not dead; one that nobody waits for is.
[[nodiscard]] inline bool is_alive(const std::string& pid) {
  std::ifstream status("/proc/" + pid + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("State:")) return line.find('Z') == std::string::npos;
  }
  return false;
}

// The first word of a file, once it has a whole line; empty if that does not come.
[[nodiscard]] inline std::string await_word(const std::string& path) {
  std::string word;
  (void)eventually([&] {
    std::ifstream file(path);
    std::string line;
    const bool whole = std::getline(file, line) && !file.eof();
    if (whole) word = line;
    return whole;
  });
  return word;
}

}  // namespace holdfast::test

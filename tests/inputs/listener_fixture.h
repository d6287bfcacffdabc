// A listener behind its real HTTP server (on a unix socket, so that no port is needed) and in front
// of a sink that records, refuses or delays.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "config/loader.h"
#include "inputs/input.h"
#include "tests/http/http_client.h"
#include "tests/support/fake_clock.h"
#include "tests/support/gzip.h"
#include "tests/support/held_pool.h"
#include "tests/support/temp_dir.h"

namespace holdfast::inputs {

using test::Answer;
using test::eventually;
using test::gzip;
using test::UnixClient;
inline std::string post(std::string_view target, std::string_view body,
                        std::string_view headers = "") {
  return fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{}\r\n{}", target,
                     body.size(), headers, body);
}

inline std::string get(std::string_view target, std::string_view headers = "") {
  return fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n{}\r\n", target, headers);
}

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;
inline constexpr std::string_view kGzipHeader = "Content-Encoding: gzip\r\n";

// Records what is added. Answers at the next flush, or when the test says so, or with a failure.
class FakeSink final : public buffer::BlockSink {
 public:
  [[nodiscard]] buffer::BlockLimits limits() const override { return limits_; }

  void add(std::span<const buffer::Lines> pieces, buffer::Origin origin, Done done) override {
    EXPECT_EQ(origin, buffer::Origin::kReceived);
    const std::lock_guard lock(mutex_);
    Added added{std::move(done), 0};
    for (const buffer::Lines& piece : pieces) {
      EXPECT_TRUE(piece.bytes.size() <= limits_.raw_bytes || piece.points == 1);
      EXPECT_LE(piece.points, limits_.points);
      EXPECT_LE(piece.oldest_ns, piece.newest_ns);
      const auto lines = std::count(piece.bytes.begin(), piece.bytes.end(), '\n');
      EXPECT_TRUE(quoted_newlines_ || lines == piece.points);
      text_ += piece.bytes;
      largest_ = std::max(largest_, piece.bytes.size());
      added.points += piece.points;
    }
    ++adds_;
    waiting_.push_back(std::move(added));
  }

  void flush() override {
    {
      const std::lock_guard lock(mutex_);
      ++flushes_;
      if (held_) return;
    }
    answer_all();
  }

  // From now on answers come from answer_all() only.
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void fail_with(base::ErrorCode code) {
    const std::lock_guard lock(mutex_);
    failure_ = base::Error{code, "the \"ring\" is\nfull"};
  }
  void answer_all() {
    std::vector<Added> ready;
    base::Status status;
    {
      const std::lock_guard lock(mutex_);
      ready.swap(waiting_);
      if (failure_) status = tl::unexpected(*failure_);
    }
    for (const Added& added : ready) added.done(status, status ? 0 : added.points);
  }

  std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  int flushes() {
    const std::lock_guard lock(mutex_);
    return flushes_;
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  std::size_t largest() {
    const std::lock_guard lock(mutex_);
    return largest_;
  }
  std::size_t adds() {
    const std::lock_guard lock(mutex_);
    return adds_;
  }
  void allow_quoted_newlines() { quoted_newlines_ = true; }

 private:
  struct Added {
    Done done;
    std::uint64_t points;
  };
  const buffer::BlockLimits limits_{};
  std::mutex mutex_;
  std::vector<Added> waiting_;
  std::string text_;
  std::size_t largest_ = 0;
  std::size_t adds_ = 0;
  int flushes_ = 0;
  bool held_ = false;
  bool quoted_newlines_ = false;
  std::optional<base::Error> failure_;
};

// One listener of a plugin, and all it needs.
class ListenerTest : public ::testing::Test {
 protected:
  explicit ListenerTest(const InputPlugin& plugin) : plugin_(plugin) {}
  void TearDown() override {
    // What is still held back is answered, as the buffer would before it goes.
    sink_.answer_all();
    thread_.run([&] { input_.reset(); });
  }

  // `options` is TOML.
  void make(const std::string& options, config::Diagnostics& diagnostics) {
    config::Document document;
    config::load_text(
        fmt::format("[[inputs.{}]]\nservice_address = \"unix:{}\"\n{}", plugin_.name,
                    directory_.path("socket"), options),
        "test.toml", [](const std::string&) { return std::nullopt; }, diagnostics, document);
    ASSERT_EQ(document.inputs.size(), 1U);
    const InputContext context{host_, clock_, base::Logger()};
    input_ = plugin_.create(document.inputs.front().table, diagnostics, context);
  }
  // What is said of these options, all in one.
  std::string problems(const std::string& options) {
    config::Diagnostics diagnostics;
    make(options, diagnostics);
    std::string all;
    for (const auto& item : diagnostics.sorted()) all += item.text() + "\n";
    return all;
  }
  void start(const std::string& options = "") {
    config::Diagnostics diagnostics;
    make(options, diagnostics);
    ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.sorted().front().text();
    thread_.run([&] {
      const auto started = listener().start(
          {thread_.io(), [this](std::function<void()> job) { pool_.run(std::move(job)); }, sink_,
           rules_, counters_});
      ASSERT_TRUE(started) << started.error().message;
    });
  }
  ServiceInput& listener() { return dynamic_cast<ServiceInput&>(*input_); }
  UnixClient connect() { return UnixClient(directory_.path("socket")); }
  Answer ask(std::string_view request) { return connect().ask(request); }

  const InputPlugin& plugin_;
  const HostFs host_{HostRoots{}};
  test::FakeClock clock_;
  test::TempDir directory_;
  PointRules rules_;
  InputCounters counters_;
  FakeSink sink_;
  test::IoThread thread_;
  test::HeldPool pool_{2};
  std::unique_ptr<Input> input_;
};

}  // namespace holdfast::inputs

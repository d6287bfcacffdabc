// Load: clients that post numbered points and remember which of them were answered 204.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace holdfast::kills {

struct Post {
  std::uint64_t first = 0;  // its points have the numbers [first, first + count)
  std::uint64_t count = 0;
  int status = 0;  // 0: no answer
  [[nodiscard]] bool acknowledged() const { return status == 204; }
};

struct LoadOptions {
  std::string address;  // http_exchange.h
  std::uint64_t seed = 1;
  int clients = 3;
  int longest_pause_ms = 0;        // of a client between two posts
  std::function<bool()> may_post;  // asked before each post, by any client
};

// Posts of 10 to 5000 lines, half of them gzip. No number is posted twice: after a post without
// a 204 the client goes on with new ones.
class Load {
 public:
  explicit Load(LoadOptions options);
  ~Load() { stop(); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // Posts are made only while it is open. What is under way when it closes goes on.
  void open();
  void close();
  void stop();

  // Points of posts answered 204.
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] std::vector<Post> posts() const;

 private:
  void run(const std::stop_token& stop, std::uint64_t seed);
  [[nodiscard]] Post post(std::mt19937_64& random);
  [[nodiscard]] std::string lines(const Post& post, std::mt19937_64& random) const;

  const LoadOptions options_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<std::uint64_t> acknowledged_{0};
  mutable std::mutex mutex_;
  std::condition_variable_any opened_;
  bool open_ = false;
  std::vector<Post> posts_;
  std::vector<std::jthread> clients_;
};

}  // namespace holdfast::kills

// Feeder: a client that posts numbered points one after another and knows which were taken.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

namespace holdfast::test {

// A post is repeated until it is answered 204, so the numbers acknowledged are always the first
// ones: [0, acknowledged()). They are counted here, not by asking the agent.
class Feeder {
 public:
  static constexpr std::uint64_t kPointsPerPost = 20;

  // Posts to this address (http_exchange.h), not more than a hundred times a second.
  explicit Feeder(std::string address);
  ~Feeder() { stop(); }
  Feeder(const Feeder&) = delete;
  Feeder& operator=(const Feeder&) = delete;

  void stop();
  // Numbers for which a 204 was seen. Any thread.
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  // Posts that were answered otherwise or not at all. Any thread.
  [[nodiscard]] std::uint64_t failures() const { return failures_; }

 private:
  void run(const std::stop_token& stop);

  std::string address_;
  std::atomic<std::uint64_t> acknowledged_{0};
  std::atomic<std::uint64_t> failures_{0};
  std::jthread thread_;
};

}  // namespace holdfast::test

// A worker pool whose jobs wait when a test says so.
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include <asio/post.hpp>
#include <asio/thread_pool.hpp>

namespace holdfast::test {

// Jobs can be held back.
class HeldPool {
 public:
  explicit HeldPool(std::size_t threads = 1) : threads_(threads) {}
  HeldPool(const HeldPool&) = delete;
  HeldPool& operator=(const HeldPool&) = delete;
  ~HeldPool() { threads_.join(); }

  void run(std::function<void()> job) {
    const std::lock_guard lock(mutex_);
    ++jobs_;
    if (held_) return waiting_.push_back(std::move(job));
    asio::post(threads_, std::move(job));
  }
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    for (auto& job : std::exchange(waiting_, {})) asio::post(threads_, std::move(job));
  }
  std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  int jobs() {
    const std::lock_guard lock(mutex_);
    return jobs_;
  }

 private:
  std::mutex mutex_;
  bool held_ = false;
  int jobs_ = 0;
  std::vector<std::function<void()>> waiting_;
  asio::thread_pool threads_;
};

}  // namespace holdfast::test

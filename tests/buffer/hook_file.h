// HookFile: an in-memory file that lets a test step in before each read, write or sync: to fail it,
// to hold it up until the test has seen enough, or to do something else meanwhile.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <utility>

#include "buffer/memory_file.h"

namespace holdfast::test {

class HookFile final : public buffer::MemoryFile {
 public:
  using Hook = std::function<base::Status(std::uint64_t offset)>;

  // Set before other threads use the file.
  void before_write(Hook hook) { hook_ = std::move(hook); }

  void before_read(Hook hook) { read_hook_ = std::move(hook); }

  void before_sync(std::function<base::Status()> hook) { sync_hook_ = std::move(hook); }

  [[nodiscard]] base::Result<std::size_t> read_at(std::uint64_t offset,
                                                  std::span<std::byte> out) override {
    if (read_hook_) {
      if (auto allowed = read_hook_(offset); !allowed) return tl::unexpected(allowed.error());
    }
    return MemoryFile::read_at(offset, out);
  }
  [[nodiscard]] base::Status write_at(std::uint64_t offset,
                                      std::span<const std::byte> bytes) override {
    if (hook_) {
      if (auto allowed = hook_(offset); !allowed) return allowed;
    }
    return MemoryFile::write_at(offset, bytes);
  }
  // What the ring hears when it asks whether its file is still where it was.
  void place(std::function<base::Status()> hook) { place_hook_ = std::move(hook); }

  [[nodiscard]] base::Status still_in_place(std::uint64_t size) override {
    return place_hook_ ? place_hook_() : MemoryFile::still_in_place(size);
  }
  [[nodiscard]] base::Status sync() override { return sync_hook_ ? sync_hook_() : base::ok(); }

 private:
  Hook hook_;
  Hook read_hook_;
  std::function<base::Status()> sync_hook_;
  std::function<base::Status()> place_hook_;
};

// Where threads wait for a test. Waits are bounded: a test that fails does not hang.
class Gate {
 public:
  // Called by the thread that is to be held up.
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait_for(lock, kLimit, [this] { return open_; });
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  // True once some thread has come to the gate.
  [[nodiscard]] bool reached() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kLimit, [this] { return waiting_ > 0; });
  }

 private:
  static constexpr std::chrono::seconds kLimit{20};
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

}  // namespace holdfast::test

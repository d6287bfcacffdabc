// A buffer::Ring in memory, as simple as its contract allows: one reader, no file, no overflow.
// Shows what a worker did to it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "buffer/ring.h"
#include "tests/support/gzip.h"

namespace holdfast::test {

// A deflated block of these lines.
inline buffer::Block make_block(std::string_view lines, std::uint32_t points) {
  buffer::Block block;
  block.codec = buffer::Codec::kDeflate;
  block.bytes = std::string(buffer::kHeaderSize, '\0') + deflate_fragment(lines);
  block.points = points;
  block.raw_size = static_cast<std::uint32_t>(lines.size());
  block.raw_crc32 = crc32_of(lines);
  return block;
}

// "m seq=<n>i <time>\n" for n in [first, first + count).
inline std::string numbered_lines(std::uint64_t first, std::uint64_t count) {
  std::string lines;
  for (std::uint64_t n = first; n < first + count; ++n) {
    lines +=
        "m seq=" + std::to_string(n) + "i " + std::to_string(1'700'000'000'000'000'000 + n) + "\n";
  }
  return lines;
}

class FakeRing final : public buffer::Ring {
 public:
  // One block of numbered points, following those before.
  void append_points(std::uint32_t count) {
    buffer::Block block = make_block(numbered_lines(accepted(), count), count);
    (void)append(block);
  }

  [[nodiscard]] std::uint64_t accepted() const {
    const std::lock_guard lock(mutex_);
    return accepted_;
  }
  [[nodiscard]] buffer::LedgerCounters counters() const {
    const std::lock_guard lock(mutex_);
    return counters_;
  }
  [[nodiscard]] bool in_flight() const {
    const std::lock_guard lock(mutex_);
    return in_flight_;
  }
  void fail_reads(bool fail) {
    const std::lock_guard lock(mutex_);
    fail_reads_ = fail;
  }
  // Called before each acknowledgement counts, under the lock.
  void on_acknowledge(std::function<void()> callback) {
    const std::lock_guard lock(mutex_);
    on_acknowledge_ = std::move(callback);
  }
  // The newest block's bytes no longer inflate.
  void spoil_last_block() {
    const std::lock_guard lock(mutex_);
    std::string& bytes = blocks_.back().bytes;
    std::fill(bytes.begin() + buffer::kHeaderSize, bytes.end(), '\xff');
  }

  [[nodiscard]] const buffer::Recovery& recovery() const override { return recovery_; }
  [[nodiscard]] std::uint32_t max_payload() const override { return 1U << 20; }

  using buffer::Ring::append;
  [[nodiscard]] base::Result<std::uint64_t> append(buffer::Block& block, buffer::Origin) override {
    std::uint64_t end = 0;
    std::function<void()> callback;
    {
      const std::lock_guard lock(mutex_);
      blocks_.push_back(block);
      accepted_ += block.points;
      end = accepted_;
      callback = on_append_;
    }
    if (callback) callback();
    return end;
  }

  base::Result<bool> sync(bool) override { return true; }
  void tend() override {}
  void on_sync_wanted(std::function<void()>) override {}
  void want_sync() override {}
  void on_sync_done(std::function<void(const buffer::SyncDone&)>) override {}
  void on_append(std::function<void()> callback) override {
    const std::lock_guard lock(mutex_);
    on_append_ = std::move(callback);
  }
  [[nodiscard]] base::Result<buffer::ReaderId> attach(std::string_view) override {
    return buffer::ReaderId{0};
  }
  void detach(buffer::ReaderId) override {}
  void set_max_age(base::Duration) override {}
  std::vector<std::string> settle_orphans(base::Duration) override { return {}; }

  using buffer::Ring::pending_points;
  using buffer::Ring::read;
  [[nodiscard]] base::Result<buffer::ReadBatch> read(buffer::ReaderId,
                                                     const buffer::ReadLimits& limits,
                                                     std::size_t prefix, buffer::Part) override {
    const std::lock_guard lock(mutex_);
    if (fail_reads_) return base::fail(base::ErrorCode::kIo, "read ring: Input/output error");
    buffer::ReadBatch batch;
    batch.payloads.assign(prefix, '\0');
    for (const buffer::Block& block : blocks_) {
      const std::uint32_t skip = batch.blocks.empty() ? skip_ : 0;
      const bool fits = batch.points + block.points - skip <= limits.max_points &&
                        batch.raw_bytes + block.raw_size <= limits.max_raw_bytes &&
                        batch.payloads.size() + payload(block).size() <= limits.max_bytes;
      if (!fits && !batch.blocks.empty()) break;
      buffer::ReadBlock& at = batch.blocks.emplace_back();
      at.points = block.points;
      at.skip_points = skip;
      at.raw_size = block.raw_size;
      at.raw_crc32 = block.raw_crc32;
      at.codec = block.codec;
      at.payload_offset = batch.payloads.size();
      at.payload_size = static_cast<std::uint32_t>(payload(block).size());
      batch.payloads += payload(block);
      batch.points += block.points - skip;
      batch.raw_bytes += block.raw_size;
      if (!fits) break;
    }
    in_flight_ = !batch.blocks.empty();
    return batch;
  }

  void acknowledge(buffer::ReaderId, std::uint64_t points,
                   const buffer::Outcome& outcome) override {
    const std::lock_guard lock(mutex_);
    if (on_acknowledge_) on_acknowledge_();
    in_flight_ = false;
    counters_.rejected += outcome.rejected;
    counters_.filtered += outcome.filtered;
    counters_.delivered += points - outcome.rejected - outcome.filtered;
    for (; points > 0 && !blocks_.empty(); skip_ = 0) {
      const std::uint64_t left = blocks_.front().points - skip_;
      if (points < left) {
        skip_ += static_cast<std::uint32_t>(points);
        return;
      }
      points -= left;
      blocks_.pop_front();
    }
  }
  void release(buffer::ReaderId) override {
    const std::lock_guard lock(mutex_);
    in_flight_ = false;
  }

  // Everything stays in order here; the real ring has two parts.
  bool set_apart(buffer::ReaderId) override { return false; }
  bool set_flight_apart(buffer::ReaderId id) override {
    release(id);
    return false;
  }
  [[nodiscard]] std::uint64_t pending_points(buffer::ReaderId, buffer::Part) const override {
    const std::lock_guard lock(mutex_);
    return pending();
  }
  [[nodiscard]] buffer::NotBefore not_before(buffer::ReaderId) const override {
    const std::lock_guard lock(mutex_);
    return not_before_;
  }
  void set_not_before(buffer::ReaderId, const buffer::NotBefore& wait) override {
    const std::lock_guard lock(mutex_);
    not_before_ = wait;
  }

  [[nodiscard]] buffer::RingInfo info() const override { return {}; }
  base::Status close() override { return base::ok(); }

 private:
  static std::string_view payload(const buffer::Block& block) {
    return std::string_view(block.bytes).substr(buffer::kHeaderSize);
  }
  [[nodiscard]] std::uint64_t pending() const {
    std::uint64_t points = 0;
    for (const buffer::Block& block : blocks_) points += block.points;
    return points - skip_;
  }

  mutable std::mutex mutex_;
  std::deque<buffer::Block> blocks_;
  std::uint32_t skip_ = 0;  // acknowledged lines of the first block
  std::uint64_t accepted_ = 0;
  buffer::LedgerCounters counters_;
  buffer::NotBefore not_before_;
  buffer::Recovery recovery_;
  std::function<void()> on_append_;
  std::function<void()> on_acknowledge_;
  bool in_flight_ = false;
  bool fail_reads_ = false;
};

}  // namespace holdfast::test

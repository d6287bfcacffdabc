// A small ring on a recorded file, for tests of what it does while nothing goes wrong.
#pragma once

#include <memory>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/buffer/image.h"

namespace holdfast::test {

class RingFixture : public testing::Test {
 protected:
  RingFixture() { reopen(small_ring(16 * 1024)); }

  // As after kill -9: the file is as it was written.
  void reopen(const buffer::RingOptions& options) {
    ring_.reset();
    ring_ = open_ring(record_->size() == 0 ? std::make_unique<RecordingFile>(record_)
                                           : RecordingFile::reopen(record_),
                      clock_, options);
    options_ = options;
  }
  void reopen() { reopen(options_); }

  void append(std::uint32_t points, std::size_t line_bytes = 16) {
    auto block = numbered_block(next_, points, line_bytes);
    const auto stored = ring_->append(block, origin_);
    ASSERT_TRUE(stored) << stored.error().message;
    next_ += points;
  }
  void append_until_overtaken(std::string_view id) {
    const auto before = reader_info(*ring_, id).ledger;
    const std::uint64_t needed = 2 * options_.size;
    for (std::uint64_t bytes = 0; bytes < needed; bytes += 1024) append(8, 120);
    EXPECT_GT(reader_info(*ring_, id).ledger.accepted, before.accepted);
  }

  [[nodiscard]] Bytes image() const { return record_->content_after(record_->size()); }

  FakeClock clock_;
  std::shared_ptr<FileRecord> record_ = std::make_shared<FileRecord>();
  buffer::RingOptions options_;
  std::unique_ptr<buffer::Ring> ring_;
  std::uint64_t next_ = 0;
  buffer::Origin origin_ = buffer::Origin::kReceived;
};

}  // namespace holdfast::test

// BadSectorFile: an in-memory file with a stretch that cannot be read: any read that touches it
// fails, as one of a file on a device with a bad sector does.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "buffer/memory_file.h"

namespace holdfast::test {

class BadSectorFile final : public buffer::MemoryFile {
 public:
  BadSectorFile(std::vector<std::byte> content, std::uint64_t bad, std::uint64_t bad_end)
      : MemoryFile(std::move(content)), bad_(bad), bad_end_(bad_end) {}

  [[nodiscard]] base::Result<std::size_t> read_at(std::uint64_t offset,
                                                  std::span<std::byte> out) override {
    ++reads_;
    const bool once = reads_ == failing_read_;
    if (once || (offset < bad_end_ && bad_ < offset + out.size())) {
      ++failed_reads_;
      return base::fail(base::ErrorCode::kIo, "bad sector at {}", bad_);
    }
    return MemoryFile::read_at(offset, out);
  }
  // This read fails wherever it is, and no other: 1 is the first.
  void fail_once(std::uint64_t read) { failing_read_ = read; }
  [[nodiscard]] std::uint64_t reads() const { return reads_; }
  // Of them those that a device takes long for.
  [[nodiscard]] std::uint64_t failed_reads() const { return failed_reads_; }

 private:
  std::uint64_t bad_;
  std::uint64_t bad_end_;
  std::uint64_t reads_ = 0;
  std::uint64_t failed_reads_ = 0;
  std::uint64_t failing_read_ = 0;
};

}  // namespace holdfast::test

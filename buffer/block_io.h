// BlockIo: finds and checks blocks by position. Whatever cannot be read counts as damaged, never as
// an error: recovery and readers go on with the next block that proves itself.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "buffer/file.h"
#include "buffer/format.h"

namespace holdfast::buffer {

struct FoundBlock {
  std::uint64_t position = 0;
  BlockHeader header;

  [[nodiscard]] std::uint64_t end() const { return position + header.extent(); }
};

// Not thread-safe: one for each task. Keeps the last stretch it read, so that walking over small
// blocks costs few reads; forget() drops it when the file may have changed.
class BlockIo {
 public:
  BlockIo(File& file, const Superblock& superblock)
      : file_(file),
        data_size_(superblock.data_size),
        seed_(superblock.seed()),
        file_end_(file.size().value_or(0)) {}

  // The block at this position if its header is sound and possible, belongs to this lap and does
  // not pass the end of the data area. `position` must be a multiple of 64.
  [[nodiscard]] std::optional<FoundBlock> at(std::uint64_t position);

  // The same whatever its lap, for a scan that does not know laps yet; its position is the offset.
  [[nodiscard]] std::optional<FoundBlock> at_offset(std::uint64_t offset);

  // True if there are only zeros where a header would be: nothing was ever written there.
  [[nodiscard]] bool blank_at(std::uint64_t position);

  // The payload, appended to `out`, if its checksum is right; otherwise false and `out` unchanged.
  [[nodiscard]] bool read_payload(const FoundBlock& block, std::string& out);
  // True if the block can be handed out: payload checksum right (pads have none).
  [[nodiscard]] bool payload_ok(const FoundBlock& block);

  // First block in [from, to) with a sound header and lowest <= sequence < below, stepping 64
  // bytes.
  [[nodiscard]] std::optional<FoundBlock> search(std::uint64_t from, std::uint64_t to,
                                                 std::uint64_t lowest, std::uint64_t below);

  // How far ahead of what is asked for to read: large for a scan, small for single looks.
  void read_ahead(std::size_t bytes) { read_ahead_ = bytes; }
  void forget() {
    cache_ = {};
    unreadable_ = unreadable_end_ = 0;
  }
  // True once a read has failed (not: found damage) since clear_failure().
  [[nodiscard]] bool failed() const { return failed_; }
  void clear_failure() { failed_ = false; }
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }
  [[nodiscard]] std::uint64_t data_size() const { return data_size_; }
  // Bytes of the data area that the file really has.
  [[nodiscard]] std::uint64_t present() const {
    return file_end_ <= kDataOffset ? 0 : std::min(data_size_, file_end_ - kDataOffset);
  }
  [[nodiscard]] std::uint64_t offset(std::uint64_t position) const {
    return kDataOffset + position % data_size_;
  }

 private:
  // `size` bytes at this position, valid until the next call; empty if they cannot be read. Never
  // crosses the end of the data area.
  [[nodiscard]] base::ByteSpan view(std::uint64_t position, std::size_t size);
  // Reads `wide` bytes, or as many as come before what cannot be read, at least `size`. False if
  // these cannot be read.
  [[nodiscard]] bool fetch(std::uint64_t offset, std::size_t size, std::uint64_t wide);
  // Halves what could not be read, down to the first bad sector. A drive may take seconds to give
  // up on one: it must not be run into for each header that might lie in it, and it must not cost
  // what lies before and behind it.
  void find_unreadable(std::uint64_t begin, std::uint64_t end);
  [[nodiscard]] bool touches_unreadable(std::uint64_t offset, std::uint64_t size) const {
    return offset < unreadable_end_ && unreadable_ < offset + size;
  }
  // False if the device fails; a file that ends early gives less.
  [[nodiscard]] bool fill_cache(std::uint64_t offset, std::size_t size);

  File& file_;
  std::uint64_t data_size_;
  std::uint32_t seed_;
  std::uint64_t file_end_;  // a file cut short has nothing to look for behind it
  std::size_t read_ahead_ = 16U << 10U;
  std::unique_ptr<std::byte[]> cache_bytes_;  // not a vector: it would clear what is read over
  std::size_t cache_room_ = 0;
  base::ByteSpan cache_;                               // of cache_bytes_: what was read last
  std::uint64_t cache_offset_ = 0;                     // in the file
  std::uint64_t unreadable_ = 0, unreadable_end_ = 0;  // in the file: the bad sectors met last
  std::uint64_t bytes_read_ = 0;
  bool failed_ = false;
  std::string scratch_;
};

}  // namespace holdfast::buffer

// File: what the ring needs of a file, as a seam. posix_file.h is the real one; tests use
// tests/support/recording_file.h, which can lose, tear and refuse writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "agent/base/result.h"

namespace holdfast::buffer {

// Reads and writes may come from several threads at once.
class File {
 public:
  virtual ~File() = default;

  // Reads up to out.size() bytes at `offset`; fewer only at the end of the file.
  [[nodiscard]] virtual base::Result<std::size_t> read_at(std::uint64_t offset,
                                                          std::span<std::byte> out) = 0;
  // Writes all bytes or fails; after a failure any part may have been written.
  [[nodiscard]] virtual base::Status write_at(std::uint64_t offset,
                                              std::span<const std::byte> bytes) = 0;
  // Makes all completed writes durable (fdatasync).
  [[nodiscard]] virtual base::Status sync() = 0;
  [[nodiscard]] virtual base::Result<std::uint64_t> size() = 0;
  // Reserves `size` bytes on the device and makes the file that long; new bytes read as zeros.
  [[nodiscard]] virtual base::Status allocate(std::uint64_t size) = 0;
  // Whether this is still the file that its name leads to, with at least `size` bytes: after a
  // removal (kNotFound), a replacement (kNotFound) or a cut (kCorrupt) what is written is of no use
  // to the next start. Cheap. A file without a name is always in place.
  [[nodiscard]] virtual base::Status still_in_place(std::uint64_t size) {
    (void)size;
    return base::ok();
  }
};

}  // namespace holdfast::buffer

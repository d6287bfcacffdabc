// Compressor: lines → one deflate fragment that can be spliced into a gzip body as it is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "buffer/ring.h"

namespace holdfast::buffer {

// Not thread-safe; keeps zlib's state (about 270 KB) from block to block.
class Compressor {
 public:
  // zlib's level, 1 to 9; small blocks (below 16 KiB of lines) have 6 at least.
  explicit Compressor(int level);
  ~Compressor();
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;

  // Fills in bytes, codec, raw_size and raw_crc32 of `block` from the lines.
  void compress(std::string_view lines, Block& block);

 private:
  struct Deflate;
  int level_;
  std::unique_ptr<Deflate> deflate_;
};

// CRC-32 (IEEE), as in gzip.
[[nodiscard]] std::uint32_t crc32_of(std::string_view bytes);

// The lines of a stored payload, appended to `out`; false if it does not inflate to raw_size bytes
// with this CRC-32.
[[nodiscard]] bool decompress(Codec codec, std::string_view payload, std::uint32_t raw_size,
                              std::uint32_t raw_crc32, std::string& out);

}  // namespace holdfast::buffer

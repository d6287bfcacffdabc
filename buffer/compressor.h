// Compressor: lines → one deflate fragment that can be spliced into a gzip body as it is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "buffer/ring.h"

namespace holdfast::buffer {

class Deflater;

// Who makes fragments.
enum class Compression {
  kAuto,  // ISA-L for levels 1 to 3, but zlib for small blocks while there is time; zlib above
  kZlib,
  kIsal,  // zlib in a build without it
  kNone,  // lines are stored as they are, and compressed each time they are sent
};

// Not thread-safe; keeps the tables of those it has used, 270 to 700 KB, from block to block.
class Compressor {
 public:
  // `level` is zlib's, 1 to 9; ISA-L has 1, and 2 for all above. zlib works on small blocks (below
  // 16 KiB of lines) at 6 at least, unless it is in a hurry.
  explicit Compressor(int level, Compression method = Compression::kAuto);
  ~Compressor();
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;

  // Fills in bytes, codec, raw_size and raw_crc32 of `block` from the lines. `hurry`: more blocks
  // wait already.
  void compress(std::string_view lines, Block& block, bool hurry = false);

 private:
  [[nodiscard]] Deflater& choose(std::size_t bytes, bool hurry);
  [[nodiscard]] Deflater& zlib(int level);

  int level_;
  Compression method_;
  std::unique_ptr<Deflater> isal_, zlib_, zlib_of_small_;  // made when first needed
};

// CRC-32 (IEEE), as in gzip.
[[nodiscard]] std::uint32_t crc32_of(std::string_view bytes);

// The lines of a stored payload, appended to `out`; false if it does not inflate to raw_size bytes
// with this CRC-32.
[[nodiscard]] bool decompress(Codec codec, std::string_view payload, std::uint32_t raw_size,
                              std::uint32_t raw_crc32, std::string& out);

}  // namespace holdfast::buffer

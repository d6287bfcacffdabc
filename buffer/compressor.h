// Compressor: lines → one deflate fragment that can be spliced into a gzip body as it is, or a
// smaller one that cannot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "agent/base/clock.h"
#include "buffer/ring.h"

namespace holdfast::buffer {

class Deflater;

// Blocks that come less often are worth more CPU each: rounds of gathers. More than a second: then
// at that interval none is, and not some by chance.
inline constexpr base::Duration kLeisure = std::chrono::milliseconds(1500);

// Who makes fragments.
enum class Compression {
  kAuto,  // ISA-L for levels 1 to 3, libdeflate above
  kZlib,
  kIsal,  // libdeflate in a build without it
  kNone,  // lines are stored as they are, and compressed each time they are sent
};

// Not thread-safe; keeps the tables of those it has used, 270 to 800 KB, and room for a fragment,
// from block to block.
class Compressor {
 public:
  // `level` is zlib's and libdeflate's, 1 to 9; ISA-L has 1, and 2 for all above.
  explicit Compressor(int level, Compression method = Compression::kAuto);
  ~Compressor();
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;

  // Fills in bytes, codec, raw_size and raw_crc32 of `block` from the lines. `at_leisure`: the last
  // one was kLeisure ago. Small ones (below 16 KiB of lines) are then primed, by zlib's best level,
  // unless ISA-L alone is wanted.
  void compress(std::string_view lines, Block& block, bool at_leisure = false);

 private:
  [[nodiscard]] Deflater& deflater_for(Codec codec);
  [[nodiscard]] bool deflate(Deflater& deflater, std::string_view lines, Block& block);

  int level_;
  Compression method_;
  std::unique_ptr<Deflater> usual_, primed_;  // made when first needed
  // Fragments are made here: how long one gets is known afterwards, and a block that keeps room for
  // the worst case would hold seven times its size.
  std::unique_ptr<char[]> room_;
  std::size_t room_bytes_ = 0;
};

// CRC-32 (IEEE), as in gzip.
[[nodiscard]] std::uint32_t crc32_of(std::string_view bytes);

// The lines of a stored payload, appended to `out`; false if it does not inflate to raw_size bytes
// with this CRC-32. Throws std::bad_alloc: that says nothing about the payload.
[[nodiscard]] bool decompress(Codec codec, std::string_view payload, std::uint32_t raw_size,
                              std::uint32_t raw_crc32, std::string& out);

}  // namespace holdfast::buffer

// In place of with_isal.cpp where there is no ISA-L: the CRC-32 of zlib, a CRC-32C by table, and no
// fast deflate.
#include <array>

#include <zlib.h>

#include "buffer/compressor.h"
#include "buffer/crc32c.h"
#include "buffer/deflater.h"

namespace holdfast::buffer {
namespace {

constexpr std::uint32_t kCastagnoli = 0x82f63b78;  // reflected

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kCastagnoli : 0);
    table[byte] = crc;
  }
  return table;
}

constexpr auto kTable = make_table();

}  // namespace

bool has_isal() { return false; }

std::unique_ptr<Deflater> make_isal_deflater(int) { return nullptr; }

std::uint32_t crc32_of(std::string_view bytes) {
  const auto* const data = reinterpret_cast<const Bytef*>(bytes.data());
  return static_cast<std::uint32_t>(crc32_z(0, data, bytes.size()));
}

std::uint32_t crc32c(base::ByteSpan bytes, std::uint32_t seed) {
  std::uint32_t crc = ~seed;
  for (const std::byte byte : bytes) {
    crc = (crc >> 8U) ^ kTable[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xffU];
  }
  return ~crc;
}

}  // namespace holdfast::buffer

// Encoding and decoding of block headers and superblocks, field by field at fixed offsets.
#include "buffer/format.h"

#include <algorithm>

#include "buffer/crc32c.h"

namespace holdfast::buffer {
namespace {

using base::load_le;
using base::store_le;

constexpr std::uint32_t kBlockMagic = 0x31424648;               // "HFB1"
constexpr std::uint64_t kSuperblockMagic = 0x52545346444c4f48;  // "HOLDFSTR"

}  // namespace

void encode_header(const BlockHeader& header, std::uint32_t seed,
                   std::span<std::byte, kHeaderSize> out) {
  std::byte* at = out.data();
  store_le(at, kBlockMagic);
  store_le(at + 4, static_cast<std::uint8_t>(header.kind));
  store_le(at + 5, static_cast<std::uint8_t>(header.codec));
  store_le(at + 6, header.flags);
  store_le(at + 8, header.block_sequence);
  store_le(at + 16, header.point_sequence);
  store_le(at + 24, header.points);
  store_le(at + 28, header.payload_size);
  store_le(at + 32, header.raw_size);
  store_le(at + 36, header.raw_crc32);
  store_le(at + 40, header.payload_crc32c);
  store_le(at + 44, header.span_s);
  store_le(at + 48, header.oldest_ns);
  store_le(at + 56, header.stored_at_s);
  store_le(at + 60, crc32c(out.first(60), seed));
}

std::optional<BlockHeader> decode_header(std::span<const std::byte, kHeaderSize> bytes,
                                         std::uint32_t seed) {
  const std::byte* at = bytes.data();
  if (load_le<std::uint32_t>(at) != kBlockMagic) return std::nullopt;
  if (load_le<std::uint32_t>(at + 60) != crc32c(bytes.first(60), seed)) return std::nullopt;
  BlockHeader header;
  header.kind = static_cast<BlockKind>(load_le<std::uint8_t>(at + 4));
  header.codec = static_cast<Codec>(load_le<std::uint8_t>(at + 5));
  header.flags = load_le<std::uint16_t>(at + 6);
  header.block_sequence = load_le<std::uint64_t>(at + 8);
  header.point_sequence = load_le<std::uint64_t>(at + 16);
  header.points = load_le<std::uint32_t>(at + 24);
  header.payload_size = load_le<std::uint32_t>(at + 28);
  header.raw_size = load_le<std::uint32_t>(at + 32);
  header.raw_crc32 = load_le<std::uint32_t>(at + 36);
  header.payload_crc32c = load_le<std::uint32_t>(at + 40);
  header.span_s = load_le<std::uint32_t>(at + 44);
  header.oldest_ns = load_le<std::int64_t>(at + 48);
  header.stored_at_s = load_le<std::uint32_t>(at + 56);
  return header;
}

void encode_superblock(const Superblock& superblock, std::span<std::byte, kSuperblockBytes> out) {
  std::fill(out.begin(), out.end(), std::byte{0});
  std::byte* at = out.data();
  store_le(at, kSuperblockMagic);
  store_le(at + 8, superblock.version);
  store_le(at + 12, superblock.compat);
  store_le(at + 16, superblock.ro_compat);
  store_le(at + 20, superblock.incompat);
  store_le(at + 24, superblock.file_size);
  store_le(at + 32, kDataOffset);
  store_le(at + 40, superblock.data_size);
  store_le(at + 48, static_cast<std::uint32_t>(kAlignment));
  store_le(at + 56, superblock.salt);
  std::copy(superblock.uuid.begin(), superblock.uuid.end(), at + 64);
  store_le(at + 80, superblock.created_ns);
  store_le(at + 124, crc32c(out.first(124)));
}

std::optional<Superblock> decode_superblock(std::span<const std::byte, kSuperblockBytes> bytes) {
  const std::byte* at = bytes.data();
  if (load_le<std::uint64_t>(at) != kSuperblockMagic) return std::nullopt;
  if (load_le<std::uint32_t>(at + 124) != crc32c(bytes.first(124))) return std::nullopt;
  Superblock superblock;
  superblock.version = load_le<std::uint16_t>(at + 8);
  superblock.compat = load_le<std::uint32_t>(at + 12);
  superblock.ro_compat = load_le<std::uint32_t>(at + 16);
  superblock.incompat = load_le<std::uint32_t>(at + 20);
  superblock.file_size = load_le<std::uint64_t>(at + 24);
  superblock.data_size = load_le<std::uint64_t>(at + 40);
  superblock.salt = load_le<std::uint64_t>(at + 56);
  std::copy_n(at + 64, superblock.uuid.size(), superblock.uuid.begin());
  superblock.created_ns = load_le<std::int64_t>(at + 80);
  return superblock;
}

}  // namespace holdfast::buffer

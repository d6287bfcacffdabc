// The on-disk format: the constants and records that writer, reader, recovery and tools share.
// buffer/README.md is the specification; this file must say the same. All integers little-endian.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "agent/base/bytes.h"

namespace holdfast::buffer {

// Places in the file.
constexpr std::uint64_t kSuperblockOffsets[2] = {0, 20480};
constexpr std::uint64_t kSuperblockSize = 4096;
constexpr std::uint64_t kSlotOffsets[2] = {4096, 12288};
constexpr std::uint64_t kSlotSize = 8192;
constexpr std::uint64_t kDataOffset = 24576;
constexpr std::uint64_t kAlignment = 64;  // of blocks
constexpr std::size_t kHeaderSize = 64;
constexpr std::uint64_t kMinDataSize = 4096;
constexpr std::uint32_t kMaxPayload = 1U << 20U;

constexpr std::uint16_t kFormatVersion = 1;
// Incompat features: kPrimedBlocks = there may be blocks of Codec::kPrimed.
constexpr std::uint32_t kPrimedBlocks = 1;
constexpr std::size_t kMaxReaders = 8;
constexpr std::size_t kMaxRanges = 8;
constexpr std::size_t kMaxServerWaits = 4;  // of a reader
constexpr std::size_t kMaxReaderId = 63;
// No position, sequence or size reaches this; a record that claims so is refused, so that sums of
// two cannot overflow.
constexpr std::uint64_t kMaxNumber = 1ULL << 62U;

enum class BlockKind : std::uint8_t {
  kData = 1,
  kPad = 2,         // fills the rest of the data area, so that no block wraps; payload unchecked
  kCheckpoint = 3,  // payload: a State record (state.h)
};

enum class Codec : std::uint8_t {
  kRaw = 0,
  kDeflate =
      1,  // raw deflate (RFC 1951), empty window, ended by a sync flush: byte-aligned, not final
  kPrimed = 2,  // the same with dictionary() in the window: not to be spliced
};

constexpr std::uint16_t kEraMask = 0x0FFF;  // low 12 bits of BlockHeader::flags: the clock era

// High 4 bits of BlockHeader::flags: the lap, that is position / data size, modulo 16. It tells a
// block from a stale one of an earlier lap that nothing has overwritten (inside a pad, or in a hole
// that a crash left).
[[nodiscard]] constexpr std::uint16_t lap_bits(std::uint64_t position, std::uint64_t data_size) {
  return static_cast<std::uint16_t>((position / data_size % 16) << 12U);
}

// What a block of so many bytes, header included, takes in the data area.
[[nodiscard]] constexpr std::uint64_t extent_of(std::uint64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

struct BlockHeader {
  BlockKind kind = BlockKind::kData;
  Codec codec = Codec::kRaw;
  std::uint16_t flags = 0;
  std::uint64_t block_sequence = 0;  // +1 for each block of any kind, never reused
  std::uint64_t point_sequence = 0;  // points accepted before this block
  std::uint32_t points = 0;
  std::uint32_t payload_size = 0;
  std::uint32_t raw_size = 0;
  std::uint32_t raw_crc32 = 0;
  std::uint32_t payload_crc32c = 0;
  std::uint32_t span_s = 0;  // newest minus oldest timestamp, in seconds, rounded up
  std::int64_t oldest_ns = 0;
  std::uint32_t stored_at_s = 0;  // wall clock when stored, Unix seconds

  friend bool operator==(const BlockHeader&, const BlockHeader&) = default;

  [[nodiscard]] std::uint64_t extent() const {
    return extent_of(kHeaderSize + std::uint64_t{payload_size});
  }
};

// `seed` is the file's checksum seed (Superblock::seed).
void encode_header(const BlockHeader& header, std::uint32_t seed,
                   std::span<std::byte, kHeaderSize> out);
// Nothing unless the magic and the checksum are right.
[[nodiscard]] std::optional<BlockHeader> decode_header(
    std::span<const std::byte, kHeaderSize> bytes, std::uint32_t seed);

struct Superblock {
  std::uint16_t version = kFormatVersion;
  std::uint32_t compat = 0;     // features an older reader may ignore,
  std::uint32_t ro_compat = 0;  // ... may ignore while only reading,
  std::uint32_t incompat = 0;   // ... must refuse
  std::uint64_t file_size = 0;
  std::uint64_t data_size = 0;
  std::uint64_t salt = 0;  // random; makes this file's checksums its own
  std::array<std::byte, 16> uuid{};
  std::int64_t created_ns = 0;

  friend bool operator==(const Superblock&, const Superblock&) = default;

  // Mixed into every checksum of headers and slots.
  [[nodiscard]] std::uint32_t seed() const {
    return static_cast<std::uint32_t>(salt ^ (salt >> 32U));
  }
};

[[nodiscard]] constexpr bool lacks_feature(const Superblock& superblock) {
  return (superblock.incompat & kPrimedBlocks) == 0;
}

constexpr std::size_t kSuperblockBytes = 128;  // used of the 4 KiB
void encode_superblock(const Superblock& superblock, std::span<std::byte, kSuperblockBytes> out);
// Nothing unless magic and checksum are right. The version is for the caller to judge.
[[nodiscard]] std::optional<Superblock> decode_superblock(
    std::span<const std::byte, kSuperblockBytes> bytes);

// The data area that fits a file of this size: what is left after the head, a multiple of 64.
[[nodiscard]] constexpr std::uint64_t data_size_of(std::uint64_t file_size) {
  return file_size <= kDataOffset ? 0 : (file_size - kDataOffset) / kAlignment * kAlignment;
}

}  // namespace holdfast::buffer

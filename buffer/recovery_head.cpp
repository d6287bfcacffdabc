// The superblock of a ring file, from whatever is left of its head.
#include <algorithm>

#include "buffer/recovery.h"

namespace holdfast::buffer {
namespace {

bool all_zero(const std::vector<std::byte>& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

bool plausible(const Superblock& superblock) {
  return superblock.data_size >= kMinDataSize && superblock.data_size % kAlignment == 0 &&
         superblock.data_size < kMaxNumber &&
         superblock.file_size == kDataOffset + superblock.data_size;
}

}  // namespace

base::Result<Superblock> read_superblock(File& file, bool& damaged) {
  damaged = false;
  std::optional<Superblock> found;
  bool blank = true;
  // Nothing that could not be read counts as blank: it may be readable again.
  std::optional<base::Error> unreadable;
  const auto read = [&](std::uint64_t offset, std::size_t size) {
    std::vector<std::byte> bytes(size);
    const auto got = file.read_at(offset, bytes);
    if (!got) unreadable = got.error();
    bytes.resize(got.value_or(0));
    blank = blank && all_zero(bytes);
    return bytes;
  };
  for (const std::uint64_t offset : kSuperblockOffsets) {
    const auto bytes = read(offset, kSuperblockBytes);
    if (bytes.size() == kSuperblockBytes) {
      const auto copy = decode_superblock(std::span(bytes).first<kSuperblockBytes>());
      if (copy && plausible(*copy)) {
        if (!found) found = copy;
        // A rewrite that was cut short leaves one as it was.
        damaged = damaged || *found != *copy;
        continue;
      }
    }
    damaged = true;
  }
  for (std::size_t i = 0; !found && i < 2; ++i) {
    const auto bytes = read(kSlotOffsets[i], kSlotSize);
    const auto rebuilt = superblock_from_state(bytes);
    if (rebuilt && plausible(*rebuilt)) found = rebuilt;
  }
  // A file whose creation was cut short has nothing in the data area either.
  if (!found) (void)read(kDataOffset, kHeaderSize);
  if (!found) {
    if (blank && unreadable) return tl::unexpected(*unreadable);
    if (blank) return base::fail(base::ErrorCode::kNotFound, "the file holds no ring yet");
    return base::fail(base::ErrorCode::kCorrupt,
                      "neither superblock nor slot is readable: this is not a ring, or its head is "
                      "destroyed");
  }
  if (found->version > kFormatVersion || (found->incompat & ~kPrimedBlocks) != 0) {
    return base::fail(base::ErrorCode::kUnsupported,
                      "format version {} (features {:#x}) is newer than this program's version {}",
                      found->version, found->incompat, kFormatVersion);
  }
  return *found;
}

}  // namespace holdfast::buffer

// What is chosen once for a ring file, and its place in the file.
#include "buffer/head.h"

namespace holdfast::buffer {

base::Result<Superblock> new_superblock(std::uint64_t size, const base::Clock& clock,
                                        base::Random& random) {
  Superblock superblock;
  superblock.incompat = kPrimedBlocks;
  superblock.data_size = data_size_of(size);
  superblock.file_size = kDataOffset + superblock.data_size;
  if (superblock.data_size < kMinDataSize) {
    return base::fail(base::ErrorCode::kInvalid, "a ring of {} bytes is too small: at least {}",
                      size, kDataOffset + kMinDataSize);
  }
  superblock.salt = random.next();
  for (std::size_t i = 0; i < superblock.uuid.size(); i += 8) {
    base::store_le(superblock.uuid.data() + i, random.next());
  }
  superblock.created_ns = clock.wall_ns();
  return superblock;
}

base::Status write_superblocks(File& file, const Superblock& superblock) {
  std::array<std::byte, kSuperblockBytes> bytes;
  encode_superblock(superblock, bytes);
  for (const std::uint64_t offset : kSuperblockOffsets) {
    if (auto done = file.write_at(offset, bytes); !done) return done;
  }
  return base::ok();
}

}  // namespace holdfast::buffer

// Looking at the head of a ring and at what recovery makes of the rest.
#include "buffer/snapshot.h"

#include <algorithm>
#include <vector>

namespace holdfast::buffer {
namespace {

std::vector<std::byte> part_of(File& file, std::uint64_t offset, std::size_t size) {
  std::vector<std::byte> bytes(size);
  bytes.resize(file.read_at(offset, bytes).value_or(0));
  return bytes;
}

PartState superblock_state(File& file, std::uint64_t offset, const Superblock& good) {
  const auto bytes = part_of(file, offset, kSuperblockBytes);
  if (bytes.size() < kSuperblockBytes) return PartState::kDamaged;
  const auto copy = decode_superblock(std::span(bytes).first<kSuperblockBytes>());
  const bool same = copy && copy->salt == good.salt && copy->data_size == good.data_size;
  return same ? PartState::kSound : PartState::kDamaged;
}

SlotReport slot_report(File& file, std::uint64_t offset, const Superblock& superblock) {
  const auto bytes = part_of(file, offset, kSlotSize);
  if (auto state = decode_state(bytes, superblock)) return {PartState::kSound, std::move(*state)};
  // The second slot of a new ring has never been written.
  const bool blank =
      bytes.size() == kSlotSize &&
      std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
  return {blank ? PartState::kBlank : PartState::kDamaged, {}};
}

}  // namespace

base::Result<Snapshot> take_snapshot(File& file, bool in_use) {
  bool damaged = false;
  const auto superblock = read_superblock(file, damaged);
  if (!superblock) return tl::unexpected(superblock.error());
  const auto size = file.size();
  if (!size) return tl::unexpected(size.error());
  Snapshot snapshot;
  snapshot.in_use = in_use;
  snapshot.file_size = *size;
  for (std::size_t i = 0; i < 2; ++i) {
    snapshot.superblocks[i] = superblock_state(file, kSuperblockOffsets[i], *superblock);
    snapshot.slots[i] = slot_report(file, kSlotOffsets[i], *superblock);
  }
  snapshot.recovered = recover(file, *superblock);
  Recovered& recovered = snapshot.recovered;
  recovered.rewrite_superblock = damaged || lacks_feature(*superblock);
  if (in_use && recovered.last_block != 0) {
    BlockIo io(file, *superblock);
    io.read_ahead(kHeaderSize);
    const auto last = io.at(recovered.last_position);
    if (last && last->header.block_sequence == recovered.last_block) {
      // Points beyond it that a reader has had came from memory; others are under way.
      const std::uint64_t ahead = recovered.tail.points();
      recovered.tail = end_of(*last);
      for (const ReaderState& reader : recovered.as_found) {
        const std::uint64_t passed = std::min(ahead, reader.ranges.front().begin.points());
        recovered.tail.point_sequence = std::max(recovered.tail.point_sequence, passed);
      }
      for (ReaderState& reader : recovered.state.readers) {
        Mark& begin = reader.ranges.front().begin;
        if (begin.points() > recovered.tail.points()) begin = recovered.tail;
      }
    }
  }
  return snapshot;
}

bool wants(const ReaderState& reader, std::uint64_t position, std::uint64_t size,
           std::optional<std::uint64_t> first_point, std::uint64_t points) {
  return std::any_of(reader.ranges.begin(), reader.ranges.end(), [&](const Range& range) {
    // A reader may have had points from memory: their count says more than the place.
    if (first_point) {
      return range.begin.points() < *first_point + points && *first_point < range.end.points();
    }
    return range.begin.position < position + size && position < range.end.position;
  });
}

}  // namespace holdfast::buffer

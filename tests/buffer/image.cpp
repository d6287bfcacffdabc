#include "tests/buffer/image.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace holdfast::test {

using buffer::kAlignment;
using buffer::kDataOffset;
using buffer::kHeaderSize;

buffer::Superblock superblock_of(const Bytes& image) {
  const auto found = buffer::decode_superblock(std::span(image).first<buffer::kSuperblockBytes>());
  EXPECT_TRUE(found.has_value());
  return found.value_or(buffer::Superblock{});
}

buffer::State newest_state(const Bytes& image) {
  const auto superblock = superblock_of(image);
  buffer::State newest;
  for (const std::uint64_t offset : buffer::kSlotOffsets) {
    auto state =
        buffer::decode_state(std::span(image).subspan(offset, buffer::kSlotSize), superblock);
    if (state && state->generation > newest.generation) newest = std::move(*state);
  }
  return newest;
}

std::vector<PlacedBlock> blocks_in(const Bytes& image) {
  const auto superblock = superblock_of(image);
  std::vector<PlacedBlock> found;
  for (std::uint64_t at = kDataOffset; at + kHeaderSize <= image.size(); at += kAlignment) {
    const auto header =
        buffer::decode_header(std::span(image).subspan(at).first<kHeaderSize>(), superblock.seed());
    if (header) found.push_back({at, *header});
  }
  std::sort(found.begin(), found.end(), [](const PlacedBlock& a, const PlacedBlock& b) {
    return a.header.block_sequence < b.header.block_sequence;
  });
  return found;
}

PlacedBlock block_of_point(const Bytes& image, std::uint64_t point) {
  for (const PlacedBlock& block : blocks_in(image)) {
    if (block.header.point_sequence <= point &&
        point < block.header.point_sequence + block.header.points) {
      return block;
    }
  }
  return {};
}

void wreck(Bytes& image, std::uint64_t offset, std::uint64_t size) {
  for (std::uint64_t i = 0; i < size; ++i) image[offset + i] = std::byte{0xA5};
}

void wreck_superblocks(Bytes& image) {
  for (const auto offset : buffer::kSuperblockOffsets) wreck(image, offset, 512);
}

void wreck_slots(Bytes& image) {
  for (const auto offset : buffer::kSlotOffsets) wreck(image, offset, buffer::kSlotSize);
}

Bytes image_without(const FileRecord& record,
                    const std::function<bool(const FileOperation&)>& dropped) {
  Bytes image;
  for (const FileOperation& operation : record.operations()) {
    if (!dropped(operation)) apply(operation, image);
  }
  return image;
}

FileOperation last_data_write(const FileRecord& record, std::size_t back) {
  const auto operations = record.operations();
  for (auto it = operations.rbegin(); it != operations.rend(); ++it) {
    const bool data = it->kind == FileOperation::Kind::kWrite && it->offset >= kDataOffset;
    if (data && back-- == 0) return *it;
  }
  ADD_FAILURE() << "so many blocks were never written";
  return {};
}

std::size_t count_syncs(const FileRecord& record) {
  const auto operations = record.operations();
  return static_cast<std::size_t>(std::count_if(
      operations.begin(), operations.end(),
      [](const FileOperation& operation) { return operation.kind == FileOperation::Kind::kSync; }));
}

OpenImage open_image(const Bytes& image, const base::Clock& clock,
                     const buffer::RingOptions& options) {
  auto file = std::make_unique<buffer::MemoryFile>(image);
  buffer::MemoryFile* const raw = file.get();
  return {open_ring(std::move(file), clock, options), raw};
}

void expect_sound_ledgers(const buffer::RingInfo& info) {
  for (const buffer::ReaderInfo& reader : info.readers) {
    EXPECT_EQ(reader.ledger.accepted, reader.ledger.buffered + reader.ledger.counters.total())
        << "reader " << reader.id;
  }
}

buffer::ReaderInfo reader_info(const buffer::Ring& ring, std::string_view id) {
  for (const buffer::ReaderInfo& reader : ring.info().readers) {
    if (reader.id == id) return reader;
  }
  ADD_FAILURE() << "no reader " << id;
  return {};
}

}  // namespace holdfast::test

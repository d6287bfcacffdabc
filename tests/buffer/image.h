// A ring file's bytes in the hands of a test: what lies where, and ways to spoil it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "buffer/format.h"
#include "buffer/memory_file.h"
#include "buffer/ring.h"
#include "buffer/state.h"
#include "tests/buffer/ring_harness.h"

namespace holdfast::test {

using Bytes = std::vector<std::byte>;

struct PlacedBlock {
  std::uint64_t offset = 0;  // in the file
  buffer::BlockHeader header;

  [[nodiscard]] std::uint64_t end() const { return offset + header.extent(); }
};

// The superblock of an undamaged image.
[[nodiscard]] buffer::Superblock superblock_of(const Bytes& image);
// The state of the newer slot of an undamaged image.
[[nodiscard]] buffer::State newest_state(const Bytes& image);
// Every sound header in the data area, stale ones included, by rising sequence.
[[nodiscard]] std::vector<PlacedBlock> blocks_in(const Bytes& image);
// The data block that holds this point; an empty header (0 points) if there is none.
[[nodiscard]] PlacedBlock block_of_point(const Bytes& image, std::uint64_t point);

// Overwrites with a pattern that is no valid anything.
void wreck(Bytes& image, std::uint64_t offset, std::uint64_t size);
void wreck_superblocks(Bytes& image);
void wreck_slots(Bytes& image);

// The file after all operations of the record, without those at the given places in it.
[[nodiscard]] Bytes image_without(const FileRecord& record,
                                  const std::function<bool(const FileOperation&)>& dropped);

// The n-th last write into the data area, as the record has it (0 = the last).
[[nodiscard]] FileOperation last_data_write(const FileRecord& record, std::size_t back = 0);
[[nodiscard]] std::size_t count_syncs(const FileRecord& record);

// A ring on a copy of the image; `file` stays valid as long as the ring.
struct OpenImage {
  std::unique_ptr<buffer::Ring> ring;
  buffer::MemoryFile* file = nullptr;
};
[[nodiscard]] OpenImage open_image(const Bytes& image, const base::Clock& clock,
                                   const buffer::RingOptions& options);

// Every reader's ledger adds up.
void expect_sound_ledgers(const buffer::RingInfo& info);
[[nodiscard]] buffer::ReaderInfo reader_info(const buffer::Ring& ring, std::string_view id);

}  // namespace holdfast::test

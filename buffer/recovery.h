// Recovery: from the bytes of a ring file to the place where writing goes on. Reads only; what must
// be changed before the first append (ghosts) is returned, so that tools can look at a ring that
// somebody else writes. The procedure is in buffer/README.md, "Recovery".
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "agent/base/result.h"
#include "buffer/block_io.h"
#include "buffer/file.h"
#include "buffer/ring.h"
#include "buffer/state.h"

namespace holdfast::buffer {

struct Recovered {
  Superblock superblock;
  State state;                        // readers resolved: every begin is a live block or the tail
  std::vector<ReaderState> as_found;  // the readers as slot or checkpoint has them, not moved on
  Mark tail;                          // where the next block goes
  std::uint64_t last_position = 0;    // of the last block before the tail
  std::uint64_t last_block = 0;       // its sequence, 0 = none
  Mark oldest;                        // first live block, where a ring without readers starts
  std::vector<std::uint64_t> ghosts;  // positions of headers to erase, and sync, before appending
  std::size_t slot = 0;               // index of the newest slot that could be read
  bool rewrite_superblock = false;    // a copy is damaged, or lacks a feature
  Recovery report;
};

// The superblock, from either copy or a slot. kNotFound: the file is new (empty or all zeros at the
// head); kUnsupported: a newer format; kCorrupt: nothing of it is left; the device's error when
// nothing of it could be read.
[[nodiscard]] base::Result<Superblock> read_superblock(File& file, bool& damaged);

// `superblock` as read_superblock found it.
[[nodiscard]] Recovered recover(File& file, const Superblock& superblock);
// Whether that means reading the whole file, because no slot is of use. False for what is no ring.
[[nodiscard]] bool needs_full_scan(File& file);

// What recovery found, as lines for the log; `name` says which file.
void log_recovery(const Recovery& recovery, std::string_view name, const base::Logger& logger);

// The place of a block, and the one right after it.
[[nodiscard]] Mark start_of(const FoundBlock& block);
[[nodiscard]] Mark end_of(const FoundBlock& block);

// The place in a block for a reader that has done all points below `points`.
[[nodiscard]] Mark enter(const FoundBlock& block, std::uint64_t points);

// Whether a block can lie at or after this mark in a ring with this tail: neither its sequence nor
// its points go back, and the tail is past it. Blocks of a numbering that was given up, after a
// device lost what it had called durable, do not pass. (The very block of the mark does, and one
// that the mark's points lead into: of a reader that had points from memory before the block was
// written.)
[[nodiscard]] bool follows(const BlockHeader& header, const Mark& mark, const Mark& tail);

// First live place for a reader at `mark`, given the tail: the first sound block at or after it
// with points not yet done, else the tail. Blocks below `floor` are overwritten.
[[nodiscard]] Mark first_live(BlockIo& io, const Mark& mark, std::uint64_t floor, const Mark& tail);

// Moves a reader to its first live place and books the difference: overflow when the
// writer has overtaken it, corrupt when the blocks are damaged or were lost in a power cut.
void settle(ReaderState& reader, BlockIo& io, std::uint64_t floor, const Mark& tail);

// What a ring file says of itself once it is recovered.
[[nodiscard]] RingInfo info_of(File& file, const Recovered& recovered);

// Below this position everything is overwritten.
[[nodiscard]] constexpr std::uint64_t floor_of(std::uint64_t tail_position,
                                               std::uint64_t data_size) {
  return tail_position > data_size ? tail_position - data_size : 0;
}

// The longest block there can be. A checkpoint may take a quarter of the data area.
[[nodiscard]] constexpr std::uint64_t longest_extent(std::uint64_t data_size) {
  return std::min<std::uint64_t>(kMaxPayload + kHeaderSize, data_size / 4);
}

}  // namespace holdfast::buffer

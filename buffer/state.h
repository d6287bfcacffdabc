// State: readers, counters and tail as a slot or a checkpoint block stores them.
// buffer/README.md is the specification of the bytes.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/bytes.h"
#include "buffer/format.h"
#include "buffer/ring.h"

namespace holdfast::buffer {

// A place in the stream of blocks. `position` counts bytes of the data area ever passed: the block
// lies at position modulo the data area's size, and everything below tail - data size is
// overwritten. Positions order as block sequences do.
struct Mark {
  std::uint64_t position = 0;
  std::uint64_t block_sequence = 0;
  std::uint64_t point_sequence = 0;
  std::uint32_t points_into_block = 0;

  friend bool operator==(const Mark&, const Mark&) = default;
  // Points accepted before this place.
  [[nodiscard]] std::uint64_t points() const { return point_sequence + points_into_block; }
  // Blocks that wait in memory have no position yet: there points decide.
  [[nodiscard]] bool before(const Mark& other) const {
    return position != other.position ? position < other.position : points() < other.points();
  }
};

// Blocks a reader has still to deliver: [begin, end). An end of kOpen means "up to the tail, ever".
struct Range {
  static constexpr std::uint64_t kOpen = std::numeric_limits<std::uint64_t>::max();
  Mark begin;
  Mark end{kOpen, kOpen, kOpen, 0};
  [[nodiscard]] bool is_open() const { return end.block_sequence == kOpen; }
  friend bool operator==(const Range&, const Range&) = default;
};

struct ReaderState {
  std::string id;
  std::int64_t orphaned_ns = 0;
  std::int64_t since_ns = 0;
  std::uint64_t since_points = 0;  // point sequence from which this reader counts
  LedgerCounters counters;
  NotBefore not_before;
  std::vector<Range> ranges;  // at least one, in order; the last one is open
};

struct State {
  std::uint64_t generation = 0;  // of slots: the higher one is newer
  bool clean = false;            // written after the last sync of a proper close
  std::uint16_t era = 0;         // clock era
  std::array<char, 36> boot_id{};
  std::int64_t written_ns = 0;       // by the wall clock,
  std::int64_t written_boot_ns = 0;  // ... by the boot clock; 0 = not known
  Mark synced;                       // tail as of the last completed sync
  std::uint64_t last_position = 0;   // of the last block before `synced`,
  std::uint64_t last_block = 0;      // ... its sequence; 0 = no block yet
  Mark next;                         // tail when this was written; in a checkpoint: its own place
  std::uint64_t unsynced_limit = 0;  // no more bytes than this lie past the last completed sync
  std::vector<ReaderState> readers;
};

// The record, checksum included; at most kSlotSize bytes for kMaxReaders readers.
[[nodiscard]] std::string encode_state(const State& state, const Superblock& superblock);
// Nothing unless it is a whole record of this file with possible numbers. Bytes after the record
// are ignored.
[[nodiscard]] std::optional<State> decode_state(base::ByteSpan bytes, const Superblock& superblock);
// Points this reader has still to deliver, in flight included, when `accepted` were ever accepted.
[[nodiscard]] std::uint64_t pending_of(const ReaderState& reader, std::uint64_t accepted);
// How many of the points [from, to) this reader has still to deliver.
[[nodiscard]] std::uint64_t wanted_of(const ReaderState& reader, std::uint64_t from,
                                      std::uint64_t to);
// Moves the reader on to a later place, out of ranges that end before it. Never moves it back.
// Returns how many of its points were passed over; it is for the caller to count them.
std::uint64_t advance(ReaderState& reader, const Mark& to);

// The same within the last range, whatever is pending before it.
std::uint64_t advance_last(ReaderState& reader, const Mark& to);

// A superblock rebuilt from a state record, should both superblocks be lost. The record vouches for
// itself: its checksum is seeded with the salt it holds.
[[nodiscard]] std::optional<Superblock> superblock_from_state(base::ByteSpan bytes);

}  // namespace holdfast::buffer

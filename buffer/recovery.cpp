// The recovery procedure. Slots are hints, the log decides: blocks prove themselves by checksum and
// sequence. It never fails on what the file holds.
#include "buffer/recovery.h"

#include <algorithm>

#include "buffer/compressor.h"

namespace holdfast::buffer {
namespace {

constexpr std::size_t kScanReadAhead = 1U << 20U;
constexpr std::uint64_t kLaps = 16;  // that a header can tell
constexpr std::uint64_t kAnySequence = Range::kOpen;

std::vector<std::byte> read_bytes(File& file, std::uint64_t offset, std::size_t size) {
  std::vector<std::byte> bytes(size);
  const auto got = file.read_at(offset, bytes);
  bytes.resize(got.value_or(0));
  return bytes;
}

struct SlotHint {
  State state;
  std::size_t index = 0;
};

std::optional<SlotHint> newest_slot(File& file, const Superblock& superblock) {
  std::optional<SlotHint> best;
  for (std::size_t i = 0; i < 2; ++i) {
    auto state = decode_state(read_bytes(file, kSlotOffsets[i], kSlotSize), superblock);
    if (state && (!best || state->generation > best->state.generation)) {
      best = SlotHint{std::move(*state), i};
    }
  }
  return best;
}

// The last synced block still stands where the slot says: nothing has lapped it since.
bool hint_holds(BlockIo& io, const State& state) {
  // Without syncs the ring may have gone round since, any number of times, and a power cut may
  // leave old sectors between new ones: that this block still stands proves nothing then.
  if (!state.clean && state.unsynced_limit >= io.data_size()) return false;
  if (state.last_block == 0) {
    // No block was synced when this slot was written. If the ring has gone round since, the start
    // of the data area holds a block of another lap, or what is left of one.
    if (state.synced.position != 0 || io.blank_at(0)) return state.synced.position == 0;
    // A lower number there is that of a ghost that an opening cut short has not erased.
    const auto first = io.at(0);
    return first && first->header.block_sequence <= state.synced.block_sequence;
  }
  const auto last = io.at(state.last_position);
  return last && last->header.block_sequence == state.last_block &&
         last->end() == state.synced.position;
}

// The state in a checkpoint block. A record ends with its own checksum, so the CRC-32C of the
// payload is the same for all records of one length: only the CRC-32 shows that the header is of
// this one.
std::optional<State> checkpoint_in(const FoundBlock& block, std::string_view payload,
                                   const Superblock& superblock) {
  if (block.header.kind != BlockKind::kCheckpoint) return std::nullopt;
  if (block.header.raw_crc32 != crc32_of(payload)) return std::nullopt;
  return decode_state(base::as_bytes(payload), superblock);
}

// A block that proves that its numbers were given out, though it cannot be accepted.
void note_given_out(const BlockHeader& header, State& state) {
  state.next.block_sequence = std::max(state.next.block_sequence, header.block_sequence + 1);
  state.next.point_sequence =
      std::max(state.next.point_sequence, header.point_sequence + header.points);
}

// The clock era goes on from the last block; or from the record, if that is newer: the wall clock
// may have been set in between. A record of another era does not know the clock of this one.
void take_era(const BlockHeader& last, State& state) {
  if (last.block_sequence < state.next.block_sequence) return;
  if ((last.flags & kEraMask) != state.era) state.written_boot_ns = 0;
  state.era = last.flags & kEraMask;
}

// Of the points [from, to), which are in no block: those that nobody has had from memory.
std::uint64_t missing(std::uint64_t from, std::uint64_t to, const State& state) {
  if (state.readers.empty()) return to - std::min(to, from);
  std::uint64_t most = 0;
  for (const auto& reader : state.readers) most = std::max(most, wanted_of(reader, from, to));
  return most;
}

// Walks on from the last synced tail, past holes, as far as blocks prove themselves.
void walk(BlockIo& io, Recovered& out) {
  const State& state = out.state;
  const std::uint64_t data_size = out.superblock.data_size;
  // Unsynced writes may reach the medium in any order, but no more than this lies past a sync.
  const std::uint64_t window =
      std::min(data_size, state.unsynced_limit + kMaxPayload + kHeaderSize);
  const std::uint64_t end = state.synced.position + data_size;
  Mark tail = state.synced;
  out.tail = tail;
  // Closed properly: nothing lies behind the tail, and no megabytes need to be read to know it. A
  // block that stands there all the same shows that a device has lost the slots written since.
  if (state.clean && !io.at(tail.position)) return;
  std::uint64_t from = tail.position;
  std::string payload;
  while (from < end) {
    const std::uint64_t limit = std::min(end, tail.position + window);
    const auto block =
        io.search(from, limit, tail.block_sequence, tail.block_sequence + window / kAlignment + 1);
    if (!block) break;
    payload.clear();
    const bool pad = block->header.kind == BlockKind::kPad;
    const bool back = block->header.point_sequence < tail.point_sequence;
    if (back || block->end() > end || (!pad && !io.read_payload(*block, payload))) {
      from = block->position + kAlignment;
      continue;
    }
    // Later records must be newer than all that are there, wherever a later scan meets them.
    if (const auto checkpoint = checkpoint_in(*block, payload, out.superblock)) {
      out.state.generation = std::max(out.state.generation, checkpoint->generation);
    }
    if (block->position != tail.position) ++out.report.holes;
    out.report.points_lost += missing(tail.point_sequence, block->header.point_sequence, state);
    ++out.report.blocks_found_past_tail;
    out.last_position = block->position;
    out.last_block = block->header.block_sequence;
    take_era(block->header, out.state);
    tail = end_of(*block);
    from = tail.position;
  }
  out.tail = tail;
  // Blocks that were not accepted but carry numbers yet to be used would follow new blocks of equal
  // length with the right number and a good checksum. An opening that was cut short may have put
  // their numbers into the slot already, so the tail's is not the lowest they may have.
  const std::uint64_t limit = std::min(end, tail.position + window);
  for (std::uint64_t at = tail.position; at < limit; at += kAlignment) {
    const auto ghost = io.search(at, limit, out.last_block + 1, kAnySequence);
    if (!ghost) break;
    out.ghosts.push_back(ghost->position);
    note_given_out(ghost->header, out.state);
    at = ghost->position;
  }
}

// What one pass over the whole data area finds.
struct Scan {
  std::optional<FoundBlock> newest;      // highest sequence; positions are offsets here
  std::optional<FoundBlock> checkpoint;  // newest one whose record is whole
  State checkpoint_state;
  std::uint64_t farthest = 0;    // offset of the sound block nearest to the end
  std::uint64_t generation = 0;  // highest of all checkpoints
  std::vector<FoundBlock> torn;  // sound headers whose payload is not
};

Scan scan_all(BlockIo& io, const Superblock& superblock) {
  Scan scan;
  std::string payload;
  for (std::uint64_t at = 0; at < io.present(); at += kAlignment) {
    const auto block = io.at_offset(at);
    if (!block) continue;
    payload.clear();
    const bool pad = block->header.kind == BlockKind::kPad;
    if (!pad && !io.read_payload(*block, payload)) {
      scan.torn.push_back(*block);
      continue;
    }
    scan.farthest = at;
    const std::uint64_t sequence = block->header.block_sequence;
    if (!scan.newest || sequence > scan.newest->header.block_sequence) scan.newest = block;
    if (auto state = checkpoint_in(*block, payload, superblock)) {
      scan.generation = std::max(scan.generation, state->generation);
      if (!scan.checkpoint || sequence > scan.checkpoint->header.block_sequence) {
        scan.checkpoint = block;
        scan.checkpoint_state = std::move(*state);
      }
    }
    // Pads are stepped through: what lies under a stale one may be newer.
    if (!pad) at = block->end() - kAlignment;
  }
  return scan;
}

// Smallest position >= lowest where this block, found at an offset, may lie: its lap must fit.
std::uint64_t position_of(const FoundBlock& block, std::uint64_t lowest, std::uint64_t data_size) {
  std::uint64_t position = lowest / data_size * data_size + block.position;
  while (position < lowest || lap_bits(position, data_size) != (block.header.flags & ~kEraMask)) {
    position += data_size;
  }
  return position;
}

// No usable hint: everything is read once. Readers come from the newer of slot and checkpoint.
void full_scan(BlockIo& io, std::optional<SlotHint> slot, Recovered& out) {
  out.report.full_scan = true;
  const std::uint64_t data_size = out.superblock.data_size;
  io.read_ahead(kScanReadAhead);
  Scan scan = scan_all(io, out.superblock);
  if (slot) {
    out.state = std::move(slot->state);
    out.slot = slot->index;
  }
  if (scan.checkpoint && (!slot || scan.checkpoint_state.generation > out.state.generation)) {
    out.state = std::move(scan.checkpoint_state);
  }
  out.state.generation = std::max(out.state.generation, scan.generation);
  out.report.ledger_lost = !slot && !scan.checkpoint;
  out.tail = out.state.next;
  if (scan.newest) {
    FoundBlock newest = *scan.newest;
    // A record knows the position of the tail when it was written; what is newest now is ahead of
    // it. Only a ring that was lapped sixteen times since is numbered anew, and relocate() copes.
    const std::uint64_t known = newest.header.block_sequence < out.state.next.block_sequence
                                    ? floor_of(out.state.next.position, data_size)
                                    : out.state.next.position;
    newest.position = position_of(newest, known, data_size);
    // In the first lap nothing lies behind the newest block. What does is of the lap before, which
    // must have positions too; that is so sixteen laps on, where the bits are the same.
    const bool gone_round = scan.farthest > newest.position;
    if (gone_round && data_size < kMaxNumber / (2 * kLaps)) newest.position += kLaps * data_size;
    out.last_position = newest.position;
    out.last_block = newest.header.block_sequence;
    take_era(newest.header, out.state);
    out.tail = end_of(newest);
  }
  for (const FoundBlock& block : scan.torn) {
    if (block.header.block_sequence < out.tail.block_sequence) continue;
    out.ghosts.push_back(block.position);
    note_given_out(block.header, out.state);
  }
}

// The first live block. A pad leaves what it covers as it is: once the writer has passed its
// header, a block of sixteen laps before may show in the last bytes of a lap, and its lap bits are
// right again. It does not lead to the block that the next lap begins with: fewer blocks fit in
// between than their numbers say.
Mark oldest_of(BlockIo& io, std::uint64_t floor, const Mark& tail) {
  const Mark oldest = first_live(io, Mark{floor, 0, 0, 0}, floor, tail);
  const std::uint64_t data_size = io.data_size();
  const std::uint64_t next_lap = oldest.position / data_size * data_size + data_size;
  if (next_lap - oldest.position >= longest_extent(data_size)) return oldest;
  const auto next = next_lap < tail.position ? io.at(next_lap) : std::nullopt;
  if (!next || !follows(next->header, oldest, tail)) return oldest;
  Mark at = oldest;
  while (const auto block = at.position < next_lap ? io.at(at.position) : std::nullopt) {
    at = end_of(*block);
  }
  const std::uint64_t room = (next_lap - at.position) / kAlignment;
  return next->header.block_sequence <= at.block_sequence + room ? oldest : start_of(*next);
}

// After a scan positions are numbered anew: a place of the old numbering is found again by its
// block sequence.
void relocate(Mark& mark, BlockIo& io, const Mark& oldest, const Mark& tail) {
  if (mark.block_sequence >= tail.block_sequence) {
    if (mark.block_sequence != Range::kOpen) mark.position = tail.position;
    return;
  }
  const auto block =
      io.search(oldest.position, tail.position, mark.block_sequence, tail.block_sequence);
  if (!block) {
    mark.position = tail.position;
  } else if (block->header.block_sequence == mark.block_sequence) {
    mark.position = block->position;
  } else {
    // Gone. If it was older than all that is left, the writer overtook it; else it is damaged.
    const std::uint64_t floor = floor_of(tail.position, io.data_size());
    const bool overtaken = block->position == oldest.position && floor > 0;
    mark.position = overtaken ? floor - kAlignment : block->position;
  }
}

// Numbers once given out are never used again, even if the blocks that bore them are lost.
void raise_above_everything_known(Recovered& out) {
  const std::uint64_t found = out.tail.point_sequence;
  out.tail.block_sequence = std::max(out.tail.block_sequence, out.state.next.block_sequence);
  out.tail.point_sequence = std::max(out.tail.point_sequence, out.state.next.point_sequence);
  for (const ReaderState& reader : out.state.readers) {
    for (const Range& range : reader.ranges) {
      out.tail.block_sequence = std::max(out.tail.block_sequence, range.begin.block_sequence);
      out.tail.point_sequence = std::max(out.tail.point_sequence, range.begin.points());
    }
  }
  out.tail.block_sequence = std::max<std::uint64_t>(out.tail.block_sequence, 1);
  out.report.points_lost += missing(found, out.tail.point_sequence, out.state);
}

}  // namespace

Mark start_of(const FoundBlock& block) {
  return {block.position, block.header.block_sequence, block.header.point_sequence, 0};
}

Mark end_of(const FoundBlock& block) {
  return {block.end(), block.header.block_sequence + 1,
          block.header.point_sequence + block.header.points, 0};
}

Mark enter(const FoundBlock& block, std::uint64_t points) {
  Mark mark = start_of(block);
  if (points <= mark.point_sequence) return mark;
  if (points < mark.point_sequence + block.header.points) {
    mark.points_into_block = static_cast<std::uint32_t>(points - mark.point_sequence);
  } else {
    mark.point_sequence = points;
  }
  return mark;
}

bool follows(const BlockHeader& header, const Mark& mark, const Mark& tail) {
  const bool next = header.block_sequence == mark.block_sequence;
  const std::uint64_t end_points = header.point_sequence + header.points;
  // Its reader had the first points of it from memory; what was written in front of it is lost.
  const bool reached = mark.points_into_block == 0 && end_points > mark.point_sequence;
  return header.block_sequence >= mark.block_sequence &&
         header.block_sequence < tail.block_sequence &&
         (next || reached || header.point_sequence >= mark.point_sequence) &&
         end_points <= tail.points();
}

Mark first_live(BlockIo& io, const Mark& mark, std::uint64_t floor, const Mark& tail) {
  if (mark.position >= tail.position || mark.block_sequence >= tail.block_sequence) return tail;
  const std::uint64_t points = mark.points();
  Mark at = mark;
  // Block by block while they are sound; from the first damaged one on, search. A mark that is
  // overwritten already leads nowhere: its place belongs to newer blocks.
  const bool overwritten = mark.position < floor_of(tail.position, io.data_size());
  while (!overwritten && at.position < tail.position) {
    const auto block = io.at(at.position);
    if (!block || !follows(block->header, at, tail)) break;
    Mark end = end_of(*block);
    const bool done = block->header.points > 0 && points >= end.point_sequence;
    if (at.position >= floor && !done) return enter(*block, points);
    end.point_sequence = std::max(end.point_sequence, points);
    at = end;
  }
  for (std::uint64_t from = std::max(at.position, floor);; from += kAlignment) {
    const auto next = io.search(from, tail.position, at.block_sequence, tail.block_sequence);
    if (!next) return tail;
    if (follows(next->header, at, tail)) return enter(*next, points);
    from = next->position;
  }
}

void settle(ReaderState& reader, BlockIo& io, std::uint64_t floor, const Mark& tail) {
  // Nothing lies behind the tail, whatever a forged record says.
  for (Range& range : reader.ranges) {
    for (Mark* mark : {&range.begin, &range.end}) {
      const bool open = mark == &range.end && range.is_open();
      if (!open && mark->position > tail.position) {
        *mark = {tail.position, tail.block_sequence, mark->points(), 0};
      }
    }
  }
  std::size_t ranges = 0;
  while (ranges != reader.ranges.size()) {
    ranges = reader.ranges.size();
    const Range& front = reader.ranges.front();
    const bool overtaken = front.begin.position < floor;
    Mark live = first_live(io, front.begin, floor, tail);
    if (!front.is_open() && !live.before(front.end)) live = front.end;
    (overtaken ? reader.counters.overflow : reader.counters.corrupt) += advance(reader, live);
  }
}

Recovered recover(File& file, const Superblock& superblock) {
  Recovered out;
  out.superblock = superblock;
  BlockIo io(file, superblock);
  io.read_ahead(64U << 10U);
  std::optional<SlotHint> slot = newest_slot(file, superblock);
  if (slot && hint_holds(io, slot->state)) {
    out.state = slot->state;
    out.slot = slot->index;
    out.last_position = out.state.last_position;
    out.last_block = out.state.last_block;
    out.report.clean = out.state.clean;
    walk(io, out);
  } else {
    full_scan(io, std::move(slot), out);
  }
  raise_above_everything_known(out);
  const std::uint64_t floor = floor_of(out.tail.position, superblock.data_size);
  out.oldest = oldest_of(io, floor, out.tail);
  if (out.report.full_scan) {
    for (ReaderState& reader : out.state.readers) {
      for (Range& range : reader.ranges) {
        relocate(range.begin, io, out.oldest, out.tail);
        relocate(range.end, io, out.oldest, out.tail);
      }
    }
  }
  out.as_found = out.state.readers;
  for (ReaderState& reader : out.state.readers) settle(reader, io, floor, out.tail);
  out.report.ghosts_erased = out.ghosts.size();
  out.report.bytes_read = io.bytes_read();
  return out;
}

bool needs_full_scan(File& file) {
  bool damaged = false;
  const auto superblock = read_superblock(file, damaged);
  if (!superblock) return false;
  const auto slot = newest_slot(file, *superblock);
  BlockIo io(file, *superblock);
  return !slot || !hint_holds(io, slot->state);
}

void log_recovery(const Recovery& recovery, std::string_view name, const base::Logger& logger) {
  if (recovery.created) return logger.info("{}: created", name);
  logger.info("{}: opened, {}, {} blocks after the last sync, {} bytes read", name,
              recovery.clean ? "closed properly before" : "not closed properly before",
              recovery.blocks_found_past_tail, recovery.bytes_read);
  if (recovery.full_scan) logger.warn("{}: no usable slot, the whole file was scanned", name);
  if (recovery.ledger_lost) {
    logger.error("{}: slots and checkpoints are lost, the ledger starts anew", name);
  }
  if (recovery.points_lost > 0) {
    logger.error("{}: {} accepted points are lost (not yet synced at a power cut)", name,
                 recovery.points_lost);
  }
}

}  // namespace holdfast::buffer

// Reading and acknowledging. A read copies blocks without holding a lock and then checks that its
// reader has not been moved meanwhile: if not, nothing it read was overwritten.
#include <algorithm>
#include <cassert>

#include "buffer/ring_file.h"

namespace holdfast::buffer {
namespace {

constexpr std::size_t kReadAhead = 64 * 1024;

}  // namespace

// Reads blocks from `at` on until a limit, the tail, or something that does not follow. On return
// `at` is the first place not taken: blocks without points are passed over only in front.
RingFile::Stop RingFile::collect(BlockIo& io, Mark& at, const Mark& tail, const ReadLimits& limits,
                                 Flight& flight) {
  ReadBatch& batch = flight.batch;
  Mark next = at;
  while (next.position < tail.position) {
    const auto block = io.at(next.position);
    // A block that does not continue the count shows that points before it are lost.
    if (!block || !follows(block->header, next, tail) ||
        block->header.point_sequence > next.point_sequence)
      return Stop::kDamaged;
    const BlockHeader& header = block->header;
    if (header.kind != BlockKind::kData || header.points == 0) {
      next = end_of(*block);
      if (flight.blocks.empty()) at = next;
      continue;
    }
    const std::uint32_t skip =
        header.block_sequence == next.block_sequence ? next.points_into_block : 0;
    const bool over = batch.points + header.points - skip > limits.max_points ||
                      batch.raw_bytes + header.raw_size > limits.max_raw_bytes ||
                      flight.payload_bytes + header.payload_size > limits.max_bytes;
    if (over && !flight.blocks.empty()) return Stop::kFull;
    const std::size_t offset = batch.payloads.size();
    if (!io.read_payload(*block, batch.payloads)) {
      if (flight.blocks.empty()) flight.bad_payload = block;
      return Stop::kDamaged;
    }
    batch.blocks.push_back({header.block_sequence, header.point_sequence, header.points, skip,
                            header.raw_size, header.raw_crc32, header.codec, offset,
                            header.payload_size, header.oldest_ns, header.stored_at_s});
    batch.points += header.points - skip;
    batch.raw_bytes += header.raw_size;
    flight.payload_bytes += header.payload_size;
    flight.blocks.push_back(*block);
    next = end_of(*block);
    if (over) return Stop::kFull;
  }
  // Points between the last block and the tail were accepted once and lost in a power cut.
  return next.points() < tail.points() ? Stop::kDamaged : Stop::kTail;
}

// Books what is damaged in front of a reader and moves it on, unless somebody else has moved it
// first. Fails when the device can no longer be read.
base::Status RingFile::skip_damage(ReaderId id, BlockIo& io, const Mark& begin, const Mark& from,
                                   const Mark& tail, const std::optional<FoundBlock>& bad_payload) {
  io.forget();
  const std::uint64_t floor = floor_of(tail.position, data_size());
  const Mark live = bad_payload ? end_of(*bad_payload) : first_live(io, from, floor, tail);
  // One sector that cannot be read is damage. A device of which nothing more can be read is away:
  // what it holds may come back with it.
  if (io.failed() && live == tail) {
    return base::fail(base::ErrorCode::kIo, "the ring cannot be read at byte {} of the data area",
                      from.position % data_size());
  }
  std::uint64_t lost = 0;
  {
    const std::lock_guard lock(mutex_);
    Reader& reader = readers_[id];
    if (!(reader.begin() == begin)) return base::ok();
    lost = live.points() - std::min(live.points(), begin.points());
    reader.state.counters.corrupt += lost;
    reader.begin() = live;
  }
  logger_.error("damaged block at byte {} of the data area: {} points lost, going on at byte {}",
                from.position % data_size(), lost, live.position % data_size());
  return base::ok();
}

base::Result<ReadBatch> RingFile::read(ReaderId id, const ReadLimits& limits, std::size_t prefix) {
  BlockIo io(*file_, superblock_);
  io.read_ahead(kReadAhead);
  while (true) {
    Mark begin;
    Mark tail;
    {
      const std::lock_guard lock(mutex_);
      assert(!readers_[id].in_flight);
      begin = readers_[id].begin();
      tail = tail_;
    }
    Flight flight;
    flight.batch.payloads.resize(prefix);
    Mark at = begin;
    io.forget();
    io.clear_failure();
    const Stop stop = collect(io, at, tail, limits, flight);
    if (stop == Stop::kDamaged && flight.blocks.empty()) {
      auto skipped = skip_damage(id, io, begin, at, tail, flight.bad_payload);
      if (!skipped) return tl::unexpected(skipped.error());
      continue;
    }
    const std::lock_guard lock(mutex_);
    Reader& reader = readers_[id];
    if (!(reader.begin() == begin)) continue;  // overtaken: what was read may be overwritten
    reader.begin() = at;
    if (!flight.blocks.empty()) {
      reader.in_flight = true;
      reader.flight = std::move(flight.blocks);
    }
    return std::move(flight.batch);
  }
}

void RingFile::acknowledge(ReaderId id, std::uint64_t points, const Outcome& outcome) {
  {
    const std::lock_guard lock(mutex_);
    Reader& reader = readers_[id];
    assert(reader.in_flight && outcome.rejected + outcome.filtered <= points);
    const Mark before = reader.begin();
    std::uint64_t left = points;
    Mark& begin = reader.begin();
    for (const FoundBlock& block : reader.flight) {
      const std::uint32_t skip =
          block.header.block_sequence == before.block_sequence ? before.points_into_block : 0;
      const std::uint64_t held = block.header.points - skip;
      if (left < held) {
        if (left > 0) {
          begin = {block.position, block.header.block_sequence, block.header.point_sequence,
                   skip + static_cast<std::uint32_t>(left)};
          left = 0;
        }
        break;
      }
      left -= held;
      begin = end_of(block);
    }
    assert(left == 0);
    LedgerCounters& counters = reader.state.counters;
    counters.rejected += outcome.rejected;
    counters.filtered += outcome.filtered;
    counters.delivered += points - outcome.rejected - outcome.filtered;
    finish_flight(reader);
  }
  if (auto written = write_slot(false); !written) logger_.error("{}", written.error().message);
}

void RingFile::release(ReaderId id) {
  const std::lock_guard lock(mutex_);
  finish_flight(readers_[id]);
}

void RingFile::finish_flight(Reader& reader) {
  reader.in_flight = false;
  reader.flight.clear();
  if (reader.evicted_to.position > reader.begin().position) {
    reader.state.counters.overflow += reader.evicted_to.points() - reader.begin().points();
    reader.begin() = reader.evicted_to;
  }
  reader.evicted_to = {};
}

}  // namespace holdfast::buffer

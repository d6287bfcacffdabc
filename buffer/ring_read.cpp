// Reading and acknowledging. A read copies blocks without holding a lock and then checks that its
// reader has not been moved meanwhile: if not, nothing it read was overwritten.
#include <algorithm>
#include <cassert>

#include "buffer/ring_file.h"

namespace holdfast::buffer {
namespace {

// A batch of 5,000 points mostly fits. Above it malloc would map memory anew each time.
constexpr std::size_t kMostReadAhead = 112UL * 1024;
constexpr std::size_t kLeastReadAhead = 4096;

// How far to read ahead when about so much is still to come. The header that follows shows that the
// batch is full.
std::size_t read_ahead_for(std::uint64_t bytes) {
  return std::clamp<std::uint64_t>(bytes + bytes / 16 + kHeaderSize, kLeastReadAhead,
                                   kMostReadAhead);
}

// How many points of a block a reader has done that has done all below `points`.
std::uint32_t done_of(std::uint64_t points, std::uint64_t point_sequence,
                      std::uint32_t block_points) {
  const std::uint64_t done = points - std::min(points, point_sequence);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(done, block_points));
}

// Bytes of payload that fit the limits if all blocks are like the first: room for them at once
// saves moving the bytes as they grow.
std::uint64_t expected_bytes(const BlockHeader& first, std::uint64_t bytes_there,
                             const ReadLimits& limits) {
  const std::uint64_t points = std::min(limits.max_points, limits.max_bytes);
  const std::uint64_t bytes = (points / first.points + 1) * first.payload_size;
  return std::min({bytes, bytes_there, limits.max_bytes});
}

}  // namespace

RingFile::Snapshot RingFile::snapshot(ReaderId id, Part part) {
  const std::lock_guard lock(mutex_);
  Snapshot seen;
  seen.part = part;
  // In this order: a step of the clock in between shows in the era.
  seen.now_s = now_s();
  seen.now = clock_.boot();
  seen.max_age = options_.max_age;
  update_era();
  const Reader& reader = readers_[id];
  assert(!reader.in_flight);
  const Range& range = reader.range(part);
  seen.medium = medium_;
  seen.begin = range.begin;
  seen.likely_bytes = reader.batch_bytes;
  seen.floor = floor_of(tail_.position, data_size());
  seen.era = era_;
  seen.era_since = era_since_;
  seen.stop = range.is_open() ? held_mark(file_points()) : range.end;
  if (!range.is_open()) return seen;
  for (const auto& held : held_) {
    if (held->end_points() <= seen.begin.points()) continue;
    seen.held.push_back({held, held->point_sequence, too_old(held->stored_at_s, held->era, seen)});
  }
  return seen;
}

// Blocks of an earlier era were stored before this one began: their own times say nothing.
bool RingFile::too_old(std::uint32_t stored_at_s, std::uint16_t era, const Snapshot& seen) const {
  if (seen.max_age <= base::Duration::zero()) return false;
  if (era != seen.era) return seen.now - seen.era_since > seen.max_age;
  const std::chrono::seconds age(std::int64_t{seen.now_s} - std::int64_t{stored_at_s});
  return age > seen.max_age;
}

// Takes blocks from `at` on until a limit, the end of the range, or something that does not follow.
// On return `at` is the first place not taken: blocks with nothing to hand out are passed over only
// in front.
RingFile::Stop RingFile::collect(BlockIo* io, Mark& at, const Snapshot& seen,
                                 const ReadLimits& limits, Flight& flight) const {
  Mark next = at;
  if (io != nullptr) {
    const Stop stop = collect_file(*io, at, next, seen, limits, flight);
    if (stop != Stop::kTail) return stop;
  }
  return collect_held(at, next, seen, limits, flight);
}

RingFile::Stop RingFile::collect_file(BlockIo& io, Mark& at, Mark& next, const Snapshot& seen,
                                      const ReadLimits& limits, Flight& flight) const {
  ReadBatch& batch = flight.batch;
  std::uint64_t expected = 0;
  while (next.position < seen.stop.position) {
    const auto block = io.at(next.position);
    // A block that does not continue the count shows that points before it are lost.
    if (!block || !follows(block->header, next, seen.stop) ||
        block->header.point_sequence > next.points()) {
      return Stop::kDamaged;
    }
    const BlockHeader& header = block->header;
    const std::uint32_t skip = done_of(next.points(), header.point_sequence, header.points);
    const bool nothing = header.kind != BlockKind::kData || skip == header.points;
    const bool expired = !nothing && flight.blocks.empty() &&
                         too_old(header.stored_at_s, header.flags & kEraMask, seen);
    if (nothing || expired) {
      const std::uint64_t points = next.points();
      next = end_of(*block);
      if (next.points() < points) next.point_sequence = points;
      if (flight.blocks.empty()) at = next;
      continue;
    }
    const bool over = batch.points + header.points - skip > limits.max_points ||
                      batch.raw_bytes + header.raw_size > limits.max_raw_bytes ||
                      flight.payload_bytes + header.payload_size > limits.max_bytes;
    if (over && !flight.blocks.empty()) return Stop::kFull;
    const std::size_t offset = batch.payloads.size();
    if (flight.blocks.empty()) {
      const std::uint64_t there = seen.stop.position - next.position;
      expected = expected_bytes(header, there, limits);
      batch.payloads.reserve(offset + expected);
    }
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
    flight.file_bytes += header.extent();
    io.read_ahead(read_ahead_for(expected - std::min(expected, flight.payload_bytes)));
    const Mark end = end_of(*block);
    flight.blocks.push_back({header.point_sequence, header.points, enter(*block, 0), end, nullptr});
    next = end;
    if (over) return Stop::kFull;
  }
  // Points between the last block and the end were accepted once and lost in a power cut.
  return next.points() < seen.stop.points() ? Stop::kDamaged : Stop::kTail;
}

RingFile::Stop RingFile::collect_held(Mark& at, Mark& next, const Snapshot& seen,
                                      const ReadLimits& limits, Flight& flight) {
  ReadBatch& batch = flight.batch;
  for (const Snapshot::Held& held : seen.held) {
    const Block& block = held.block->block;
    const std::uint32_t skip = done_of(next.points(), held.point_sequence, block.points);
    const std::uint64_t end = held.point_sequence + block.points;
    const bool nothing = skip == block.points || (held.too_old && flight.blocks.empty());
    if (!nothing) {
      const std::string_view payload = held.block->payload();
      const bool over = batch.points + block.points - skip > limits.max_points ||
                        batch.raw_bytes + block.raw_size > limits.max_raw_bytes ||
                        flight.payload_bytes + payload.size() > limits.max_bytes;
      if (over && !flight.blocks.empty()) return Stop::kFull;
      batch.blocks.push_back({seen.stop.block_sequence, held.point_sequence, block.points, skip,
                              block.raw_size, block.raw_crc32, block.codec, batch.payloads.size(),
                              static_cast<std::uint32_t>(payload.size()), block.oldest_ns,
                              held.block->stored_at_s});
      batch.payloads += payload;
      batch.points += block.points - skip;
      batch.raw_bytes += block.raw_size;
      flight.payload_bytes += payload.size();
      flight.blocks.push_back({held.point_sequence, block.points, {}, {}, held.block});
      if (over) return Stop::kFull;
    }
    next = {seen.stop.position, seen.stop.block_sequence, end, 0};
    if (flight.blocks.empty()) at = next;
  }
  return Stop::kTail;
}

// Books what is damaged in front of a reader and moves it on, unless somebody else has moved it
// first. Fails when the device can no longer be read.
base::Status RingFile::skip_damage(ReaderId id, BlockIo& io, const Snapshot& seen, const Mark& from,
                                   const std::optional<FoundBlock>& bad_payload) {
  io.forget();
  Mark live = bad_payload ? end_of(*bad_payload) : first_live(io, from, seen.floor, seen.stop);
  // One sector that cannot be read is damage. A device of which nothing more can be read is away:
  // what it holds may come back with it.
  if (io.failed() && live == seen.stop) {
    return base::fail(base::ErrorCode::kIo, "the ring cannot be read at byte {} of the data area",
                      from.position % io.data_size());
  }
  std::uint64_t lost = 0;
  {
    const std::lock_guard lock(mutex_);
    Reader& reader = readers_[id];
    if (!(reader.range(seen.part).begin == seen.begin)) return base::ok();
    // After a failed sync the file may show what it held before. What was written since the last
    // completed one is in memory, too, and will be written again.
    if (trouble_ && live.position > synced_.position) {
      return base::fail(base::ErrorCode::kIo, "what is not synced yet cannot be read: {}",
                        trouble_->message);
    }
    lost = reader.move_on(seen.part, live);
    reader.state.counters.corrupt += lost;
  }
  logger_.error("damaged block at byte {} of the data area: {} points lost, going on at byte {}",
                from.position % io.data_size(), lost, live.position % io.data_size());
  return base::ok();
}

base::Result<ReadBatch> RingFile::read(ReaderId id, const ReadLimits& limits, std::size_t prefix,
                                       Part part) {
  while (true) {
    const Snapshot seen = snapshot(id, part);
    std::optional<BlockIo> io;
    if (seen.medium.file) {
      io.emplace(*seen.medium.file, seen.medium.superblock);
      io->read_ahead(
          read_ahead_for(std::min(seen.likely_bytes, seen.stop.position - seen.begin.position)));
    }
    Flight flight;
    flight.batch.payloads.resize(prefix);
    Mark at = seen.begin;
    const Stop stop = collect(io ? &*io : nullptr, at, seen, limits, flight);
    const bool damaged = stop == Stop::kDamaged && flight.blocks.empty();
    // What is passed over on the way to the damage has expired: that is booked first.
    if (damaged && at == seen.begin) {
      auto skipped = skip_damage(id, *io, seen, at, flight.bad_payload);
      if (!skipped) return tl::unexpected(skipped.error());
      continue;
    }
    const std::lock_guard lock(mutex_);
    Reader& reader = readers_[id];
    // Overtaken: what was read may be overwritten. Or a file has come, and everything is numbered
    // anew.
    if (!(reader.range(part).begin == seen.begin) || medium_.file != seen.medium.file) continue;
    // Passed over without being handed out: too old.
    const std::size_t ranges = reader.state.ranges.size();
    reader.state.counters.expired += reader.move_on(part, at);
    drop_delivered();
    // On to the next one, or to what is damaged.
    if (reader.state.ranges.size() != ranges || damaged) continue;
    if (!flight.blocks.empty()) {
      reader.in_flight = true;
      reader.flight_part = part;
      reader.flight = std::move(flight.blocks);
      reader.batch_bytes = flight.file_bytes;
    }
    return std::move(flight.batch);
  }
}

// The place after the first `points` pending points of the batch in flight.
Mark RingFile::acknowledged_to(const Reader& reader, std::uint64_t points) const {
  Mark to = reader.range(reader.flight_part).begin;
  for (const FlightBlock& block : reader.flight) {
    const std::uint32_t skip = done_of(to.points(), block.point_sequence, block.points);
    const std::uint32_t taken =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(points, block.points - skip));
    if (taken == 0) break;
    points -= taken;
    const bool whole = skip + taken == block.points;
    const std::uint64_t done = block.point_sequence + skip + taken;
    if (block.held && !block.held->begin) {
      to = held_mark(done);
    } else if (whole) {
      to = block.held ? *block.held->end : block.end;
    } else {
      to = block.held ? *block.held->begin : block.begin;
      to.points_into_block = skip + taken;
    }
  }
  assert(points == 0);
  return to;
}

void RingFile::acknowledge(ReaderId id, std::uint64_t points, const Outcome& outcome) {
  bool in_file = false;
  {
    const std::lock_guard lock(mutex_);
    Reader& reader = readers_[id];
    assert(reader.in_flight && outcome.rejected + outcome.filtered <= points);
    // In spill mode what comes and goes in memory leaves no trace in the file.
    in_file = reader.range(reader.flight_part).begin.position != tail_.position;
    (void)reader.move_on(reader.flight_part, acknowledged_to(reader, points));
    LedgerCounters& counters = reader.state.counters;
    counters.rejected += outcome.rejected;
    counters.filtered += outcome.filtered;
    counters.delivered += points - outcome.rejected - outcome.filtered;
    finish_flight(reader);
  }
  if (in_file) write_slot_or_log();
}

void RingFile::release(ReaderId id) {
  const std::lock_guard lock(mutex_);
  finish_flight(readers_[id]);
}

void RingFile::finish_flight(Reader& reader) {
  reader.in_flight = false;
  reader.flight.clear();
  if (reader.evicted_to.position > reader.begin().position) {
    reader.state.counters.overflow += advance(reader.state, reader.evicted_to);
  }
  reader.evicted_to = {};
  drop_delivered();
}

}  // namespace holdfast::buffer

// What a ring says of itself: from the running ring, or from a file that nobody need have open.
#include <algorithm>

#include "buffer/recovery.h"
#include "buffer/ring_file.h"

namespace holdfast::buffer {
namespace {

Ledger ledger_of(const ReaderState& reader, std::uint64_t buffered, std::uint64_t accepted_in_all) {
  return {reader.since_ns, accepted_in_all - reader.since_points, buffered, reader.counters};
}

// The part of a RingInfo that follows from readers and tail alone.
RingInfo describe(const Superblock& superblock, const std::vector<ReaderState>& readers,
                  const std::vector<bool>& attached, const Mark& tail, std::uint64_t accepted,
                  BlockIo* io) {
  RingInfo info;
  info.size_bytes = superblock.file_size;
  info.block_sequence = tail.block_sequence;
  info.point_sequence = accepted;
  std::uint64_t oldest = tail.position;
  for (std::size_t i = 0; i < readers.size(); ++i) {
    const ReaderState& reader = readers[i];
    const std::uint64_t pending = pending_of(reader, accepted);
    info.points = std::max(info.points, pending);
    if (pending > 0) oldest = std::min(oldest, reader.ranges.front().begin.position);
    info.readers.push_back({reader.id, attached[i], reader.orphaned_ns,
                            ledger_of(reader, pending, accepted), reader.not_before});
  }
  // A batch in flight may have been overtaken: of what it holds nothing is in the file any more.
  oldest = std::max(oldest, floor_of(tail.position, superblock.data_size));
  info.used_bytes = tail.position - oldest;
  if (oldest < tail.position && io != nullptr) {
    if (const auto block = io->at(oldest)) info.oldest_stored_at_s = block->header.stored_at_s;
  }
  return info;
}

}  // namespace

RingInfo RingFile::info() const {
  std::vector<ReaderState> readers;
  std::vector<bool> attached;
  Mark tail;
  std::uint64_t accepted = 0;
  Medium on;
  RingInfo numbers;
  {
    const std::lock_guard lock(mutex_);
    for (const Reader& reader : readers_) {
      if (reader.removed) continue;
      readers.push_back(reader.state);
      attached.push_back(reader.attached);
    }
    tail = tail_;
    accepted = accepted_;
    on = medium_;
    numbers.writes = writes_;
    numbers.bytes_written = bytes_written_;
    numbers.syncs = syncs_;
    numbers.unsynced_bytes = tail_.position - synced_.position;
    numbers.degraded = trouble_.has_value();
    if (trouble_) numbers.degraded_why = trouble_->message;
    for (const auto& held : held_) numbers.held_points += held->block.points;
    numbers.held_bytes = held_bytes_;
    if (!held_.empty()) numbers.oldest_stored_at_s = held_.front()->stored_at_s;
  }
  std::optional<BlockIo> io;
  if (on.file) {
    io.emplace(*on.file, on.superblock);
    io->read_ahead(kHeaderSize);
  }
  RingInfo info = describe(on.superblock, readers, attached, tail, accepted, io ? &*io : nullptr);
  info.writes = numbers.writes;
  info.bytes_written = numbers.bytes_written;
  info.syncs = numbers.syncs;
  info.unsynced_bytes = numbers.unsynced_bytes;
  info.degraded = numbers.degraded;
  info.degraded_why = numbers.degraded_why;
  info.held_points = numbers.held_points;
  info.held_bytes = numbers.held_bytes;
  if (info.oldest_stored_at_s == 0) info.oldest_stored_at_s = numbers.oldest_stored_at_s;
  return info;
}

RingInfo info_of(File& file, const Recovered& recovered) {
  BlockIo io(file, recovered.superblock);
  const std::vector<bool> attached(recovered.state.readers.size(), false);
  return describe(recovered.superblock, recovered.state.readers, attached, recovered.tail,
                  recovered.tail.points(), &io);
}

base::Result<RingInfo> inspect(File& file) {
  bool damaged = false;
  auto superblock = read_superblock(file, damaged);
  if (!superblock) return tl::unexpected(superblock.error());
  return info_of(file, recover(file, *superblock));
}

}  // namespace holdfast::buffer

// Opening a ring, its slots, its syncs and what it says of itself. Appending is in ring_append.cpp,
// reading in ring_read.cpp.
#include "buffer/ring.h"

#include <algorithm>
#include <utility>

#include "buffer/ring_file.h"

namespace holdfast::buffer {
namespace {

std::array<char, 36> boot_id_of(const base::Clock& clock) {
  std::array<char, 36> id{};
  const std::string text = clock.boot_id();
  std::copy_n(text.begin(), std::min(text.size(), id.size()), id.begin());
  return id;
}

RingOptions with_defaults(RingOptions options, std::uint64_t data_size) {
  if (options.sync == SyncMode::kNever) {
    options.unsynced_limit = data_size;
  } else if (options.unsynced_limit == 0) {
    options.unsynced_limit = 2U << 20U;
  }
  if (options.sync != SyncMode::kNever) {
    options.unsynced_limit = std::min(options.unsynced_limit, data_size / 4);
  }
  if (options.checkpoint_bytes == 0) {
    options.checkpoint_bytes = std::min<std::uint64_t>(4U << 20U, data_size / 4);
  }
  return options;
}

}  // namespace

base::Result<std::unique_ptr<Ring>> Ring::open(std::unique_ptr<File> file,
                                               const RingOptions& options, const base::Clock& clock,
                                               base::Random random, base::Logger logger) {
  bool damaged = false;
  auto superblock = read_superblock(*file, damaged);
  const bool created = !superblock && superblock.error().code == base::ErrorCode::kNotFound;
  if (created) {
    superblock = RingFile::create(*file, options.size, clock, random);
    damaged = false;
  }
  if (!superblock) return tl::unexpected(superblock.error());
  if (superblock->ro_compat != 0) {
    return base::fail(base::ErrorCode::kUnsupported,
                      "the ring has features {:#x} that this program can only read around",
                      superblock->ro_compat);
  }
  const auto size = file->size();
  if (!size) return tl::unexpected(size.error());
  if (*size < superblock->file_size) {
    // Somebody cut it short. Its place on the device is reserved again, as at the start.
    if (auto done = file->allocate(superblock->file_size); !done) {
      return tl::unexpected(done.error());
    }
  }
  Recovered recovered = recover(*file, *superblock);
  recovered.superblock_damaged = damaged;
  recovered.report.created = created;
  auto ring =
      std::make_unique<RingFile>(std::move(file), options, clock, std::move(logger), recovered);
  if (auto prepared = ring->prepare(recovered); !prepared) {
    return tl::unexpected(prepared.error());
  }
  return ring;
}

base::Result<Superblock> RingFile::create(File& file, std::uint64_t size, const base::Clock& clock,
                                          base::Random& random) {
  Superblock superblock;
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
  if (auto done = file.allocate(superblock.file_size); !done) return tl::unexpected(done.error());
  State state;
  state.generation = 1;
  state.synced.block_sequence = state.next.block_sequence = 1;
  state.boot_id = boot_id_of(clock);
  const std::string slot = encode_state(state, superblock);
  if (auto done = file.write_at(kSlotOffsets[0], base::as_bytes(slot)); !done) {
    return tl::unexpected(done.error());
  }
  // The superblock comes last and after a sync: what it announces must be there.
  if (auto done = file.sync(); !done) return tl::unexpected(done.error());
  std::array<std::byte, kSuperblockBytes> bytes;
  encode_superblock(superblock, bytes);
  for (const std::uint64_t offset : kSuperblockOffsets) {
    if (auto done = file.write_at(offset, bytes); !done) return tl::unexpected(done.error());
  }
  if (auto done = file.sync(); !done) return tl::unexpected(done.error());
  return superblock;
}

RingFile::RingFile(std::unique_ptr<File> file, const RingOptions& options, const base::Clock& clock,
                   base::Logger logger, Recovered recovered)
    : file_(std::move(file)),
      options_(with_defaults(options, recovered.superblock.data_size)),
      clock_(clock),
      logger_(std::move(logger)),
      superblock_(recovered.superblock),
      recovery_(recovered.report),
      last_checkpoint_(clock.boot()),
      wall_minus_boot_ns_(clock.wall_ns() - clock.boot().time_since_epoch().count()),
      tail_(recovered.tail),
      last_position_(recovered.last_position),
      last_block_(recovered.last_block),
      synced_(recovered.tail),
      synced_last_position_(recovered.last_position),
      synced_last_block_(recovered.last_block),
      generation_(recovered.state.generation),
      active_slot_(recovered.slot ^ 1U),
      era_(recovered.state.era),
      boot_id_(boot_id_of(clock)) {
  if (boot_id_ != recovered.state.boot_id) era_ = (era_ + 1U) & kEraMask;
  for (ReaderState& state : recovered.state.readers) {
    readers_.push_back({.state = std::move(state),
                        .attached = false,
                        .in_flight = false,
                        .flight = {},
                        .evicted_to = {}});
  }
  readers_.reserve(kMaxReaders);
  oldest_ = recovered.oldest;
}

base::Status RingFile::prepare(const Recovered& recovered) {
  if (recovered.superblock_damaged) {
    std::array<std::byte, kSuperblockBytes> bytes;
    encode_superblock(superblock_, bytes);
    for (const std::uint64_t offset : kSuperblockOffsets) {
      if (auto done = write_counted(offset, bytes); !done) return done;
    }
  }
  const std::array<std::byte, kHeaderSize> erased{};
  for (const std::uint64_t position : recovered.ghosts) {
    const std::uint64_t offset = kDataOffset + position % data_size();
    if (auto done = write_counted(offset, erased); !done) return done;
  }
  const bool durable = recovered.report.clean || recovered.report.created;
  if (!durable || recovered.superblock_damaged || !recovered.ghosts.empty()) {
    // What was found after a kill may be in the page cache only, the newest slot included. It must
    // be on the device before a slot calls it synced, and before the other slot is written.
    if (auto done = file_->sync(); !done) return done;
    const std::lock_guard lock(mutex_);
    ++syncs_;
  }
  const auto synced = sync(true);
  if (!synced) return tl::unexpected(synced.error());
  return base::ok();
}

base::Status RingFile::write_counted(std::uint64_t offset, std::span<const std::byte> bytes) {
  auto written = file_->write_at(offset, bytes);
  const std::lock_guard lock(mutex_);
  ++writes_;
  if (written) bytes_written_ += bytes.size();
  return written;
}

State RingFile::state_now(bool clean) const {
  State state;
  state.generation = generation_;
  state.clean = clean;
  state.era = era_;
  state.boot_id = boot_id_;
  state.written_ns = clock_.wall_ns();
  state.synced = synced_;
  state.last_position = synced_last_position_;
  state.last_block = synced_last_block_;
  state.next = tail_;
  state.unsynced_limit = options_.unsynced_limit;
  for (const Reader& reader : readers_) {
    if (!reader.removed) state.readers.push_back(reader.state);
  }
  return state;
}

base::Status RingFile::write_slot(bool clean) {
  const std::lock_guard turn(slot_mutex_);
  return write_slot_in_turn(clean);
}

base::Status RingFile::write_slot_in_turn(bool clean) {
  std::string bytes;
  std::size_t slot = 0;
  {
    const std::lock_guard lock(mutex_);
    ++generation_;
    bytes = encode_state(state_now(clean), superblock_);
    slot = active_slot_;
  }
  return write_counted(kSlotOffsets[slot], base::as_bytes(bytes));
}

base::Result<bool> RingFile::sync(bool even_if_idle) {
  const std::lock_guard turn(sync_mutex_);
  {
    const std::lock_guard lock(mutex_);
    if (!even_if_idle && tail_ == synced_) return false;
  }
  Mark tail;
  std::uint64_t last_position = 0;
  std::uint64_t last_block = 0;
  std::uint64_t generation = 0;
  {
    // In turn, so that no slot write is under way that the sync might miss.
    const std::lock_guard slot_turn(slot_mutex_);
    if (auto written = write_slot_in_turn(false); !written) {
      return tl::unexpected(written.error());
    }
    const std::lock_guard lock(mutex_);
    tail = tail_;
    last_position = last_position_;
    last_block = last_block_;
    generation = generation_;
  }
  if (auto done = file_->sync(); !done) return tl::unexpected(done.error());
  const std::lock_guard lock(mutex_);
  ++syncs_;
  synced_ = tail;
  synced_last_position_ = last_position;
  synced_last_block_ = last_block;
  // The slot just made durable is left alone from now on, unless an acknowledgement has rewritten
  // it during the sync: then the other one stays the durable one.
  if (generation == generation_) active_slot_ ^= 1U;
  return true;
}

base::Status RingFile::close() {
  if (auto done = sync(true); !done) return tl::unexpected(done.error());
  if (auto done = write_slot(true); !done) return done;
  return file_->sync();
}

void RingFile::on_sync_wanted(std::function<void()> callback) {
  const std::lock_guard lock(callback_mutex_);
  sync_wanted_ = std::move(callback);
}

void RingFile::on_append(std::function<void()> callback) {
  const std::lock_guard lock(callback_mutex_);
  appended_ = std::move(callback);
}

base::Result<ReaderId> RingFile::attach(std::string_view id) {
  if (id.empty() || id.size() > kMaxReaderId) {
    return base::fail(base::ErrorCode::kInvalid, "reader name `{}` has {} bytes, expected 1 to {}",
                      id, id.size(), kMaxReaderId);
  }
  std::size_t index = 0;
  std::string given_up;
  {
    const std::lock_guard lock(mutex_);
    const auto known = std::find_if(readers_.begin(), readers_.end(), [&](const Reader& r) {
      return !r.removed && r.state.id == id;
    });
    index = static_cast<std::size_t>(known - readers_.begin());
    if (known == readers_.end()) {
      Reader fresh = new_reader(id);
      const auto place =
          std::find_if(readers_.begin(), readers_.end(), [](const Reader& r) { return r.removed; });
      index = static_cast<std::size_t>(place - readers_.begin());
      if (index == kMaxReaders) {
        const auto orphan = longest_orphan();
        if (!orphan) {
          return base::fail(base::ErrorCode::kBusy, "the ring holds {} readers, no room for `{}`",
                            kMaxReaders, id);
        }
        given_up = readers_[*orphan].state.id;
        readers_[*orphan] = std::move(fresh);
        index = *orphan;
      } else if (place == readers_.end()) {
        readers_.push_back(std::move(fresh));
      } else {
        *place = std::move(fresh);
      }
    }
    readers_[index].attached = true;
    readers_[index].state.orphaned_ns = 0;
  }
  if (!given_up.empty()) {
    logger_.error("no room for another reader: the orphan {} and its backlog are given up",
                  given_up);
  }
  if (auto written = write_slot(false); !written) return tl::unexpected(written.error());
  return index;
}

// It starts where the reader furthest behind stands: at what is still pending for anyone.
RingFile::Reader RingFile::new_reader(std::string_view id) const {
  Mark begin = has_readers() ? tail_ : oldest_;
  const auto place = [](const Mark& mark) {
    return std::pair(mark.position, mark.points_into_block);
  };
  for (const Reader& other : readers_) {
    if (!other.removed && place(other.wanted()) < place(begin)) begin = other.wanted();
  }
  Reader reader;
  reader.state.id = id;
  reader.state.since_ns = clock_.wall_ns();
  reader.state.since_points = begin.points();
  reader.state.ranges.push_back({begin, Range{}.end});
  return reader;
}

bool RingFile::has_readers() const {
  return std::any_of(readers_.begin(), readers_.end(), [](const Reader& r) { return !r.removed; });
}

std::optional<ReaderId> RingFile::longest_orphan() const {
  std::optional<ReaderId> longest;
  for (ReaderId i = 0; i < readers_.size(); ++i) {
    const Reader& reader = readers_[i];
    if (reader.attached || reader.removed || reader.state.orphaned_ns == 0) continue;
    if (!longest || reader.state.orphaned_ns < readers_[*longest].state.orphaned_ns) longest = i;
  }
  return longest;
}

std::vector<std::string> RingFile::settle_orphans(base::Duration keep) {
  std::vector<std::string> kept;
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t now = clock_.wall_ns();
    for (Reader& reader : readers_) {
      if (reader.attached || reader.removed) continue;
      if (reader.state.orphaned_ns == 0) reader.state.orphaned_ns = now;
      if (now - reader.state.orphaned_ns > keep.count()) {
        // The others keep their index; its place is for the next new reader.
        reader.removed = true;
        oldest_ = reader.wanted();
      } else {
        kept.push_back(reader.state.id);
      }
    }
  }
  if (auto written = write_slot(false); !written) logger_.error("{}", written.error().message);
  return kept;
}

std::uint64_t RingFile::pending(const Reader& reader) const {
  return pending_of(reader.state, tail_);
}

std::uint64_t RingFile::pending_points(ReaderId reader) const {
  const std::lock_guard lock(mutex_);
  return pending(readers_[reader]);
}

NotBefore RingFile::not_before(ReaderId reader) const {
  const std::lock_guard lock(mutex_);
  return readers_[reader].state.not_before;
}

void RingFile::set_not_before(ReaderId reader, const NotBefore& wait) {
  {
    const std::lock_guard lock(mutex_);
    if (readers_[reader].state.not_before == wait) return;
    readers_[reader].state.not_before = wait;
  }
  if (auto written = write_slot(false); !written) logger_.error("{}", written.error().message);
}

}  // namespace holdfast::buffer

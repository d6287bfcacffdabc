// Opening a ring: creating the file, taking over what recovery found, repairing it.
#include <algorithm>

#include "buffer/clock_era.h"
#include "buffer/head.h"
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
    options.unsynced_limit = 1U << 20U;
  }
  if (options.sync != SyncMode::kNever) {
    options.unsynced_limit = std::min(options.unsynced_limit, data_size / 4);
  }
  if (options.checkpoint_bytes == 0) {
    options.checkpoint_bytes = std::min<std::uint64_t>(4U << 20U, data_size / 4);
  }
  return options;
}

// Stored-at times of before and from now on cannot be compared: another boot, or the wall clock was
// set while the ring was closed.
bool era_ended(const State& state, const base::Clock& clock) {
  if (boot_id_of(clock) != state.boot_id || state.written_boot_ns == 0) return true;
  const std::int64_t before = state.written_ns - state.written_boot_ns;
  return clock_stepped(before, wall_minus_boot(clock));
}

// A fresh file. The superblock comes last and after a sync: what it announces must be there.
base::Result<Superblock> create(File& file, std::uint64_t size, const base::Clock& clock,
                                base::Random& random) {
  const auto made = new_superblock(size, clock, random);
  if (!made) return made;
  const Superblock& superblock = *made;
  if (auto done = file.allocate(superblock.file_size); !done) return tl::unexpected(done.error());
  State state;
  state.generation = 1;
  state.synced.block_sequence = state.next.block_sequence = 1;
  state.boot_id = boot_id_of(clock);
  state.written_ns = clock.wall_ns();
  state.written_boot_ns = clock.boot().time_since_epoch().count();
  const std::string slot = encode_state(state, superblock);
  if (auto done = file.write_at(kSlotOffsets[0], base::as_bytes(slot)); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = file.sync(); !done) return tl::unexpected(done.error());
  if (auto done = write_superblocks(file, superblock); !done) return tl::unexpected(done.error());
  if (auto done = file.sync(); !done) return tl::unexpected(done.error());
  return superblock;
}

}  // namespace

base::Result<std::unique_ptr<Ring>> Ring::open(std::unique_ptr<File> file,
                                               const RingOptions& options, const base::Clock& clock,
                                               base::Random random, base::Logger logger) {
  auto recovered = RingFile::load(*file, options.size, clock, random);
  if (!recovered) return tl::unexpected(recovered.error());
  auto ring = std::make_unique<RingFile>(std::move(file), options, clock, std::move(random),
                                         std::move(logger), *recovered);
  if (auto prepared = ring->prepare(*recovered); !prepared) {
    return tl::unexpected(prepared.error());
  }
  return ring;
}

std::unique_ptr<Ring> Ring::open_degraded(const base::Error& why, Reopen reopen,
                                          const RingOptions& options, const base::Clock& clock,
                                          base::Random random, base::Logger logger) {
  Recovered nothing;
  nothing.superblock.data_size = std::max(kMinDataSize, data_size_of(options.size));
  nothing.superblock.file_size = kDataOffset + nothing.superblock.data_size;
  nothing.tail.block_sequence = 1;
  auto ring = std::make_unique<RingFile>(nullptr, options, clock, std::move(random),
                                         std::move(logger), std::move(nothing));
  ring->begin_degraded(why, std::move(reopen));
  return ring;
}

base::Result<Recovered> RingFile::load(File& file, std::uint64_t size, const base::Clock& clock,
                                       base::Random& random) {
  bool damaged = false;
  auto superblock = read_superblock(file, damaged);
  const bool created = !superblock && superblock.error().code == base::ErrorCode::kNotFound;
  if (created) {
    superblock = create(file, size, clock, random);
    damaged = false;
  }
  if (!superblock) return tl::unexpected(superblock.error());
  if (superblock->ro_compat != 0) {
    return base::fail(base::ErrorCode::kUnsupported,
                      "the ring has features {:#x} that this program can only read around",
                      superblock->ro_compat);
  }
  const auto length = file.size();
  if (!length) return tl::unexpected(length.error());
  if (*length < superblock->file_size) {
    // Somebody cut it short. Its place on the device is reserved again, as at the start.
    if (auto done = file.allocate(superblock->file_size); !done) {
      return tl::unexpected(done.error());
    }
  }
  Recovered recovered = recover(file, *superblock);
  // Made before there was this feature: from now on it may be used.
  recovered.rewrite_superblock = damaged || lacks_feature(*superblock);
  recovered.superblock.incompat |= kPrimedBlocks;
  recovered.report.created = created;
  return recovered;
}

RingFile::RingFile(std::unique_ptr<File> file, const RingOptions& options, const base::Clock& clock,
                   base::Random random, base::Logger logger, Recovered recovered)
    : options_(with_defaults(options, recovered.superblock.data_size)),
      clock_(clock),
      logger_(std::move(logger)),
      random_(std::move(random)),
      reopen_(options.reopen),
      last_checkpoint_(clock.boot()),
      medium_{std::move(file), recovered.superblock},
      recovery_(recovered.report),
      tail_(recovered.tail),
      last_position_(recovered.last_position),
      last_block_(recovered.last_block),
      synced_(recovered.tail),
      synced_last_position_(recovered.last_position),
      synced_last_block_(recovered.last_block),
      generation_(recovered.state.generation),
      active_slot_(recovered.slot ^ 1U),
      era_(recovered.state.era),
      era_since_(clock.boot()),
      wall_minus_boot_ns_(wall_minus_boot(clock)),
      boot_id_(boot_id_of(clock)),
      accepted_(recovered.tail.points()) {
  if (era_ended(recovered.state, clock)) era_ = (era_ + 1U) & kEraMask;
  for (ReaderState& state : recovered.state.readers) {
    Reader reader;
    reader.state = std::move(state);
    readers_.push_back(std::move(reader));
  }
  readers_.reserve(kMaxReaders);
  oldest_ = recovered.oldest;
}

base::Status RingFile::prepare(const Recovered& recovered) {
  if (recovered.rewrite_superblock) {
    std::array<std::byte, kSuperblockBytes> bytes;
    encode_superblock(medium_.superblock, bytes);
    for (const std::uint64_t offset : kSuperblockOffsets) {
      if (auto done = write_counted(offset, bytes); !done) return done;
    }
  }
  const bool closed = recovered.report.clean && recovered.report.blocks_found_past_tail == 0;
  const bool durable = closed || recovered.report.created;
  if (!durable || recovered.rewrite_superblock || !recovered.ghosts.empty()) {
    // What was found after a kill may be in the page cache only, the newest slot included. It must
    // be on the device before a slot calls it synced, and before the other slot is written.
    if (auto done = medium_.file->sync(); !done) return done;
    const std::lock_guard lock(mutex_);
    ++syncs_;
  }
  SyncDone done;
  const auto synced = sync_file(true, done);
  if (!synced) return tl::unexpected(synced.error());
  return erase(recovered.ghosts);
}

// Only once their numbers are in a durable slot: until then nothing else tells that they were given
// out.
base::Status RingFile::erase(const std::vector<std::uint64_t>& ghosts) {
  if (ghosts.empty()) return base::ok();
  const std::array<std::byte, kHeaderSize> erased{};
  for (const std::uint64_t position : ghosts) {
    const std::uint64_t offset = kDataOffset + position % data_size();
    if (auto done = write_counted(offset, erased); !done) return done;
  }
  if (auto done = medium_.file->sync(); !done) return done;
  const std::lock_guard lock(mutex_);
  ++syncs_;
  return base::ok();
}

void RingFile::begin_degraded(const base::Error& why, Reopen reopen) {
  {
    const std::lock_guard turn(append_mutex_);
    reopen_ = std::move(reopen);
  }
  degrade(why);
  const std::lock_guard lock(mutex_);
  retry_at_ = clock_.boot();
}

bool RingFile::anyone_in_flight() const {
  return std::any_of(readers_.begin(), readers_.end(),
                     [](const Reader& reader) { return reader.in_flight; });
}

// What a reader has in its hands is numbered as memory has it. That passes soon and is no failure
// of the device.
bool RingFile::adoption_waits() {
  const std::lock_guard lock(mutex_);
  if (medium_.file || !anyone_in_flight()) return false;
  retry_at_ = clock_.boot() + std::chrono::seconds(1);
  return true;
}

base::Status RingFile::find_file() {
  if (const auto file = medium().file) {
    if (auto kept = keep_in_place(*file); !kept) return kept;
    if (medium().file) {
      const std::lock_guard turn(append_mutex_);
      return unprepared_ ? prepare_found() : base::ok();
    }
  }
  if (!found_) {
    // Reading a large file may take a while; nobody waits for it.
    auto file = reopen_();
    if (!file) return tl::unexpected(file.error());
    auto recovered = load(**file, medium().superblock.file_size, clock_, random_);
    if (!recovered) return tl::unexpected(recovered.error());
    found_ = Found{std::move(*file), std::move(*recovered)};
  }
  const std::lock_guard turn(append_mutex_);
  {
    const std::lock_guard lock(mutex_);
    if (anyone_in_flight()) return tl::unexpected(*trouble_);
    adopt(std::move(found_->file), found_->recovered);
  }
  unprepared_ = std::move(found_->recovered);
  found_.reset();
  log_recovery(unprepared_->report, "the file", logger_);
  return prepare_found();
}

// A file that was cut short gets its length back. One that was removed, or replaced by another, is
// left once the outputs have had what it holds: what is written there would be found by nobody.
base::Status RingFile::keep_in_place(File& file) {
  const std::uint64_t size = medium().superblock.file_size;
  auto place = file.still_in_place(size);
  if (!place && place.error().code == base::ErrorCode::kCorrupt) return file.allocate(size);
  if (place || !reopen_) return place;
  const std::lock_guard turn(append_mutex_);
  const std::lock_guard sync_turn(sync_mutex_);  // one that is at work has yet to do its books
  const std::lock_guard lock(mutex_);
  const bool wanted = std::any_of(readers_.begin(), readers_.end(), [&](const Reader& reader) {
    return reader.attached && reader.begin().position != tail_.position;
  });
  if (wanted || anyone_in_flight()) return place;
  for (Reader& reader : readers_) {
    if (!reader.removed) {
      reader.state.counters.corrupt += advance(reader.state, held_mark(file_points()));
    }
  }
  medium_.file.reset();
  unsynced_writes_.clear();
  unsynced_bytes_ = 0;
  return base::ok();
}

base::Status RingFile::prepare_found() {
  auto prepared = prepare(*unprepared_);
  if (prepared) unprepared_.reset();
  return prepared;
}

// The file's points come first; those in memory follow them.
void RingFile::adopt(std::unique_ptr<File> file, const Recovered& recovered) {
  const std::uint64_t shift = recovered.tail.points();
  const Mark file_tail = recovered.tail;
  medium_ = {std::move(file), recovered.superblock};
  const RingOptions fitting = with_defaults(options_, recovered.superblock.data_size);
  options_.unsynced_limit = fitting.unsynced_limit;
  options_.checkpoint_bytes = fitting.checkpoint_bytes;
  recovery_ = recovered.report;
  tail_ = synced_ = file_tail;
  last_position_ = synced_last_position_ = recovered.last_position;
  last_block_ = synced_last_block_ = recovered.last_block;
  generation_ = recovered.state.generation;
  active_slot_ = recovered.slot ^ 1U;
  const std::uint16_t era_in_memory = era_;
  era_ = (recovered.state.era + 1U) & kEraMask;
  accepted_ += shift;
  for (const auto& held : held_) {
    held->point_sequence += shift;
    // Stored-at times of an earlier era in memory stay apart from those of now.
    held->era = held->era == era_in_memory ? era_ : recovered.state.era;
  }
  for (Reader& reader : readers_) {
    reader.state.ranges.front().begin = held_mark(reader.begin().points() + shift);
    reader.state.since_points += shift;
  }
  oldest_ = recovered.oldest;
  adopt_readers(recovered.state.readers);
}

void RingFile::adopt_readers(const std::vector<ReaderState>& found) {
  // As if they had been attached to the file: at the oldest block still pending for anyone.
  const auto furthest =
      std::min_element(found.begin(), found.end(), [](const ReaderState& a, const ReaderState& b) {
        return a.ranges.front().begin.before(b.ranges.front().begin);
      });
  ReaderState fresh;
  fresh.ranges = furthest != found.end() ? furthest->ranges : std::vector{Range{.begin = oldest_}};
  fresh.since_points = tail_.points() - pending_of(fresh, tail_.points());
  const auto is = [](const std::string& id) {
    return [&id](const ReaderState& state) { return state.id == id; };
  };
  for (Reader& reader : readers_) {
    if (reader.removed) continue;
    const auto known = std::find_if(found.begin(), found.end(), is(reader.state.id));
    fresh.id = reader.state.id;
    fresh.since_ns = reader.state.since_ns;
    reader.state = go_on(known != found.end() ? &*known : nullptr, fresh, reader.state);
  }
  for (const ReaderState& state : found) {
    const bool claimed = std::any_of(readers_.begin(), readers_.end(), [&](const Reader& reader) {
      return !reader.removed && reader.state.id == state.id;
    });
    if (claimed) continue;
    if (readers_.size() == kMaxReaders) {
      logger_.error("no room for another reader: the orphan {} and its backlog are given up",
                    state.id);
      continue;
    }
    Reader orphan;
    orphan.state = state;
    if (state.orphaned_ns == 0) orphan.state.orphaned_ns = clock_.wall_ns();
    readers_.push_back(std::move(orphan));
  }
}

// A reader of the file whose output has gone on from memory: first its backlog, then what it has
// still to get of the points that came since.
ReaderState RingFile::go_on(const ReaderState* known, const ReaderState& fresh,
                            const ReaderState& meanwhile) const {
  ReaderState state = known != nullptr ? *known : fresh;
  state.orphaned_ns = meanwhile.orphaned_ns;
  if (meanwhile.not_before != NotBefore{}) state.not_before = meanwhile.not_before;
  // Without a gap in what it has had, one stretch does. Without room for another, the gap shows as
  // a loss once the reader gets there.
  const bool gap = meanwhile.ranges.back().begin.points() > tail_.points();
  if (!gap || state.ranges.size() == kMaxRanges) return state;
  state.counters += meanwhile.counters;
  // Points that were delivered to others before this output came.
  const std::uint64_t missed = meanwhile.since_points - tail_.points();
  (known != nullptr ? state.counters.corrupt : state.since_points) += missed;
  Range& last = state.ranges.back();
  last.end = held_mark(tail_.points());
  if (!last.begin.before(last.end)) state.ranges.pop_back();
  state.ranges.push_back(meanwhile.ranges.back());
  return state;
}

}  // namespace holdfast::buffer

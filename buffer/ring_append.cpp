// Appending: one block at a time goes to the tail. Readers in the way are moved on first, so that
// nobody is reading what is about to be overwritten without noticing.
#include <algorithm>
#include <cassert>

#include "buffer/clock_era.h"
#include "buffer/compressor.h"
#include "buffer/crc32c.h"
#include "buffer/ring_file.h"

namespace holdfast::buffer {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

// Rounded up; timestamps may lie anywhere in their range.
std::uint32_t span_seconds(std::int64_t oldest_ns, std::int64_t newest_ns) {
  const auto span_ns =
      static_cast<std::uint64_t>(newest_ns) - static_cast<std::uint64_t>(oldest_ns);
  const std::uint64_t seconds = span_ns / kSecondNs + (span_ns % kSecondNs != 0 ? 1 : 0);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(UINT32_MAX, seconds));
}

// The header goes into the room in front of the payload. The bytes after the block, up to the next
// multiple of 64, keep what they were.
void seal(BlockHeader& header, std::string& bytes, std::uint32_t seed) {
  const auto all = std::as_writable_bytes(std::span<char>(bytes));
  header.payload_size = static_cast<std::uint32_t>(bytes.size() - kHeaderSize);
  header.payload_crc32c = crc32c(all.subspan(kHeaderSize));
  encode_header(header, seed, all.first<kHeaderSize>());
}

}  // namespace

std::uint32_t RingFile::max_payload() const {
  const std::lock_guard lock(mutex_);
  return largest_payload();
}

std::uint32_t RingFile::largest_payload() const {
  const std::uint64_t share = data_size() / 8 - kHeaderSize;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(kMaxPayload, share));
}

base::Result<std::uint64_t> RingFile::append(Block& block, Origin origin) {
  assert(block.bytes.size() >= kHeaderSize);
  std::uint64_t end_points = 0;
  {
    const std::lock_guard turn(append_mutex_);
    const std::uint32_t limit = largest_payload();
    if (block.bytes.size() - kHeaderSize > limit) {
      return base::fail(base::ErrorCode::kTooLarge,
                        "a block of {} bytes does not fit this ring: at most {}",
                        block.bytes.size() - kHeaderSize, limit);
    }
    const auto fresh = make_held(block);
    end_points = fresh->end_points();
    if (auto stored = store(fresh, origin); !stored) {
      block = std::move(fresh->block);
      return tl::unexpected(stored.error());
    }
  }
  const std::lock_guard turn(callback_mutex_);
  if (appended_) appended_();
  return end_points;
}

std::shared_ptr<HeldBlock> RingFile::make_held(Block& block) {
  auto held = std::make_shared<HeldBlock>();
  held->block = std::move(block);
  held->point_sequence = accepted_;
  held->era = current_era();
  held->stored_at_s = now_s();
  held->since = clock_.boot();
  return held;
}

// In memory if it may be, else in the file, after all that waits in memory.
base::Status RingFile::store(const std::shared_ptr<HeldBlock>& fresh, Origin origin) {
  const bool patient = origin == Origin::kGathered;
  const std::optional<base::Error> why = trouble();
  if (patient && (why || (outputs_keep_up() && will_fit(*fresh)))) {
    auto held = hold(fresh);
    if (held || why) return held;
  }
  if (why) return tl::unexpected(*why);
  auto written = write_held();
  if (written) written = write_block(fresh);
  if (written) return written;
  const bool failed = is_device_failure(written.error());
  if (failed) degrade(written.error());
  const bool may_wait = failed || written.error().code == base::ErrorCode::kBusy;
  if (patient && may_wait && hold(fresh)) return base::ok();
  return written;
}

base::Status RingFile::write_block(const std::shared_ptr<HeldBlock>& held) {
  if (auto done = checkpoint_if_due(); !done) return done;
  std::string& bytes = held->block.bytes;
  if (auto room = reserve(extent_of(bytes.size())); !room) return room;
  if (held->point_sequence > tail_.points()) {
    // Points in between were delivered from memory. A slot must say so before the file does: else,
    // after a kill, they would look lost.
    if (auto written = write_slot(false); !written) return written;
  }
  BlockHeader header;
  header.kind = BlockKind::kData;
  header.codec = held->block.codec;
  header.point_sequence = held->point_sequence;
  header.points = held->block.points;
  header.raw_size = held->block.raw_size;
  header.raw_crc32 = held->block.raw_crc32;
  header.oldest_ns = held->block.oldest_ns;
  header.span_s = span_seconds(held->block.oldest_ns, held->block.newest_ns);
  seal_place(header, held->era);
  header.stored_at_s = held->stored_at_s;
  seal(header, bytes, medium_.superblock.seed());
  return place(header, {held, &bytes}, held.get());
}

// Everything that may refuse a block is asked before the first byte is written.
base::Status RingFile::reserve(std::uint64_t extent) {
  // tail_ changes only under append_mutex_, which the caller holds.
  const std::uint64_t room = data_size() - tail_.position % data_size();
  const std::uint64_t padding = extent > room ? room : 0;
  const std::uint64_t new_tail = tail_.position + padding + extent;
  if (auto welcome = refuse_if_full(new_tail); !welcome) return welcome;
  if (auto bounded = keep_unsynced_bounded(padding + extent); !bounded) return bounded;
  if (padding > 0) {
    if (auto padded = write_pad(padding); !padded) return padded;
  }
  return make_room(new_tail);
}

void RingFile::seal_place(BlockHeader& header, std::uint16_t era) const {
  header.block_sequence = tail_.block_sequence;
  header.flags = static_cast<std::uint16_t>(era | lap_bits(tail_.position, data_size()));
  header.stored_at_s = now_s();
}

std::uint32_t RingFile::now_s() const {
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(clock_.wall_ns() / 1'000'000'000, 0, UINT32_MAX));
}

base::Status RingFile::write_pad(std::uint64_t room) {
  if (auto made = make_room(tail_.position + room); !made) return made;
  BlockHeader header;
  header.kind = BlockKind::kPad;
  header.point_sequence = tail_.points();
  seal_place(header, current_era());
  header.payload_size = static_cast<std::uint32_t>(room - kHeaderSize);
  auto bytes = std::make_shared<std::string>(kHeaderSize, '\0');
  encode_header(header, medium_.superblock.seed(),
                std::as_writable_bytes(std::span<char, kHeaderSize>(bytes->data(), kHeaderSize)));
  return place(header, std::move(bytes), nullptr);
}

base::Status RingFile::place(const BlockHeader& header, std::shared_ptr<const std::string> bytes,
                             HeldBlock* held) {
  const Mark from = tail_;
  const std::uint64_t offset = kDataOffset + from.position % data_size();
  if (auto written = write_counted(offset, base::as_bytes(*bytes)); !written) return written;
  const std::lock_guard lock(mutex_);
  last_position_ = from.position;
  last_block_ = header.block_sequence;
  tail_ = {from.position + header.extent(), header.block_sequence + 1,
           header.point_sequence + header.points, 0};
  move_marks(from);
  bytes_since_checkpoint_ += header.extent();
  if (options_.sync != SyncMode::kNever) {
    unsynced_bytes_ += bytes->size();
    unsynced_writes_.push_back({offset, std::move(bytes)});
  }
  if (held != nullptr) mark_written(*held, from);
  return base::ok();
}

// Readers that have done all points of the block just written, because they had them from memory,
// stand behind it.
void RingFile::move_marks(const Mark& from) {
  const auto move = [&](Mark& mark) {
    if (mark.position != from.position || mark.points() < tail_.points()) return;
    mark = {tail_.position, tail_.block_sequence, mark.points(), 0};
  };
  for (Reader& reader : readers_) {
    for (Range& range : reader.state.ranges) {
      move(range.begin);
      if (!range.is_open()) move(range.end);
    }
  }
}

void RingFile::mark_written(HeldBlock& held, const Mark& from) {
  held.begin = Mark{from.position, from.block_sequence, held.point_sequence, 0};
  held.end = tail_;
  accepted_ = std::max(accepted_, held.end_points());
  if (!held_.empty() && held_.front().get() == &held) {
    held_bytes_ -= held.block.bytes.size();
    held_.pop_front();
  }
}

base::Status RingFile::keep_unsynced_bounded(std::uint64_t extent) {
  if (options_.sync == SyncMode::kNever) return base::ok();
  std::uint64_t unsynced = 0;
  {
    const std::lock_guard lock(mutex_);
    unsynced = tail_.position - synced_.position;
  }
  const bool over = unsynced > 0 && unsynced + extent > options_.unsynced_limit;
  if (!over && unsynced + extent <= options_.unsynced_limit / 2) return base::ok();
  {
    const std::lock_guard turn(callback_mutex_);
    if (sync_wanted_) sync_wanted_();
    if (!over) return base::ok();
    if (sync_wanted_) {
      return base::fail(base::ErrorCode::kBusy, "{} bytes wait for the device to sync", unsynced);
    }
  }
  SyncDone done;
  if (auto synced = sync_file(true, done); !synced) return tl::unexpected(synced.error());
  return base::ok();
}

base::Status RingFile::refuse_if_full(std::uint64_t new_tail) const {
  if (options_.overflow != Overflow::kRefuseNew) return base::ok();
  const std::uint64_t floor = floor_of(new_tail, data_size());
  const std::lock_guard lock(mutex_);
  const bool full = std::any_of(readers_.begin(), readers_.end(), [&](const Reader& reader) {
    return reader.attached && !reader.removed && reader.wanted().position < floor;
  });
  if (!full) return base::ok();
  return base::fail(base::ErrorCode::kFull,
                    "the ring is full, and overflow = \"refuse_new\" keeps what it holds");
}

// A reader that still wants blocks below `floor`.
RingFile::Reader* RingFile::reader_behind(std::uint64_t floor) {
  const auto found = std::find_if(readers_.begin(), readers_.end(), [&](const Reader& reader) {
    return !reader.removed && reader.wanted().position < floor;
  });
  return found == readers_.end() ? nullptr : &*found;
}

// Until nobody is behind: readers acknowledge, and new ones come, while the file is being read.
base::Status RingFile::make_room(std::uint64_t new_tail) {
  const std::uint64_t floor = floor_of(new_tail, data_size());
  BlockIo io(*medium_.file, medium_.superblock);
  io.read_ahead(kHeaderSize);
  while (true) {
    Mark from;
    Mark tail;
    {
      const std::lock_guard lock(mutex_);
      tail = held_mark(file_points());
      const Reader* behind = reader_behind(floor);
      if (behind == nullptr && (has_readers() || oldest_.position >= floor)) return base::ok();
      from = behind != nullptr ? behind->wanted() : oldest_;
    }
    const Mark live = first_live(io, from, floor, tail);
    if (io.failed() && live == tail) {
      return base::fail(base::ErrorCode::kIo, "the ring cannot be read: nothing is dropped unseen");
    }
    const std::lock_guard lock(mutex_);
    if (oldest_ == from) oldest_ = live;
    for (Reader& reader : readers_) {
      if (reader.removed || !(reader.wanted() == from)) continue;
      if (reader.in_flight) {
        reader.evicted_to = live;
      } else {
        reader.state.counters.overflow += advance(reader.state, live);
      }
    }
  }
}

// A checkpoint for which there is no room is missed by nobody now. But a device that fails must be
// known to fail: after a failed sync what was written before it has to be written again.
base::Status RingFile::checkpoint_if_due() {
  const bool by_bytes = bytes_since_checkpoint_ >= options_.checkpoint_bytes;
  const bool by_time = bytes_since_checkpoint_ > 0 &&
                       clock_.boot() - last_checkpoint_ >= options_.checkpoint_interval;
  if (!by_bytes && !by_time) return base::ok();
  last_checkpoint_ = clock_.boot();
  bytes_since_checkpoint_ = 0;
  const auto record = [this] {
    const std::lock_guard lock(mutex_);
    ++generation_;
    return std::string(kHeaderSize, '\0') + encode_state(state_now(false), medium_.superblock);
  };
  auto bytes = std::make_shared<std::string>(record());
  if (bytes->size() > data_size() / 4)
    return base::ok();  // a ring for tests: too small to afford it
  const std::uint64_t reserved = extent_of(bytes->size());
  if (auto room = reserve(reserved); !room) {
    return is_device_failure(room.error()) ? room : base::ok();
  }
  *bytes = record();  // it names its own place, which padding may have moved
  if (extent_of(bytes->size()) > reserved) return base::ok();  // a reader has come: next time
  BlockHeader header;
  header.kind = BlockKind::kCheckpoint;
  header.point_sequence = tail_.points();
  const std::string_view state = std::string_view(*bytes).substr(kHeaderSize);
  header.raw_size = static_cast<std::uint32_t>(state.size());
  header.raw_crc32 = crc32_of(state);
  seal_place(header, current_era());
  seal(header, *bytes, medium_.superblock.seed());
  auto placed = place(header, std::move(bytes), nullptr);
  // Its own bytes do not count: where records are larger than the distance between them, each would
  // call for the next, and the block behind it would wait for a sync for ever.
  bytes_since_checkpoint_ = 0;
  return placed;
}

std::uint16_t RingFile::current_era() {
  const std::lock_guard lock(mutex_);
  update_era();
  return era_;
}

void RingFile::update_era() {
  const std::int64_t now = wall_minus_boot(clock_);
  const bool stepped = clock_stepped(wall_minus_boot_ns_, now);
  wall_minus_boot_ns_ = now;
  if (!stepped) return;
  era_ = (era_ + 1U) & kEraMask;
  era_since_ = clock_.boot();
}

}  // namespace holdfast::buffer

// Appending: one block at a time goes to the tail. Readers in the way are moved on first, so that
// nobody is reading what is about to be overwritten without noticing.
#include <algorithm>
#include <cassert>

#include "buffer/compressor.h"
#include "buffer/crc32c.h"
#include "buffer/ring_file.h"

namespace holdfast::buffer {
namespace {

constexpr std::int64_t kClockStepNs = 60'000'000'000;
constexpr std::uint64_t kSecondNs = 1'000'000'000;

std::uint64_t extent_of(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

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
  const std::uint64_t share = data_size() / 8 - kHeaderSize;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(kMaxPayload, share));
}

base::Status RingFile::append(Block& block) {
  assert(block.bytes.size() >= kHeaderSize);
  if (block.bytes.size() - kHeaderSize > max_payload()) {
    return base::fail(base::ErrorCode::kTooLarge,
                      "a block of {} bytes does not fit this ring: at most {}",
                      block.bytes.size() - kHeaderSize, max_payload());
  }
  {
    const std::lock_guard turn(append_mutex_);
    update_era();
    checkpoint_if_due();
    BlockHeader header;
    header.kind = BlockKind::kData;
    header.codec = block.codec;
    header.points = block.points;
    header.raw_size = block.raw_size;
    header.raw_crc32 = block.raw_crc32;
    header.oldest_ns = block.oldest_ns;
    header.span_s = span_seconds(block.oldest_ns, block.newest_ns);
    if (auto stored = write_block(header, block.bytes); !stored) return stored;
  }
  const std::lock_guard turn(callback_mutex_);
  if (appended_) appended_();
  return base::ok();
}

base::Status RingFile::write_block(BlockHeader header, std::string& bytes) {
  if (auto room = reserve(extent_of(bytes.size())); !room) return room;
  seal_place(header);
  seal(header, bytes, superblock_.seed());
  return place(header, std::as_bytes(std::span<const char>(bytes)));
}

base::Status RingFile::reserve(std::uint64_t extent) {
  // tail_ changes only under append_mutex_, which the caller holds.
  const std::uint64_t room = data_size() - tail_.position % data_size();
  if (extent > room) {
    if (auto padded = write_pad(room); !padded) return padded;
  }
  if (auto bounded = keep_unsynced_bounded(extent); !bounded) return bounded;
  return make_room(tail_.position + extent);
}

void RingFile::seal_place(BlockHeader& header) const {
  header.block_sequence = tail_.block_sequence;
  header.point_sequence = tail_.point_sequence;
  header.flags = static_cast<std::uint16_t>(era_ | lap_bits(tail_.position, data_size()));
  header.stored_at_s = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(clock_.wall_ns() / 1'000'000'000, 0, UINT32_MAX));
}

base::Status RingFile::write_pad(std::uint64_t room) {
  if (auto bounded = keep_unsynced_bounded(room); !bounded) return bounded;
  if (auto made = make_room(tail_.position + room); !made) return made;
  BlockHeader header;
  header.kind = BlockKind::kPad;
  seal_place(header);
  header.payload_size = static_cast<std::uint32_t>(room - kHeaderSize);
  std::array<std::byte, kHeaderSize> bytes;
  encode_header(header, superblock_.seed(), bytes);
  return place(header, bytes);
}

base::Status RingFile::place(const BlockHeader& header, std::span<const std::byte> bytes) {
  const std::uint64_t offset = kDataOffset + tail_.position % data_size();
  if (auto written = write_counted(offset, bytes); !written) return written;
  const std::lock_guard lock(mutex_);
  last_position_ = tail_.position;
  last_block_ = header.block_sequence;
  tail_ = {tail_.position + header.extent(), header.block_sequence + 1,
           header.point_sequence + header.points, 0};
  bytes_since_checkpoint_ += header.extent();
  return base::ok();
}

base::Status RingFile::keep_unsynced_bounded(std::uint64_t extent) {
  if (options_.sync == SyncMode::kNever) return base::ok();
  std::uint64_t unsynced = 0;
  {
    const std::lock_guard lock(mutex_);
    unsynced = tail_.position + extent - synced_.position;
  }
  if (unsynced > options_.unsynced_limit) {
    const auto synced = sync(true);
    if (!synced) return tl::unexpected(synced.error());
  } else if (unsynced > options_.unsynced_limit / 2) {
    const std::lock_guard turn(callback_mutex_);
    if (sync_wanted_) sync_wanted_();
  }
  return base::ok();
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
  BlockIo io(*file_, superblock_);
  io.read_ahead(kHeaderSize);
  while (true) {
    Mark from;
    {
      const std::lock_guard lock(mutex_);
      const Reader* behind = reader_behind(floor);
      if (behind == nullptr && (has_readers() || oldest_.position >= floor)) return base::ok();
      from = behind != nullptr ? behind->wanted() : oldest_;
    }
    const Mark live = first_live(io, from, floor, tail_);
    if (io.failed() && live == tail_) {
      return base::fail(base::ErrorCode::kIo, "the ring cannot be read: nothing is dropped unseen");
    }
    const std::lock_guard lock(mutex_);
    if (oldest_ == from) oldest_ = live;
    for (Reader& reader : readers_) {
      if (reader.removed || !(reader.wanted() == from)) continue;
      if (reader.in_flight) {
        reader.evicted_to = live;
      } else {
        reader.state.counters.overflow += live.points() - from.points();
        reader.begin() = live;
      }
    }
  }
}

void RingFile::checkpoint_if_due() {
  const bool by_bytes = bytes_since_checkpoint_ >= options_.checkpoint_bytes;
  const bool by_time = bytes_since_checkpoint_ > 0 &&
                       clock_.boot() - last_checkpoint_ >= options_.checkpoint_interval;
  if (!by_bytes && !by_time) return;
  last_checkpoint_ = clock_.boot();
  bytes_since_checkpoint_ = 0;
  const auto record = [this] {
    const std::lock_guard lock(mutex_);
    ++generation_;
    return std::string(kHeaderSize, '\0') + encode_state(state_now(false), superblock_);
  };
  scratch_ = record();
  if (scratch_.size() > data_size() / 4) return;  // a ring for tests: too small to afford it
  const std::uint64_t reserved = extent_of(scratch_.size());
  if (!reserve(reserved)) return;
  scratch_ = record();  // it names its own place, which padding may have moved
  if (extent_of(scratch_.size()) > reserved) return;  // a reader has come meanwhile: next time
  BlockHeader header;
  header.kind = BlockKind::kCheckpoint;
  const std::string_view state = std::string_view(scratch_).substr(kHeaderSize);
  header.raw_size = static_cast<std::uint32_t>(state.size());
  header.raw_crc32 = crc32_of(state);
  seal_place(header);
  seal(header, scratch_, superblock_.seed());
  // A checkpoint that cannot be written is missed by nobody now; the data block that follows will
  // report what is wrong with the device.
  (void)place(header, std::as_bytes(std::span<const char>(scratch_)));
}

void RingFile::update_era() {
  const std::int64_t now = clock_.wall_ns() - clock_.boot().time_since_epoch().count();
  const std::int64_t step = now - wall_minus_boot_ns_;
  wall_minus_boot_ns_ = now;
  if (step > kClockStepNs || step < -kClockStepNs) {
    const std::lock_guard lock(mutex_);
    era_ = (era_ + 1U) & kEraMask;
  }
}

}  // namespace holdfast::buffer

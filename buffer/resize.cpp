// Copying a ring into a file of another size. Blocks are placed one after the other from position 0
// on: what is copied is bounded to what fits, so nothing goes round the end and no pad is needed.
#include "buffer/resize.h"

#include <algorithm>
#include <map>

#include "buffer/head.h"
#include "buffer/recovery.h"

namespace holdfast::buffer {
namespace {

constexpr std::size_t kReadAhead = 1U << 20U;

// The old file, which is only read. Whatever looks for blocks takes what it cannot read for
// damaged; here it is told apart, because what a device does not give now it may give later.
class Source final : public File {
 public:
  explicit Source(File& file) : file_(file) {}
  [[nodiscard]] base::Status readable() const {
    if (!failed_) return base::ok();
    return base::fail(base::ErrorCode::kIo, "it cannot all be read: {}", why_);
  }

  [[nodiscard]] base::Result<std::size_t> read_at(std::uint64_t offset,
                                                  std::span<std::byte> out) override {
    auto got = file_.read_at(offset, out);
    if (!got && !failed_) why_ = got.error().message;
    failed_ = failed_ || !got;
    return got;
  }
  [[nodiscard]] base::Result<std::uint64_t> size() override { return file_.size(); }
  [[nodiscard]] base::Status write_at(std::uint64_t, std::span<const std::byte>) override {
    return refused();
  }
  [[nodiscard]] base::Status sync() override { return refused(); }
  [[nodiscard]] base::Status allocate(std::uint64_t) override { return refused(); }

 private:
  static base::Status refused() {
    return base::fail(base::ErrorCode::kPermission, "the old ring is only read");
  }

  File& file_;
  bool failed_ = false;
  std::string why_;
};

class Copy {
 public:
  Copy(Source& from, File& to, const Recovered& source, const Superblock& target)
      : from_(from),
        io_(from, source.superblock),
        floor_(floor_of(source.tail.position, source.superblock.data_size)),
        to_(to),
        source_(source),
        target_(target) {
    io_.read_ahead(kReadAhead);
  }

  // The blocks. Afterwards state() and numbers() say what belongs to them.
  [[nodiscard]] base::Status run();
  [[nodiscard]] State state();
  [[nodiscard]] Resized numbers() const { return numbers_; }

 private:
  [[nodiscard]] bool wanted(std::uint64_t block_sequence) const;
  [[nodiscard]] Mark first_wanted() const;
  [[nodiscard]] std::optional<FoundBlock> next_wanted(Mark& at);
  [[nodiscard]] std::uint64_t room_wanted(bool check_payloads);
  [[nodiscard]] base::Status copy_blocks(std::uint64_t excess);
  [[nodiscard]] base::Status place(const FoundBlock& block, std::string& bytes);

  void expect_places();
  void note_place(const BlockHeader& header);
  [[nodiscard]] Mark place_of(const Mark& mark) const;
  void move_reader(ReaderState& reader);

  Source& from_;
  BlockIo io_;
  const std::uint64_t floor_;  // of the old ring
  File& to_;
  const Recovered& source_;
  const Superblock& target_;
  Resized numbers_;

  Mark tail_;  // of the new ring; its sequences are the old ring's
  std::uint64_t last_position_ = 0, last_block_ = 0;
  std::uint64_t kept_from_ = 0;  // block sequence: wanted blocks before it did not fit
  // Block sequence of each mark of a reader → the first block copied that is not before it.
  std::map<std::uint64_t, Mark> places_;
  std::map<std::uint64_t, Mark>::iterator next_place_;
};

bool Copy::wanted(std::uint64_t block_sequence) const {
  // Without readers everything is kept for the first one to attach.
  if (source_.state.readers.empty()) return block_sequence >= source_.oldest.block_sequence;
  for (const ReaderState& reader : source_.state.readers) {
    for (const Range& range : reader.ranges) {
      const std::uint64_t end =
          range.end.block_sequence + (!range.is_open() && range.end.points_into_block > 0 ? 1 : 0);
      if (range.begin.block_sequence <= block_sequence && block_sequence < end) return true;
    }
  }
  return false;
}

Mark Copy::first_wanted() const {
  Mark first = source_.state.readers.empty() ? source_.oldest : source_.tail;
  for (const ReaderState& reader : source_.state.readers) {
    for (const Range& range : reader.ranges) {
      if (range.begin.position < first.position) first = range.begin;
    }
  }
  first.points_into_block = 0;
  return first;
}

// The next sound block of points from `at` on that somebody wants; `at` moves behind it. Its
// payload is not checked.
std::optional<FoundBlock> Copy::next_wanted(Mark& at) {
  while (true) {
    const Mark live = first_live(io_, at, floor_, source_.tail);
    if (live.position >= source_.tail.position) return std::nullopt;
    const auto block = io_.at(live.position);
    if (!block) return std::nullopt;
    at = end_of(*block);
    const BlockHeader& header = block->header;
    if (header.kind == BlockKind::kData && header.points > 0 && wanted(header.block_sequence)) {
      return block;
    }
  }
}

// Bytes of the data area that the wanted blocks take.
std::uint64_t Copy::room_wanted(bool check_payloads) {
  std::uint64_t bytes = 0;
  for (Mark at = first_wanted(); const auto block = next_wanted(at);) {
    if (!check_payloads || io_.payload_ok(*block)) bytes += block->header.extent();
  }
  return bytes;
}

base::Status Copy::run() {
  tail_ = source_.tail;
  tail_.position = 0;
  // Payloads are read twice only if something has to stay behind: what is damaged takes no room.
  std::uint64_t bytes = room_wanted(false);
  if (bytes > target_.data_size) bytes = room_wanted(true);
  if (auto sound = from_.readable(); !sound) return sound;
  expect_places();
  return copy_blocks(bytes > target_.data_size ? bytes - target_.data_size : 0);
}

// All but the oldest ones that take `excess` bytes together.
base::Status Copy::copy_blocks(std::uint64_t excess) {
  std::string bytes;
  for (Mark at = first_wanted(); const auto block = next_wanted(at);) {
    bytes.assign(kHeaderSize, '\0');
    if (!io_.read_payload(*block, bytes)) continue;
    if (excess > 0) {
      excess -= std::min(excess, block->header.extent());
      kept_from_ = block->header.block_sequence + 1;
      continue;
    }
    if (auto placed = place(*block, bytes); !placed) return placed;
  }
  for (; next_place_ != places_.end(); ++next_place_) next_place_->second = tail_;
  return from_.readable();
}

base::Status Copy::place(const FoundBlock& block, std::string& bytes) {
  BlockHeader header = block.header;
  header.flags = static_cast<std::uint16_t>((header.flags & kEraMask) |
                                            lap_bits(tail_.position, target_.data_size));
  if (tail_.position + header.extent() > target_.data_size) {
    return base::fail(base::ErrorCode::kIo, "the ring changes while it is copied");
  }
  const auto all = std::as_writable_bytes(std::span<char>(bytes));
  encode_header(header, target_.seed(), all.first<kHeaderSize>());
  if (auto done = to_.write_at(kDataOffset + tail_.position, all); !done) return done;
  note_place(header);
  last_position_ = tail_.position;
  last_block_ = header.block_sequence;
  tail_.position += header.extent();
  return base::ok();
}

void Copy::expect_places() {
  places_[source_.oldest.block_sequence] = {};
  for (const ReaderState& reader : source_.state.readers) {
    for (const Range& range : reader.ranges) {
      places_[range.begin.block_sequence] = {};
      if (!range.is_open()) places_[range.end.block_sequence] = {};
    }
  }
  next_place_ = places_.begin();
}

// A block is about to lie at the tail: marks up to it that have no place yet are there.
void Copy::note_place(const BlockHeader& header) {
  for (; next_place_ != places_.end() && next_place_->first <= header.block_sequence;
       ++next_place_) {
    next_place_->second = {tail_.position, header.block_sequence, header.point_sequence, 0};
  }
}

// Where a mark is now: its block if that was copied, else the next one that was, else the tail.
Mark Copy::place_of(const Mark& mark) const {
  Mark place = places_.at(mark.block_sequence);
  if (mark.points() > place.points()) {
    place.point_sequence = mark.point_sequence;
    place.points_into_block = mark.points_into_block;
  }
  return place;
}

// Books what did not come along in front of each range, and leaves out ranges of which nothing did.
void Copy::move_reader(ReaderState& reader) {
  std::vector<Range> ranges;
  std::uint64_t dropped = 0;
  for (const Range& range : reader.ranges) {
    const Mark end = range.is_open() ? tail_ : range.end;
    const Mark begin = place_of(range.begin);
    const std::uint64_t reached = std::min(begin.points(), end.points());
    if (reached > range.begin.points()) {
      const std::uint64_t lost = reached - range.begin.points();
      const bool no_room = range.begin.block_sequence < kept_from_ || range.begin.position < floor_;
      (no_room ? reader.counters.overflow : reader.counters.corrupt) += lost;
      if (no_room) dropped += lost;
    }
    if (range.is_open()) {
      ranges.push_back({begin, Range{}.end});
    } else if (begin.points() < end.points()) {
      ranges.push_back({begin, range.end});
      ranges.back().end.position = place_of(range.end).position;
    }
  }
  reader.ranges = std::move(ranges);
  numbers_.points_dropped = std::max(numbers_.points_dropped, dropped);
  numbers_.points_kept = std::max(numbers_.points_kept, pending_of(reader, tail_.points()));
}

State Copy::state() {
  State state = source_.state;
  ++state.generation;
  state.clean = source_.report.clean;
  state.synced = state.next = tail_;
  state.last_position = last_position_;
  state.last_block = last_block_;
  state.unsynced_limit = 0;  // nothing lies past the sync that this record waits for
  if (state.readers.empty()) {
    const Mark oldest = place_of(source_.oldest);
    numbers_.points_kept = tail_.points() - oldest.points();
    if (source_.oldest.block_sequence < kept_from_) {
      numbers_.points_dropped = oldest.points() - source_.oldest.points();
    }
  }
  for (ReaderState& reader : state.readers) move_reader(reader);
  return state;
}

// Everything else is durable first: what slot and superblocks announce must be there.
base::Status write_head(File& to, const State& state, const Superblock& superblock) {
  if (auto done = to.sync(); !done) return done;
  const std::string slot = encode_state(state, superblock);
  if (auto done = to.write_at(kSlotOffsets[0], base::as_bytes(slot)); !done) return done;
  if (auto done = write_superblocks(to, superblock); !done) return done;
  return to.sync();
}

}  // namespace

std::optional<std::uint64_t> other_size(File& file, std::uint64_t wanted) {
  bool damaged = false;
  const auto superblock = read_superblock(file, damaged);
  if (!superblock) return std::nullopt;
  const std::uint64_t size = superblock->file_size;
  const std::uint64_t difference = size > wanted ? size - wanted : wanted - size;
  return difference < kAlignment ? std::nullopt : std::optional(size);
}

base::Result<Resized> copy_ring(File& from, File& to, std::uint64_t size, const base::Clock& clock,
                                base::Random random) {
  Source readonly(from);
  bool damaged = false;
  const auto old = read_superblock(readonly, damaged);
  if (!old) return tl::unexpected(old.error());
  if (old->ro_compat != 0) {
    return base::fail(base::ErrorCode::kUnsupported,
                      "the ring has features {:#x} that this program can only read around",
                      old->ro_compat);
  }
  const auto target = new_superblock(size, clock, random);
  if (!target) return tl::unexpected(target.error());
  // First of all: without room the rest is not worth its reading.
  if (auto done = to.allocate(target->file_size); !done) return tl::unexpected(done.error());
  const Recovered source = recover(readonly, *old);
  Copy copy(readonly, to, source, *target);
  if (auto done = copy.run(); !done) return tl::unexpected(done.error());
  const State state = copy.state();
  if (auto done = write_head(to, state, *target); !done) return tl::unexpected(done.error());
  Resized resized = copy.numbers();
  resized.from_bytes = old->file_size;
  resized.to_bytes = target->file_size;
  resized.recovery = source.report;
  return resized;
}

}  // namespace holdfast::buffer

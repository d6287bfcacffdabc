// Encoding and decoding of State records.
#include "buffer/state.h"

#include <algorithm>

#include "buffer/crc32c.h"

namespace holdfast::buffer {
namespace {

using base::load_le;
using base::store_le;

constexpr std::uint32_t kStateMagic = 0x31534648;  // "HFS1"
constexpr std::size_t kSuperblockCopy = 68;  // magic, length, then what superblock_from_state needs
constexpr std::size_t kFixedSize = 212;      // up to and including the number of readers
constexpr std::uint32_t kFlagClean = 1;

class Writer {
 public:
  explicit Writer(std::size_t expected_size) { out_.reserve(expected_size); }
  template <class T>
  void put(T value) {
    std::array<std::byte, sizeof(T)> bytes;
    store_le(bytes.data(), value);
    out_.append(base::as_text(bytes));
  }
  void put_bytes(base::ByteSpan bytes) { out_.append(base::as_text(bytes)); }
  // Text in a field of fixed width, filled up with zeros.
  void put_text(std::string_view text, std::size_t width) {
    out_.append(text.substr(0, width));
    out_.append(width - std::min(width, text.size()), '\0');
  }
  void put_mark(const Mark& mark) {
    put(mark.position);
    put(mark.block_sequence);
    put(mark.point_sequence);
    put(mark.points_into_block);
  }
  [[nodiscard]] std::string& out() { return out_; }

 private:
  std::string out_;
};

// Reads past the end give zeros and clear ok().
class Reader {
 public:
  explicit Reader(base::ByteSpan bytes) : bytes_(bytes) {}
  template <class T>
  T get() {
    const base::ByteSpan field = take(sizeof(T));
    return field.empty() ? T{} : load_le<T>(field.data());
  }
  base::ByteSpan take(std::size_t size) {
    if (bytes_.size() - at_ < size) {
      ok_ = false;
      return {};
    }
    at_ += size;
    return bytes_.subspan(at_ - size, size);
  }
  Mark get_mark() {
    Mark mark;
    mark.position = get<std::uint64_t>();
    mark.block_sequence = get<std::uint64_t>();
    mark.point_sequence = get<std::uint64_t>();
    mark.points_into_block = get<std::uint32_t>();
    return mark;
  }
  void get_boot_id(std::array<char, 36>& id) {
    const std::string_view text = base::as_text(take(id.size()));
    std::copy(text.begin(), text.end(), id.begin());
  }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
  [[nodiscard]] bool ok() const { return ok_; }

 private:
  base::ByteSpan bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

void put_reader(const ReaderState& reader, Writer& out) {
  out.put(static_cast<std::uint8_t>(std::min(reader.id.size(), kMaxReaderId)));
  out.put_text(reader.id, kMaxReaderId);
  out.put(std::uint32_t{0});  // flags, none yet
  out.put(reader.orphaned_ns);
  out.put(reader.since_ns);
  out.put(reader.since_points);
  const LedgerCounters& c = reader.counters;
  for (const std::uint64_t counter :
       {c.delivered, c.overflow, c.rejected, c.expired, c.corrupt, c.filtered}) {
    out.put(counter);
  }
  out.put(reader.not_before.wall_ns);
  out.put(reader.not_before.boot_ns);
  out.put(reader.not_before.remaining_ns);
  out.put_text({reader.not_before.boot_id.data(), reader.not_before.boot_id.size()}, 36);
  out.put(static_cast<std::uint32_t>(reader.ranges.size()));
  for (const Range& range : reader.ranges) {
    out.put_mark(range.begin);
    out.put_mark(range.end);
  }
}

bool get_reader(Reader& in, ReaderState& reader) {
  const auto id_size = in.get<std::uint8_t>();
  const std::string_view id = base::as_text(in.take(kMaxReaderId));
  if (id_size > id.size()) return false;
  reader.id = id.substr(0, id_size);
  (void)in.get<std::uint32_t>();
  reader.orphaned_ns = in.get<std::int64_t>();
  reader.since_ns = in.get<std::int64_t>();
  reader.since_points = in.get<std::uint64_t>();
  LedgerCounters& c = reader.counters;
  for (std::uint64_t* counter :
       {&c.delivered, &c.overflow, &c.rejected, &c.expired, &c.corrupt, &c.filtered}) {
    *counter = in.get<std::uint64_t>();
  }
  reader.not_before.wall_ns = in.get<std::int64_t>();
  reader.not_before.boot_ns = in.get<std::int64_t>();
  reader.not_before.remaining_ns = in.get<std::int64_t>();
  in.get_boot_id(reader.not_before.boot_id);
  const auto ranges = in.get<std::uint32_t>();
  if (!in.ok() || ranges == 0 || ranges > kMaxRanges) return false;
  reader.ranges.resize(ranges);
  for (Range& range : reader.ranges) {
    range.begin = in.get_mark();
    range.end = in.get_mark();
  }
  return in.ok();
}

std::size_t server_waits_of(const ReaderState& reader) {
  return std::min(reader.not_before.servers.size(), kMaxServerWaits);
}

void put_server_waits(const std::vector<ReaderState>& readers, Writer& out) {
  std::size_t count = 0;
  for (const ReaderState& reader : readers) count += server_waits_of(reader);
  out.put(static_cast<std::uint8_t>(count));
  for (std::size_t i = 0; i < readers.size(); ++i) {
    for (std::size_t n = 0; n < server_waits_of(readers[i]); ++n) {
      const ServerWait& wait = readers[i].not_before.servers[n];
      out.put(static_cast<std::uint8_t>(i));
      out.put(wait.server);
      out.put(wait.wall_ns);
      out.put(wait.boot_ns);
      out.put(wait.remaining_ns);
    }
  }
}

bool get_server_waits(Reader& in, std::vector<ReaderState>& readers) {
  for (auto count = in.get<std::uint8_t>(); count > 0; --count) {
    const auto reader = in.get<std::uint8_t>();
    ServerWait wait;
    wait.server = in.get<std::uint32_t>();
    wait.wall_ns = in.get<std::int64_t>();
    wait.boot_ns = in.get<std::int64_t>();
    wait.remaining_ns = in.get<std::int64_t>();
    if (!in.ok() || reader >= readers.size()) return false;
    auto& servers = readers[reader].not_before.servers;
    if (servers.size() >= kMaxServerWaits) return false;
    servers.push_back(wait);
  }
  return true;
}

bool possible(const Mark& mark) {
  return mark.position < kMaxNumber && mark.position % kAlignment == 0 &&
         mark.block_sequence < kMaxNumber && mark.point_sequence < kMaxNumber;
}

// Whoever can write this file can forge its checksums; the arithmetic must stay sound all the same.
bool possible(const State& state) {
  bool good = possible(state.synced) && possible(state.next) && state.last_position < kMaxNumber &&
              state.last_position % kAlignment == 0 && state.unsynced_limit < kMaxNumber &&
              state.era <= kEraMask;
  for (const ReaderState& reader : state.readers) {
    for (const Range& range : reader.ranges) {
      const bool last = &range == &reader.ranges.back();
      const bool end = last ? range.end == Range{}.end
                            : possible(range.end) && range.end.position >= range.begin.position;
      good = good && possible(range.begin) && end;
    }
  }
  return good;
}

// The record's bytes if its length and checksum are right for this seed.
std::optional<base::ByteSpan> checked(base::ByteSpan bytes, std::uint32_t seed) {
  if (bytes.size() < kFixedSize + 4 || load_le<std::uint32_t>(bytes.data()) != kStateMagic) {
    return std::nullopt;
  }
  const auto size = load_le<std::uint32_t>(bytes.data() + 4);
  if (size < kFixedSize + 4 || size > bytes.size()) return std::nullopt;
  const auto stored = load_le<std::uint32_t>(bytes.data() + size - 4);
  if (stored != crc32c(bytes.first(size - 4), seed)) return std::nullopt;
  return bytes.first(size - 4);
}

std::uint64_t points_of(const Range& range) {
  const std::uint64_t from = range.begin.points();
  return std::max(from, range.end.points()) - from;
}

// Returns how many points were passed over.
std::uint64_t move_begin(Range& range, const Mark& to) {
  if (!range.begin.before(to)) return 0;
  const std::uint64_t from = range.begin.points();
  range.begin = to;
  if (to.points() < from) {
    range.begin.point_sequence = from;
    range.begin.points_into_block = 0;
  }
  return std::max(from, to.points()) - from;
}

}  // namespace

std::string encode_state(const State& state, const Superblock& superblock) {
  Writer out(kSlotSize);
  out.put(kStateMagic);
  out.put(std::uint32_t{0});  // length, set below
  out.put(superblock.salt);
  out.put_bytes(superblock.uuid);
  out.put(superblock.file_size);
  out.put(superblock.data_size);
  out.put(superblock.created_ns);
  out.put(superblock.compat);
  out.put(superblock.ro_compat);
  out.put(superblock.incompat);
  out.put(superblock.version);
  out.put(state.era);
  out.put(state.clean ? kFlagClean : 0U);
  out.put(state.generation);
  out.put(state.written_ns);
  out.put_text({state.boot_id.data(), state.boot_id.size()}, 36);
  out.put_mark(state.synced);
  out.put(state.last_position);
  out.put(state.last_block);
  out.put_mark(state.next);
  out.put(state.unsynced_limit);
  out.put(static_cast<std::uint32_t>(state.readers.size()));
  for (const ReaderState& reader : state.readers) put_reader(reader, out);
  out.put(state.written_boot_ns);
  put_server_waits(state.readers, out);
  std::string& bytes = out.out();
  store_le(reinterpret_cast<std::byte*>(bytes.data()) + 4,
           static_cast<std::uint32_t>(bytes.size() + 4));
  out.put(crc32c(base::as_bytes(bytes), superblock.seed()));
  return std::move(bytes);
}

std::optional<State> decode_state(base::ByteSpan bytes, const Superblock& superblock) {
  const auto record = checked(bytes, superblock.seed());
  if (!record) return std::nullopt;
  Reader in(record->subspan(kSuperblockCopy));
  State state;
  (void)in.get<std::uint16_t>();  // version: as the superblock's
  state.era = in.get<std::uint16_t>();
  state.clean = (in.get<std::uint32_t>() & kFlagClean) != 0;
  state.generation = in.get<std::uint64_t>();
  state.written_ns = in.get<std::int64_t>();
  in.get_boot_id(state.boot_id);
  state.synced = in.get_mark();
  state.last_position = in.get<std::uint64_t>();
  state.last_block = in.get<std::uint64_t>();
  state.next = in.get_mark();
  state.unsynced_limit = in.get<std::uint64_t>();
  const auto readers = in.get<std::uint32_t>();
  if (!in.ok() || readers > kMaxReaders) return std::nullopt;
  state.readers.resize(readers);
  for (ReaderState& reader : state.readers) {
    if (!get_reader(in, reader)) return std::nullopt;
  }
  // Records written before there was one of these fields end before it.
  if (in.left() >= sizeof(std::int64_t)) state.written_boot_ns = in.get<std::int64_t>();
  if (in.left() > 0 && !get_server_waits(in, state.readers)) return std::nullopt;
  if (!possible(state)) return std::nullopt;
  return state;
}

std::uint64_t pending_of(const ReaderState& reader, std::uint64_t accepted) {
  std::uint64_t points = 0;
  for (const Range& range : reader.ranges) {
    const std::uint64_t end = range.is_open() ? accepted : range.end.points();
    points += end - std::min(end, range.begin.points());
  }
  return points;
}

std::uint64_t wanted_of(const ReaderState& reader, std::uint64_t from, std::uint64_t to) {
  std::uint64_t points = 0;
  for (const Range& range : reader.ranges) {
    const std::uint64_t begin = std::max(from, range.begin.points());
    const std::uint64_t end = range.is_open() ? to : std::min(to, range.end.points());
    points += end - std::min(end, begin);
  }
  return points;
}

std::uint64_t advance(ReaderState& reader, const Mark& to) {
  std::uint64_t passed = 0;
  while (true) {
    Range& front = reader.ranges.front();
    const bool leaves = !front.is_open() && !to.before(front.end);
    passed += leaves ? points_of(front) : move_begin(front, to);
    // Only pads and checkpoints may be left of it.
    if (front.is_open() || (!leaves && points_of(front) > 0)) return passed;
    reader.ranges.erase(reader.ranges.begin());
  }
}

std::uint64_t advance_last(ReaderState& reader, const Mark& to) {
  return move_begin(reader.ranges.back(), to);
}

std::optional<Superblock> superblock_from_state(base::ByteSpan bytes) {
  if (bytes.size() < kFixedSize) return std::nullopt;
  Superblock superblock;
  superblock.salt = load_le<std::uint64_t>(bytes.data() + 8);
  if (!checked(bytes, superblock.seed())) return std::nullopt;
  std::copy_n(bytes.begin() + 16, superblock.uuid.size(), superblock.uuid.begin());
  superblock.file_size = load_le<std::uint64_t>(bytes.data() + 32);
  superblock.data_size = load_le<std::uint64_t>(bytes.data() + 40);
  superblock.created_ns = load_le<std::int64_t>(bytes.data() + 48);
  superblock.compat = load_le<std::uint32_t>(bytes.data() + 56);
  superblock.ro_compat = load_le<std::uint32_t>(bytes.data() + 60);
  superblock.incompat = load_le<std::uint32_t>(bytes.data() + 64);
  superblock.version = load_le<std::uint16_t>(bytes.data() + kSuperblockCopy);
  return superblock;
}

}  // namespace holdfast::buffer

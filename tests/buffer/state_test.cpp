#include "buffer/state.h"

#include <gtest/gtest.h>

#include "buffer/crc32c.h"

namespace holdfast::buffer {
namespace {

Superblock example_superblock() {
  Superblock superblock;
  superblock.compat = 1;
  superblock.ro_compat = 2;
  superblock.incompat = 4;
  superblock.file_size = kDataOffset + 8192;
  superblock.data_size = 8192;
  superblock.salt = 0x1234567890ABCDEF;
  superblock.uuid.fill(std::byte{0x5A});
  superblock.created_ns = 99;
  return superblock;
}

std::array<char, 36> boot_id(char filler) {
  std::array<char, 36> id;
  id.fill(filler);
  return id;
}

// Every field different from every other, as far as that can be.
ReaderState example_reader(std::uint64_t n, std::size_t ranges) {
  ReaderState reader;
  reader.id = "influxdb-" + std::to_string(n);
  reader.orphaned_ns = static_cast<std::int64_t>(n * 1000 + 1);
  reader.since_ns = static_cast<std::int64_t>(n * 1000 + 2);
  reader.since_points = n * 1000 + 3;
  reader.counters = {n + 10, n + 20, n + 30, n + 40, n + 50, n + 60};
  reader.not_before = {static_cast<std::int64_t>(n + 1),
                       static_cast<std::int64_t>(n + 2),
                       static_cast<std::int64_t>(n + 3),
                       boot_id('r'),
                       {}};
  for (std::uint32_t i = 0; i < n % (kMaxServerWaits + 1); ++i) {
    reader.not_before.servers.push_back({i, static_cast<std::int64_t>(n), i + 7, i + 8});
  }
  for (std::uint64_t i = 0; i < ranges; ++i) {
    Range range;
    range.begin = {64 * (2 * i + n), 100 * i + n, 1000 * i + n, static_cast<std::uint32_t>(i)};
    range.end = {64 * (2 * i + n + 1), 100 * i + n + 1, 1000 * i + n + 1, 0};
    if (i + 1 == ranges) range.end = Range{}.end;
    reader.ranges.push_back(range);
  }
  return reader;
}

State example_state(std::size_t readers, std::size_t ranges) {
  State state;
  state.generation = 77;
  state.clean = true;
  state.era = 0x0ABC;
  state.boot_id = boot_id('b');
  state.written_ns = -3;
  state.written_boot_ns = -5;
  state.synced = {640, 11, 222, 3};
  state.last_position = 576;
  state.last_block = 10;
  state.next = {704, 12, 333, 0};
  state.unsynced_limit = 2048;
  for (std::size_t i = 0; i < readers; ++i) state.readers.push_back(example_reader(i, ranges));
  return state;
}

void expect_equal(const ReaderState& a, const ReaderState& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.orphaned_ns, b.orphaned_ns);
  EXPECT_EQ(a.since_ns, b.since_ns);
  EXPECT_EQ(a.since_points, b.since_points);
  EXPECT_EQ(a.counters, b.counters);
  EXPECT_EQ(a.not_before, b.not_before);
  EXPECT_EQ(a.ranges, b.ranges);
}

void expect_equal(const State& a, const State& b) {
  EXPECT_EQ(a.generation, b.generation);
  EXPECT_EQ(a.clean, b.clean);
  EXPECT_EQ(a.era, b.era);
  EXPECT_EQ(a.boot_id, b.boot_id);
  EXPECT_EQ(a.written_ns, b.written_ns);
  EXPECT_EQ(a.written_boot_ns, b.written_boot_ns);
  EXPECT_EQ(a.synced, b.synced);
  EXPECT_EQ(a.last_position, b.last_position);
  EXPECT_EQ(a.last_block, b.last_block);
  EXPECT_EQ(a.next, b.next);
  EXPECT_EQ(a.unsynced_limit, b.unsynced_limit);
  ASSERT_EQ(a.readers.size(), b.readers.size());
  for (std::size_t i = 0; i < a.readers.size(); ++i) expect_equal(a.readers[i], b.readers[i]);
}

TEST(State, ComesBackAsItWasWithAnyNumberOfReadersAndRanges) {
  for (std::size_t readers = 0; readers <= kMaxReaders; ++readers) {
    for (std::size_t ranges = 1; ranges <= kMaxRanges; ++ranges) {
      const State wanted = example_state(readers, ranges);
      const std::string record = encode_state(wanted, example_superblock());
      const auto found = decode_state(base::as_bytes(record), example_superblock());
      ASSERT_TRUE(found) << readers << " readers, " << ranges << " ranges";
      expect_equal(*found, wanted);
    }
  }
}

TEST(State, EightReadersOfEightRangesFitASlot) {
  State state = example_state(kMaxReaders, kMaxRanges);
  for (ReaderState& reader : state.readers) {
    reader.id.assign(kMaxReaderId, 'x');
    reader.not_before.servers.resize(kMaxServerWaits);
  }
  const std::string record = encode_state(state, example_superblock());
  EXPECT_EQ(record.size(), 212U + 8U * (204U + 8U * 56U) + 8U + 1U + 8U * 4U * 29U + 4U);
  EXPECT_LE(record.size(), kSlotSize);
  const auto found = decode_state(base::as_bytes(record), example_superblock());
  ASSERT_TRUE(found);
  expect_equal(*found, state);
}

TEST(State, AnEraOfMoreThanTwelveBitsIsForged) {
  State state = example_state(1, 1);
  state.era = kEraMask;
  EXPECT_TRUE(decode_state(base::as_bytes(encode_state(state, example_superblock())),
                           example_superblock()));
  state.era = kEraMask + 1;
  EXPECT_FALSE(decode_state(base::as_bytes(encode_state(state, example_superblock())),
                            example_superblock()));
}

TEST(State, FieldsLieWhereTheSpecificationSays) {
  const std::string record = encode_state(example_state(1, 1), example_superblock());
  const std::byte* at = base::as_bytes(record).data();
  EXPECT_EQ(record.substr(0, 4), "HFS1");
  EXPECT_EQ(base::load_le<std::uint32_t>(at + 4), record.size());
  EXPECT_EQ(base::load_le<std::uint64_t>(at + 8), 0x1234567890ABCDEFU);
  EXPECT_EQ(at[16], std::byte{0x5A});
  EXPECT_EQ(base::load_le<std::uint64_t>(at + 32), kDataOffset + 8192);
  EXPECT_EQ(base::load_le<std::uint64_t>(at + 40), 8192U);
  EXPECT_EQ(base::load_le<std::int64_t>(at + 48), 99);
  EXPECT_EQ(base::load_le<std::uint32_t>(at + 56), 1U);
  EXPECT_EQ(base::load_le<std::uint32_t>(at + 60), 2U);
  EXPECT_EQ(base::load_le<std::uint32_t>(at + 64), 4U);
  EXPECT_EQ(base::load_le<std::uint16_t>(at + 68), kFormatVersion);
  EXPECT_EQ(base::load_le<std::uint16_t>(at + 70), 0x0ABC);
  EXPECT_EQ(base::load_le<std::uint32_t>(at + 72), 1U);
  EXPECT_EQ(base::load_le<std::uint64_t>(at + 76), 77U);
  EXPECT_EQ(base::load_le<std::int64_t>(at + 84), -3);
  EXPECT_EQ(record.substr(92, 36), std::string(36, 'b'));
  EXPECT_EQ(base::load_le<std::uint64_t>(at + 128), 640U);
  EXPECT_EQ(base::load_le<std::uint64_t>(at + 136), 11U);
  EXPECT_EQ(base::load_le<std::uint64_t>(at + 144), 222U);
  EXPECT_EQ(base::load_le<std::uint32_t>(at + 152), 3U);
  EXPECT_EQ(base::load_le<std::uint64_t>(at + 156), 576U);
  EXPECT_EQ(base::load_le<std::uint64_t>(at + 164), 10U);
  EXPECT_EQ(base::load_le<std::uint64_t>(at + 172), 704U);
  EXPECT_EQ(base::load_le<std::uint64_t>(at + 200), 2048U);
  EXPECT_EQ(base::load_le<std::uint32_t>(at + 208), 1U);
}

TEST(State, ReaderFieldsLieWhereTheSpecificationSays) {
  const std::string record = encode_state(example_state(1, 1), example_superblock());
  const std::byte* at = base::as_bytes(record).data() + 212;
  EXPECT_EQ(base::load_le<std::uint8_t>(at), 10);
  EXPECT_EQ(record.substr(213, 10), "influxdb-0");
  EXPECT_EQ(at[11], std::byte{0});
  EXPECT_EQ(base::load_le<std::uint32_t>(at + 64), 0U);
  EXPECT_EQ(base::load_le<std::int64_t>(at + 68), 1);
  EXPECT_EQ(base::load_le<std::int64_t>(at + 76), 2);
  EXPECT_EQ(base::load_le<std::uint64_t>(at + 84), 3U);
  for (std::uint64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(base::load_le<std::uint64_t>(at + 92 + 8 * i), 10 + 10 * i);
  }
  EXPECT_EQ(base::load_le<std::int64_t>(at + 140), 1);
  EXPECT_EQ(base::load_le<std::int64_t>(at + 148), 2);
  EXPECT_EQ(base::load_le<std::int64_t>(at + 156), 3);
  EXPECT_EQ(record.substr(212 + 164, 36), std::string(36, 'r'));
  EXPECT_EQ(base::load_le<std::uint32_t>(at + 200), 1U);
  EXPECT_EQ(base::load_le<std::uint64_t>(at + 232), Range::kOpen);
  EXPECT_EQ(base::load_le<std::int64_t>(at + 260), -5);
  EXPECT_EQ(record.size(), 212U + 204U + 56U + 8U + 1U + 4U);
}

TEST(State, WaitsOfServersLieWhereTheSpecificationSays) {
  const std::string record = encode_state(example_state(2, 1), example_superblock());
  const auto* const at =
      reinterpret_cast<const std::byte*>(record.data()) + 212 + 2 * (204 + 56) + 8;
  EXPECT_EQ(std::to_integer<int>(at[0]), 1);  // how many
  EXPECT_EQ(std::to_integer<int>(at[1]), 1);  // reader
  EXPECT_EQ(base::load_le<std::uint32_t>(at + 2), 0U);
  EXPECT_EQ(base::load_le<std::int64_t>(at + 6), 1);
  EXPECT_EQ(base::load_le<std::int64_t>(at + 14), 7);
  EXPECT_EQ(base::load_le<std::int64_t>(at + 22), 8);
}

TEST(State, AnyCutIsRefusedAndBytesBehindItAreNot) {
  const std::string record = encode_state(example_state(2, 2), example_superblock());
  for (std::size_t size = 0; size < record.size(); ++size) {
    const std::string cut = record.substr(0, size);
    EXPECT_FALSE(decode_state(base::as_bytes(cut), example_superblock())) << size;
    EXPECT_FALSE(superblock_from_state(base::as_bytes(cut))) << size;
  }
  EXPECT_TRUE(decode_state(base::as_bytes(record + "more"), example_superblock()));
}

TEST(State, AnyFlippedBitIsRefused) {
  const std::string record = encode_state(example_state(2, 2), example_superblock());
  for (std::size_t bit = 0; bit < 8 * record.size(); ++bit) {
    std::string flipped = record;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_FALSE(decode_state(base::as_bytes(flipped), example_superblock())) << "bit " << bit;
    ASSERT_FALSE(superblock_from_state(base::as_bytes(flipped))) << "bit " << bit;
  }
}

TEST(State, ARecordOfAnotherFileIsRefused) {
  const std::string record = encode_state(example_state(1, 1), example_superblock());
  Superblock other = example_superblock();
  other.salt += 1;
  EXPECT_FALSE(decode_state(base::as_bytes(record), other));
}

TEST(State, ImpossibleNumbersAreRefusedEvenUnderARightChecksum) {
  const auto refused = [](auto&& spoil) {
    State state = example_state(2, 2);
    spoil(state);
    const std::string record = encode_state(state, example_superblock());
    return !decode_state(base::as_bytes(record), example_superblock());
  };
  EXPECT_FALSE(refused([](State&) {}));
  EXPECT_TRUE(refused([](State& s) { s.synced.position = UINT64_MAX - 63; }));
  EXPECT_TRUE(refused([](State& s) { s.next.block_sequence = kMaxNumber; }));
  EXPECT_TRUE(refused([](State& s) { s.next.point_sequence = UINT64_MAX; }));
  EXPECT_TRUE(refused([](State& s) { s.synced.position = 63; }));
  EXPECT_TRUE(refused([](State& s) { s.last_position = 1; }));
  EXPECT_TRUE(refused([](State& s) { s.unsynced_limit = UINT64_MAX; }));
  EXPECT_TRUE(refused([](State& s) { s.readers[1].ranges[0].begin.position = kMaxNumber; }));
  EXPECT_TRUE(refused([](State& s) { s.readers[1].ranges[0].end = Range{}.end; }));
  EXPECT_TRUE(refused([](State& s) { s.readers[1].ranges[1].end = {640, 9, 9, 0}; }));
  EXPECT_TRUE(refused([](State& s) { s.readers[0].ranges.clear(); }));
  EXPECT_TRUE(refused([](State& s) { s.readers[0].ranges.resize(kMaxRanges + 1); }));
  EXPECT_TRUE(refused([](State& s) { s.readers.resize(kMaxReaders + 1, s.readers[0]); }));
}

TEST(State, GivesTheSuperblockBack) {
  const Superblock wanted = example_superblock();
  const std::string record = encode_state(example_state(1, 1), wanted);
  const auto found = superblock_from_state(base::as_bytes(record));
  ASSERT_TRUE(found);
  std::array<std::byte, kSuperblockBytes> a;
  std::array<std::byte, kSuperblockBytes> b;
  encode_superblock(wanted, a);
  encode_superblock(*found, b);
  EXPECT_EQ(a, b);
}

TEST(State, PendingPointsAreTheSumOfTheRangesUpToTheTail) {
  ReaderState reader = example_reader(0, 1);
  reader.ranges[0].begin = {64, 1, 100, 5};
  EXPECT_EQ(pending_of(reader, 130), 25U);
  EXPECT_EQ(pending_of(reader, 90), 0U);
  reader.ranges.insert(reader.ranges.begin(), Range{{0, 0, 10, 2}, {64, 1, 20, 0}});
  EXPECT_EQ(pending_of(reader, 130), 8U + 25U);
}

TEST(State, AReaderMovesOnOutOfRangesThatEndBefore) {
  ReaderState reader = example_reader(0, 1);
  reader.ranges = {Range{{0, 1, 10, 2}, {640, 4, 40, 0}}, Range{{1280, 8, 100, 0}, Range{}.end}};
  EXPECT_EQ(advance(reader, {64, 2, 20, 0}), 8U);
  EXPECT_EQ(advance(reader, {64, 2, 20, 0}), 0U);
  EXPECT_EQ(advance(reader, {0, 1, 10, 5}), 0U) << "never back";
  EXPECT_EQ(reader.ranges.size(), 2U);
  EXPECT_EQ(advance(reader, {640, 4, 40, 0}), 20U) << "the end of a range is not in it";
  ASSERT_EQ(reader.ranges.size(), 1U);
  EXPECT_EQ(reader.ranges.front().begin, (Mark{1280, 8, 100, 0}));
  EXPECT_EQ(advance(reader, {1344, 9, 90, 0}), 0U) << "a place further on with fewer points done";
  EXPECT_EQ(reader.ranges.front().begin, (Mark{1344, 9, 100, 0}));
}

// As an earlier version would have written it.
std::string without_last_fields(const State& state, std::size_t bytes) {
  std::string record = encode_state(state, example_superblock());
  record.resize(record.size() - 4 - bytes);
  base::store_le(reinterpret_cast<std::byte*>(record.data()) + 4,
                 static_cast<std::uint32_t>(record.size() + 4));
  std::array<std::byte, 4> checksum;
  base::store_le(checksum.data(), crc32c(base::as_bytes(record), example_superblock().seed()));
  return record + std::string(base::as_text(checksum));
}

TEST(State, ARangeWithoutPointsIsLeftThoughAPadIsLeftOfIt) {
  ReaderState reader;
  reader.ranges = {{{64, 1, 10, 0}, {640, 4, 40, 0}}, {{1280, 8, 80, 0}, Range{}.end}};
  EXPECT_EQ(advance(reader, {576, 3, 30, 5}), 25U);
  EXPECT_EQ(reader.ranges.size(), 2U);
  EXPECT_EQ(advance(reader, {576, 3, 40, 0}), 5U) << "what follows up to 640 has no points";
  ASSERT_EQ(reader.ranges.size(), 1U);
  EXPECT_EQ(reader.ranges.front().begin, (Mark{1280, 8, 80, 0}));
}

TEST(State, RecordsWithoutLaterFieldsAreReadAllTheSame) {
  const State state = example_state(1, 1);  // without waits of servers
  for (const std::size_t bytes : {1U, 9U}) {
    const std::string record = without_last_fields(state, bytes);
    const auto found = decode_state(base::as_bytes(record), example_superblock());
    ASSERT_TRUE(found) << bytes;
    EXPECT_EQ(found->written_boot_ns, bytes > 1 ? 0 : state.written_boot_ns);
    EXPECT_EQ(found->readers.size(), 1U);
  }
}

TEST(State, WaitsOfServersThatAreCutShortAreNoRecord) {
  const State state = example_state(2, 1);  // a single wait
  const std::string record = without_last_fields(state, 1);
  EXPECT_FALSE(decode_state(base::as_bytes(record), example_superblock()));
}

}  // namespace
}  // namespace holdfast::buffer

// Fuzz target: any bytes as a ring file. It must open or be refused, hand out what it likes as long
// as it ends, keep its ledgers in balance, take new points, and be the same ring after a restart.
// The tools must get through it too, and so must copies of it in other sizes. The first byte of an
// input says how it is meant:
//   bits 0-1  0: the rest is the file; else edits of a good ring whose checksums are then made
//             right, so that what lies behind the checksums is reached
//   bit 2     leave the checksums of payloads as they are
//   bit 3     trim the ring before it is opened
//   bit 4     the agent is killed before the restart, not stopped
//   bit 5     the copy in another size is a smaller one
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "buffer/block_walker.h"
#include "buffer/compressor.h"
#include "buffer/crc32c.h"
#include "buffer/format.h"
#include "buffer/memory_file.h"
#include "buffer/recovery.h"
#include "buffer/resize.h"
#include "buffer/ring.h"
#include "buffer/ring_trim.h"
#include "buffer/state.h"
#include "buffer/verify.h"
#include "tests/support/fake_clock.h"

namespace {

using namespace holdfast;  // NOLINT(google-build-using-namespace): a program of one file
using Bytes = std::vector<std::byte>;

constexpr std::uint64_t kDataBytes = 8192;

void require(bool holds) {
  if (!holds) std::abort();
}

// A device with an end: a forged size must not take all memory.
class SmallDevice : public buffer::MemoryFile {
 public:
  using MemoryFile::MemoryFile;
  [[nodiscard]] base::Status allocate(std::uint64_t size) override {
    if (size > (1U << 20U)) return base::fail(base::ErrorCode::kNoSpace, "no room");
    return MemoryFile::allocate(size);
  }
  [[nodiscard]] base::Status write_at(std::uint64_t offset,
                                      std::span<const std::byte> bytes) override {
    if (offset > (1U << 20U)) return base::fail(base::ErrorCode::kNoSpace, "no room");
    return MemoryFile::write_at(offset, bytes);
  }
};

constexpr std::uint8_t kKeepPayloads = 0x04;
constexpr std::uint8_t kTrim = 0x08;
constexpr std::uint8_t kKill = 0x10;
constexpr std::uint8_t kShrink = 0x20;

// Three lines of so many bytes in all, deflated or as they are.
buffer::Block block_of(std::size_t size, bool deflate = false) {
  std::string lines(size, 'x');
  for (std::size_t i = 0; i < size; ++i) lines[i] = static_cast<char>('a' + i * i % 23);
  lines[size / 3] = lines[size / 2] = lines[size - 1] = '\n';
  static buffer::Compressor compressor(6);
  buffer::Block block;
  compressor.compress(lines, block, size % 4 == 0);
  block.points = 3;
  if (!deflate) {
    block.bytes = std::string(buffer::kHeaderSize, '\0') + lines;
    block.codec = buffer::Codec::kRaw;
  }
  return block;
}

// A ring of more than a lap with two readers, a checkpoint and a pad.
Bytes good_ring() {
  auto file = std::make_unique<SmallDevice>();
  SmallDevice& bytes = *file;
  const test::FakeClock clock;
  buffer::RingOptions options;
  options.size = buffer::kDataOffset + kDataBytes;
  options.checkpoint_bytes = 2500;
  auto ring = buffer::Ring::open(std::move(file), options, clock, base::Random(1));
  require(ring.has_value());
  const auto reader = (*ring)->attach("first");
  require(reader && (*ring)->attach("second"));
  for (std::size_t i = 0; i < 40; ++i) {
    auto block = block_of(100 + 37 * (i % 8), i % 2 == 0);
    require((*ring)->append(block).has_value());
    if (i % 3 != 0) continue;
    buffer::ReadLimits limits;
    limits.max_points = 3;
    const auto batch = (*ring)->read(*reader, limits, 0);
    (*ring)->acknowledge(*reader, std::min<std::uint64_t>(batch->points, 2), {});
  }
  return bytes.content();
}

void seal(Bytes& image, std::size_t from, std::size_t size, std::uint32_t seed) {
  const auto record = std::span(image).subspan(from, size);
  base::store_le(record.data() + size - 4, buffer::crc32c(record.first(size - 4), seed));
}

// A payload and, if it holds a state record, that one before it.
void seal_payload(Bytes& image, std::size_t header, std::uint32_t seed) {
  const auto size = base::load_le<std::uint32_t>(image.data() + header + 28);
  const std::size_t from = header + buffer::kHeaderSize;
  if (size > image.size() - from) return;
  const auto kind = static_cast<buffer::BlockKind>(image[header + 4]);
  if (kind == buffer::BlockKind::kCheckpoint && size >= 216) {
    const auto length = base::load_le<std::uint32_t>(image.data() + from + 4);
    if (length >= 216 && length <= size) seal(image, from, length, seed);
  }
  base::store_le(image.data() + header + 40,
                 buffer::crc32c(std::span<const std::byte>(image).subspan(from, size)));
}

// Makes the checksums of all records right again.
void seal_all(Bytes& image, bool payloads) {
  for (const auto offset : buffer::kSuperblockOffsets) {
    seal(image, offset, buffer::kSuperblockBytes, 0);
  }
  buffer::Superblock superblock;
  superblock.salt = base::load_le<std::uint64_t>(image.data() + 56);
  for (const auto offset : buffer::kSlotOffsets) {
    const auto size = base::load_le<std::uint32_t>(image.data() + offset + 4);
    if (size >= 216 && size <= buffer::kSlotSize) seal(image, offset, size, superblock.seed());
  }
  for (std::size_t at = buffer::kDataOffset; at + 64 <= image.size(); at += 64) {
    if (base::load_le<std::uint32_t>(image.data() + at) == 0x31424648U) {
      if (payloads) seal_payload(image, at, superblock.seed());
      seal(image, at, 64, superblock.seed());
    }
  }
}

// The input as edits: two bytes of place, one of length, then so many bytes.
Bytes edited(const std::uint8_t* data, std::size_t size, bool payloads) {
  static const Bytes good = good_ring();
  Bytes image = good;
  while (size >= 4) {
    const std::size_t place = (data[0] | static_cast<std::size_t>(data[1]) << 8U) % image.size();
    const std::size_t length =
        std::min({std::size_t{1} + data[2] % 16U, size - 3, image.size() - place});
    std::transform(data + 3, data + 3 + length, image.begin() + static_cast<std::ptrdiff_t>(place),
                   [](std::uint8_t byte) { return std::byte{byte}; });
    data += 3 + length;
    size -= 3 + length;
  }
  seal_all(image, payloads);
  return image;
}

// Forged numbers need not add up; damage must.
void require_balance(const buffer::Ring& ring, bool forged) {
  for (const auto& reader : ring.info().readers) {
    require(forged ||
            reader.ledger.accepted == reader.ledger.buffered + reader.ledger.counters.total());
  }
}

// Reads up to `batches` of them; the last one is acknowledged in part.
void drain(buffer::Ring& ring, buffer::ReaderId reader, std::size_t batches) {
  for (std::size_t i = 0; i < batches; ++i) {
    buffer::ReadLimits limits;
    limits.max_points = 9;
    const auto batch = ring.read(reader, limits, 10);
    require(batch.has_value());
    if (batch->blocks.empty()) return;
    // No more batches than blocks fit.
    require(i < 4095);
    const bool last = i + 1 == batches;
    ring.acknowledge(reader, last ? batch->points / 2 : batch->points, {});
  }
}

void use(buffer::Ring& ring, bool forged) {
  require_balance(ring, forged);
  for (std::size_t i = 0; i < 4; ++i) {
    auto block = block_of(80 + 300 * i, i % 2 == 0);
    (void)ring.append(block);
  }
  std::size_t batches = 2;  // then all
  for (const auto& known : ring.info().readers) {
    const auto reader = ring.attach(known.id);
    if (!reader) continue;
    drain(ring, *reader, batches);
    batches = 4096;
  }
  if (const auto fresh = ring.attach("fresh")) drain(ring, *fresh, 1);
  (void)ring.settle_orphans(std::chrono::hours(1));
  auto block = block_of(200);
  (void)ring.append(block);
  require_balance(ring, forged);
}

// The tools see every byte between floor and tail once, and change nothing.
void look(const Bytes& image) {
  SmallDevice file(image);
  (void)buffer::inspect(file);
  const auto snapshot = buffer::take_snapshot(file, false);
  if (snapshot) {
    for (const auto check : {buffer::BlockCheck::kHeader, buffer::BlockCheck::kLines}) {
      buffer::BlockWalker walker(file, *snapshot, check, {});
      std::uint64_t at = snapshot->floor();
      while (const auto stretch = walker.next()) {
        require(stretch->position >= at && (at == snapshot->floor() || stretch->position == at));
        at = stretch->position + stretch->size;
      }
      require(at <= snapshot->tail().position);
    }
    const auto report = buffer::verify(file, *snapshot, {}, [](const buffer::Damage&) {});
    require(report.pending_damaged <= report.damaged);
    (void)buffer::plan_trim(file, *snapshot, {});
  }
  require(file.content() == image);
}

// The ring after trimming to its last quarter.
Bytes trimmed(Bytes image, const base::Clock& clock) {
  struct Kept final : SmallDevice {
    Kept(Bytes content, Bytes& into) : SmallDevice(std::move(content)), into_(into) {}
    ~Kept() override { into_ = content(); }
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;
    Bytes& into_;
  };
  Bytes out;
  buffer::TrimOptions options;
  options.keep_last = kDataBytes / 4;
  (void)buffer::trim(std::make_unique<Kept>(std::move(image), out), options, clock,
                     base::Random(4));
  return out;
}

base::Result<std::unique_ptr<buffer::Ring>> open(Bytes image, const base::Clock& clock,
                                                 SmallDevice*& device) {
  buffer::RingOptions options;
  options.size = buffer::kDataOffset + kDataBytes;
  auto file = std::make_unique<SmallDevice>(std::move(image));
  device = file.get();
  return buffer::Ring::open(std::move(file), options, clock, base::Random(2));
}

// Whatever the bytes are, what is copied from them is a ring.
void resize(const Bytes& image, std::uint64_t data_bytes, bool forged) {
  const test::FakeClock clock;
  SmallDevice from(image);
  auto to = std::make_unique<SmallDevice>();
  buffer::RingOptions options;
  options.size = buffer::kDataOffset + data_bytes;
  if (!buffer::copy_ring(from, *to, options.size, clock, base::Random(3))) return;
  require(from.content() == image);
  auto ring = buffer::Ring::open(std::move(to), options, clock, base::Random(2));
  require(ring.has_value());
  use(**ring, forged);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t how = data[0];
  const bool forged = how % 4 != 0;
  Bytes image;
  if (forged) {
    image = edited(data + 1, size - 1, (how & kKeepPayloads) == 0);
  } else {
    image.resize(size - 1);
    std::transform(data + 1, data + size, image.begin(),
                   [](std::uint8_t byte) { return std::byte{byte}; });
  }
  look(image);
  resize(image, (how & kShrink) != 0 ? 4096 : 4 * kDataBytes, forged);
  const test::FakeClock clock;
  if ((how & kTrim) != 0) image = trimmed(std::move(image), clock);
  SmallDevice* device = nullptr;
  auto ring = open(std::move(image), clock, device);
  if (!ring) return 0;
  use(**ring, forged);
  if ((how & kKill) == 0) require((*ring)->close().has_value());
  const buffer::RingInfo before = (*ring)->info();
  const auto again = open(device->content(), clock, device);
  require(again.has_value());
  const buffer::RingInfo after = (*again)->info();
  require(after.point_sequence >= before.point_sequence);
  require(after.readers.size() == before.readers.size());
  require_balance(**again, forged);
  return 0;
}

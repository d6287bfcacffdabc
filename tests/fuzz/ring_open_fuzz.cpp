// Fuzz target: any bytes as a ring file. It must open or be refused, hand out what it likes as long
// as it ends, keep its ledgers in balance and take new points. Half of the inputs are bytes as they
// are; the others are edits of a good ring whose checksums are then made right, so that what lies
// behind the checksums is reached too. The same for copies of it in other sizes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "buffer/crc32c.h"
#include "buffer/format.h"
#include "buffer/memory_file.h"
#include "buffer/recovery.h"
#include "buffer/resize.h"
#include "buffer/ring.h"
#include "buffer/state.h"
#include "tests/support/fake_clock.h"

namespace {

using namespace holdfast;  // NOLINT(google-build-using-namespace): a program of one file
using Bytes = std::vector<std::byte>;

constexpr std::uint64_t kDataBytes = 8192;

void require(bool holds) {
  if (!holds) std::abort();
}

// A device with an end: a forged size must not take all memory.
class SmallDevice final : public buffer::MemoryFile {
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

buffer::Block block_of(std::size_t size) {
  buffer::Block block;
  block.bytes.assign(buffer::kHeaderSize + size, 'x');
  block.points = 3;
  block.raw_size = static_cast<std::uint32_t>(size);
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
    auto block = block_of(100 + 37 * (i % 8));
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

// Makes the checksums of all records right again.
void seal_all(Bytes& image) {
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
      seal(image, at, 64, superblock.seed());
    }
  }
}

// The input as edits: two bytes of place, one of length, then so many bytes.
Bytes edited(const std::uint8_t* data, std::size_t size) {
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
  seal_all(image);
  return image;
}

void use(buffer::Ring& ring, bool forged) {
  for (int i = 0; i < 3; ++i) {
    auto block = block_of(80);
    (void)ring.append(block);
  }
  for (const auto& known : ring.info().readers) {
    const auto reader = ring.attach(known.id);
    if (!reader) continue;
    // No more batches than blocks fit.
    for (std::size_t i = 0; i < 4096; ++i) {
      const auto batch = ring.read(*reader, {}, 10);
      require(batch.has_value());
      if (batch->blocks.empty()) break;
      require(i < 4095);
      ring.acknowledge(*reader, batch->points, {});
    }
  }
  for (const auto& reader : ring.info().readers) {
    // Forged numbers need not add up; damage must.
    require(forged ||
            reader.ledger.accepted == reader.ledger.buffered + reader.ledger.counters.total());
  }
  require(ring.close().has_value());
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
  const bool forged = data[0] % 4 != 0;
  Bytes image;
  if (forged) {
    image = edited(data + 1, size - 1);
  } else {
    image.resize(size - 1);
    std::transform(data + 1, data + size, image.begin(),
                   [](std::uint8_t byte) { return std::byte{byte}; });
  }
  const test::FakeClock clock;
  buffer::RingOptions options;
  options.size = buffer::kDataOffset + kDataBytes;
  SmallDevice copy(image);
  (void)buffer::inspect(copy);
  require(copy.content() == image);
  resize(image, 4096, forged);
  resize(image, 4 * kDataBytes, forged);
  auto ring = buffer::Ring::open(std::make_unique<SmallDevice>(std::move(image)), options, clock,
                                 base::Random(2));
  if (ring) use(**ring, forged);
  return 0;
}

#include "tests/buffer/ring_harness.h"

#include <charconv>
#include <numeric>
#include <string_view>

#include <gtest/gtest.h>
#include <zlib.h>

#include "buffer/compressor.h"

namespace holdfast::test {

buffer::Block numbered_block(std::uint64_t first, std::uint32_t points, std::size_t line_bytes) {
  std::string lines;
  for (std::uint32_t i = 0; i < points; ++i) {
    std::string line = fmt::format("p n={}i", first + i);
    if (line.size() + 1 < line_bytes) line.append(line_bytes - line.size() - 1, ' ');
    lines += line + "\n";
  }
  buffer::Block block;
  block.bytes = std::string(buffer::kHeaderSize, '\0') + lines;
  block.codec = buffer::Codec::kRaw;
  block.points = points;
  block.raw_size = static_cast<std::uint32_t>(lines.size());
  block.raw_crc32 = static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(lines.data()), lines.size()));
  block.oldest_ns = static_cast<std::int64_t>(first);
  block.newest_ns = static_cast<std::int64_t>(first + points - 1);
  return block;
}

std::vector<std::uint64_t> numbers_of(const buffer::ReadBatch& batch) {
  std::vector<std::uint64_t> found;
  for (const buffer::ReadBlock& block : batch.blocks) {
    std::string_view lines =
        std::string_view(batch.payloads).substr(block.payload_offset, block.payload_size);
    for (std::uint32_t i = 0; i < block.points; ++i) {
      const std::size_t end = lines.find('\n');
      const std::string_view line = lines.substr(0, end);
      lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
      if (i < block.skip_points) continue;
      std::uint64_t number = UINT64_MAX;
      if (line.substr(0, 4) == "p n=") {
        std::from_chars(line.data() + 4, line.data() + line.size(), number);
      }
      found.push_back(number);
    }
  }
  return found;
}

std::string inflated(const buffer::ReadBatch& batch, const buffer::ReadBlock& block) {
  std::string lines;
  const auto payload =
      std::string_view(batch.payloads).substr(block.payload_offset, block.payload_size);
  EXPECT_TRUE(buffer::decompress(block.codec, payload, block.raw_size, block.raw_crc32, lines));
  return lines;
}

std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t last) {
  std::vector<std::uint64_t> all(last > first ? last - first : 0);
  std::iota(all.begin(), all.end(), first);
  return all;
}

std::vector<std::uint64_t> drain(buffer::Ring& ring, buffer::ReaderId reader) {
  std::vector<std::uint64_t> found;
  while (true) {
    const auto batch = ring.read(reader, {}, 0);
    EXPECT_TRUE(batch.has_value());
    if (!batch || batch->blocks.empty()) return found;
    const auto part = numbers_of(*batch);
    found.insert(found.end(), part.begin(), part.end());
    ring.acknowledge(reader, batch->points, {});
  }
}

std::unique_ptr<buffer::Ring> open_ring(std::unique_ptr<buffer::File> file,
                                        const base::Clock& clock, buffer::RingOptions options) {
  auto ring = buffer::Ring::open(std::move(file), options, clock, base::Random(42));
  EXPECT_TRUE(ring.has_value()) << (ring ? "" : ring.error().message);
  return ring ? std::move(*ring) : nullptr;
}

buffer::RingOptions small_ring(std::uint64_t data_bytes) {
  buffer::RingOptions options;
  options.size = buffer::kDataOffset + data_bytes;
  return options;
}

}  // namespace holdfast::test

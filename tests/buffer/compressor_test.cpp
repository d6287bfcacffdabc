#include "buffer/compressor.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "agent/base/random.h"
#include "buffer/deflater.h"
#include "buffer/dictionary.h"
#include "tests/support/gzip.h"

namespace holdfast::buffer {
namespace {

std::string some_lines(base::Random& random, std::size_t size) {
  std::string lines;
  while (lines.size() < size) {
    lines += fmt::format("cpu,host=edge usage={}i {}\n", random.below(100), random.next());
  }
  return lines;
}

std::string noise(base::Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.below(256));
  return bytes;
}

Block compressed(Compressor& compressor, std::string_view lines) {
  Block block;
  compressor.compress(lines, block);
  return block;
}

std::string payload_of(const Block& block) { return block.bytes.substr(kHeaderSize); }

std::string little_endian(std::uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

// A gzip member as a body is made of blocks: header, fragments, empty final block, trailer.
std::string spliced(const std::vector<Block>& blocks) {
  std::string body("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  std::uint32_t size = 0;
  uLong crc = crc32_z(0, nullptr, 0);
  for (const Block& block : blocks) {
    body += payload_of(block);
    size += block.raw_size;
    crc = crc32_combine(crc, block.raw_crc32, static_cast<z_off_t>(block.raw_size));
  }
  body.append("\x03\0", 2);
  return body + little_endian(static_cast<std::uint32_t>(crc)) + little_endian(size);
}

struct Way {
  Compression method;
  int level;
};

// All that make fragments.
std::vector<Way> all_ways() {
  std::vector<Way> ways;
  for (const auto method : {Compression::kAuto, Compression::kZlib, Compression::kIsal}) {
    for (const int level : {1, 2, 3, 4, 6, 9}) ways.push_back({method, level});
  }
  return ways;
}

std::ostream& operator<<(std::ostream& out, const Way& way) {
  return out << "method " << static_cast<int>(way.method) << ", level " << way.level;
}

// A round of gathers of a small host.
std::string gathered_lines() {
  return "cpu,cpu=cpu-total,host=edge usage_guest=0,usage_guest_nice=0,usage_idle=97.1,"
         "usage_iowait=0.2,usage_irq=0,usage_nice=0,usage_softirq=0,usage_steal=0,"
         "usage_system=1.1,usage_user=1.6 1760000000000000000\n"
         "swap,host=edge free=0i,in=0i,out=0i,total=0i,used=0i,used_percent=0 "
         "1760000000000000000\n"
         "net,host=edge,interface=wwan0 bytes_recv=53518007i,bytes_sent=89342i,drop_in=0i,"
         "drop_out=0i,err_in=0i,err_out=0i,packets_recv=1570i,packets_sent=1079i,speed=-1i "
         "1760000000000000000\n";
}

bool comes_back(const Block& block, std::string_view lines) {
  std::string back;
  return decompress(block.codec, payload_of(block), block.raw_size, block.raw_crc32, back) &&
         back == lines;
}

TEST(Compressor, FragmentsSpliceIntoOneGzipMember) {
  base::Random random(1);
  for (const Way& way : all_ways()) {
    Compressor compressor(way.level, way.method);
    std::vector<Block> blocks;
    std::string wanted;
    for (const std::size_t size : {1U, 20U, 1500U, 70'000U, 65'536U, 300U}) {
      const std::string lines = some_lines(random, size);
      blocks.emplace_back();
      compressor.compress(lines, blocks.back());
      EXPECT_EQ(blocks.back().codec, Codec::kDeflate);
      wanted += lines;
    }
    EXPECT_EQ(test::gunzip_single_member(spliced(blocks)), wanted) << way;
  }
}

TEST(Compressor, EachChoiceMakesOtherBytes) {
  base::Random random(9);
  const std::string large = some_lines(random, 60'000);
  const auto bytes = [](std::string_view lines, int level, Compression method) {
    Compressor compressor(level, method);
    return compressed(compressor, lines).bytes;
  };
  const auto isal = Compression::kIsal;
  const auto zlib = Compression::kZlib;
  const auto automatic = Compression::kAuto;
  EXPECT_EQ(bytes(large, 3, automatic), bytes(large, 3, isal));
  const auto libdeflate = [](std::string_view lines, int level) {
    const auto deflater = make_libdeflate_deflater(level);
    std::string out(kHeaderSize + deflater->bound(lines.size()), '\0');
    const auto size = deflater->deflate(lines, std::span(out).subspan(kHeaderSize));
    out.resize(kHeaderSize + size.value_or(0));
    return out;
  };
  EXPECT_EQ(bytes(large, 4, automatic), libdeflate(large, 4));
  EXPECT_NE(bytes(large, 1, zlib), bytes(large, 9, zlib));
  EXPECT_EQ(has_isal(), bytes(large, 2, isal) != libdeflate(large, 2));
  EXPECT_LT(bytes(large, 6, automatic).size(), bytes(large, 6, zlib).size());
}

TEST(Compressor, AtLeisureSmallBlocksArePrimed) {
  const std::string small = gathered_lines();
  base::Random random(5);
  for (const auto method : {Compression::kAuto, Compression::kZlib}) {
    Compressor compressor(3, method);
    const Block plain = compressed(compressor, small);
    EXPECT_EQ(plain.codec, Codec::kDeflate);
    // Again and again: the dictionary is there each time.
    for (int i = 0; i < 3; ++i) {
      Block primed;
      compressor.compress(small, primed, true);
      EXPECT_EQ(primed.codec, Codec::kPrimed);
      EXPECT_LT(2 * primed.bytes.size(), plain.bytes.size() + kHeaderSize);
      EXPECT_TRUE(comes_back(primed, small));
      EXPECT_TRUE(payload_of(primed).ends_with(std::string_view("\0\0\xff\xff", 4)));
    }
    Block large;
    compressor.compress(some_lines(random, 16U << 10U), large, true);
    EXPECT_EQ(large.codec, Codec::kDeflate);
    EXPECT_TRUE(comes_back(plain, small));
  }
  for (const auto method : {Compression::kIsal, Compression::kNone}) {
    Compressor compressor(3, method);
    Block block;
    compressor.compress(small, block, true);
    EXPECT_EQ(block.codec, method == Compression::kIsal ? Codec::kDeflate : Codec::kRaw);
  }
}

TEST(Compressor, WhatTheDictionaryDoesNotKnowIsPrimedAllTheSame) {
  base::Random random(6);
  Compressor compressor(3);
  for (const std::size_t size : {0U, 1U, 100U, 16'383U}) {
    const std::string bytes = noise(random, size);
    Block block;
    compressor.compress(bytes, block, true);
    EXPECT_EQ(block.codec, Codec::kPrimed);
    EXPECT_TRUE(comes_back(block, bytes)) << size;
    EXPECT_LE(payload_of(block).size(), size + size / 64 + 64);
  }
}

// It is part of the format. README.md has the text (readme_example_test.cpp).
TEST(Dictionary, NeverChanges) {
  EXPECT_EQ(dictionary().size(), 1710U);
  EXPECT_EQ(test::crc32_of(dictionary()), 0xEA07D32CU);
}

TEST(Compressor, NoneKeepsTheLinesAsTheyAre) {
  Compressor compressor(3, Compression::kNone);
  const Block block = compressed(compressor, "m v=1i 1\n");
  EXPECT_EQ(block.codec, Codec::kRaw);
  EXPECT_EQ(payload_of(block), "m v=1i 1\n");
  EXPECT_EQ(block.raw_size, 9U);
  EXPECT_EQ(block.raw_crc32, test::crc32_of("m v=1i 1\n"));
}

TEST(Compressor, AnyBlocksInAnyOrderMakeABody) {
  base::Random random(2);
  // Equal texts: a fragment that referred back to an earlier one would show.
  const std::string lines = some_lines(random, 3000);
  for (const Way& way : all_ways()) {
    Compressor compressor(way.level, way.method);
    Block a;
    Block b;
    Block c;
    compressor.compress(lines, a);
    compressor.compress(lines, b);
    compressor.compress("m v=1i 5\n", c);
    EXPECT_EQ(a.bytes, b.bytes) << "a fragment depends on its lines alone; " << way;
    EXPECT_EQ(test::gunzip_single_member(spliced({c, b})), "m v=1i 5\n" + lines) << way;
    EXPECT_EQ(test::gunzip_single_member(spliced({b})), lines) << way;
  }
  EXPECT_EQ(test::gunzip_single_member(spliced({})), "");
}

TEST(Compressor, WhatCannotBeCompressedStillFits) {
  base::Random random(3);
  for (const Way& way : all_ways()) {
    Compressor compressor(way.level, way.method);
    for (const std::size_t size : {0U, 1U, 100U, 16'383U, 65'535U, 65'536U, 262'144U, 1U << 20U}) {
      const std::string bytes = noise(random, size);
      Block block;
      compressor.compress(bytes, block);
      std::string back;
      ASSERT_TRUE(decompress(block.codec, payload_of(block), block.raw_size, block.raw_crc32, back))
          << way << ", " << size << " bytes";
      EXPECT_LE(payload_of(block).size(), size + size / 64 + 64);
      EXPECT_EQ(back, bytes);
    }
  }
}

TEST(Compressor, FillsInWhatTheBlockNeedsToKnow) {
  Compressor compressor(3);
  const std::string lines = "m v=1i 1\nm v=2i 2\n";
  const Block block = compressed(compressor, lines);
  EXPECT_EQ(block.codec, Codec::kDeflate);
  EXPECT_EQ(block.raw_size, lines.size());
  EXPECT_EQ(block.raw_crc32, test::crc32_of(lines));
  EXPECT_EQ(payload_of(block).substr(payload_of(block).size() - 4), std::string("\0\0\xff\xff", 4))
      << "ends with a sync flush";
}

TEST(Compressor, MovesAndGoesOn) {
  Compressor first(3);
  Compressor second(std::move(first));
  Compressor third(9);
  third = std::move(second);
  std::string back;
  const Block block = compressed(third, "m v=1i 1\n");
  EXPECT_TRUE(decompress(block.codec, payload_of(block), block.raw_size, block.raw_crc32, back));
}

TEST(Decompress, AppendsToWhatIsThere) {
  Compressor compressor(3);
  std::string out = "before\n";
  for (const std::string_view lines : {"a v=1i 1\n", "b v=1i 1\n"}) {
    const Block block = compressed(compressor, lines);
    EXPECT_TRUE(decompress(block.codec, payload_of(block), block.raw_size, block.raw_crc32, out));
  }
  EXPECT_TRUE(decompress(Codec::kRaw, "c v=1i 1\n", 9, test::crc32_of("c v=1i 1\n"), out));
  EXPECT_EQ(out, "before\na v=1i 1\nb v=1i 1\nc v=1i 1\n");
}

TEST(Decompress, RefusesWrongSizesAndChecksumsAndLeavesTheOutputAlone) {
  base::Random random(4);
  Compressor compressor(6);
  const std::string lines = some_lines(random, 500);
  const Block block = compressed(compressor, lines);
  const std::string payload = payload_of(block);
  Block primed_block;
  compressor.compress(lines, primed_block, true);
  const std::string primed = payload_of(primed_block);
  std::string out = "kept";
  const auto refused = [&](Codec codec, std::string_view bytes, std::uint32_t size,
                           std::uint32_t crc) {
    const bool done = decompress(codec, bytes, size, crc, out);
    EXPECT_EQ(out, "kept");
    return !done;
  };
  EXPECT_TRUE(refused(block.codec, payload, block.raw_size - 1, block.raw_crc32));
  EXPECT_TRUE(refused(block.codec, payload, block.raw_size + 1, block.raw_crc32));
  EXPECT_TRUE(refused(block.codec, payload, UINT32_MAX, block.raw_crc32));
  EXPECT_TRUE(refused(block.codec, payload, 0, 0));
  EXPECT_TRUE(refused(Codec::kDeflate, primed, block.raw_size, block.raw_crc32));
  EXPECT_TRUE(refused(Codec::kPrimed, primed, block.raw_size - 1, block.raw_crc32));
  EXPECT_TRUE(refused(block.codec, payload, block.raw_size, block.raw_crc32 ^ 1U));
  EXPECT_TRUE(refused(block.codec, "", block.raw_size, block.raw_crc32));
  EXPECT_TRUE(refused(block.codec, payload + payload, block.raw_size, block.raw_crc32));
  EXPECT_TRUE(refused(Codec::kRaw, lines, block.raw_size - 1, block.raw_crc32));
  EXPECT_TRUE(refused(Codec::kRaw, lines, block.raw_size, block.raw_crc32 + 1));
  // A final block inside would end the body too early.
  std::string final = payload;
  final.append("\x03\0", 2);
  EXPECT_TRUE(refused(block.codec, final, block.raw_size, block.raw_crc32));
}

TEST(Decompress, NoFlippedBitGivesOtherLines) {
  Compressor compressor(6);
  const std::string lines = "cpu,host=a usage=1.5 1700000000000000000\ncpu,host=b usage=2.5 17\n";
  const Block block = compressed(compressor, lines);
  for (std::size_t bit = 0; bit < 8 * (block.bytes.size() - kHeaderSize); ++bit) {
    std::string payload = payload_of(block);
    payload[bit / 8] = static_cast<char>(payload[bit / 8] ^ (1 << (bit % 8)));
    std::string out;
    // A few bits do not matter to deflate; then the lines must be the same.
    if (decompress(block.codec, payload, block.raw_size, block.raw_crc32, out)) {
      EXPECT_EQ(out, lines);
    } else {
      EXPECT_TRUE(out.empty());
    }
  }
}

}  // namespace
}  // namespace holdfast::buffer

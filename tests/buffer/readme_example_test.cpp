// The worked examples of buffer/README.md are what the code reads and writes.
#include <charconv>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "buffer/compressor.h"
#include "buffer/crc32c.h"
#include "buffer/dictionary.h"
#include "buffer/format.h"

namespace holdfast::buffer {
namespace {

constexpr std::string_view kLines =
    "cpu,host=edge usage=12.5 1760000000000000000\n"
    "cpu,host=edge usage=12.5 1760000010000000000\n";

std::uint64_t hex(const std::string& digits) {
  std::uint64_t value = 0;
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  EXPECT_TRUE(error == std::errc() && end == digits.data() + digits.size()) << digits;
  return value;
}

// The bytes of the fenced block "```hex <name>": lines of "offset: bytes ; what they are".
std::vector<std::byte> example(const std::string& name) {
  std::ifstream readme(HOLDFAST_SOURCE_DIR "/buffer/README.md");
  std::vector<std::byte> bytes;
  std::string line;
  while (std::getline(readme, line) && line != "```hex " + name) {
  }
  while (std::getline(readme, line) && line != "```") {
    std::istringstream words(line.substr(0, line.find(';')));
    std::string word;
    words >> word;
    EXPECT_EQ(word.back(), ':') << line;
    word.pop_back();
    EXPECT_EQ(hex(word), bytes.size()) << line;
    while (words >> word) bytes.push_back(static_cast<std::byte>(hex(word)));
  }
  return bytes;
}

TEST(ReadmeExample, SuperblockIsWhatItSays) {
  const auto bytes = example("superblock");
  ASSERT_EQ(bytes.size(), kSuperblockBytes);
  const auto found = decode_superblock(std::span(bytes).first<kSuperblockBytes>());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->version, 1);
  EXPECT_EQ(found->compat + found->ro_compat, 0U);
  EXPECT_EQ(found->incompat, kPrimedBlocks);
  EXPECT_EQ(found->file_size, 28672U);
  EXPECT_EQ(found->data_size, 4096U);
  EXPECT_EQ(found->seed(), 0x88888888U);
  EXPECT_EQ(found->uuid[15], std::byte{0xaf});
  EXPECT_EQ(found->created_ns, 1'760'000'000'000'000'000);
  std::array<std::byte, kSuperblockBytes> again;
  encode_superblock(*found, again);
  EXPECT_TRUE(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()));
}

TEST(ReadmeExample, BlockIsWhatItSays) {
  const auto bytes = example("block");
  ASSERT_GT(bytes.size(), kHeaderSize);
  const auto header = decode_header(std::span(bytes).first<kHeaderSize>(), 0x88888888U);
  ASSERT_TRUE(header);
  EXPECT_EQ(header->kind, BlockKind::kData);
  EXPECT_EQ(header->codec, Codec::kDeflate);
  EXPECT_EQ(header->flags & kEraMask, 5);
  EXPECT_EQ(header->flags & ~kEraMask, lap_bits(8320, 4096));
  EXPECT_EQ(24704U, kDataOffset + 8320 % 4096);
  EXPECT_EQ(header->block_sequence, 66U);
  EXPECT_EQ(header->point_sequence, 1000U);
  EXPECT_EQ(header->points, 2U);
  EXPECT_EQ(header->payload_size, 44U);
  EXPECT_EQ(header->raw_size, kLines.size());
  EXPECT_EQ(header->span_s, 10U);
  EXPECT_EQ(header->oldest_ns, 1'760'000'000'000'000'000);
  EXPECT_EQ(header->stored_at_s, 1'760'000'011U);
  EXPECT_EQ(header->extent(), 128U);
  const auto payload = std::span(bytes).subspan(kHeaderSize);
  ASSERT_EQ(payload.size(), header->payload_size);
  EXPECT_EQ(crc32c(payload), header->payload_crc32c);
  std::string lines;
  EXPECT_TRUE(decompress(header->codec, base::as_text(payload), header->raw_size, header->raw_crc32,
                         lines));
  EXPECT_EQ(lines, kLines);
  std::array<std::byte, kHeaderSize> again;
  encode_header(*header, 0x88888888U, again);
  EXPECT_TRUE(std::equal(again.begin(), again.end(), bytes.begin()));
}

TEST(ReadmeExample, DictionaryIsWhatItSays) {
  std::ifstream readme(HOLDFAST_SOURCE_DIR "/buffer/README.md");
  std::string line;
  std::string text;
  while (std::getline(readme, line) && line != "```text dictionary") {
  }
  while (std::getline(readme, line) && line != "```") text += line + "\n";
  EXPECT_EQ(text, dictionary());
}

}  // namespace
}  // namespace holdfast::buffer

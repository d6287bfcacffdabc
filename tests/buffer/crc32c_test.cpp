#include "buffer/crc32c.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "agent/base/random.h"

namespace holdfast::buffer {
namespace {

using base::as_bytes;

std::vector<std::byte> random_bytes(base::Random& random, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.below(256));
  return bytes;
}

// Bit by bit, from the polynomial.
std::uint32_t plain_crc32c(base::ByteSpan bytes, std::uint32_t seed = 0) {
  std::uint32_t crc = ~seed;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
  }
  return ~crc;
}

// RFC 3720 appendix B.4, and the check value of the CRC catalogues.
TEST(Crc32c, MatchesThePublishedVectors) {
  std::string rising;
  std::string falling;
  for (int i = 0; i < 32; ++i) {
    rising.push_back(static_cast<char>(i));
    falling.push_back(static_cast<char>(31 - i));
  }
  const std::vector<std::pair<std::string, std::uint32_t>> vectors{
      {"", 0},
      {"123456789", 0xE3069283},
      {std::string(32, '\0'), 0x8A9136AA},
      {std::string(32, '\xFF'), 0x62A8AB43},
      {rising, 0x46DD794E},
      {falling, 0x113FDB5C},
  };
  for (const auto& [text, expected] : vectors) {
    EXPECT_EQ(crc32c(as_bytes(text)), expected);
    EXPECT_EQ(plain_crc32c(as_bytes(text)), expected);
  }
}

TEST(Crc32c, EqualsThePlainFormForAnyLengthStartAndSeed) {
  base::Random random(7);
  const auto bytes = random_bytes(random, 4096);
  for (int i = 0; i < 2000; ++i) {
    const std::size_t from = random.below(64);
    const std::size_t size = random.below(i % 10 == 0 ? 4000 : 80);
    const auto part = std::span(bytes).subspan(from, size);
    const auto seed = static_cast<std::uint32_t>(random.next());
    ASSERT_EQ(crc32c(part, seed), plain_crc32c(part, seed)) << from << "+" << size;
  }
}

TEST(Crc32c, ContinuesFromAChecksumOfWhatCameBefore) {
  base::Random random(8);
  const auto bytes = random_bytes(random, 500);
  for (std::size_t cut = 0; cut <= bytes.size(); cut += 7) {
    const auto first = std::span(bytes).first(cut);
    const auto second = std::span(bytes).subspan(cut);
    EXPECT_EQ(crc32c(second, crc32c(first)), crc32c(bytes));
    EXPECT_EQ(plain_crc32c(second, plain_crc32c(first)), crc32c(bytes));
  }
}

TEST(Crc32c, DiffersBySeed) { EXPECT_NE(crc32c(as_bytes("cpu"), 1), crc32c(as_bytes("cpu"), 2)); }

}  // namespace
}  // namespace holdfast::buffer

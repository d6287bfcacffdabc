#include "buffer/format.h"

#include <gtest/gtest.h>

#include "buffer/crc32c.h"

namespace holdfast::buffer {
namespace {

using base::load_le;

constexpr std::uint32_t kSeed = 0xFEEDF00D;

BlockHeader example_header() {
  BlockHeader header;
  header.kind = BlockKind::kCheckpoint;
  header.codec = Codec::kDeflate;
  header.flags = 0x3456;
  header.block_sequence = 0x1122334455667788;
  header.point_sequence = 0x99AABBCCDDEEFF01;
  header.points = 0x10203040;
  header.payload_size = 0x50607080;
  header.raw_size = 0x90A0B0C0;
  header.raw_crc32 = 0xD0E0F001;
  header.payload_crc32c = 0x0A0B0C0D;
  header.span_s = 0x12131415;
  header.oldest_ns = -5;
  header.stored_at_s = 0xF1F2F3F4;
  return header;
}

Superblock example_superblock() {
  Superblock superblock;
  superblock.compat = 1;
  superblock.ro_compat = 2;
  superblock.incompat = 4;
  superblock.file_size = 1U << 20U;
  superblock.data_size = data_size_of(1U << 20U);
  superblock.salt = 0x0123456789ABCDEF;
  for (std::size_t i = 0; i < superblock.uuid.size(); ++i) {
    superblock.uuid[i] = static_cast<std::byte>(0xC0 + i);
  }
  superblock.created_ns = 1'700'000'000'000'000'001;
  return superblock;
}

std::array<std::byte, kHeaderSize> encoded(const BlockHeader& header) {
  std::array<std::byte, kHeaderSize> bytes;
  encode_header(header, kSeed, bytes);
  return bytes;
}

std::array<std::byte, kSuperblockBytes> encoded(const Superblock& superblock) {
  std::array<std::byte, kSuperblockBytes> bytes;
  encode_superblock(superblock, bytes);
  return bytes;
}

TEST(Format, HeaderComesBackAsItWas) {
  const auto found = decode_header(encoded(example_header()), kSeed);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, example_header());
}

TEST(Format, HeaderFieldsLieWhereTheSpecificationSays) {
  const auto bytes = encoded(example_header());
  const std::byte* at = bytes.data();
  EXPECT_EQ(base::as_text(std::span(bytes).first(4)), "HFB1");
  EXPECT_EQ(load_le<std::uint8_t>(at + 4), 3);
  EXPECT_EQ(load_le<std::uint8_t>(at + 5), 1);
  EXPECT_EQ(load_le<std::uint16_t>(at + 6), 0x3456);
  EXPECT_EQ(load_le<std::uint64_t>(at + 8), 0x1122334455667788U);
  EXPECT_EQ(load_le<std::uint64_t>(at + 16), 0x99AABBCCDDEEFF01U);
  EXPECT_EQ(load_le<std::uint32_t>(at + 24), 0x10203040U);
  EXPECT_EQ(load_le<std::uint32_t>(at + 28), 0x50607080U);
  EXPECT_EQ(load_le<std::uint32_t>(at + 32), 0x90A0B0C0U);
  EXPECT_EQ(load_le<std::uint32_t>(at + 36), 0xD0E0F001U);
  EXPECT_EQ(load_le<std::uint32_t>(at + 40), 0x0A0B0C0DU);
  EXPECT_EQ(load_le<std::uint32_t>(at + 44), 0x12131415U);
  EXPECT_EQ(load_le<std::int64_t>(at + 48), -5);
  EXPECT_EQ(load_le<std::uint32_t>(at + 56), 0xF1F2F3F4U);
  EXPECT_EQ(load_le<std::uint32_t>(at + 60), crc32c(std::span(bytes).first(60), kSeed));
  EXPECT_EQ(std::to_integer<int>(bytes[8]), 0x88) << "little-endian";
}

TEST(Format, AnyFlippedBitOfAHeaderIsRefused) {
  const auto good = encoded(example_header());
  for (std::size_t bit = 0; bit < 8 * kHeaderSize; ++bit) {
    auto bytes = good;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_FALSE(decode_header(bytes, kSeed)) << "bit " << bit;
  }
}

TEST(Format, AHeaderOfAnotherFileIsRefused) {
  EXPECT_FALSE(decode_header(encoded(example_header()), kSeed + 1));
  EXPECT_FALSE(decode_header(std::array<std::byte, kHeaderSize>{}, kSeed));
}

TEST(Format, SuperblockComesBackAsItWas) {
  const Superblock wanted = example_superblock();
  const auto found = decode_superblock(encoded(wanted));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->version, 1);
  EXPECT_EQ(found->compat, wanted.compat);
  EXPECT_EQ(found->ro_compat, wanted.ro_compat);
  EXPECT_EQ(found->incompat, wanted.incompat);
  EXPECT_EQ(found->file_size, wanted.file_size);
  EXPECT_EQ(found->data_size, wanted.data_size);
  EXPECT_EQ(found->salt, wanted.salt);
  EXPECT_EQ(found->uuid, wanted.uuid);
  EXPECT_EQ(found->created_ns, wanted.created_ns);
  EXPECT_EQ(found->seed(), 0x89ABCDEFU ^ 0x01234567U);
}

TEST(Format, SuperblockFieldsLieWhereTheSpecificationSays) {
  const auto bytes = encoded(example_superblock());
  const std::byte* at = bytes.data();
  EXPECT_EQ(base::as_text(std::span(bytes).first(8)), "HOLDFSTR");
  EXPECT_EQ(load_le<std::uint16_t>(at + 8), 1);
  EXPECT_EQ(load_le<std::uint32_t>(at + 12), 1U);
  EXPECT_EQ(load_le<std::uint32_t>(at + 16), 2U);
  EXPECT_EQ(load_le<std::uint32_t>(at + 20), 4U);
  EXPECT_EQ(load_le<std::uint64_t>(at + 24), 1U << 20U);
  EXPECT_EQ(load_le<std::uint64_t>(at + 32), 24576U);
  EXPECT_EQ(load_le<std::uint64_t>(at + 40), (1U << 20U) - 24576U);
  EXPECT_EQ(load_le<std::uint32_t>(at + 48), 64U);
  EXPECT_EQ(load_le<std::uint64_t>(at + 56), 0x0123456789ABCDEFU);
  EXPECT_EQ(std::to_integer<int>(at[64]), 0xC0);
  EXPECT_EQ(std::to_integer<int>(at[79]), 0xCF);
  EXPECT_EQ(load_le<std::int64_t>(at + 80), 1'700'000'000'000'000'001);
  for (std::size_t i = 88; i < 124; ++i) EXPECT_EQ(at[i], std::byte{0}) << "reserved byte " << i;
  EXPECT_EQ(load_le<std::uint32_t>(at + 124), crc32c(std::span(bytes).first(124)));
}

TEST(Format, AnyFlippedBitOfASuperblockIsRefused) {
  const auto good = encoded(example_superblock());
  for (std::size_t bit = 0; bit < 8 * kSuperblockBytes; ++bit) {
    auto bytes = good;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_FALSE(decode_superblock(bytes)) << "bit " << bit;
  }
}

TEST(Format, EachPartOfTheHeadHasPagesOfItsOwn) {
  EXPECT_EQ(kSuperblockOffsets[0] + kSuperblockSize, kSlotOffsets[0]);
  EXPECT_EQ(kSlotOffsets[0] + kSlotSize, kSlotOffsets[1]);
  EXPECT_EQ(kSlotOffsets[1] + kSlotSize, kSuperblockOffsets[1]);
  EXPECT_EQ(kSuperblockOffsets[1] + kSuperblockSize, kDataOffset);
}

TEST(Format, BlocksTakeWholeUnitsOf64Bytes) {
  BlockHeader header;
  for (const auto& [payload, extent] : {std::pair{0U, 64U},
                                        {1U, 128U},
                                        {64U, 128U},
                                        {65U, 192U},
                                        {kMaxPayload, kMaxPayload + 64U}}) {
    header.payload_size = payload;
    EXPECT_EQ(header.extent(), extent);
  }
  header.payload_size = UINT32_MAX;
  EXPECT_EQ(header.extent(), (1ULL << 32U) + 64U);
}

TEST(Format, LapBitsCountLapsModuloSixteenAboveTheClockEra) {
  EXPECT_EQ(lap_bits(0, 4096), 0);
  EXPECT_EQ(lap_bits(4095, 4096), 0);
  EXPECT_EQ(lap_bits(4096, 4096), 0x1000);
  EXPECT_EQ(lap_bits(15 * 4096, 4096), 0xF000);
  EXPECT_EQ(lap_bits(16 * 4096, 4096), 0);
  EXPECT_EQ(lap_bits(7 * 4096, 4096) & kEraMask, 0);
}

TEST(Format, DataAreaIsWhatIsLeftOfTheFileInUnitsOf64Bytes) {
  EXPECT_EQ(data_size_of(0), 0U);
  EXPECT_EQ(data_size_of(kDataOffset), 0U);
  EXPECT_EQ(data_size_of(kDataOffset + 63), 0U);
  EXPECT_EQ(data_size_of(kDataOffset + 4096 + 63), 4096U);
}

}  // namespace
}  // namespace holdfast::buffer

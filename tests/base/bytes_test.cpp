#include "agent/base/bytes.h"

#include <array>
#include <limits>

#include <gtest/gtest.h>

namespace holdfast::test {
namespace {

TEST(Bytes, IntegersAreLittleEndian) {
  std::array<std::byte, 8> bytes{};
  base::store_le(bytes.data(), std::uint32_t{0x01020304});
  EXPECT_EQ(bytes[0], std::byte{4});
  EXPECT_EQ(bytes[3], std::byte{1});
  EXPECT_EQ(bytes[4], std::byte{0});
  EXPECT_EQ(base::load_le<std::uint32_t>(bytes.data()), 0x01020304U);
}

TEST(Bytes, ExtremeValuesComeBack) {
  std::array<std::byte, 9> bytes{};
  for (const std::int64_t value : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1},
                                   std::numeric_limits<std::int64_t>::max()}) {
    base::store_le(bytes.data() + 1, value);  // unaligned on purpose
    EXPECT_EQ(base::load_le<std::int64_t>(bytes.data() + 1), value);
  }
}

}  // namespace
}  // namespace holdfast::test

// A name that only this test program knows: 127.0.0.1, and every lookup of it is counted.
#pragma once

#include <cstdint>

namespace holdfast::test {

inline constexpr const char* kCountedName = "counted.holdfast.test";
[[nodiscard]] std::uint64_t counted_lookups();

}  // namespace holdfast::test

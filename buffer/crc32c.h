// CRC-32C (Castagnoli), the checksum of headers and payloads. Debian has no library for it alone.
#pragma once

#include <cstdint>

#include "agent/base/bytes.h"

namespace holdfast::buffer {

// `seed` is a checksum to continue, or any number that makes checksums of one file its own (the
// salt). Uses the processor's instruction where there is one.
[[nodiscard]] std::uint32_t crc32c(base::ByteSpan bytes, std::uint32_t seed = 0);

// The portable form, for tests to compare with.
[[nodiscard]] std::uint32_t crc32c_portable(base::ByteSpan bytes, std::uint32_t seed = 0);

}  // namespace holdfast::buffer

// CRC-32C (Castagnoli), the checksum of headers and payloads: polynomial 0x1EDC6F41, reflected, as
// in RFC 3720 appendix B.4. ISA-L takes the processor's fastest way.
#pragma once

#include <cstdint>

#include "agent/base/bytes.h"

namespace holdfast::buffer {

// `seed` is a checksum to continue, or any number that makes checksums of one file its own (the
// salt). At most 2 GiB at once.
[[nodiscard]] std::uint32_t crc32c(base::ByteSpan bytes, std::uint32_t seed = 0);

}  // namespace holdfast::buffer

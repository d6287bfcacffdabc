#include "buffer/crc32c.h"

#include <isa-l/crc.h>

namespace holdfast::buffer {

std::uint32_t crc32c(base::ByteSpan bytes, std::uint32_t seed) {
  // The library does not write to the bytes, and leaves both inversions to its caller.
  auto* const data = reinterpret_cast<unsigned char*>(const_cast<std::byte*>(bytes.data()));
  return ~crc32_iscsi(data, static_cast<int>(bytes.size()), ~seed);
}

}  // namespace holdfast::buffer

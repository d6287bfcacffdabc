// What a batch needs of deflate: fragments, gzip frames around them, and the way back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace holdfast::outputs {

// CRC-32 as in gzip.
[[nodiscard]] std::uint32_t crc32_of(std::string_view bytes);
// CRC-32 of two texts in a row from those of each; `second_size` is the size of the second.
[[nodiscard]] std::uint32_t crc32_join(std::uint32_t first, std::uint32_t second,
                                       std::uint64_t second_size);

// Appends `raw` as a raw deflate fragment: empty window, ended by a sync flush, not final.
[[nodiscard]] base::Status append_fragment(std::string_view raw, std::string& out);

// The 10 bytes in front of a gzip stream, and the final empty block and trailer behind it.
inline constexpr std::size_t kGzipHeaderSize = 10;
void write_gzip_header(char* at);
void append_gzip_end(std::uint32_t crc32, std::uint64_t raw_size, std::string& out);

// How much a gzip stream of one member says that it holds, modulo 2^32; kCorrupt if it is no such
// stream, or says more than its size can hold.
[[nodiscard]] base::Result<std::uint32_t> gzip_content_size(std::string_view stream);
// A gzip stream of one member.
[[nodiscard]] base::Result<std::string> gzip(std::string_view raw);

// Inflates a gzip stream of one member up to `limit` bytes; kCorrupt when it fails its checks.
// A shorter limit than the content is no error.
[[nodiscard]] base::Result<std::string> gunzip(std::string_view stream, std::size_t limit);

}  // namespace holdfast::outputs

// zlib as a judge, independent of the code under test.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::test {

// The content of a gzip stream that is one member and ends exactly at the last byte; nothing for
// anything else: a second member, junk behind, a wrong checksum or length, a cut.
[[nodiscard]] std::optional<std::string> gunzip_single_member(std::string_view stream);

// `raw` as a ring block holds it: raw deflate, empty window, ended by a sync flush.
[[nodiscard]] std::string deflate_fragment(std::string_view raw, int level = 6);

[[nodiscard]] std::uint32_t crc32_of(std::string_view bytes);

// `raw` as an ordinary gzip file.
[[nodiscard]] std::string gzip(std::string_view raw);

}  // namespace holdfast::test

// Short forms of texts: a hash that stays the same for ever, and base64.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::base {

inline constexpr std::uint64_t kEmptyHash = 0xcbf29ce484222325ULL;
// FNV-1a, 64 bits. `before` is the hash of what comes before the text.
[[nodiscard]] std::uint64_t hash64(std::string_view text, std::uint64_t before = kEmptyHash);

// RFC 4648, with padding.
[[nodiscard]] std::string base64(std::string_view text);

}  // namespace holdfast::base

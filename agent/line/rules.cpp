// UTF-8 checks: servers store what they get, but InfluxDB 3 refuses a whole request for one bad
// byte.
#include "agent/line/rules.h"

#include <array>
#include <cstring>

namespace holdfast::line {
namespace {

[[nodiscard]] unsigned byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

[[nodiscard]] bool is_continuation(std::string_view text, std::size_t at) {
  return at < text.size() && (byte_at(text, at) & 0xC0U) == 0x80U;
}

// The first byte at or after `at` with its high bit set; size() if there is none.
[[nodiscard]] std::size_t skip_ascii(std::string_view text, std::size_t at) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  std::array<std::uint64_t, 8> words{};
  while (at + sizeof words <= text.size()) {
    std::memcpy(words.data(), text.data() + at, sizeof words);
    std::uint64_t all = 0;
    for (const std::uint64_t word : words) {
      all |= word;
    }
    if ((all & kHighBits) != 0) {
      break;
    }
    at += sizeof words;
  }
  while (at < text.size() && byte_at(text, at) < 0x80) {
    ++at;
  }
  return at;
}

}  // namespace

std::size_t utf8_sequence_size(std::string_view text) {
  if (text.empty()) {
    return 0;
  }
  const unsigned lead = byte_at(text, 0);
  if (lead < 0x80) {
    return 1;
  }
  if (lead < 0xC2 || lead > 0xF4 || !is_continuation(text, 1)) {
    return 0;
  }
  if (lead < 0xE0) {
    return 2;
  }
  const unsigned second = byte_at(text, 1);
  if (!is_continuation(text, 2) || (lead == 0xE0 && second < 0xA0) ||
      (lead == 0xED && second > 0x9F)) {
    return 0;
  }
  if (lead < 0xF0) {
    return 3;
  }
  if (!is_continuation(text, 3) || (lead == 0xF0 && second < 0x90) ||
      (lead == 0xF4 && second > 0x8F)) {
    return 0;
  }
  return 4;
}

std::size_t find_invalid_utf8(std::string_view text) {
  std::size_t at = skip_ascii(text, 0);
  while (at < text.size()) {
    const std::size_t size = utf8_sequence_size(text.substr(at));
    if (size == 0) {
      return at;
    }
    at = skip_ascii(text, at + size);
  }
  return std::string_view::npos;
}

}  // namespace holdfast::line

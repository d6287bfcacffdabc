// The limits and reserved words of line protocol that the encoder and the scanner share, and the
// byte classes they walk by. Internal to agent/line.
//
// Where the rules come from: InfluxDB's line protocol reference, and, where that is silent, what
// the servers do: tests/line/influxdb_cases_test.cpp lists the answers of a real
// InfluxDB 1.6.7; 2.x and 3 differ in the ways named beside each rule.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast::line {

// Measurement and tags as they stand, escapes included (1.x and 2.x: "max key length exceeded").
inline constexpr std::size_t kMaxSeriesBytes = 65'535;
// The servers join series and field key with these many bytes, and limit the sum as well.
inline constexpr std::size_t kFieldSeparatorBytes = 4;
// A string field between its quotes. The line protocol reference's limit, and InfluxDB 3's.
inline constexpr std::size_t kMaxStringBytes = 65'536;

// Nanoseconds; the two lowest and the highest int64 are the servers' own marks.
inline constexpr std::int64_t kMinTimeNs = INT64_MIN + 2;
inline constexpr std::int64_t kMaxTimeNs = INT64_MAX - 1;

// InfluxDB 1.x refuses points tagged `time`; 2.x refuses all three.
[[nodiscard]] constexpr bool is_reserved_tag(std::string_view key) {
  return key == "time" || key == "_field" || key == "_measurement";
}
// 1.x and 2.x drop such a field silently, or the point that has no other.
[[nodiscard]] constexpr bool is_reserved_field(std::string_view key) { return key == "time"; }

// What a byte means within a measurement, a key or a tag value.
enum class NameByte : std::uint8_t { kPlain, kEquals, kSeparator, kBackslash, kControl };

namespace detail {
constexpr std::array<NameByte, 256> make_name_bytes() {
  std::array<NameByte, 256> table{};
  for (std::size_t i = 0; i < 0x20; ++i) {
    table[i] = NameByte::kControl;
  }
  table['='] = NameByte::kEquals;
  table[','] = NameByte::kSeparator;
  table[' '] = NameByte::kSeparator;
  table['\\'] = NameByte::kBackslash;
  return table;
}
inline constexpr std::array<NameByte, 256> kNameBytes = make_name_bytes();
}  // namespace detail

[[nodiscard]] inline NameByte name_byte(char byte) {
  return detail::kNameBytes[static_cast<unsigned char>(byte)];
}

[[nodiscard]] constexpr bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

// Bytes of the valid UTF-8 sequence that `text` starts with (RFC 3629: no surrogates, no overlong
// forms, at most U+10FFFF); 0 if there is none.
[[nodiscard]] std::size_t utf8_sequence_size(std::string_view text);
// The first byte that is not part of valid UTF-8; npos if there is none. Fast on ASCII.
[[nodiscard]] std::size_t find_invalid_utf8(std::string_view text);

}  // namespace holdfast::line

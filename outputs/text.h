// Texts from outside (a server's answer, libcurl's words) made fit for a log line and a status
// field.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::outputs {

inline constexpr std::size_t kMaxMessage = 512;

// One line of valid UTF-8: control characters and runs of blanks become one blank, broken UTF-8
// '?', what exceeds `max_bytes` is cut off and shown as "...".
[[nodiscard]] std::string one_line(std::string_view text, std::size_t max_bytes = kMaxMessage);

// "http://user:secret@host" → "http://host", wherever it stands in the text.
[[nodiscard]] std::string without_user_info(std::string_view text);

// Every occurrence of `secret` replaced; nothing happens for an empty one.
void redact(std::string_view secret, std::string& text);

// ASCII letters only.
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

// Percent-encodes everything but the unreserved characters of RFC 3986.
[[nodiscard]] std::string percent_encode(std::string_view text);
// Undoes it; a '%' without two hexadecimal digits stays.
[[nodiscard]] std::string percent_decode(std::string_view text);

}  // namespace holdfast::outputs

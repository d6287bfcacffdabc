// Cleaning, redacting and percent-encoding of texts.
#include "outputs/text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include <fmt/core.h>

namespace holdfast::outputs {
namespace {

// Length of the UTF-8 sequence at the start of `text`; 0 if it is broken (RFC 3629).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second > 0x9f;
  const bool too_large = first == 0xf4 && second > 0x8f;
  return overlong || surrogate || too_large ? 0 : size;
}

bool is_blank(char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

std::string one_line(std::string_view text, std::size_t max_bytes) {
  constexpr std::string_view kCut = "...";
  std::string out;
  std::size_t whole = 0;  // size of `out` that leaves room for the dots
  for (std::size_t at = 0; at < text.size();) {
    if (is_blank(text[at])) {
      if (!out.empty() && out.back() != ' ') out += ' ';
      ++at;
    } else if (const std::size_t size = utf8_length(text.substr(at)); size > 0) {
      out.append(text.substr(at, size));
      at += size;
    } else {
      out += '?';
      ++at;
    }
    if (out.size() + kCut.size() <= max_bytes) whole = out.size();
    if (out.size() > max_bytes + 1) break;
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  if (out.size() > max_bytes) {
    out.resize(whole);
    out += kCut;
  }
  return out;
}

std::string without_user_info(std::string_view text) {
  std::string out;
  for (;;) {
    const auto scheme = text.find("://");
    if (scheme == std::string_view::npos) break;
    out.append(text.substr(0, scheme + 3));
    text.remove_prefix(scheme + 3);
    const std::string_view authority = text.substr(0, text.find_first_of("/?# \t\r\n'\""));
    const auto at = authority.rfind('@');
    if (at != std::string_view::npos) text.remove_prefix(at + 1);
  }
  out.append(text);
  return out;
}

void redact(std::string_view secret, std::string& text) {
  constexpr std::string_view kHidden = "***";
  if (secret.empty()) return;
  for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos;) {
    text.replace(at, secret.size(), kHidden);
    at += kHidden.size();
  }
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::string percent_encode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::uint8_t byte = 0;
    if (text[i] == '%' && i + 2 < text.size()) {
      const char* const digits = text.data() + i + 1;
      if (const auto result = std::from_chars(digits, digits + 2, byte, 16);
          result.ec == std::errc{} && result.ptr == digits + 2) {
        out += static_cast<char>(byte);
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

}  // namespace holdfast::outputs

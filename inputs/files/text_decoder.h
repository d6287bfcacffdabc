// TextDecoder: text in a file's encoding → UTF-8. Also what takes colours out of a line.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace holdfast::files {

// Not thread-safe.
class TextDecoder {
 public:
  // A name that iconv(3) knows; empty or "none": the bytes are taken as they are. kInvalid if iconv
  // does not know it.
  [[nodiscard]] static base::Result<TextDecoder> open(const std::string& encoding);
  ~TextDecoder();
  TextDecoder(TextDecoder&&) noexcept;
  TextDecoder& operator=(TextDecoder&& other) noexcept;
  TextDecoder(const TextDecoder&) = delete;
  TextDecoder& operator=(const TextDecoder&) = delete;

  // As it stands in the file; empty if it has no one form (UTF-16 without its byte order).
  [[nodiscard]] const std::string& line_feed() const { return line_feed_; }
  // What is not text in this encoding becomes U+FFFD; a byte order mark in front is taken away. The
  // result is valid until the next call, and as long as `text`.
  [[nodiscard]] std::string_view decode(std::string_view text);

 private:
  explicit TextDecoder(void* converter) : converter_(converter) {}

  void* converter_;  // iconv_t; null: none
  std::string line_feed_ = "\n";
  std::string out_;
};

// Without the escape sequences of terminals (ECMA-48): colours, movements, titles.
[[nodiscard]] std::string without_escapes(std::string_view text);

}  // namespace holdfast::files

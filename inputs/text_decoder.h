// TextDecoder: text in other encodings as UTF-8.
#pragma once

#include <string>

#include "agent/base/result.h"

namespace holdfast::inputs {

// Immutable, thread-safe. A default-made one takes text as it is, but for a byte order mark.
class TextDecoder {
 public:
  TextDecoder() = default;
  // Any encoding that iconv(3) knows; "" and "none" for none. kInvalid for an unknown one.
  [[nodiscard]] static base::Result<TextDecoder> create(const std::string& encoding);

  // Without the byte order mark; what is invalid becomes U+FFFD.
  [[nodiscard]] std::string decode(std::string text) const;

 private:
  std::string encoding_;
};

}  // namespace holdfast::inputs

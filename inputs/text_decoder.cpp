// iconv, with replacements where it would give up.
#include "inputs/text_decoder.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include <iconv.h>

namespace holdfast::inputs {
namespace {

constexpr const char* kReplacement = "\xEF\xBF\xBD";
constexpr const char* kByteOrderMark = "\xEF\xBB\xBF";

// Bytes that an invalid character takes at least.
std::size_t unit_of(std::string encoding) {
  for (char& c : encoding) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  const auto is = [&](const char* family) { return encoding.starts_with(family); };
  if (is("UTF-32") || is("UTF32") || is("UCS-4") || is("UCS4")) return 4;
  return is("UTF-16") || is("UTF16") || is("UCS-2") || is("UCS2") ? 2 : 1;
}

class Converter {
 public:
  explicit Converter(const std::string& from)
      : handle_(::iconv_open("UTF-8", from.c_str())), unit_(unit_of(from)) {}
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;
  ~Converter() {
    if (is_open()) ::iconv_close(handle_);
  }

  // iconv_open says so by a pointer of -1.
  [[nodiscard]] bool is_open() const { return reinterpret_cast<std::intptr_t>(handle_) != -1; }

  // iconv does not write to its input, although its type says so.
  std::string convert(std::string& text) {
    std::string out;
    char* in = text.data();
    std::size_t left = text.size();
    while (left > 0) {
      std::array<char, 4096>
          piece;  // NOLINT(cppcoreguidelines-pro-type-member-init): written below
      char* to = piece.data();
      std::size_t room = piece.size();
      const bool stuck = ::iconv(handle_, &in, &left, &to, &room) == static_cast<std::size_t>(-1);
      const int problem = errno;
      out.append(piece.data(), piece.size() - room);
      if (!stuck || problem == E2BIG) continue;
      out += kReplacement;
      if (problem != EILSEQ) break;  // the text ends within a character
      const std::size_t skipped = std::min(unit_, left);
      in += skipped;
      left -= skipped;
    }
    return out;
  }

 private:
  iconv_t handle_;
  std::size_t unit_;
};

}  // namespace

base::Result<TextDecoder> TextDecoder::create(const std::string& encoding) {
  TextDecoder decoder;
  if (encoding.empty() || encoding == "none") return decoder;
  if (!Converter(encoding).is_open()) {
    return base::fail(base::ErrorCode::kInvalid,
                      "found `{}`, expected an encoding that iconv knows, such as utf-8, utf-16le, "
                      "utf-16be or iso-8859-1",
                      encoding);
  }
  decoder.encoding_ = encoding;
  return decoder;
}

std::string TextDecoder::decode(std::string text) const {
  if (!encoding_.empty()) {
    Converter converter(encoding_);
    if (converter.is_open()) text = converter.convert(text);
  }
  if (text.starts_with(kByteOrderMark)) text.erase(0, 3);
  return text;
}

}  // namespace holdfast::inputs

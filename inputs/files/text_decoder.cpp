// iconv, a text at a time: each begins in the initial state, so that a position in a file is enough
// to go on from.
#include "inputs/files/text_decoder.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <iconv.h>

namespace holdfast::files {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool is_open(iconv_t converter) { return converter != reinterpret_cast<iconv_t>(-1); }

// A line feed in the encoding; empty if it has no one form: a mark in front shows that the order of
// bytes is not settled.
std::string encoded_line_feed(const std::string& encoding) {
  iconv_t converter = iconv_open(encoding.c_str(), "UTF-8");
  if (!is_open(converter)) return {};
  std::string text = "\n";
  std::array<char, 16> room{};
  char* in = text.data();
  char* out = room.data();
  std::size_t in_left = text.size();
  std::size_t out_left = room.size();
  const bool good =
      iconv(converter, &in, &in_left, &out, &out_left) != static_cast<std::size_t>(-1);
  iconv_close(converter);
  const std::string line_feed = good ? std::string(room.data(), out) : std::string();
  const bool marked = line_feed.starts_with("\xff\xfe") || line_feed.starts_with("\xfe\xff");
  return marked ? std::string() : line_feed;
}

}  // namespace

base::Result<TextDecoder> TextDecoder::open(const std::string& encoding) {
  if (encoding.empty() || encoding == "none") return TextDecoder(nullptr);
  iconv_t converter = iconv_open("UTF-8", encoding.c_str());
  if (!is_open(converter)) {
    return base::fail(base::ErrorCode::kInvalid,
                      "found \"{}\", expected a name such as utf-8, utf-16le or iso-8859-1",
                      encoding);
  }
  TextDecoder decoder(converter);
  decoder.line_feed_ = encoded_line_feed(encoding);
  return decoder;
}

TextDecoder::TextDecoder(TextDecoder&& other) noexcept
    : converter_(std::exchange(other.converter_, nullptr)),
      line_feed_(std::move(other.line_feed_)),
      out_(std::move(other.out_)) {}

TextDecoder& TextDecoder::operator=(TextDecoder&& other) noexcept {
  std::swap(converter_, other.converter_);
  line_feed_.swap(other.line_feed_);
  out_.swap(other.out_);
  return *this;
}

TextDecoder::~TextDecoder() {
  if (converter_ != nullptr) iconv_close(converter_);
}

std::string_view TextDecoder::decode(std::string_view text) {
  if (converter_ != nullptr) {
    out_.clear();
    iconv(converter_, nullptr, nullptr, nullptr, nullptr);
    std::string copy(text);  // iconv's interface wants to be able to change it
    char* in = copy.data();
    std::size_t in_left = copy.size();
    std::array<char, 4096> room{};
    while (in_left > 0) {
      char* out = room.data();
      std::size_t out_left = room.size();
      const std::size_t done = iconv(converter_, &in, &in_left, &out, &out_left);
      const int problem = done == static_cast<std::size_t>(-1) ? errno : 0;
      out_.append(room.data(), out);
      if (problem == 0 || problem == E2BIG) continue;
      out_ += kReplacement;
      const std::size_t bad = std::min(in_left, std::max<std::size_t>(1, line_feed_.size()));
      in += bad;
      in_left -= bad;
    }
    text = out_;
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

std::string without_escapes(std::string_view text) {
  constexpr char kEscape = '\x1b';
  constexpr char kBell = '\x07';
  std::string out;
  const auto is_between = [](char c, char first, char last) { return c >= first && c <= last; };
  std::size_t i = 0;
  while (i < text.size()) {
    if (text[i] != kEscape) {
      out += text[i++];
      continue;
    }
    const char kind = ++i < text.size() ? text[i] : '\0';
    if (kind == '[') {  // parameters, then one final character
      ++i;
      while (i < text.size() && is_between(text[i], ' ', '?')) ++i;
      if (i < text.size() && is_between(text[i], '@', '~')) ++i;
    } else if (kind == ']') {  // up to a bell, or to ESC backslash
      while (i < text.size() && text[i] != kBell && text[i] != kEscape) ++i;
      i += i < text.size() && text[i] == kEscape ? 2U : 1U;
    } else if (is_between(kind, ' ', '~')) {
      while (i < text.size() && is_between(text[i], ' ', '/')) ++i;
      ++i;
    }
  }
  return out;
}

}  // namespace holdfast::files

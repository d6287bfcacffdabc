// Texts of configuration files: is it UTF-8 text at all, and which line and column is a byte at.
#include "config/source_text.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace holdfast::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

unsigned byte_at(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
}

// Length of the UTF-8 sequence at `at`; 0 if it is malformed, overlong, a surrogate or beyond
// U+10FFFF (RFC 3629 §4).
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const unsigned lead = byte_at(text, at);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  const unsigned second = byte_at(text, at + 1);
  if (second < low || second > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte_at(text, at + i) & 0xC0U) != 0x80U) return 0;
  }
  return length;
}

}  // namespace

std::optional<TextProblem> check_text(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const unsigned byte = byte_at(text, at);
    if (byte == 0) return TextProblem{at, "a NUL byte: this is not a text file"};
    if ((byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7F) {
      return TextProblem{at, fmt::format("a control character (0x{:02X}), expected text", byte)};
    }
    const std::size_t length = sequence_length(text, at);
    if (length == 0) {
      return TextProblem{
          at, fmt::format("byte 0x{:02X} is not UTF-8; the file must be UTF-8 text", byte)};
    }
    at += length;
  }
  return std::nullopt;
}

SourceText::SourceText(std::shared_ptr<const std::string> file, std::string_view text)
    : file_(std::move(file)), line_starts_{0} {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  text_.reserve(text.size() + 1);
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\r' && byte_at(text, at + 1) == '\n') continue;
    text_ += text[at];
    if (text[at] == '\n') line_starts_.push_back(text_.size());
  }
  if (text_.empty() || text_.back() != '\n') text_ += '\n';
}

std::size_t SourceText::line_of(std::size_t offset) const {
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  return static_cast<std::size_t>(after - line_starts_.begin());
}

std::size_t SourceText::offset_of(std::size_t line, std::size_t byte_column) const {
  line = std::clamp<std::size_t>(line, 1, line_starts_.size());
  byte_column = std::max<std::size_t>(byte_column, 1);
  return std::min(line_starts_[line - 1] + byte_column - 1, text_.size());
}

std::string_view SourceText::line(std::size_t number) const {
  if (number == 0 || number > line_starts_.size()) return {};
  const std::string_view rest = std::string_view(text_).substr(line_starts_[number - 1]);
  return rest.substr(0, rest.find('\n'));
}

std::size_t SourceText::offset_of(const Position& where) const {
  if (where.line == 0 || where.line > line_starts_.size()) return text_.size();
  const std::size_t start = line_starts_[where.line - 1];
  const std::size_t end = start + line(where.line).size();
  std::uint32_t column = 0;
  for (std::size_t at = start; at <= end && at < text_.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text_[at]) & 0xC0U) != 0x80U;
    if (begins && ++column == where.column) return at;
  }
  return text_.size();
}

Position SourceText::position(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const std::size_t line = line_of(offset);
  const std::size_t start = line_starts_[line - 1];
  const std::string_view before = std::string_view(text_).substr(start, offset - start);
  const auto characters = std::count_if(before.begin(), before.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  });
  return {file_, static_cast<std::uint32_t>(line), static_cast<std::uint32_t>(characters + 1)};
}

}  // namespace holdfast::config

// The text of one configuration file and where things stand in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"

namespace holdfast::config {

// A problem at a byte offset of a text.
struct TextProblem {
  std::size_t offset = 0;
  std::string message;
  // Before `offset` its line has names only, no values.
  bool after_names = false;
};

// The first thing that keeps `text` from being a text file in UTF-8: a NUL or control character
// (tab and LF are fine), or bytes that are not UTF-8 (RFC 3629). For SourceText::text(), whose line
// ends are LF alone.
[[nodiscard]] std::optional<TextProblem> check_text(std::string_view text);

// Immutable: the text without byte order mark, every line ended by one LF.
class SourceText {
 public:
  SourceText(std::shared_ptr<const std::string> file, std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::shared_ptr<const std::string>& file() const { return file_; }
  // The position of a byte; columns count characters, as editors do.
  [[nodiscard]] Position position(std::size_t offset) const;
  // Counted from 1.
  [[nodiscard]] std::size_t line_of(std::size_t offset) const;
  // The byte at a line and a column of bytes, both counted from 1; the nearest there is.
  [[nodiscard]] std::size_t offset_of(std::size_t line, std::size_t byte_column) const;
  // The byte at a position; text().size() if it lies behind the end of its line.
  [[nodiscard]] std::size_t offset_of(const Position& where) const;
  // The line (counted from 1) without its LF.
  [[nodiscard]] std::string_view line(std::size_t number) const;

 private:
  std::shared_ptr<const std::string> file_;
  std::string text_;
  std::vector<std::size_t> line_starts_;
};

}  // namespace holdfast::config

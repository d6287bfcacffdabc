// The part of the outline's scanner that knows no structure: blanks, comments, strings, names.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/source_text.h"

namespace holdfast::config {

// Walks over a text that ends with LF. Functions that return bool are false after an error, whose
// first is kept in problem(). Not thread-safe.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  [[nodiscard]] std::size_t offset() const { return offset_; }
  [[nodiscard]] bool at_end() const { return offset_ >= text_.size(); }
  // The byte at the current place; LF at the end.
  [[nodiscard]] char peek() const { return at_end() ? '\n' : text_[offset_]; }
  [[nodiscard]] std::string_view rest() const { return text_.substr(offset_); }
  [[nodiscard]] std::string_view text() const { return text_; }
  void advance(std::size_t count = 1) { offset_ += count; }

  void skip_blanks();               // spaces and tabs
  void skip_blanks_and_lines();     // also line ends and comments
  void skip_comment();              // if one is here, up to its line end
  [[nodiscard]] bool take(char c);  // true if it was there

  // A string in any of TOML's four forms; its opening quote is here.
  [[nodiscard]] bool skip_string();
  // A bare or quoted name, without its quotes. Quoted names keep their escapes as written.
  [[nodiscard]] std::optional<std::string> take_name();

  // Keeps the first problem; returns false, to be returned.
  bool fail(std::size_t at, std::string message);
  bool fail_here(std::string message) { return fail(offset_, std::move(message)); }
  [[nodiscard]] const std::optional<TextProblem>& problem() const { return problem_; }

 private:
  [[nodiscard]] bool skip_multi_line(std::string_view quotes);
  [[nodiscard]] bool skip_escape(bool multi_line);
  [[nodiscard]] bool skip_unicode_escape(std::size_t digits);

  std::string_view text_;
  std::size_t offset_ = 0;
  std::optional<TextProblem> problem_;
};

// "`x`", "a comma"... for messages: what stands here.
[[nodiscard]] std::string found_here(const Scanner& scanner);

}  // namespace holdfast::config

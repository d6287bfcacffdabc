// Lexical parts of TOML: blanks, comments, strings with their escapes, names.
#include "config/scanner.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>

#include <fmt/format.h>

namespace holdfast::config {
namespace {

bool is_bare_name_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
}

}  // namespace

bool Scanner::fail(std::size_t at, std::string message) {
  if (!problem_) problem_ = TextProblem{at, std::move(message)};
  return false;
}

void Scanner::skip_blanks() {
  while (!at_end() && (peek() == ' ' || peek() == '\t')) advance();
}

void Scanner::skip_comment() {
  if (peek() != '#') return;
  while (!at_end() && peek() != '\n') advance();
}

void Scanner::skip_blanks_and_lines() {
  for (;;) {
    skip_blanks();
    skip_comment();
    if (at_end() || peek() != '\n') return;
    advance();
  }
}

bool Scanner::take(char c) {
  if (at_end() || peek() != c) return false;
  advance();
  return true;
}

bool Scanner::skip_string() {
  for (const std::string_view quotes : {R"(""")", "'''"}) {
    if (rest().starts_with(quotes)) return skip_multi_line(quotes);
  }
  const std::size_t begin = offset_;
  const char quote = peek();
  advance();
  while (peek() != quote) {
    if (peek() == '\n') {
      return fail(
          begin, fmt::format("the string that begins here is not closed by {} on its line", quote));
    }
    if (peek() == '\\' && quote == '"') {
      if (!skip_escape(false)) return false;
    } else {
      advance();
    }
  }
  advance();
  return true;
}

bool Scanner::skip_multi_line(std::string_view quotes) {
  const std::size_t begin = offset_;
  const bool has_escapes = quotes.front() == '"';
  advance(quotes.size());
  while (!rest().starts_with(quotes)) {
    if (at_end()) {
      return fail(begin, fmt::format("the string that begins here is not closed by {}", quotes));
    }
    if (has_escapes && peek() == '\\') {
      if (!skip_escape(true)) return false;
    } else {
      advance();
    }
  }
  advance(quotes.size());
  // Up to two quotes may stand before the closing three.
  for (int i = 0; i < 2 && peek() == quotes.front(); ++i) advance();
  return true;
}

bool Scanner::skip_escape(bool multi_line) {
  const std::size_t begin = offset_;
  advance();
  const char c = peek();
  if (c == 'u' || c == 'U') return skip_unicode_escape(c == 'u' ? 4 : 8);
  if (std::string_view("btnfr\"\\").find(c) != std::string_view::npos) {
    advance();
    return true;
  }
  // A backslash at the end of a line of a multi-line string swallows the white space that follows.
  const std::string_view ahead = rest();
  const std::size_t word = ahead.find_first_not_of(" \t");
  if (multi_line && word != std::string_view::npos && ahead[word] == '\n') {
    advance(word);
    return true;
  }
  // The letter is not shown: the text may be a secret.
  return fail(
      begin,
      "this backslash begins no known escape; write `\\\\` for a backslash, or put the text "
      "in single quotes");
}

bool Scanner::skip_unicode_escape(std::size_t digits) {
  const std::size_t begin = offset_ - 1;
  advance();
  const std::string_view hex = rest().substr(0, digits);
  const bool all_hex = hex.size() == digits && std::all_of(hex.begin(), hex.end(), [](char c) {
                         return std::isxdigit(static_cast<unsigned char>(c)) != 0;
                       });
  std::uint32_t code = 0;
  if (all_hex) std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (!all_hex || surrogate || code > 0x10FFFF) {
    return fail(begin, fmt::format("expected the {} hexadecimal digits of a Unicode character "
                                   "after the backslash",
                                   digits));
  }
  advance(digits);
  return true;
}

std::optional<std::string> Scanner::take_name() {
  const std::size_t begin = offset_;
  if (peek() == '"' || peek() == '\'') {
    if (rest().starts_with(R"(""")") || rest().starts_with("'''")) {
      fail_here("a name cannot be a string of several lines");
      return std::nullopt;
    }
    if (!skip_string()) return std::nullopt;
    return std::string(text_.substr(begin + 1, offset_ - begin - 2));
  }
  while (is_bare_name_char(peek())) advance();
  return std::string(text_.substr(begin, offset_ - begin));
}

std::string found_here(const Scanner& scanner) {
  const char c = scanner.peek();
  if (c == '\n') return "the end of the line";
  if (c == '#') return "a comment";
  // The whole character, should it be longer than a byte (UTF-8 was checked).
  std::size_t length = 1;
  const std::string_view rest = scanner.rest();
  while (length < rest.size() && (static_cast<unsigned char>(rest[length]) & 0xC0U) == 0x80U) {
    ++length;
  }
  return fmt::format("`{}`", rest.substr(0, length));
}

}  // namespace holdfast::config

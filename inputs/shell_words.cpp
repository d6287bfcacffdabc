// Quoting of sh, and nothing else of it.
#include "inputs/shell_words.h"

namespace holdfast::inputs {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Takes what stands up to the closing quote; false if there is none.
bool take_quoted(char quote, std::string_view& rest, std::string& word) {
  constexpr std::string_view kEscapable = "$`\"\\";
  while (!rest.empty()) {
    char c = rest.front();
    rest.remove_prefix(1);
    if (c == quote) return true;
    if (quote == '"' && c == '\\' && !rest.empty()) {
      const char next = rest.front();
      const bool line_goes_on = next == '\n';
      if (line_goes_on || kEscapable.find(next) != std::string_view::npos) {
        rest.remove_prefix(1);
        if (line_goes_on) continue;
        c = next;
      }
    }
    word += c;
  }
  return false;
}

}  // namespace

base::Result<std::vector<std::string>> shell_words(std::string_view text) {
  std::vector<std::string> words;
  bool in_word = false;
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (is_blank(c)) {
      in_word = false;
      continue;
    }
    const bool line_goes_on = c == '\\' && text.starts_with('\n');
    if (line_goes_on) {
      text.remove_prefix(1);
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (c == '\'' || c == '"') {
      if (!take_quoted(c, text, words.back())) {
        return base::fail(base::ErrorCode::kInvalid, "found a {} that is not closed", c);
      }
    } else if (c == '\\') {
      if (text.empty()) {
        return base::fail(base::ErrorCode::kInvalid, "found a \\ at the end");
      }
      words.back() += text.front();
      text.remove_prefix(1);
    } else {
      words.back() += c;
    }
  }
  if (words.empty()) return base::fail(base::ErrorCode::kInvalid, "found no command");
  return words;
}

}  // namespace holdfast::inputs

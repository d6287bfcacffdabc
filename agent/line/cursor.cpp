// Splitting without copying: memchr finds the candidates, a look back counts the backslashes.
#include "agent/line/cursor.h"

#include <algorithm>

namespace holdfast::line {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

// True if the byte at `at` stands behind an odd number of backslashes.
[[nodiscard]] bool is_escaped(std::string_view text, std::size_t at) {
  std::size_t backslashes = 0;
  while (backslashes < at && text[at - 1 - backslashes] == '\\') {
    ++backslashes;
  }
  return backslashes % 2 == 1;
}

// The first unescaped `byte` at or after `from`; npos if there is none.
[[nodiscard]] std::size_t find_unescaped(std::string_view text, char byte, std::size_t from) {
  for (std::size_t at = text.find(byte, from); at != kNone; at = text.find(byte, at + 1)) {
    if (!is_escaped(text, at)) {
      return at;
    }
  }
  return kNone;
}

// Behind the field value that starts at `from`: the next unquoted comma, space or LF, or the end.
// An unterminated quote runs to the end.
[[nodiscard]] std::size_t value_end(std::string_view text, std::size_t from) {
  std::size_t at = from;
  if (at < text.size() && text[at] == '"') {
    const std::size_t quote = find_unescaped(text, '"', at + 1);
    if (quote == kNone) {
      return text.size();
    }
    at = quote + 1;
  }
  return std::min(text.find_first_of(", \n", at), text.size());
}

// Behind the field set that starts at `from`.
[[nodiscard]] std::size_t fields_end(std::string_view text, std::size_t from) {
  std::size_t at = from;
  while (at < text.size()) {
    while (at < text.size() && ((text[at] != '=' && text[at] != ' ' && text[at] != '\n') ||
                                (text[at] != '\n' && is_escaped(text, at)))) {
      ++at;
    }
    if (at == text.size() || text[at] != '=') {
      return at;
    }
    at = value_end(text, at + 1);
    if (at == text.size() || text[at] != ',') {
      return at;
    }
    ++at;
  }
  return at;
}

[[nodiscard]] std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) {
    text.remove_suffix(1);
  }
  return text;
}

// The LF that ends the line `text` starts with: its first one, unless that lies within quotes.
[[nodiscard]] std::size_t line_end(std::string_view text, std::size_t first_lf) {
  if (text.substr(0, first_lf).find('"') == kNone) {
    return first_lf;
  }
  const std::size_t space = find_unescaped(text.substr(0, first_lf), ' ', 0);
  if (space == kNone) {
    return first_lf;
  }
  const std::size_t fields = std::min(text.find_first_not_of(' ', space), text.size());
  const std::size_t end = fields_end(text, fields);
  return end <= first_lf ? first_lf : std::min(text.find('\n', end), text.size());
}

[[nodiscard]] LineParts split(std::string_view line) {
  LineParts parts;
  parts.line = line;
  const std::size_t series_end = std::min(find_unescaped(line, ' ', 0), line.size());
  const std::string_view series = line.substr(0, series_end);
  const std::size_t comma = std::min(find_unescaped(series, ',', 0), series.size());
  parts.measurement = series.substr(0, comma);
  if (comma < series.size()) {
    parts.tags = series.substr(comma + 1);
  }
  const std::string_view rest = trim(line.substr(series_end));
  const std::size_t end = fields_end(rest, 0);
  parts.fields = rest.substr(0, end);
  parts.timestamp = trim(rest.substr(end));
  return parts;
}

void undo_escapes(std::string_view text, std::string_view escapable, std::string& out) {
  out.clear();
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t backslash = text.find('\\', at);
    if (backslash == kNone || backslash + 1 == text.size()) {
      break;
    }
    out.append(text, at, backslash - at);
    const bool undone = escapable.find(text[backslash + 1]) != kNone;
    if (!undone) {
      out.push_back('\\');
    }
    at = backslash + (undone ? 2 : 1);
    if (undone) {
      out.push_back(text[backslash + 1]);
    }
  }
  out.append(text, at);
}

}  // namespace

std::optional<LineParts> LineCursor::next() {
  while (at_ < text_.size()) {
    const std::string_view rest = text_.substr(at_);
    const std::size_t first_lf = std::min(rest.find('\n'), rest.size());
    const std::size_t number = number_ + 1;
    const std::string_view start = trim(rest.substr(0, first_lf));
    if (start.empty() || start.front() == '#') {
      at_ += std::min(first_lf + 1, rest.size());
      number_ = number;
      continue;
    }
    const auto indent = static_cast<std::size_t>(start.data() - rest.data());
    const std::size_t end = indent + line_end(rest.substr(indent), first_lf - indent);
    const std::string_view line = trim(rest.substr(indent, end - indent));
    at_ += std::min(end + 1, rest.size());
    number_ = number;
    if (end > first_lf) {
      number_ += static_cast<std::size_t>(
          std::count(rest.begin() + static_cast<std::ptrdiff_t>(first_lf),
                     rest.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
    }
    LineParts parts = split(line);
    parts.number = number;
    return parts;
  }
  return std::nullopt;
}

std::optional<KeyValue> PairCursor::next() {
  if (rest_.empty()) {
    return std::nullopt;
  }
  const std::size_t equals = find_unescaped(rest_, '=', 0);
  if (equals == kNone) {
    const KeyValue pair{rest_, {}};
    rest_ = {};
    return pair;
  }
  std::size_t from = equals + 1;
  if (kind_ == PairKind::kFields && from < rest_.size() && rest_[from] == '"') {
    from = std::min(find_unescaped(rest_, '"', from + 1), rest_.size());
  }
  const std::size_t end = std::min(find_unescaped(rest_, ',', from), rest_.size());
  const KeyValue pair{rest_.substr(0, equals), rest_.substr(equals + 1, end - equals - 1)};
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  return pair;
}

void unescape_name(std::string_view text, std::string& out) { undo_escapes(text, ", ", out); }

void unescape(std::string_view text, std::string& out) { undo_escapes(text, ",= ", out); }

void unescape_string(std::string_view text, std::string& out) {
  if (!text.empty() && text.front() == '"') {
    text.remove_prefix(1);
  }
  if (!text.empty() && text.back() == '"') {
    text.remove_suffix(1);
  }
  undo_escapes(text, "\"\\", out);
}

}  // namespace holdfast::line

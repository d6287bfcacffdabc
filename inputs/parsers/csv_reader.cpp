// One field after the other; a quoted one may go on over line ends.
#include "inputs/parsers/csv_reader.h"

#include <algorithm>

namespace holdfast::parsers {
namespace {

// What ends a field.
enum class After { kDelimiter, kLine, kText, kBad };

// At the end of the line, or of the text.
bool at_line_end(std::string_view text) {
  return text.empty() || text.front() == '\n' || text.starts_with("\r\n");
}

After end_of_field(const CsvDialect& dialect, std::string_view& text, std::size_t& line) {
  if (text.starts_with(dialect.delimiter)) {
    text.remove_prefix(dialect.delimiter.size());
    return After::kDelimiter;
  }
  if (!at_line_end(text)) return After::kBad;
  if (!text.empty()) {
    text.remove_prefix(text.front() == '\r' ? 2 : 1);
    ++line;
  }
  return After::kLine;
}

// Behind the opening quote.
After read_quoted(const CsvDialect& dialect, std::string_view& text, std::size_t& line,
                  std::string& field) {
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') {
      if (!text.starts_with('"')) return end_of_field(dialect, text, line);
      text.remove_prefix(1);
    }
    if (c == '\n') ++line;
    // A line end within quotes is LF.
    if (c == '\r' && text.starts_with('\n')) continue;
    field += c;
  }
  return After::kText;
}

After read_plain(const CsvDialect& dialect, std::string_view& text, std::size_t& line,
                 std::string& field) {
  const std::string_view whole = text;
  while (!at_line_end(text) && !text.starts_with(dialect.delimiter)) {
    if (text.front() == '"') return After::kBad;
    text.remove_prefix(1);
  }
  field = whole.substr(0, whole.size() - text.size());
  return end_of_field(dialect, text, line);
}

After read_field(const CsvDialect& dialect, std::string_view& text, std::size_t& line,
                 std::string& field) {
  const auto blank = [&] {
    return (text.starts_with(' ') || text.starts_with('\t')) &&
           !text.starts_with(dialect.delimiter);
  };
  while (dialect.trim_space && blank()) text.remove_prefix(1);
  if (!text.starts_with('"')) return read_plain(dialect, text, line, field);
  text.remove_prefix(1);
  return read_quoted(dialect, text, line, field);
}

}  // namespace

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

CsvRead read_record(const CsvDialect& dialect, std::string_view& text, std::size_t& line,
                    CsvRecord& out) {
  const auto is_comment = [&] {
    return !dialect.comment.empty() && text.starts_with(dialect.comment);
  };
  while (!text.empty() && (at_line_end(text) || is_comment())) {
    (void)take_line(text);
    ++line;
  }
  if (text.empty()) return CsvRead::kEnd;
  out.first_line = line;
  std::size_t count = 0;
  while (true) {
    if (count == out.fields.size()) out.fields.emplace_back();
    std::string& field = out.fields[count++];
    field.clear();
    switch (read_field(dialect, text, line, field)) {
      case After::kDelimiter:
        continue;
      case After::kText:
        return CsvRead::kOpen;
      case After::kLine:
        out.fields.resize(count);
        return CsvRead::kRecord;
      case After::kBad:
        (void)take_line(text);
        ++line;
        return CsvRead::kBad;
    }
  }
}

}  // namespace holdfast::parsers

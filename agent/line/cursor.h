// LineCursor: walks line protocol without copying, aware of quotes and escapes. What a filter, a
// splice or a converter needs to know about a line, and no more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::line {

// The parts of one line, as they stand (escapes not undone). Empty views where a part is missing.
struct LineParts {
  std::string_view line;  // without the LF
  std::string_view measurement;
  std::string_view tags;       // "k=v,k=v", without the comma before it
  std::string_view fields;     // "k=v,k=v"
  std::string_view timestamp;  // digits with an optional sign
  std::size_t number = 0;      // of the line within the text, from 1
};

// Splits a text into lines at LF outside of quoted field strings; skips blank lines and comments
// (first byte '#'). Accepts CRLF. Does not judge: ingest.h does.
class LineCursor {
 public:
  explicit LineCursor(std::string_view text) : text_(text) {}
  // The next line that is neither blank nor a comment; nothing at the end.
  [[nodiscard]] std::optional<LineParts> next();

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t number_ = 0;
};

struct KeyValue {
  std::string_view key;    // as it stands
  std::string_view value;  // as it stands; a string field with its quotes
};

// Quotes have a meaning in field values only: a tag value may begin with one.
enum class PairKind { kTags, kFields };

// Walks "k=v,k=v" of a tag set or a field set.
class PairCursor {
 public:
  PairCursor(std::string_view pairs, PairKind kind) : rest_(pairs), kind_(kind) {}
  [[nodiscard]] std::optional<KeyValue> next();

 private:
  std::string_view rest_;
  PairKind kind_;
};

// The text with its backslash escapes undone; replaces the content of `out`. A backslash before any
// other character stands for itself, as InfluxDB 1.x reads it.
void unescape_name(std::string_view text, std::string& out);    // measurement: `\,` `\ `
void unescape(std::string_view text, std::string& out);         // key, tag value: also `\=`
void unescape_string(std::string_view text, std::string& out);  // string field with its quotes

}  // namespace holdfast::line

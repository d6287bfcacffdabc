// Records of a CSV text, quoted as RFC 4180 says.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::parsers {

struct CsvDialect {
  std::string delimiter = ",";  // one character, perhaps of several bytes
  std::string comment{};        // lines that begin with it are left out; empty: none
  bool trim_space = false;      // blanks before a field are not part of it
};

enum class CsvRead {
  kRecord,
  kEnd,   // nothing is left
  kOpen,  // the text ends within quotes
  kBad,   // a quote where none may be; the rest of the line is left out
};

struct CsvRecord {
  std::vector<std::string> fields;
  std::size_t first_line = 0;  // of the text, from 0
};

// The line that the text begins with, taken off it, without its end.
[[nodiscard]] std::string_view take_line(std::string_view& text);

// Reads the next record off the text; empty lines and comments are left out. `line` counts the
// lines taken.
[[nodiscard]] CsvRead read_record(const CsvDialect& dialect, std::string_view& text,
                                  std::size_t& line, CsvRecord& out);

}  // namespace holdfast::parsers

// The outline of a TOML text: where its headers, keys and values begin. The TOML library knows the
// places of values only, and its words for syntax errors are not for users; the outline finds keys,
// unquoted environment variables, and says what is wrong with a line (TOML 1.0.0).
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "config/source_text.h"

namespace holdfast::config {

// One name of a dotted key; `text` without quotes.
struct KeyPart {
  std::string text;
  std::size_t offset = 0;
  std::size_t length = 0;  // in the file, with quotes
};
using KeyParts = std::vector<KeyPart>;

// "inputs.cpu"
[[nodiscard]] std::string dotted(const KeyParts& parts);

// A header or a `key = value` line.
struct Statement {
  enum class Kind { kValue, kTable, kTableArray };
  Kind kind = Kind::kValue;
  std::size_t begin = 0;
  KeyParts key;
  std::size_t value = 0;   // offset of the value; kValue only
  std::size_t end = 0;     // behind the value or the header's brackets
  std::size_t header = 0;  // index of the header it stands under, or its own; kNoHeader before any
};
inline constexpr std::size_t kNoHeader = static_cast<std::size_t>(-1);

// An unquoted $VAR or ${VAR...} that stands where a value does.
struct VariableValue {
  std::size_t offset = 0;
  std::size_t length = 0;
  std::string name;  // of the variable
  std::string key;   // of the value
};

struct Outline {
  std::vector<Statement> statements;
  // All keys, also those of inline tables, by the offset of their beginning (a header's is `[`).
  std::map<std::size_t, KeyParts> keys;
  // Beginning of a value → beginning of its key in `keys`.
  std::map<std::size_t, std::size_t> key_of_value;
  std::vector<VariableValue> variables;
};

// The outline of a text that passed check_text and ends with LF, or its first syntax error. Values
// never enter the message. What it accepts can still be wrong: keys given twice, dates.
[[nodiscard]] tl::expected<Outline, TextProblem> make_outline(std::string_view text);

// The unquoted value that begins at `offset`: up to white space, `,`, `]`, `}` or `#`; a date and a
// time with a space between them are one.
[[nodiscard]] std::string_view bare_token(std::string_view text, std::size_t offset);

}  // namespace holdfast::config

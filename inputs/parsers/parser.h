// Parser: text in one of the data formats → points. What inputs that read other programs' output
// share; each format is one .cpp, listed in formats.cpp.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/line/point.h"
#include "config/schema.h"

namespace holdfast::parsers {

// Takes one point. It may change it; it is reused for the next one.
using AddPoint = std::function<void(line::Point&)>;

// May remember what came before (the header of a CSV file): one for each file or connection. Not
// thread-safe.
class Parser {
 public:
  virtual ~Parser() = default;
  // A whole message: a file, the output of a command, a datagram. Points that have no time of their
  // own get none. An error is kInvalid and says where in the text (its line, from 1), what was
  // found and what was expected; points given before it, and those of other lines, stand.
  [[nodiscard]] virtual base::Status parse(std::string_view text, const AddPoint& add) = 0;
  // One line of a longer text, without its line end.
  [[nodiscard]] virtual base::Status parse_line(std::string_view line, const AddPoint& add) {
    return parse(line, add);
  }
};

struct ParserContext {
  std::string measurement;   // for formats whose text has none: the name of the input plugin
  const base::Clock& clock;  // outlives the parsers
};

using MakeParser = std::function<std::unique_ptr<Parser>()>;

// One data format.
struct Format {
  std::string_view name;     // "json", as `data_format` has it
  std::string_view summary;  // one line
  std::vector<config::OptionInfo> (*options)() = nullptr;
  // Takes the format's options from the input's table; problems go to diagnostics (then the result
  // is not used).
  MakeParser (*configure)(config::Table& table, config::Diagnostics& diagnostics,
                          const ParserContext& context) = nullptr;
};

}  // namespace holdfast::parsers

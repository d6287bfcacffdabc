// A data format under fuzzing: whatever the text is, the points that come out of it make good
// lines, and the parser can go on.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/line/encode.h"
#include "agent/line/ingest.h"
#include "agent/line/lines.h"
#include "config/loader.h"
#include "inputs/parsers/formats.h"
#include "tests/support/fake_clock.h"

namespace holdfast::test {

inline void require(bool holds) {
  if (!holds) std::abort();
}

// For parsers of the plugin's table with these options.
inline parsers::MakeParser parser_with(const std::string& options) {
  static const FakeClock clock;
  config::Diagnostics diagnostics;
  config::Document document;
  const auto no_variable = [](const std::string&) { return std::optional<std::string>(); };
  config::load_text("[[inputs.plugin]]\n" + options, "fuzz.toml", no_variable, diagnostics,
                    document);
  const auto make =
      parsers::take_format(document.inputs.front().table, diagnostics, "influx", {"plugin", clock});
  require(!diagnostics.has_errors());
  return make;
}

// The first byte chooses the options, and whether the text comes as a whole or line by line.
template <std::size_t kCount>
void fuzz_parser(const std::array<const char*, kCount>& options, const std::uint8_t* data,
                 std::size_t size) {
  if (size == 0) return;
  // Reading the options takes longer than most texts.
  static std::array<parsers::MakeParser, kCount> makers;
  const std::size_t choice = data[0] / 2 % kCount;
  if (!makers[choice]) makers[choice] = parser_with(options[choice]);
  const auto parser = makers[choice]();
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string line;
  const auto add = [&line](line::Point& point) {
    line.clear();
    if (!line::encode(point, {}, point.time().value_or(0), {}, line)) return;
    require(line.back() == '\n');
    line.pop_back();
    require(!line::check_line(line).has_value());
  };
  const auto check = [](const base::Status& status) {
    require(status || !status.error().message.empty());
  };
  if (data[0] % 2 == 0) {
    check(parser->parse(text, add));
    check(parser->parse(text, add));  // with what it remembers
    return;
  }
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    check(parser->parse_line(text.substr(0, end), add));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace holdfast::test

// A parser made from options as a user writes them, and what it makes of a text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "inputs/parsers/parser.h"
#include "tests/support/fake_clock.h"

namespace holdfast::test {

struct Parsed {
  std::string lines;   // of the points, as line protocol with sorted fields; no time: time 0
  std::string errors;  // each with a line end; of the configuration, too
};

class FormatUnderTest {
 public:
  // `toml` is the content of the input's table; the plugin is called `plugin`.
  explicit FormatUnderTest(std::string_view toml);

  [[nodiscard]] Parsed parse(std::string_view text);
  // Line by line, as a file that is followed.
  [[nodiscard]] Parsed parse_lines(const std::vector<std::string_view>& lines);
  [[nodiscard]] const std::string& problems() const { return problems_; }

  FakeClock clock;

 private:
  std::string problems_;  // of the configuration
  std::unique_ptr<parsers::Parser> parser_;
};

}  // namespace holdfast::test

#include "parse.h"

#include "agent/line/encode.h"
#include "config/loader.h"
#include "inputs/parsers/formats.h"

namespace holdfast::test {
namespace {

parsers::AddPoint append_to(std::string& lines) {
  return [&lines](line::Point& point) {
    const line::EncodeOptions options{.uint_support = true, .sort_fields = true};
    if (!line::encode(point, {}, point.time().value_or(0), options, lines)) lines += "(nothing)\n";
  };
}

void note(const base::Status& status, std::string& errors) {
  if (!status) errors += status.error().message + "\n";
}

}  // namespace

FormatUnderTest::FormatUnderTest(std::string_view toml) {
  config::Diagnostics diagnostics;
  config::Document document;
  const auto no_variable = [](const std::string&) { return std::optional<std::string>(); };
  config::load_text("[[inputs.plugin]]\n" + std::string(toml), "t.toml", no_variable, diagnostics,
                    document);
  auto& table = document.inputs.front().table;
  const auto make = parsers::take_format(table, diagnostics, "influx", {"plugin", clock});
  table.report_unused(diagnostics, parsers::option_names());
  for (const auto& problem : diagnostics.sorted()) problems_ += problem.text() + "\n";
  if (!diagnostics.has_errors()) parser_ = make();
}

Parsed FormatUnderTest::parse(std::string_view text) {
  Parsed parsed;
  parsed.errors = problems_;
  if (parser_) note(parser_->parse(text, append_to(parsed.lines)), parsed.errors);
  return parsed;
}

Parsed FormatUnderTest::parse_lines(const std::vector<std::string_view>& lines) {
  Parsed parsed;
  parsed.errors = problems_;
  for (const auto line : lines) {
    if (parser_) note(parser_->parse_line(line, append_to(parsed.lines)), parsed.errors);
  }
  return parsed;
}

}  // namespace holdfast::test

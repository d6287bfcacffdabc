// An output made from a piece of configuration, as the agent makes it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/loader.h"
#include "outputs/registry.h"

namespace holdfast::test {

struct MadeOutput {
  std::unique_ptr<outputs::Output> output;
  std::string identity;
  std::vector<std::string> problems;  // "file:line:column: error: ..."
};

// `text` is the inside of an [[outputs.<plugin>]] table.
inline MadeOutput make_output(const std::string& plugin, const std::string& text,
                              const outputs::OutputContext& context) {
  MadeOutput made;
  config::Diagnostics diagnostics;
  config::Document document;
  config::load_text(
      "[[outputs." + plugin + "]]\n" + text, "test.toml",
      [](const std::string&) { return std::nullopt; }, diagnostics, document);
  if (document.outputs.size() == 1) {
    config::Table& table = document.outputs[0].table;
    made.output = outputs::find_output(plugin)->create(table, diagnostics, context, made.identity);
    table.report_unused(diagnostics, {});
  }
  for (const auto& problem : diagnostics.sorted()) made.problems.push_back(problem.text());
  return made;
}

}  // namespace holdfast::test

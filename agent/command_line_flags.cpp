// Options that every command takes.
#include "agent/command_line_flags.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>

namespace holdfast::agent {
namespace {

struct Ineffective {
  const char* name;
  bool takes_value;
  const char* instead;
};

constexpr const char* kUnquoted =
    "variables stand for texts inside quotes, and for whole numbers and booleans without";
constexpr const char* kNoSecretStores = "there are no secret stores; see @file: and @credential:";

constexpr Ineffective kIneffective[] = {
    {"--config-url-watch-interval", true, "a configuration behind a URL is read at the start"},
    {"--aggregator-filter", true, "there are no aggregators"},
    {"--processor-filter", true, "there are no processors"},
    {"--secretstore-filter", true, kNoSecretStores},
    {"--password", true, kNoSecretStores},
    {"--unprotected", false, kNoSecretStores},
    {"--strict-env-handling", false, kUnquoted},
    {"--non-strict-env-handling", false, kUnquoted},
    {"--old-env-behavior", false, kUnquoted},
    {"--print-plugin-config-source", false, "`holdfast check` lists the plugins"},
    {"--pprof-addr", true, "this program has no profiler of Go"},
    {"--plugin-directory", true, "plugins are part of the program"},
};

// Each occurrence takes one word: what follows it belongs to the command.
void add_list(CLI::App& app, const char* name, std::vector<std::string>& into, const char* help,
              const char* type, const CLI::Validator& check = {}) {
  app.add_option(name, into, help)->type_name(type)->allow_extra_args(false)->check(check);
}

}  // namespace

void add_shared_options(CLI::App& app, CommandLine& line) {
  Selection& selection = line.selection;
  add_list(app, "--input-filter", selection.inputs, "Only these inputs: cpu:mem", "NAMES");
  add_list(app, "--output-filter", selection.outputs, "Only these outputs", "NAMES");
  add_list(app, "--section-filter", selection.sections,
           "Only these sections: agent, global_tags, buffer, status, inputs, outputs", "NAMES");
  add_list(app, "--select", selection.selectors,
           "Only plugins whose labels match, or that have none: \"env=prod;region=us-*\"", "LABELS",
           CLI::Validator(selector_problem, ""));
  app.add_option("--config-url-retry-attempts", line.config_url_attempts,
                 "How often to ask for a configuration behind a URL; -1: without end")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{-1}, std::int64_t{1'000'000}));
  app.add_option("--pidfile", line.pidfile, "File that holds the process number during run")
      ->type_name("FILE");
}

void add_ineffective_options(CLI::App& app, CommandLine& line) {
  for (const Ineffective& option : kIneffective) {
    const auto remark = [&line, &option] {
      line.remarks.push_back(
          fmt::format("warning: {} has no effect here: {}", option.name, option.instead));
    };
    if (option.takes_value) {
      app.add_option_function<std::string>(
             option.name, [remark](const std::string&) { remark(); }, option.instead)
          ->group("");
    } else {
      app.add_flag_function(
             option.name, [remark](std::int64_t) { remark(); }, option.instead)
          ->group("");
    }
  }
}

CommandTree command_tree(const CLI::App& app) {
  CommandTree tree{app.get_name(), app.get_description(), {}, {}};
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty() || option->get_lnames().empty()) continue;
    tree.options.push_back({"--" + option->get_lnames().front(), option->get_description(),
                            option->get_items_expected_max() > 0});
  }
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    tree.commands.push_back(command_tree(*sub));
  }
  return tree;
}

}  // namespace holdfast::agent

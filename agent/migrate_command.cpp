// `holdfast config migrate`: old names in a configuration file, replaced.
#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "agent/commands.h"
#include "agent/migration_names.h"
#include "agent/options.h"
#include "config/loader.h"
#include "config/migration.h"
#include "config/read_file.h"
#include "inputs/registry.h"
#include "outputs/registry.h"

namespace holdfast::agent {
namespace {

using Options = std::vector<config::OptionInfo>;

void complain(const std::string& text) { std::fputs((text + "\n").c_str(), stderr); }

// The option's name today, if one of `options` had this name.
std::string renamed(const Options& options, std::string_view name) {
  for (const config::OptionInfo& option : options) {
    const auto& old = option.rules.old_names;
    if (std::find(old.begin(), old.end(), name) != old.end()) return option.name;
  }
  return {};
}

bool has(const Options& options, std::string_view name) {
  return std::any_of(options.begin(), options.end(),
                     [name](const config::OptionInfo& option) { return option.name == name; });
}

// Old names that all plugins of Telegraf share, also those that are not here.
std::string renamed_by_telegraf(std::string_view name) {
  constexpr std::array<std::array<std::string_view, 2>, 7> kNames{{{"pass", "fieldinclude"},
                                                                   {"fieldpass", "fieldinclude"},
                                                                   {"drop", "fieldexclude"},
                                                                   {"fielddrop", "fieldexclude"},
                                                                   {"ssl_ca", "tls_ca"},
                                                                   {"ssl_cert", "tls_cert"},
                                                                   {"ssl_key", "tls_key"}}};
  for (const auto& [old, now] : kNames) {
    if (old == name) return std::string(now);
  }
  return {};
}

Options options_of(std::string_view category, std::string_view plugin) {
  if (category == "agent") return agent_schema().describe();
  if (category == "buffer") return buffer_schema().describe();
  if (category == "status") return status_schema().describe();
  Options all;
  Options shared;
  if (category == "inputs") {
    if (const auto* input = inputs::find_input(plugin)) all = input->options();
    shared = input_schema().describe();
  } else if (category == "outputs") {
    if (const auto* output = outputs::find_output(plugin)) all = output->options();
    shared = outputs::worker_schema().describe();
  }
  all.insert(all.end(), shared.begin(), shared.end());
  return all;
}

}  // namespace

std::string current_option_name(std::string_view category, std::string_view plugin,
                                std::string_view option) {
  const Options options = options_of(category, plugin);
  if (has(options, option)) return {};
  std::string now = renamed(options, option);
  if (now.empty() && !plugin.empty()) now = renamed_by_telegraf(option);
  return now;
}

int config_migrate(const CommandLine& line) {
  const auto file = std::make_shared<const std::string>(line.file);
  const auto text = config::read_file(line.file, config::kMaxFileBytes);
  if (!text) {
    complain(fmt::format("{}: {}", line.file, text.error().message));
    return kExitFailed;
  }
  const auto migration = config::migrate(*text, file, current_option_name);
  if (!migration) {
    config::Diagnostics diagnostics;
    config::Document unused;
    config::load_text(*text, line.file, config::process_environment(), diagnostics, unused);
    for (const config::Diagnostic& item : diagnostics.sorted()) {
      std::fputs((item.text() + "\n" + diagnostics.excerpt(item)).c_str(), stderr);
    }
    return kExitConfiguration;
  }
  std::fwrite(migration->text.data(), 1, migration->text.size(), stdout);
  for (const config::Change& change : migration->changes) {
    complain(fmt::format("{}: {}", change.where.text(), change.text));
  }
  return kExitDone;
}

}  // namespace holdfast::agent

#include "agent/loading.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <variant>

#include "agent/config_sources.h"
#include "agent/logging.h"
#include "agent/selection.h"
#include "agent/store.h"
#include "config/read_file.h"
#include "outputs/text.h"

namespace holdfast::agent {
namespace {

// Files below a directory that end in .conf or .toml, in lexical order of their paths.
std::vector<std::string> files_in(const std::string& directory, config::Diagnostics& diagnostics) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  std::error_code failed;
  auto walk = fs::recursive_directory_iterator(
      directory, fs::directory_options::skip_permission_denied, failed);
  for (; !failed && walk != fs::recursive_directory_iterator(); walk.increment(failed)) {
    const fs::path& path = walk->path();
    // Kubernetes mounts keep the real files in folders named ..something; the links are enough.
    if (walk->is_directory() && path.filename().string().starts_with("..")) {
      walk.disable_recursion_pending();
    } else if (path.extension() == ".conf" || path.extension() == ".toml") {
      files.push_back(path.string());
    }
  }
  if (failed) {
    diagnostics.error({std::make_shared<const std::string>(directory), 0, 0},
                      "cannot read the configuration directory: " + failed.message());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The command line's number of attempts, else that of the files read before.
std::int64_t url_attempts(const CommandLine& line, const config::Document& document) {
  if (line.config_url_attempts != 0) return line.config_url_attempts;
  const config::Table::Entry* entry = document.agent.find("config_url_retry_attempts");
  const auto* number = entry == nullptr ? nullptr : std::get_if<std::int64_t>(&entry->value.data);
  return number == nullptr ? 0 : *number;
}

// Like config::load_files, for URLs too.
config::Document load_sources(const std::vector<std::string>& sources, const CommandLine& line,
                              const config::Environment& environment, const base::Logger& log,
                              config::Diagnostics& diagnostics) {
  config::Document document;
  for (const std::string& source : sources) {
    const bool remote = is_url(source);
    const std::string name = remote ? outputs::without_user_info(source) : source;
    FetchOptions options{url_attempts(line, document)};
    options.token = environment("INFLUX_TOKEN").value_or("");
    const auto text = remote ? fetch_configuration(source, options, log)
                             : config::read_file(source, config::kMaxFileBytes);
    if (text) {
      config::load_text(*text, name, environment, diagnostics, document);
    } else {
      const auto file = std::make_shared<const std::string>(name);
      diagnostics.add_file(file);
      diagnostics.error({file, 0, 0}, text.error().message);
    }
  }
  return document;
}

ConfigSources sources_of(const CommandLine& line, const config::Environment& environment,
                         config::Diagnostics& diagnostics) {
  if (line.config_files.empty() && line.config_directories.empty()) {
    return default_sources(environment, diagnostics);
  }
  return {line.config_files, line.config_directories};
}

void print(const config::Diagnostics& diagnostics) {
  for (const config::Diagnostic& item : diagnostics.sorted()) {
    std::fputs((item.text() + "\n" + diagnostics.excerpt(item)).c_str(), stderr);
  }
}

}  // namespace

std::unique_ptr<World> make_world(const CommandLine& line) {
  return std::make_unique<World>(inputs::roots_from(config::process_environment()),
                                 base::make_stderr_logger(log_options(line, {})));
}

std::vector<std::string> configuration_paths(const CommandLine& line) {
  config::Diagnostics ignored;
  const ConfigSources sources = sources_of(line, config::process_environment(), ignored);
  std::vector<std::string> paths;
  std::remove_copy_if(sources.files.begin(), sources.files.end(), std::back_inserter(paths),
                      is_url);
  paths.insert(paths.end(), sources.directories.begin(), sources.directories.end());
  return paths;
}

std::optional<Configuration> load(const CommandLine& line, const World& world, Required required) {
  config::Diagnostics diagnostics;
  auto configuration = examine(line, world, required, diagnostics);
  print(diagnostics);
  return configuration;
}

std::optional<Configuration> examine(const CommandLine& line, const World& world, Required required,
                                     config::Diagnostics& diagnostics) {
  diagnostics.skip_unsupported(line.skip_unsupported);
  const config::Environment environment = config::process_environment();
  const ConfigSources sources = sources_of(line, environment, diagnostics);
  std::vector<std::string> files = sources.files;
  for (const std::string& directory : sources.directories) {
    const auto found = files_in(directory, diagnostics);
    files.insert(files.end(), found.begin(), found.end());
  }
  config::Document document = load_sources(files, line, environment, world.log, diagnostics);
  select_plugins(line.selection, document);
  Configuration configuration =
      configure(document, {world.host, world.clock, world.log, world.keeps_state, &world.numbers},
                diagnostics);
  check_required(configuration, required, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  return configuration;
}

void check_required(const Configuration& configuration, Required required,
                    config::Diagnostics& diagnostics) {
  if (diagnostics.has_errors()) return;
  if (required.inputs && configuration.inputs.empty()) {
    diagnostics.error({}, "no inputs are configured; add one, for instance [[inputs.cpu]]");
  }
  if (required.outputs && configuration.outputs.empty()) {
    diagnostics.error({}, "no outputs are configured; add one, for instance [[outputs.influxdb]]");
  }
}

RingPlace ring_place(const BufferOptions& options) {
  if (!options.path.empty()) return {options.path, false};
  return {default_ring_path(config::process_environment()), true};
}

}  // namespace holdfast::agent

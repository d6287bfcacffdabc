#include "agent/loading.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "agent/store.h"

namespace holdfast::agent {
namespace {

constexpr const char* kDefaultConfig = "/etc/holdfast/holdfast.toml";

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

void print(const config::Diagnostics& diagnostics) {
  for (const config::Diagnostic& item : diagnostics.sorted()) {
    std::fputs((item.text() + "\n").c_str(), stderr);
  }
}

}  // namespace

std::unique_ptr<World> make_world(const CommandLine& line) {
  base::LogOptions options;
  options.level = line.debug   ? base::LogLevel::kDebug
                  : line.quiet ? base::LogLevel::kError
                               : base::LogLevel::kInfo;
  options.format = line.log_format == "json" ? base::LogFormat::kJson : base::LogFormat::kText;
  options.journald = options.format == base::LogFormat::kText && base::stderr_is_journal();
  return std::make_unique<World>(inputs::roots_from(config::process_environment()),
                                 base::make_stderr_logger(options));
}

std::vector<std::string> configuration_paths(const CommandLine& line) {
  std::vector<std::string> paths = line.config_files;
  paths.insert(paths.end(), line.config_directories.begin(), line.config_directories.end());
  if (paths.empty()) paths.emplace_back(kDefaultConfig);
  return paths;
}

std::optional<Configuration> load(const CommandLine& line, const World& world, Required required) {
  config::Diagnostics diagnostics;
  auto configuration = load(line, world, required, diagnostics);
  print(diagnostics);
  return configuration;
}

std::optional<Configuration> load(const CommandLine& line, const World& world, Required required,
                                  config::Diagnostics& diagnostics) {
  std::vector<std::string> files = line.config_files;
  for (const std::string& directory : line.config_directories) {
    const auto found = files_in(directory, diagnostics);
    files.insert(files.end(), found.begin(), found.end());
  }
  if (files.empty() && line.config_directories.empty()) files.emplace_back(kDefaultConfig);
  config::Document document = config::load_files(files, config::process_environment(), diagnostics);
  Configuration configuration =
      configure(document, {world.host, world.clock, world.log}, diagnostics);
  const config::Position nowhere{};
  if (required.inputs && document.inputs.empty() && !diagnostics.has_errors()) {
    diagnostics.error(nowhere, "no inputs are configured; add one, for instance [[inputs.cpu]]");
  }
  if (required.outputs && document.outputs.empty() && !diagnostics.has_errors()) {
    diagnostics.error(nowhere,
                      "no outputs are configured; add one, for instance [[outputs.influxdb]]");
  }
  if (diagnostics.has_errors()) return std::nullopt;
  return configuration;
}

void adopt_log_level(const CommandLine& line, const AgentOptions& agent, const base::Logger& log) {
  if (line.debug || line.quiet) return;
  log.set_level(agent.debug   ? base::LogLevel::kDebug
                : agent.quiet ? base::LogLevel::kError
                              : base::LogLevel::kInfo);
}

RingPlace ring_place(const BufferOptions& options) {
  if (!options.path.empty()) return {options.path, false};
  return {default_ring_path(config::process_environment()), true};
}

}  // namespace holdfast::agent

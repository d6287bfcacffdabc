// The only file that knows the command-line library.
#include "agent/command_line.h"

#include <algorithm>
#include <functional>

#include <CLI/CLI.hpp>

namespace holdfast::agent {
namespace {

// Telegraf takes long options with one dash too, and service units use that: -config.
std::vector<std::string> arguments(int argc, const char* const* argv) {
  std::vector<std::string> all;
  for (int i = argc - 1; i > 0; --i) {  // CLI11 wants them in reverse
    std::string text = argv[i];
    const bool long_with_one_dash =
        text.size() > 2 && text[0] == '-' && text[1] != '-' && text[1] >= 'a' && text[1] <= 'z';
    all.push_back(long_with_one_dash ? "-" + text : text);
  }
  return all;
}

using Command = std::function<int(const CommandLine&)>;

}  // namespace

int main_command(int argc, const char* const* argv) {
  CommandLine line;
  Command command = run;
  CLI::App app{
      "holdfast: gathers metrics, keeps them in an on-disk ring, delivers them to InfluxDB"};
  app.name("holdfast");
  app.require_subcommand(0, 1);
  app.fallthrough();
  app.add_option("--config", line.config_files,
                 "Configuration file (may be repeated; default /etc/holdfast/holdfast.toml)");
  app.add_option("--config-directory", line.config_directories,
                 "Directory with .conf and .toml files (may be repeated)");
  app.add_option("--log-format", line.log_format, "Form of log lines: text or json")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_flag("--debug", line.debug, "Log at level debug");
  app.add_flag("--quiet", line.quiet, "Log errors only");
  bool want_test = false;
  bool want_once = false;
  bool want_version = false;
  app.add_flag("--test", want_test, "Same as the command test");
  app.add_flag("--once", want_once, "Same as the command once");
  app.add_flag("--version", want_version, "Same as the command version");
  const auto add = [&](CLI::App& parent, const std::string& name, const std::string& help,
                       Command what) {
    CLI::App* sub = parent.add_subcommand(name, help);
    sub->fallthrough();
    sub->callback([&command, what = std::move(what)] { command = what; });
    return sub;
  };
  add(app, "run", "Gather and deliver until stopped (the default)", run);
  add(app, "check", "Check the configuration and list every problem in it", check);
  add(app, "test", "Gather once and print the points, send nothing", test);
  add(app, "once", "Gather once, deliver, succeed only if all was delivered", once);
  CLI::App* sub = add(app, "status", "Ask the running agent how it is", status);
  sub->add_flag("--watch", line.watch, "Go on, once a second");
  sub->add_flag("--json", line.json, "The whole status document");
  CLI::App* buffer = app.add_subcommand("buffer", "Look at a ring file");
  buffer->require_subcommand(1);
  sub = add(*buffer, "info", "Size, readers and ledgers of a ring, in use or not", buffer_info);
  sub->add_option("FILE", line.file, "The ring file")->required();
  sub->add_flag("--json", line.json, "As JSON");
  add(app, "plugins", "List inputs and outputs", plugins);
  CLI::App* config = app.add_subcommand("config", "Configuration helpers");
  config->require_subcommand(1);
  sub = add(*config, "sample", "Print a commented configuration", config_sample);
  sub->add_option("PLUGINS", line.names, "Only these plugins");
  add(app, "version", "Print the version", [](const CommandLine&) { return print_version(); });
  try {
    app.parse(arguments(argc, argv));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  if (want_version) return print_version();
  if (want_test) return test(line);
  if (want_once) return once(line);
  return command(line);
}

}  // namespace holdfast::agent

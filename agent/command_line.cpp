// The commands of the program and their options. Only the files command_line* know the library.
#include "agent/command_line.h"

#include <algorithm>
#include <cstdio>
#include <functional>

#include <CLI/CLI.hpp>

#include "agent/command_line_flags.h"
#include "config/units.h"

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
// Adds a command below `parent`.
using Add = std::function<CLI::App*(CLI::App& parent, const std::string& name,
                                    const std::string& help, Command what)>;

void add_export(CLI::App& buffer, const Add& add, CommandLine& line) {
  CLI::App* sub = add(buffer, "export",
                      "Print the points of a ring as line protocol: what is pending for any "
                      "output, oldest first",
                      buffer_export);
  sub->add_option("FILE", line.file, "The ring file")->required();
  sub->add_option("--since", line.buffer.since,
                  "Only points from this time on: 2026-01-31T12:00:00Z, 2h (ago) or Unix seconds")
      ->type_name("TIME");
  sub->add_option("--until", line.buffer.until, "Only points before this time")->type_name("TIME");
  CLI::Option* reader =
      sub->add_option("--reader", line.buffer.reader, "Only what is pending for this reader")
          ->type_name("ID");
  CLI::Option* pending = sub->add_flag("--pending", line.buffer.pending,
                                       "What is still to be delivered (the default)");
  sub->add_flag("--all", line.buffer.all, "Also what was delivered and is not overwritten yet")
      ->excludes(pending)
      ->excludes(reader);
  sub->add_flag("--gzip", line.buffer.gzip,
                "One gzip stream instead of text, for Content-Encoding: gzip");
}

void add_trim(CLI::App& buffer, const Add& add, CommandLine& line) {
  CLI::App* sub = add(buffer, "trim",
                      "Give up the oldest blocks of a ring that no agent uses; they count as "
                      "overflow",
                      buffer_trim);
  sub->add_option("FILE", line.file, "The ring file")->required();
  CLI::Option* before =
      sub->add_option("--before", line.buffer.before,
                      "Blocks older than this: 2026-01-31T12:00:00Z, 2h (ago) or Unix seconds")
          ->type_name("TIME");
  CLI::Option* keep = sub->add_option("--keep-last", line.buffer.keep_last,
                                      "All but so much of the newest blocks: 8MiB")
                          ->type_name("SIZE")
                          ->excludes(before);
  CLI::Option* reader = sub->add_option("--reader", line.buffer.reader,
                                        "For this reader only; alone: all that is pending for it")
                            ->type_name("ID");
  sub->add_flag("--remove", line.buffer.remove,
                "And the reader itself, if no output has claimed it (an orphan)")
      ->needs(reader)
      ->excludes(before)
      ->excludes(keep);
  sub->add_flag("--dry-run", line.buffer.dry_run, "Only say what would be given up");
  sub->parse_complete_callback([&line] {
    const BufferArguments& said = line.buffer;
    if (said.before.empty() && said.keep_last.empty() && said.reader.empty()) {
      throw CLI::RequiredError("one of --before, --keep-last and --reader");
    }
  });
}

void add_buffer(CLI::App& app, const Add& add, CommandLine& line) {
  CLI::App* buffer = app.add_subcommand("buffer", "Look into a ring file, rescue or trim it");
  buffer->require_subcommand(1);
  const auto add_looking = [&](const std::string& name, const std::string& help, Command what) {
    CLI::App* sub = add(*buffer, name, help, std::move(what));
    sub->add_option("FILE", line.file, "The ring file")->required();
    sub->add_flag("--json", line.json, "As JSON");
  };
  add_looking("info", "Size, readers and ledgers of a ring, in use or not", buffer_info);
  add_looking("verify", "Read all of a ring and list what is damaged; fails if points are lost",
              buffer_verify);
  add_looking("dump", "List every block of a ring and where its readers stand", buffer_dump);
  add_export(*buffer, add, line);
  add_trim(*buffer, add, line);
}

// Some batches, or all of them.
CLI::Option* add_ids(CLI::App& sub, CommandLine& line, const std::string& all_help) {
  CLI::Option* all = sub.add_flag("--all", line.rejected.all, all_help);
  return sub.add_option("ID", line.rejected.ids, "The batches, as `rejected list` names them")
      ->excludes(all);
}

// Must be called last: what was said is looked at when all of it is known.
void require_choice(CLI::App& sub, const CommandLine& line, const std::string& choice) {
  sub.parse_complete_callback([&line, choice] {
    const RejectedArguments& said = line.rejected;
    if (said.ids.empty() && !said.all && said.older_than.empty()) {
      throw CLI::RequiredError("one of " + choice);
    }
  });
}

void add_rejected(CLI::App& app, const Add& add, CommandLine& line) {
  CLI::App* rejected = app.add_subcommand(
      "rejected", "Look at, send again or remove what servers refused (rejected_directory)");
  rejected->require_subcommand(1);
  const auto add_one = [&](const std::string& name, const std::string& help, Command what) {
    CLI::App* sub = add(*rejected, name, help, std::move(what));
    sub->add_option("--output", line.rejected.output, "Only of this output: its alias or reader")
        ->type_name("NAME");
    return sub;
  };
  CLI::App* sub = add_one("list", "List the refused batches, oldest first", rejected_list);
  sub->add_flag("--json", line.json, "As JSON");
  sub = add_one("show", "Print why a batch was refused, and its lines", rejected_show);
  sub->add_option("ID", line.rejected.ids, "The batch, as `rejected list` names it")
      ->required()
      ->expected(1);
  sub->add_option_function<std::uint64_t>(
         "--lines",
         [&line](std::uint64_t lines) {
           line.rejected.lines = lines;
           line.rejected.limit_lines = true;
         },
         "Only so many lines")
      ->type_name("N");
  sub = add_one("retry",
                "Send batches again, oldest first; what is taken is removed, the first answer that "
                "asks for patience ends it",
                rejected_retry);
  add_ids(*sub, line, "All batches");
  require_choice(*sub, line, "ID and --all");
  sub = add_one("purge", "Remove batches", rejected_purge);
  CLI::Option* ids = add_ids(*sub, line, "All batches");
  sub->add_option("--older-than", line.rejected.older_than,
                  "Batches that were refused longer ago than this: 7d")
      ->type_name("DURATION")
      ->excludes(ids)
      ->excludes("--all");
  require_choice(*sub, line, "ID, --all and --older-than");
}

// What stands for a command: Telegraf's spellings from before it had commands.
struct OldForms {
  bool test = false;
  bool once = false;
  bool version = false;
  bool sample = false;
  bool inputs = false;
  bool outputs = false;
  bool deprecations = false;
};

void add_old_forms(CLI::App& app, OldForms& forms, CommandLine& line) {
  app.add_flag("--test", forms.test, "Same as the command test");
  app.add_flag("--once", forms.once, "Same as the command once");
  app.add_option("--test-wait", line.test_wait_seconds,
                 "With test (or alone) and once: listeners are open for so many seconds")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1'000'000}));
  app.add_flag("--version", forms.version, "Same as the command version");
  app.add_flag("--sample-config", forms.sample, "Same as the command config sample");
  app.add_flag("--input-list", forms.inputs, "Print the names of all inputs");
  app.add_flag("--output-list", forms.outputs, "Print the names of all outputs");
  app.add_flag("--deprecation-list", forms.deprecations, "Print nothing: nothing is deprecated")
      ->group("");
  app.add_option("--usage", line.usage, "Print the sample of this plugin")->type_name("NAME");
}

// The command that such a flag stands for; else the one that was given.
Command chosen(const OldForms& forms, const CommandLine& line, const Command& given) {
  if (forms.version) return [](const CommandLine&) { return print_version(); };
  if (forms.deprecations) return [](const CommandLine&) { return kExitDone; };
  if (forms.sample) return config_sample;
  if (forms.inputs) return list_inputs;
  if (forms.outputs) return list_outputs;
  if (!line.usage.empty()) return usage;
  if (forms.once) return once;
  return forms.test ? test : given;
}

void add_config(CLI::App& app, const Add& add, CommandLine& line) {
  CLI::App* config =
      add(app, "config", "Configuration helpers; alone: the same as config sample", config_sample);
  config->require_subcommand(0, 1);
  for (const char* name : {"sample", "create"}) {
    CLI::App* sub = add(
        *config, name,
        name == std::string("sample") ? "Print a commented configuration" : "Same as config sample",
        config_sample);
    sub->add_option("PLUGINS", line.names, "Only these plugins");
  }
  CLI::App* sub = add(*config, "check", "Same as the command check", check);
  sub->add_flag("--json", line.json, "The problems as JSON");
  sub = add(*config, "migrate",
            "Print a configuration with names that are no longer current replaced", config_migrate);
  sub->add_option("FILE", line.file, "The configuration file")->required();
}

void add_plugins(CLI::App& app, const Add& add, CommandLine& line) {
  CLI::App* sub = add(app, "plugins", "List inputs and outputs", plugins);
  sub->add_option("CATEGORY", line.names, "Only inputs, or outputs")
      ->check(CLI::IsMember({"inputs", "outputs"}));
  sub->add_flag("--json", line.json, "As JSON");
}

void add_completion(CLI::App& app, const Add& add) {
  CLI::App* sub = app.add_subcommand("completion", "Print a script that completes commands");
  sub->require_subcommand(1);
  const auto add_shell = [&](const std::string& shell, auto script) {
    add(*sub, shell, "For " + shell, [&app, script](const CommandLine&) {
      std::fputs(script(command_tree(app)).c_str(), stdout);
      return kExitDone;
    });
  };
  add_shell("bash", bash_completion);
  add_shell("zsh", zsh_completion);
}

void add_watch(CLI::App& app, WatchArguments& said) {
  app.add_option("--watch-config", said.mode,
                 "Reload when a configuration file changes: notify (told by the kernel) or poll")
      ->check(CLI::IsMember({"notify", "poll"}));
  const auto add_duration = [&app](const std::string& name, base::Duration& out,
                                   const std::string& help) {
    app.add_option_function<std::string>(
           name,
           [&out, name](const std::string& text) {
             const auto parsed = config::parse_duration(text);
             if (!parsed || *parsed <= base::Duration::zero()) {
               throw CLI::ValidationError(name, "expected a duration such as 250ms");
             }
             out = *parsed;
           },
           help)
        ->type_name("DURATION");
  };
  add_duration("--watch-interval", said.interval, "poll: time between two looks (250ms)");
  add_duration("--watch-debounce-interval", said.debounce,
               "How long files must be unchanged before they are read (250ms)");
}

}  // namespace

int main_command(int argc, const char* const* argv) {
  CommandLine line;
  Command command = run;
  CLI::App app{
      "holdfast: gathers metrics, keeps them in an on-disk ring, delivers them to InfluxDB"};
  app.name("holdfast");
  app.require_subcommand(0, 1);
  app.fallthrough();
  // Each takes one word: what follows belongs to the command.
  app.add_option("--config", line.config_files,
                 "Configuration file or URL (may be repeated; default: $HOLDFAST_CONFIG_PATH, "
                 "$TELEGRAF_CONFIG_PATH, /etc/holdfast/holdfast.toml, /etc/telegraf/telegraf.conf)")
      ->allow_extra_args(false);
  app.add_option("--config-directory", line.config_directories,
                 "Directory with .conf and .toml files (may be repeated)")
      ->allow_extra_args(false);
  app.add_option("--log-format", line.log_format, "Form of log lines: text or json")
      ->check(CLI::IsMember({"text", "json"}));
  app.add_flag("--skip-unsupported", line.skip_unsupported,
               "Go on without what Telegraf has and holdfast has not, with a warning for each");
  add_watch(app, line.watch_config);
  app.add_flag("--debug", line.debug, "Log at level debug");
  app.add_flag("--quiet", line.quiet, "Log errors only");
  OldForms forms;
  add_old_forms(app, forms, line);
  add_shared_options(app, line);
  add_ineffective_options(app, line);
  const Add add = [&](CLI::App& parent, const std::string& name, const std::string& help,
                      Command what) {
    CLI::App* sub = parent.add_subcommand(name, help);
    sub->fallthrough();
    // Callbacks of the commands above come later: the innermost one counts.
    sub->callback([&command, sub, what = std::move(what)] {
      if (sub->get_subcommands().empty()) command = what;
    });
    return sub;
  };
  add(app, "run", "Gather and deliver until stopped (the default)", run);
  CLI::App* sub = add(app, "check", "Check the configuration and list every problem in it", check);
  sub->add_flag("--json", line.json, "The problems as JSON");
  add(app, "test", "Gather once and print the points, send nothing", test);
  add(app, "once", "Gather once, deliver, succeed only if all was delivered", once);
  sub = add(app, "status", "Ask the running agent how it is", status);
  sub->add_flag("--watch", line.watch, "Go on, once a second");
  sub->add_flag("--json", line.json, "The whole status document");
  add_buffer(app, add, line);
  add_rejected(app, add, line);
  add_plugins(app, add, line);
  add_config(app, add, line);
  add_completion(app, add);
  add(app, "version", "Print the version", [](const CommandLine&) { return print_version(); });
  try {
    app.parse(arguments(argc, argv));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  for (const std::string& remark : line.remarks) std::fputs((remark + "\n").c_str(), stderr);
  const bool only_wait = line.test_wait_seconds > 0 && app.get_subcommands().empty();
  forms.test = forms.test || only_wait;
  return chosen(forms, line, command)(line);
}

}  // namespace holdfast::agent

// The commands that only look: status, plugins, config sample, version.
#include <algorithm>
#include <cstdio>

#include <unistd.h>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "agent/commands.h"
#include "agent/json_parts.h"
#include "agent/line/filter.h"
#include "agent/loading.h"
#include "agent/status.h"
#include "agent/status_server.h"
#include "agent/store.h"
#include "agent/version.h"
#include "config/sample.h"
#include "inputs/registry.h"
#include "outputs/registry.h"

namespace holdfast::agent {
namespace {

constexpr base::Duration kWatchInterval = std::chrono::seconds(1);

void say(const std::string& text) { std::fputs(text.c_str(), stdout); }
void complain(const std::string& text) { std::fputs((text + "\n").c_str(), stderr); }

int show_status(const std::string& socket, bool json) {
  auto text = ask_status(socket);
  if (text && !json) text = render_status(*text);
  if (!text) {
    complain(text.error().message);
    return kExitFailed;
  }
  say(*text);
  return kExitDone;
}

template <class Plugins>
void list(std::string_view category, const Plugins& plugins) {
  for (const auto& plugin : plugins) {
    say(fmt::format("{}.{:<20} {}\n", category, plugin.name, plugin.summary));
  }
}

template <class Plugins>
void add_json(std::string_view category, const Plugins& plugins, Json& into) {
  for (const auto& plugin : plugins) {
    into.push_back({{"category", category}, {"name", plugin.name}, {"summary", plugin.summary}});
  }
}

template <class Plugins>
int list_names(std::string_view title, const Plugins& plugins) {
  say(fmt::format("Available {} Plugins:\n", title));
  for (const auto& plugin : plugins) say(fmt::format("  {}\n", plugin.name));
  return kExitDone;
}

std::vector<config::OptionInfo> with_shared(std::vector<config::OptionInfo> own,
                                            const std::vector<config::OptionInfo>& shared) {
  own.insert(own.end(), shared.begin(), shared.end());
  return own;
}

template <class Plugins>
void sample(std::string_view category, const Plugins& plugins,
            const std::vector<std::string>& wanted, const std::vector<std::string>& filter,
            const std::vector<config::OptionInfo>& shared) {
  for (const auto& plugin : plugins) {
    const bool chosen =
        wanted.empty() || std::find(wanted.begin(), wanted.end(), plugin.name) != wanted.end();
    if (!chosen || !is_wanted(filter, plugin.name)) continue;
    say(config::sample_section(fmt::format("[[{}.{}]]", category, plugin.name), plugin.summary,
                               with_shared(plugin.options(), shared)));
    say("\n");
  }
}

}  // namespace

int status(const CommandLine& line) {
  const auto world = make_world(line);
  // Only [status] and [buffer] matter here: a configuration without outputs will do.
  const auto configuration = load(line, *world, {.inputs = false, .outputs = false});
  if (!configuration) return kExitConfiguration;
  const std::string socket = status_socket_path(
      configuration->status, ring_place(configuration->buffer).path, config::process_environment());
  if (!line.watch) return show_status(socket, line.json);
  asio::io_context io(1);
  asio::steady_timer timer(io);
  while (true) {
    if (isatty(STDOUT_FILENO) != 0) say("\x1b[H\x1b[2J");  // home, clear
    (void)show_status(socket, line.json);
    std::fflush(stdout);
    timer.expires_after(kWatchInterval);
    timer.wait();
  }
}

int plugins(const CommandLine& line) {
  const bool with_inputs = is_wanted(line.names, "inputs");
  const bool with_outputs = is_wanted(line.names, "outputs");
  if (line.json) {
    Json all = Json::array();
    if (with_inputs) add_json("inputs", inputs::all_inputs(), all);
    if (with_outputs) add_json("outputs", outputs::all_outputs(), all);
    say(json_text(all));
    return kExitDone;
  }
  if (with_inputs) list("inputs", inputs::all_inputs());
  if (with_outputs) list("outputs", outputs::all_outputs());
  return kExitDone;
}

int list_inputs(const CommandLine&) { return list_names("Input", inputs::all_inputs()); }

int list_outputs(const CommandLine&) { return list_names("Output", outputs::all_outputs()); }

int usage(const CommandLine& line) {
  if (inputs::find_input(line.usage) == nullptr && outputs::find_output(line.usage) == nullptr) {
    complain(fmt::format("no such plugin: {}; `holdfast plugins` lists them", line.usage));
    return kExitFailed;
  }
  sample("outputs", outputs::all_outputs(), {line.usage}, {}, outputs::worker_schema().describe());
  sample("inputs", inputs::all_inputs(), {line.usage}, {}, input_schema().describe());
  return kExitDone;
}

int config_sample(const CommandLine& line) {
  const Selection& selection = line.selection;
  const auto section = [&](const char* name, const std::string& text) {
    if (line.names.empty() && is_wanted(selection.sections, name)) say(text + "\n");
  };
  section("agent", config::sample_section("[agent]", "How often to gather and to send.",
                                          agent_schema().describe()));
  section("global_tags", "# Tags for all points.\n[global_tags]\n  # site = \"rooftop\"\n");
  section("buffer",
          config::sample_section("[buffer]", "The ring on disk.", buffer_schema().describe()));
  section("status", config::sample_section("[status]", "Where the agent tells how it is.",
                                           status_schema().describe()));
  if (is_wanted(selection.sections, "outputs")) {
    sample("outputs", outputs::all_outputs(), line.names, selection.outputs,
           outputs::worker_schema().describe());
  }
  if (is_wanted(selection.sections, "inputs")) {
    sample("inputs", inputs::all_inputs(), line.names, selection.inputs,
           with_shared(input_schema().describe(), line::filter_schema().describe()));
  }
  return kExitDone;
}

int print_version() {
  say(fmt::format("holdfast {}\n", version()));
  return kExitDone;
}

}  // namespace holdfast::agent

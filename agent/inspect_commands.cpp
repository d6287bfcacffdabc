// The commands that only look: status, plugins, config sample, version.
#include <algorithm>
#include <cstdio>

#include <unistd.h>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include "agent/commands.h"
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

std::vector<config::OptionInfo> with_shared(std::vector<config::OptionInfo> own,
                                            const std::vector<config::OptionInfo>& shared) {
  own.insert(own.end(), shared.begin(), shared.end());
  return own;
}

template <class Plugins>
void sample(std::string_view category, const Plugins& plugins,
            const std::vector<std::string>& wanted, const std::vector<config::OptionInfo>& shared) {
  for (const auto& plugin : plugins) {
    const bool chosen =
        wanted.empty() || std::find(wanted.begin(), wanted.end(), plugin.name) != wanted.end();
    if (!chosen) continue;
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

int plugins(const CommandLine&) {
  list("inputs", inputs::all_inputs());
  list("outputs", outputs::all_outputs());
  return kExitDone;
}

int config_sample(const CommandLine& line) {
  if (line.names.empty()) {
    say(config::sample_section("[agent]", "How often to gather and to send.",
                               agent_schema().describe()) +
        "\n");
    say("# Tags for all points.\n[global_tags]\n  # site = \"rooftop\"\n\n");
    say(config::sample_section("[buffer]", "The ring on disk.", buffer_schema().describe()) + "\n");
    say(config::sample_section("[status]", "Where the agent tells how it is.",
                               status_schema().describe()) +
        "\n");
  }
  const auto filters = line::filter_schema().describe();
  sample("outputs", outputs::all_outputs(), line.names,
         with_shared(outputs::worker_schema().describe(), filters));
  sample("inputs", inputs::all_inputs(), line.names,
         with_shared(input_schema().describe(), filters));
  return kExitDone;
}

int print_version() {
  say(fmt::format("holdfast {}\n", version()));
  return kExitDone;
}

}  // namespace holdfast::agent

#include "tests/config/example_options.h"

#include <algorithm>
#include <chrono>
#include <map>

#include <fmt/format.h>

namespace holdfast::config::test {
namespace {

void check_plugins(std::vector<PluginTable>& plugins, const std::vector<std::string_view>& known,
                   std::string_view what, Diagnostics& diagnostics) {
  for (PluginTable& plugin : plugins) {
    if (std::find(known.begin(), known.end(), plugin.name) == known.end()) {
      diagnostics.error(plugin.where, fmt::format("unknown {} `{}`{}", what, plugin.name,
                                                  did_you_mean(plugin.name, known)));
    } else if (what == "input") {
      (void)input_schema().parse(plugin.table, diagnostics);
      plugin.table.report_unused(diagnostics, input_schema().names());
    } else {
      (void)output_schema().parse(plugin.table, diagnostics);
      plugin.table.report_unused(diagnostics, output_schema().names());
    }
  }
}

}  // namespace

const Schema<AgentOptions>& agent_schema() {
  static const auto schema =
      Schema<AgentOptions>{}
          .option("interval", &AgentOptions::interval, "Gather period.", {.min = 0.001})
          .option("flush_interval", &AgentOptions::flush_interval, "Flush period.", {.min = 0.001})
          .option("collection_jitter", &AgentOptions::collection_jitter, "Random delay.")
          .option("precision", &AgentOptions::precision, "Unit of timestamps.")
          .option("round_interval", &AgentOptions::round_interval, "Align gathers.")
          .option("metric_batch_size", &AgentOptions::metric_batch_size, "Points of a batch.",
                  {.min = 1, .max = 1e6})
          .option("metric_buffer_limit", &AgentOptions::metric_buffer_limit, "Unused.",
                  {.no_effect = "the ring is bounded by [buffer] size"})
          .option("hostname", &AgentOptions::hostname, "Name of this host.");
  return schema;
}

const Schema<BufferOptions>& buffer_schema() {
  static const auto schema =
      Schema<BufferOptions>{}
          .option("size", &BufferOptions::size, "Size of the ring.", {.min = 1 << 20})
          .option("sync", &BufferOptions::sync, "When to sync.",
                  {.choices = {"always", "interval", "never"}})
          .option("sync_interval", &BufferOptions::sync_interval, "Time between syncs.",
                  {.min = 0.1, .max = 3600});
  return schema;
}

const Schema<InputOptions>& input_schema() {
  static const auto schema =
      Schema<InputOptions>{}
          .option("interval", &InputOptions::interval, "Gather period.")
          .option(
              "namepass", &InputOptions::namepass, "Names that pass.",
              {.choices = {"cpu", "cpu0", "mem", "8086", "words and more"}, .old_names = {"pass"}})
          .option("tags", &InputOptions::tags, "Tags of all points.")
          .option("percpu", &InputOptions::percpu, "Each core on its own.")
          .option("totalcpu", &InputOptions::totalcpu, "All cores together.");
  return schema;
}

const Schema<OutputOptions>& output_schema() {
  static const auto schema =
      Schema<OutputOptions>{}
          .option("urls", &OutputOptions::urls, "Servers.",
                  {.old_names = {"url"}, .required = true})
          .option("database", &OutputOptions::database, "Database.")
          .option("auth", &OutputOptions::auth, "How to log in.",
                  {.choices = {"", "basic"}, .secret = true})
          .option("password", &OutputOptions::password, "Password.", {.secret = true})
          .option("token", &OutputOptions::token, "Token.", {.secret = true})
          .option("timeout", &OutputOptions::timeout, "Of a request.");
  return schema;
}

Environment example_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    static const std::map<std::string, std::string> variables{
        {"PORT", "8086"}, {"HOST", "db.example"},      {"FLAG", "false"},
        {"EMPTY", ""},    {"WORDS", "words and more"}, {"INJECTION", "5\n[[inputs.mem]]\n  x = 1"},
    };
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

void check_document(Document& document, Diagnostics& diagnostics) {
  (void)agent_schema().parse(document.agent, diagnostics);
  document.agent.report_unused(diagnostics, agent_schema().names());
  (void)buffer_schema().parse(document.buffer, diagnostics);
  document.buffer.report_unused(diagnostics, buffer_schema().names());
  check_plugins(document.inputs, {"cpu", "mem"}, "input", diagnostics);
  check_plugins(document.outputs, {"influxdb"}, "output", diagnostics);
}

std::string report(const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& item : diagnostics.sorted()) out += item.text() + '\n';
  return out;
}

}  // namespace holdfast::config::test

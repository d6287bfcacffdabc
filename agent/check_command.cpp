// `holdfast check`: what is wrong with the configuration, or what would run.
#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "agent/capacity.h"
#include "agent/commands.h"
#include "agent/json_parts.h"
#include "agent/loading.h"
#include "config/units.h"

namespace holdfast::agent {
namespace {

// Long enough for the kernel's counters of time to move.
constexpr base::Duration kBetweenGathers = std::chrono::milliseconds(200);

void say(const std::string& text) { std::fputs(text.c_str(), stdout); }

Json number_or_null(std::uint32_t number) { return number == 0 ? Json(nullptr) : Json(number); }

Json diagnostic_json(const config::Diagnostic& item) {
  Json out{{"file", item.where.file ? Json(*item.where.file) : Json(nullptr)},
           {"line", number_or_null(item.where.line)},
           {"column", number_or_null(item.where.column)},
           {"severity", item.severity == config::Severity::kError ? "error" : "warning"},
           {"message", item.message}};
  if (!item.found.empty()) out["found"] = item.found;
  if (!item.expected.empty()) out["expected"] = item.expected;
  if (!item.suggestion.empty()) out["suggestion"] = item.suggestion;
  return out;
}

int check_as_json(const CommandLine& line, const World& world) {
  config::Diagnostics diagnostics;
  const bool good = examine(line, world, {}, diagnostics).has_value();
  Json all = Json::array();
  for (const config::Diagnostic& item : diagnostics.sorted()) all.push_back(diagnostic_json(item));
  say(json_text(all));
  return good ? kExitDone : kExitConfiguration;
}

void show_input(const ConfiguredInput& input) {
  say(input.gathers()
          ? fmt::format("  {}, every {}\n", input.display, base::format_duration(input.interval))
          : fmt::format("  {}, listening\n", input.display));
}

void show_output(const ConfiguredOutput& output) {
  say(fmt::format("  {} to {}, flush every {}, reader {}\n", output.display,
                  output.output->destination(), base::format_duration(output.worker.flush_interval),
                  output.reader_id));
}

}  // namespace

int check(const CommandLine& line) {
  const auto world = make_world(line);
  if (line.json) return check_as_json(line, *world);
  auto configuration = load(line, *world, {});
  if (!configuration) return kExitConfiguration;
  say(fmt::format("configuration is good: {} inputs, {} outputs\n", configuration->inputs.size(),
                  configuration->outputs.size()));
  for (const ConfiguredInput& input : configuration->inputs) show_input(input);
  for (const ConfiguredOutput& output : configuration->outputs) show_output(output);
  say(fmt::format("  ring {} of {}: {}\n", ring_place(configuration->buffer).path,
                  config::format_bytes(configuration->buffer.size.count),
                  estimate_capacity(*configuration, world->clock, kBetweenGathers).text()));
  return kExitDone;
}

}  // namespace holdfast::agent

// From tables to plugin instances: common options first, then the plugin's own, then what nobody
// took is reported.
#include "agent/configuration.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>

#include <unistd.h>

#include "agent/base/time_zone.h"
#include "agent/store.h"
#include "agent/unsupported.h"
#include "config/canonical.h"
#include "config/environment.h"
#include "inputs/parsers/formats.h"
#include "inputs/registry.h"
#include "outputs/pacing.h"
#include "outputs/registry.h"

namespace holdfast::agent {
namespace {

constexpr std::uint32_t kDefaultBatch = 5000;

std::string system_hostname() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

std::vector<std::string_view> names_of(const std::vector<config::OptionInfo>& options) {
  std::vector<std::string_view> names;
  for (const auto& option : options) {
    names.push_back(option.name);
    for (const auto old : option.rules.old_names) names.push_back(old);
  }
  return names;
}

void add_options(const std::vector<config::OptionInfo>& more,
                 std::vector<config::OptionInfo>& options) {
  options.insert(options.end(), more.begin(), more.end());
}

// Options of a schema from a section, with the section's unknown keys reported.
template <class Options>
Options parse_section(config::Table& table, const config::Schema<Options>& schema,
                      config::Diagnostics& diagnostics) {
  Options options = schema.parse(table, diagnostics);
  const auto infos = schema.describe();
  table.report_unused(diagnostics, names_of(infos));
  return options;
}

std::string display_name(std::string_view category, std::string_view plugin,
                         const std::string& alias) {
  std::string name = fmt::format("{}.{}", category, plugin);
  return alias.empty() ? name : name + "::" + alias;
}

// Servers refuse points with these tags, so every point of the agent would be lost.
bool is_reserved_tag(std::string_view key) {
  return key == "time" || key == "_field" || key == "_measurement";
}

void report_reserved_tag(std::string_view key, const config::Position& where,
                         config::Diagnostics& diagnostics) {
  diagnostics.error(where, fmt::format("the tag `{}` is reserved by InfluxDB", key));
}

void check_time_zone(const std::string& zone, const config::Table& agent,
                     config::Diagnostics& diagnostics) {
  if (base::is_time_zone(zone)) return;
  diagnostics.error(
      agent.find("log_with_timezone")->value.where,
      fmt::format("`log_with_timezone` is {}, expected \"local\", \"UTC\" or a zone of this system "
                  "such as \"Europe/Berlin\"",
                  config::quoted(zone)));
}

// The input's own tags win over global ones.
std::vector<line::TagPair> merge_tags(const config::StringMap& own,
                                      const std::vector<line::TagPair>& global) {
  std::map<std::string, std::string> merged(own.begin(), own.end());
  for (const auto& tag : global) merged.insert(tag);
  return {merged.begin(), merged.end()};
}

inputs::TimeSource time_source_of(const std::string& name) {
  if (name == "collection_start") return inputs::TimeSource::kCollectionStart;
  if (name == "collection_end") return inputs::TimeSource::kCollectionEnd;
  return inputs::TimeSource::kMetric;
}

StartupErrors startup_errors_of(const std::string& name) {
  if (name == "retry") return StartupErrors::kRetry;
  return name == "error" ? StartupErrors::kFail : StartupErrors::kIgnore;
}

// The ring's lock keeps it to this agent.
std::string state_directory(const BufferOptions& buffer) {
  const std::string ring =
      buffer.path.empty() ? default_ring_path(config::process_environment()) : buffer.path;
  return ring + ".state";
}

// Listeners take lines with the time they have.
void report_time_options(const config::Table& table, config::Diagnostics& diagnostics) {
  for (const char* option : {"precision", "time_source"}) {
    const config::Table::Entry* entry = table.find(option);
    if (entry == nullptr) continue;
    diagnostics.warning(entry->where,
                        fmt::format("`{}` has no effect here: lines that arrive keep the time "
                                    "they have",
                                    option));
  }
}

base::Duration precision_of(const inputs::InputPlugin& plugin, const InputOptions& own,
                            const AgentOptions& agent, base::Duration interval) {
  const base::Duration zero{};
  if (plugin.times == inputs::Times::kAsTheyCame) return base::Duration(1);
  if (own.precision > zero) return own.precision;
  if (plugin.times == inputs::Times::kOwn) return base::Duration(1);
  return agent.precision > zero ? agent.precision : inputs::automatic_precision(interval);
}

ConfiguredInput configure_input(config::PluginTable& table, const inputs::InputPlugin& plugin,
                                const Configuration& whole, const Surroundings& surroundings,
                                config::Diagnostics& diagnostics) {
  const auto has = [&](std::string_view key) { return table.table.find(key) != nullptr; };
  const bool own_jitter = has("collection_jitter");
  ConfiguredInput input;
  input.content = config::canonical(table.table);
  const InputOptions common = input_schema().parse(table.table, diagnostics);
  const auto filter_options = line::filter_schema().parse(table.table, diagnostics);
  for (const auto& [key, value] : common.tags) {
    if (is_reserved_tag(key)) {
      report_reserved_tag(key, table.table.find("tags")->where, diagnostics);
    }
  }
  input.plugin = &plugin;
  input.alias = common.alias;
  input.display = display_name("inputs", plugin.name, common.alias);
  input.log_level = base::parse_log_level(common.log_level);
  input.startup_errors = startup_errors_of(common.startup_error_behavior);
  const base::Duration zero{};
  input.interval = common.interval > zero ? common.interval : whole.agent.interval;
  input.jitter = own_jitter ? common.collection_jitter : whole.agent.collection_jitter;
  input.offset =
      common.collection_offset > zero ? common.collection_offset : whole.agent.collection_offset;
  auto filter = line::MetricFilter::compile(filter_options, table.table, diagnostics);
  auto tags = merge_tags(common.tags, whole.global_tags);
  const auto taken_away = [&](const line::TagPair& tag) {
    const bool own = common.tags.contains(tag.first);
    const bool always =
        own ? whole.agent.always_include_local_tags : whole.agent.always_include_global_tags;
    return !always && !filter.keeps_tag(tag.first);
  };
  std::erase_if(tags, taken_away);
  input.rules = {{common.name_override, common.name_prefix, common.name_suffix},
                 std::move(filter),
                 std::move(tags),
                 precision_of(plugin, common, whole.agent, input.interval),
                 {},
                 time_source_of(common.time_source)};
  input.counters = std::make_unique<inputs::InputCounters>();
  const inputs::InputContext context{
      surroundings.host, surroundings.clock, surroundings.log.named(input.display, input.log_level),
      surroundings.keeps_state ? state_directory(whole.buffer) : "", surroundings.numbers};
  input.input = plugin.create(table.table, diagnostics, context);
  auto options = plugin.options();
  add_options(input_schema().describe(), options);
  add_options(line::filter_schema().describe(), options);
  take_unsupported_options(table.table, diagnostics);
  auto known = names_of(options);
  if (plugin.takes_format) {
    for (const auto name : parsers::option_names()) known.push_back(name);
  }
  table.table.report_unused(diagnostics, known);
  if (plugin.times == inputs::Times::kAsTheyCame) report_time_options(table.table, diagnostics);
  return input;
}

// The agent and `holdfast rejected`, started elsewhere, must mean the same place.
void check_rejected_directory(const std::string& path, const config::Table& table,
                              config::Diagnostics& diagnostics) {
  if (path.empty() || path.front() == '/') return;
  diagnostics.error(
      table.find("rejected_directory")->where,
      fmt::format("`rejected_directory`: found \"{}\", expected a path that begins with /", path));
}

ConfiguredOutput configure_output(config::PluginTable& table, const outputs::OutputPlugin& plugin,
                                  const Configuration& whole, const Surroundings& surroundings,
                                  outputs::ReaderNames& names, config::Diagnostics& diagnostics) {
  ConfiguredOutput output;
  output.plugin = &plugin;
  output.content = config::canonical(table.table);
  const bool own_jitter = table.table.find("flush_jitter") != nullptr;
  output.worker = outputs::worker_schema().parse(table.table, diagnostics);
  const auto filter_options = line::filter_schema().parse(table.table, diagnostics);
  output.worker.filter = line::MetricFilter::compile(filter_options, table.table, diagnostics);
  check_rejected_directory(output.worker.rejected_directory, table.table, diagnostics);
  const base::Duration zero{};
  if (output.worker.flush_interval <= zero) {
    output.worker.flush_interval = whole.agent.flush_interval;
  }
  if (!own_jitter) output.worker.flush_jitter = whole.agent.flush_jitter;
  if (output.worker.metric_batch_size == 0) {
    output.worker.metric_batch_size = whole.agent.metric_batch_size;
  }
  output.display = display_name("outputs", plugin.name, output.worker.alias);
  output.log_level = base::parse_log_level(output.worker.log_level);
  if (const auto rate = outputs::parse_backfill_rate(output.worker.backfill_rate); !rate) {
    diagnostics.error(table.table.where("backfill_rate"),
                      "`backfill_rate` is " + rate.error().message);
  }
  const outputs::OutputContext context{surroundings.clock,
                                       surroundings.log.named(output.display, output.log_level),
                                       output.worker.max_retry_after};
  std::string identity;
  output.output = plugin.create(table.table, diagnostics, context, identity);
  output.reader_id = names.take(plugin.name, output.worker.alias, identity);
  auto options = plugin.options();
  add_options(outputs::worker_schema().describe(), options);
  add_options(line::filter_schema().describe(), options);
  take_unsupported_options(table.table, diagnostics);
  table.table.report_unused(diagnostics, names_of(options));
  return output;
}

// Unsigned fields stand in the ring in one form: as `u` only if every output that cares wants it.
void settle_unsigned_fields(Configuration& whole, const std::vector<config::Position>& places,
                            config::Diagnostics& diagnostics) {
  bool any = false;
  bool as_unsigned = false;
  for (std::size_t i = 0; i < whole.outputs.size(); ++i) {
    const auto& output = whole.outputs[i].output;
    const bool cares = output && output->unsigned_fields().has_value();
    if (!cares) continue;
    const bool wants = output->unsigned_fields().value_or(false);
    if (any && wants != as_unsigned) {
      diagnostics.error(places[i],
                        "`influx_uint_support` differs from that of another output: all outputs "
                        "share the lines in the ring, so it must be the same for all");
      return;
    }
    any = true;
    as_unsigned = wants;
  }
  for (ConfiguredInput& input : whole.inputs) {
    input.rules.encode.uint_support = as_unsigned;
  }
}

// What the rest of the configuration means for each plugin becomes part of its content. A listener
// has no schedule: another interval of the agent is none of its business.
void complete_contents(Configuration& whole) {
  for (ConfiguredInput& input : whole.inputs) {
    std::string& content = input.content;
    content += fmt::format("\n{} {}\n", input.plugin->name, input.rules.encode.uint_support);
    for (const auto& [key, value] : input.rules.extra_tags) {
      content += fmt::format("{}={}\n", config::quoted(key), config::quoted(value));
    }
    if (input.input != nullptr && !input.gathers()) continue;
    content += fmt::format("{} {} {} {} {}\n", input.interval.count(), input.jitter.count(),
                           input.offset.count(), input.rules.precision.count(),
                           whole.agent.round_interval);
  }
  for (ConfiguredOutput& output : whole.outputs) {
    const outputs::WorkerOptions& worker = output.worker;
    output.content += fmt::format("\n{} {}\n{} {} {}\n", output.plugin->name, output.reader_id,
                                  worker.flush_interval.count(), worker.flush_jitter.count(),
                                  worker.metric_batch_size);
  }
}

std::vector<line::TagPair> read_global_tags(config::Table& table, const Configuration& whole,
                                            config::Diagnostics& diagnostics) {
  std::map<std::string, std::string> tags;
  std::vector<std::string> keys;
  for (const auto& entry : table.entries()) keys.push_back(entry.key);
  for (const std::string& key : keys) {
    if (const config::Table::Entry* entry = table.take(key)) {
      if (is_reserved_tag(key)) {
        report_reserved_tag(key, entry->where, diagnostics);
        continue;
      }
      config::read_value(*entry, {}, diagnostics, tags[key]);
    }
  }
  if (!whole.agent.omit_hostname) tags["host"] = whole.hostname;
  return {tags.begin(), tags.end()};
}

}  // namespace

inputs::ServiceInput* ConfiguredInput::service() const {
  return dynamic_cast<inputs::ServiceInput*>(input.get());
}

bool ConfiguredInput::gathers() const {
  return input != nullptr && (service() == nullptr || service()->gathers());
}

std::uint32_t Configuration::block_points() const {
  std::uint32_t smallest = kDefaultBatch;
  for (const ConfiguredOutput& output : outputs) {
    if (output.worker.metric_batch_size > 0) {
      smallest = std::min(smallest, static_cast<std::uint32_t>(output.worker.metric_batch_size));
    }
  }
  return smallest;
}

std::size_t Configuration::block_bytes() const {
  std::size_t smallest = std::numeric_limits<std::size_t>::max();
  for (const ConfiguredOutput& output : outputs) {
    smallest = std::min<std::size_t>(smallest, output.worker.max_batch_bytes.count);
  }
  return smallest;
}

Configuration configure(config::Document& document, const Surroundings& surroundings,
                        config::Diagnostics& diagnostics) {
  Configuration whole;
  whole.agent = parse_section(document.agent, agent_schema(), diagnostics);
  check_time_zone(whole.agent.log_with_timezone, document.agent, diagnostics);
  whole.buffer = parse_section(document.buffer, buffer_schema(), diagnostics);
  whole.status = parse_section(document.status, status_schema(), diagnostics);
  whole.hostname = whole.agent.hostname.empty() ? system_hostname() : whole.agent.hostname;
  whole.global_tags = read_global_tags(document.global_tags, whole, diagnostics);
  for (config::PluginTable& table : document.inputs) {
    if (const auto* plugin = inputs::find_input(table.name)) {
      auto input = configure_input(table, *plugin, whole, surroundings, diagnostics);
      // One that cannot do without something unsupported goes with it.
      if (input.input != nullptr) whole.inputs.push_back(std::move(input));
    } else {
      report_missing_plugin(table, "inputs", inputs::all_inputs(), diagnostics);
    }
  }
  outputs::ReaderNames names;
  std::vector<config::Position> places;  // of the outputs
  for (config::PluginTable& table : document.outputs) {
    if (const auto* plugin = outputs::find_output(table.name)) {
      places.push_back(table.where);
      whole.outputs.push_back(
          configure_output(table, *plugin, whole, surroundings, names, diagnostics));
    } else {
      report_missing_plugin(table, "outputs", outputs::all_outputs(), diagnostics);
    }
  }
  settle_unsigned_fields(whole, places, diagnostics);
  complete_contents(whole);
  return whole;
}

}  // namespace holdfast::agent

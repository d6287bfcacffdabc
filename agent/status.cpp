// The status document. Numbers are read once, from the ring and the workers; nothing is computed
// twice in two places.
#include "agent/status.h"

#include <algorithm>

#include "agent/json_parts.h"
#include "agent/version.h"
#include "config/units.h"

namespace holdfast::agent {
namespace {

constexpr int kStalledFlushes = 3;

double seconds(base::Duration duration) { return std::chrono::duration<double>(duration).count(); }

// How long until the ring is full if nothing were delivered, at the average rate since the start.
Json seconds_to_full(const buffer::RingInfo& info, base::Duration uptime) {
  const double rate = static_cast<double>(info.bytes_written) / std::max(seconds(uptime), 1.0);
  if (rate <= 0) return nullptr;
  return static_cast<std::int64_t>(static_cast<double>(info.size_bytes - info.used_bytes) / rate);
}

Json ring_part(const Pipeline& pipeline, const buffer::RingInfo& info) {
  const Store& store = pipeline.store();
  const std::int64_t now_s = pipeline.clock().wall_ns() / 1'000'000'000;
  const base::Duration uptime = pipeline.clock().boot() - pipeline.started_at();
  Json ring = {
      {"path", store.path},
      {"size_bytes", info.size_bytes},
      {"used_bytes", info.used_bytes},
      {"points", info.points},
      {"oldest_age_s", info.oldest_stored_at_s == 0
                           ? Json(nullptr)
                           : Json(std::max<std::int64_t>(0, now_s - info.oldest_stored_at_s))},
      {"seconds_to_full", seconds_to_full(info, uptime)},
      {"mode", pipeline.configuration().buffer.mode},
      {"sync", pipeline.configuration().buffer.sync},
      {"degraded", info.degraded},
      {"degraded_why", null_if_empty(info.degraded_why)},
      {"held_points", info.held_points},
      {"writes", info.writes},
      {"bytes_written", info.bytes_written},
      {"syncs", info.syncs},
      {"orphans", Json::array()}};
  for (const buffer::ReaderInfo& reader : info.readers) {
    if (!reader.attached) ring["orphans"].push_back(reader_json(reader));
  }
  return ring;
}

Json configuration_part(const ReloadState& state) {
  const std::int64_t failing = state.failing_since_ns;
  return {{"loaded_at", utc(state.loaded_ns)},
          {"reloads", state.reloads},
          {"failed_reloads", state.failures},
          {"failing_since", failing == 0 ? Json(nullptr) : Json(utc(failing))},
          {"last_error", null_if_empty(state.failed_why)},
          {"pending_restart", state.pending}};
}

Json input_part(const ConfiguredInput& input) {
  const inputs::InputCounters& counters = *input.counters;
  return {{"name", input.plugin->name},
          {"alias", null_if_empty(input.alias)},
          {"gathers", counters.gathers.load()},
          {"errors", counters.errors.load()},
          {"last_error", null_if_empty(counters.last_error())},
          {"gathered", counters.gathered.load()},
          {"filtered", counters.filtered.load()},
          {"not_accepted", counters.not_accepted.load()},
          {"gather_ms", seconds(base::Duration(counters.gather_ns.load())) * 1000},
          {"skipped", counters.skipped.load()}};
}

Json output_part(const RunningOutput& output, const buffer::RingInfo& info) {
  const outputs::OutputStatus status = output.worker->status();
  Json part = {{"name", output.name},
               {"alias", null_if_empty(output.alias)},
               {"reader", output.reader_id},
               {"state", outputs::state_name(status.state)},
               {"retry_in_s", seconds(status.retry_in)},
               {"last_error", null_if_empty(status.last_error)},
               {"ledger", nullptr},
               {"requests", status.requests},
               {"bytes_sent", status.bytes_sent},
               {"by_status", Json::object()}};
  for (const auto& [code, count] : status.by_status) {
    part["by_status"][std::to_string(code)] = count;
  }
  for (const buffer::ReaderInfo& reader : info.readers) {
    if (reader.id == output.reader_id) part["ledger"] = ledger_json(reader.ledger);
  }
  if (const auto& store = status.rejected_store) {
    part["rejected_store"] = {{"directory", store->directory},
                              {"files", store->files},
                              {"bytes", store->bytes},
                              {"kept", store->kept},
                              {"failed", store->failed}};
  }
  return part;
}

// Nothing while nothing was refused.
std::string store_text(const Json& store) {
  const auto files = store.at("files").get<std::uint64_t>();
  const auto failed = store.at("failed").get<std::uint64_t>();
  if (files == 0 && failed == 0) return {};
  return fmt::format("        {} refused batches kept, {}{}\n", files,
                     config::format_bytes(store.at("bytes").get<std::uint64_t>()),
                     failed == 0 ? "" : fmt::format("; {} COULD NOT BE KEPT", failed));
}

// Nothing while what the files say is in use.
std::string configuration_text(const Json& json) {
  std::string out;
  if (json.at("failing_since").is_string()) {
    out += fmt::format("config  NOT RELOADED since {}: {}\n",
                       json.at("failing_since").get<std::string>(),
                       json.at("last_error").get<std::string>());
  }
  for (const Json& option : json.at("pending_restart")) {
    out += fmt::format("config  {} takes effect at the next start\n", option.get<std::string>());
  }
  return out;
}

// Throws Json::exception where the document is not as status_json writes it.
std::string rendered(const Json& json) {
  const Json& ring = json.at("ring");
  std::string out = fmt::format(
      "holdfast {} on {}, up {}\n", json.at("version").get<std::string>(),
      json.at("hostname").get<std::string>(),
      base::format_duration(std::chrono::seconds(json.at("uptime_s").get<std::int64_t>())));
  out += fmt::format("ring    {} of {} used, {} points buffered{}\n",
                     config::format_bytes(ring.at("used_bytes").get<std::uint64_t>()),
                     config::format_bytes(ring.at("size_bytes").get<std::uint64_t>()),
                     ring.at("points").get<std::uint64_t>(),
                     ring.at("degraded").get<bool>() ? ", IN MEMORY ONLY" : "");
  std::uint64_t gathered = 0;
  std::uint64_t errors = 0;
  for (const Json& input : json.at("inputs")) {
    gathered += input.at("gathered").get<std::uint64_t>();
    errors += input.at("errors").get<std::uint64_t>();
  }
  out += fmt::format("inputs  {}, {} points gathered, {} errors\n", json.at("inputs").size(),
                     gathered, errors);
  for (const Json& output : json.at("outputs")) {
    const Json& ledger = output.at("ledger");
    std::uint64_t dropped = 0;
    for (const Json& count : ledger.at("dropped")) dropped += count.get<std::uint64_t>();
    out += fmt::format(
        "output  {}: {}, accepted {} = delivered {} + buffered {} + dropped {} + "
        "filtered {}\n",
        output.at("name").get<std::string>(), output.at("state").get<std::string>(),
        ledger.at("accepted").get<std::uint64_t>(), ledger.at("delivered").get<std::uint64_t>(),
        ledger.at("buffered").get<std::uint64_t>(), dropped,
        ledger.at("filtered").get<std::uint64_t>());
    if (output.at("last_error").is_string() && output.at("state") != "ok") {
      out += "        " + output.at("last_error").get<std::string>() + "\n";
    }
    if (output.contains("rejected_store")) out += store_text(output.at("rejected_store"));
  }
  out += configuration_text(json.at("configuration"));
  if (json.at("health").is_string())
    out += "health  " + json.at("health").get<std::string>() + "\n";
  return out;
}

std::uint64_t buffered_for(const RunningOutput& output, const buffer::RingInfo& info) {
  for (const buffer::ReaderInfo& reader : info.readers) {
    if (reader.id == output.reader_id) return reader.ledger.buffered;
  }
  return 0;
}

}  // namespace

std::string status_json(const Pipeline& pipeline) {
  const buffer::RingInfo info = pipeline.store().ring->info();
  const Health state = health(pipeline);
  Json json = {{"version", version()},
               {"uptime_s", seconds(pipeline.clock().boot() - pipeline.started_at())},
               {"hostname", pipeline.configuration().hostname},
               {"healthy", state.good},
               {"health", null_if_empty(state.why)},
               {"configuration", configuration_part(pipeline.reloads())},
               {"ring", ring_part(pipeline, info)},
               {"inputs", Json::array()},
               {"outputs", Json::array()}};
  for (const auto& input : pipeline.inputs()) json["inputs"].push_back(input_part(*input));
  for (const RunningOutput& output : pipeline.outputs()) {
    json["outputs"].push_back(output_part(output, info));
  }
  return json_text(json);
}

Health health(const Pipeline& pipeline) {
  const buffer::RingInfo info = pipeline.store().ring->info();
  if (info.degraded) return {false, "collecting into memory only: " + info.degraded_why};
  for (const RunningOutput& output : pipeline.outputs()) {
    const outputs::OutputStatus status = output.worker->status();
    const base::Duration still = pipeline.clock().boot() - status.moved_at;
    if (status.state == outputs::OutputState::kWaiting) continue;
    if (buffered_for(output, info) == 0) continue;
    if (still > kStalledFlushes * status.flush_interval) {
      return {false, fmt::format("{} has delivered nothing for {}: {}", output.display,
                                 base::format_duration(still), status.last_error)};
    }
  }
  return {};
}

base::Result<std::string> render_status(const std::string& text) {
  try {
    return rendered(Json::parse(text));
  } catch (const Json::exception& error) {
    return base::fail(base::ErrorCode::kInvalid, "the agent's answer is not a status document: {}",
                      error.what());
  }
}

}  // namespace holdfast::agent

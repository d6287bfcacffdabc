// The outputs there are, and what they share.
#include "outputs/registry.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/core.h>

#include "agent/base/codes.h"
#include "outputs/file.h"
#include "outputs/influxdb.h"
#include "outputs/influxdb_v2.h"
#include "outputs/text.h"

namespace holdfast::outputs {
namespace {

std::string bounded(std::string name) {
  constexpr std::size_t kKeep = ReaderNames::kMaxBytes - 1 - 16;
  if (name.size() <= ReaderNames::kMaxBytes) return name;
  const std::uint64_t hash = base::hash64(name);
  name.resize(kKeep);
  return fmt::format("{}-{:016x}", name, hash);
}

}  // namespace

std::span<const OutputPlugin> all_outputs() {
  static const std::array table{file_plugin(), influxdb_plugin(), influxdb_v2_plugin()};
  return table;
}

const OutputPlugin* find_output(std::string_view name) {
  const auto plugins = all_outputs();
  const auto found =
      std::find_if(plugins.begin(), plugins.end(),
                   [name](const OutputPlugin& plugin) { return plugin.name == name; });
  return found == plugins.end() ? nullptr : &*found;
}

const config::Schema<WorkerOptions>& worker_schema() {
  using O = WorkerOptions;
  static const auto schema =
      config::Schema<O>{}
          .option("alias", &O::alias,
                  "Name of this output in log and status, and of its place in the ring.")
          .option("name_override", &O::name_override,
                  "Another name for the measurement, of all points of this output.")
          .option("name_prefix", &O::name_prefix, "Put before the measurement's name.")
          .option("name_suffix", &O::name_suffix, "Put after the measurement's name.")
          .option("log_level", &O::log_level,
                  "Level of this output's log lines; empty: the agent's.",
                  {.choices = {"", "error", "warn", "info", "debug", "trace"}})
          .option("labels", &O::labels, "What --select chooses by.")
          .option("startup_error_behavior", &O::startup_error_behavior,
                  "What to do when the server cannot be reached at the start.",
                  {.choices = {"error", "retry", "ignore", "probe"},
                   .no_effect = "the agent starts, and the ring keeps the points until the server "
                                "takes them"})
          .option("metric_batch_size", &O::metric_batch_size,
                  "Most points in one request; 0: as in [agent].", {.min = 0, .max = 1'000'000})
          .option("metric_buffer_limit", &O::metric_buffer_limit,
                  "Telegraf's bound on points in memory.",
                  {.no_effect = "the ring is bounded in bytes, by `size` in [buffer]"})
          .option("buffer_strategy", &O::buffer_strategy, "Where points wait for their output.",
                  {.no_effect = "points wait in the ring"})
          .option("buffer_directory", &O::buffer_directory, "Directory of buffers on disk.",
                  {.no_effect = "the ring's place is `path` in [buffer]"})
          .option("buffer_disk_sync", &O::buffer_disk_sync, "Sync each write to a buffer on disk.",
                  {.no_effect = "`sync` in [buffer] says when the ring is synced"})
          .option("flush_interval", &O::flush_interval,
                  "Longest time points wait for a full batch; 0: as in [agent].",
                  {.min = 0, .max = 86'400})
          .option("flush_jitter", &O::flush_jitter,
                  "Up to so much more, by chance; 0: as in [agent].", {.min = 0, .max = 86'400})
          .option("max_batch_bytes", &O::max_batch_bytes,
                  "Most bytes of lines in one request, before compression.",
                  {.min = 1024, .max = 64 << 20})
          .option("max_retry_after", &O::max_retry_after,
                  "Longest wait a server may ask for (Retry-After).", {.min = 1, .max = 86'400})
          .option(
              "on_rejected", &O::on_rejected,
              "What becomes of a batch refused with 400, 413 or 422: drop it, or split it, again "
              "and again, until only the bad lines are dropped.",
              {.choices = {"drop", "split"}})
          .option("drain", &O::drain,
                  "After an outage: all in order, or what is fresh at once and the backlog in "
                  "between.",
                  {.choices = {"oldest_first", "live_first"}})
          .option(
              "backfill_rate", &O::backfill_rate,
              "How fast the backlog follows under live_first: a share of the time (\"50%\") or a "
              "size for each second (\"20KB\").")
          .option("rate_limit", &O::rate_limit,
                  "Most bytes for each rate_limit_period on the wire, on average; 0: no limit.",
                  {.min = 0})
          .option("rate_limit_period", &O::rate_limit_period,
                  "What rate_limit is for; 0: no limit.", {.min = 0, .max = 86'400})
          .option(
              "rejected_directory", &O::rejected_directory,
              "Directory that keeps what the server refused, a path from the root; made if only "
              "its last part is missing; empty: nothing is kept.")
          .option("rejected_limit", &O::rejected_limit,
                  "Most bytes this output keeps there; the oldest batches go first.",
                  {.min = 64 << 10});
  return schema;
}

std::string ReaderNames::take(std::string_view plugin, std::string_view alias,
                              std::string_view identity) {
  const std::string base = alias.empty() ? fmt::format("{}-{:016x}", plugin, base::hash64(identity))
                                         : std::string(alias);
  std::string name = bounded(base);
  for (int ordinal = 2; !taken_.insert(name).second; ++ordinal) {
    name = bounded(fmt::format("{}-{}", base, ordinal));
  }
  return name;
}

}  // namespace holdfast::outputs

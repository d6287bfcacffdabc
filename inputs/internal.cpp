// internal: the agent's own numbers. Measurements and fields as in telegraf-compat section 6.25 as
// far as they mean something here; `internal_ring` is ours.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <malloc.h>
#include <unistd.h>

#include "inputs/agent_numbers.h"
#include "inputs/input.h"
#include "inputs/scan.h"

namespace holdfast::inputs {
namespace {

struct InternalOptions {
  bool collect_memstats = true;
  bool collect_gostats = false;
  bool per_instance = false;
};

const config::Schema<InternalOptions>& internal_schema() {
  using Options = InternalOptions;
  static const auto schema =
      config::Schema<Options>{}
          .option("collect_memstats", &Options::collect_memstats,
                  "Also report the memory of the process.")
          .option("collect_gostats", &Options::collect_gostats, "Numbers of Go's runtime.",
                  {.no_effect = "holdfast has no Go runtime"})
          .option("per_instance", &Options::per_instance,
                  "Report each instance of a plugin, told apart by the tag _id, instead of the sum "
                  "of those with the same alias.");
  return schema;
}

// An instance with the same plugin and alias as one before it adds to that one's numbers.
struct Key {
  std::string plugin;
  std::string alias;
  std::size_t id = 0;  // place among its kind, from 1; 0: not told apart
  friend auto operator<=>(const Key&, const Key&) = default;
};

void add(const Numbers::OfInput& from, Numbers::OfInput& to) {
  to.gathers += from.gathers;
  to.errors += from.errors;
  to.gathered += from.gathered;
  to.filtered += from.filtered;
  to.not_accepted += from.not_accepted;
  to.skipped += from.skipped;
  to.gather_total_ns += from.gather_total_ns;
}

void add(const Numbers::OfOutput& from, Numbers::OfOutput& to) {
  to.accepted += from.accepted;
  to.delivered += from.delivered;
  to.buffered += from.buffered;
  to.rejected += from.rejected;
  to.dropped += from.dropped;
  to.filtered += from.filtered;
  to.requests += from.requests;
  to.failed_requests += from.failed_requests;
  to.bytes_sent += from.bytes_sent;
}

template <class Plugin>
std::map<Key, Plugin> by_series(const std::vector<Plugin>& plugins, bool per_instance) {
  std::map<Key, Plugin> series;
  std::map<std::string, std::size_t> seen;
  for (const Plugin& plugin : plugins) {
    const std::size_t id = ++seen[plugin.plugin];
    add(plugin, series[{plugin.plugin, plugin.alias, per_instance ? id : 0}]);
  }
  return series;
}

class Internal final : public Input {
 public:
  Internal(InternalOptions options, const InputContext& context)
      : options_(options), numbers_(context.numbers) {}

  base::Status gather(Accumulator& out) override {
    // Nothing to say yet, or while a reload exchanges plugins.
    const auto numbers = numbers_ == nullptr ? std::nullopt : numbers_->read();
    if (!numbers) return base::ok();
    add_agent(*numbers, out);
    const auto inputs = by_series(numbers->inputs, options_.per_instance);
    for (const auto& [key, input] : inputs) add_input(numbers->version, key, input, out);
    add_own_counts(*numbers, out);
    const auto outputs = by_series(numbers->outputs, options_.per_instance);
    for (const auto& [key, output] : outputs) add_output(numbers->version, key, output, out);
    add_ring(*numbers, out);
    return options_.collect_memstats ? add_memory(out) : base::ok();
  }

 private:
  void add_agent(const Numbers& numbers, Accumulator& out) {
    Numbers::OfInput inputs;
    for (const auto& input : numbers.inputs) add(input, inputs);
    Numbers::OfOutput outputs;
    for (const auto& output : numbers.outputs) add(output, outputs);
    point_.reset("internal_agent");
    point_.tag("version", numbers.version)
        .field("gather_errors", signed_of(inputs.errors))
        .field("gather_timeouts", signed_of(inputs.skipped))
        .field("metrics_gathered", signed_of(inputs.gathered))
        .field("metrics_dropped", signed_of(outputs.dropped + inputs.not_accepted))
        .field("metrics_rejected", signed_of(outputs.rejected))
        .field("metrics_written", signed_of(outputs.delivered))
        .field("write_errors", signed_of(outputs.failed_requests));
    out.add(point_);
  }

  void begin(const char* measurement, const char* kind, const std::string& version,
             const Key& key) {
    point_.reset(measurement);
    point_.tag("version", version).tag(kind, key.plugin).tag("alias", key.alias);
    if (key.id > 0) point_.tag("_id", std::to_string(key.id));
  }

  void add_input(const std::string& version, const Key& key, const Numbers::OfInput& input,
                 Accumulator& out) {
    begin("internal_gather", "input", version, key);
    point_.field("errors", signed_of(input.errors))
        .field("gather_errors", signed_of(input.errors))
        .field("gather_timeouts", signed_of(input.skipped))
        .field("metrics_filtered", signed_of(input.filtered))
        .field("metrics_gathered", signed_of(input.gathered))
        .field("metrics_not_accepted", signed_of(input.not_accepted));
    add_gather_time(key, input);
    out.add(point_);
  }

  // The mean of the gathers since the last look, so none if there was none.
  void add_gather_time(const Key& key, const Numbers::OfInput& input) {
    auto& [gathers, total_ns] = seen_[key];
    if (input.gathers > gathers && input.gather_total_ns >= total_ns) {
      point_.field("gather_time_ns",
                   (input.gather_total_ns - total_ns) / signed_of(input.gathers - gathers));
    }
    gathers = input.gathers;
    total_ns = input.gather_total_ns;
  }

  // What a plugin alone counts has tags of its own, by which its points are told apart.
  void add_own_counts(const Numbers& numbers, Accumulator& out) {
    using Series = std::pair<Key, std::vector<std::pair<std::string, std::string>>>;
    std::map<Series, std::map<std::string_view, std::uint64_t>> all;
    std::map<std::string, std::size_t> seen;
    for (const auto& input : numbers.inputs) {
      const std::size_t id = ++seen[input.plugin];
      const Key key{input.plugin, "", options_.per_instance ? id : 0};
      for (const auto& [name, count] : input.own.fields) all[{key, input.own.tags}][name] += count;
    }
    for (const auto& [series, fields] : all) {
      const auto& [key, tags] = series;
      point_.reset("internal_" + key.plugin);
      point_.tag("version", numbers.version);
      if (key.id > 0) point_.tag("_id", std::to_string(key.id));
      for (const auto& [name, value] : tags) point_.tag(name, value);
      for (const auto& [name, count] : fields) point_.field(name, signed_of(count));
      out.add(point_);
    }
  }

  void add_output(const std::string& version, const Key& key, const Numbers::OfOutput& output,
                  Accumulator& out) {
    begin("internal_write", "output", version, key);
    point_.field("buffer_size", signed_of(output.buffered))
        .field("bytes_written", signed_of(output.bytes_sent))
        .field("errors", signed_of(output.failed_requests))
        .field("metrics_added", signed_of(output.accepted))
        .field("metrics_dropped", signed_of(output.dropped))
        .field("metrics_filtered", signed_of(output.filtered))
        .field("metrics_rejected", signed_of(output.rejected))
        .field("metrics_written", signed_of(output.delivered))
        .field("requests", signed_of(output.requests))
        .field("write_errors", signed_of(output.failed_requests));
    out.add(point_);
  }

  void add_ring(const Numbers& numbers, Accumulator& out) {
    const Numbers::OfRing& ring = numbers.ring;
    point_.reset("internal_ring");
    point_.tag("version", numbers.version)
        .field("size_bytes", signed_of(ring.size_bytes))
        .field("used_bytes", signed_of(ring.used_bytes))
        .field("points", signed_of(ring.points))
        .field("writes", signed_of(ring.writes))
        .field("bytes_written", signed_of(ring.bytes_written))
        .field("syncs", signed_of(ring.syncs))
        .field("held_points", signed_of(ring.held_points))
        .field("degraded", ring.degraded);
    out.add(point_);
  }

  // Of this process: the allocator's books and what the kernel has given it.
  base::Status add_memory(Accumulator& out) {
    const auto text = HostFs(HostRoots{}).proc("self/statm");
    if (!text) return tl::unexpected(text.error());
    std::string_view rest = *text;
    static_cast<void>(next_word(rest));
    const auto pages = next_u64(rest);
    if (!pages) return base::fail(base::ErrorCode::kCorrupt, "/proc/self/statm: expected numbers");
    const struct mallinfo2 heap = ::mallinfo2();
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    point_.reset("internal_memstats");
    point_.field("sys_bytes", signed_of(*pages * page_bytes))
        .field("alloc_bytes", signed_of(heap.uordblks + heap.hblkhd))
        .field("heap_alloc_bytes", signed_of(heap.uordblks + heap.hblkhd))
        .field("heap_in_use_bytes", signed_of(heap.uordblks + heap.hblkhd))
        .field("heap_idle_bytes", signed_of(heap.fordblks))
        .field("heap_sys_bytes", signed_of(heap.arena + heap.hblkhd));
    out.add(point_);
    return base::ok();
  }

  static std::int64_t signed_of(std::uint64_t count) { return static_cast<std::int64_t>(count); }

  InternalOptions options_;
  const AgentNumbers* numbers_;
  std::map<Key, std::pair<std::uint64_t, std::int64_t>> seen_;  // gathers and their time
  line::Point point_{""};
};

}  // namespace

const InputPlugin& internal_plugin() {
  static const InputPlugin plugin{
      .name = "internal",
      .summary = "The agent's own numbers",
      .options = [] { return internal_schema().describe(); },
      .create = [](config::Table& table, config::Diagnostics& diagnostics,
                   const InputContext& context) -> std::unique_ptr<Input> {
        return std::make_unique<Internal>(internal_schema().parse(table, diagnostics), context);
      }};
  return plugin;
}

}  // namespace holdfast::inputs

// kernel: counters of the kernel since boot, from /proc/stat (proc_stat(5)), the entropy pool, and
// on request kernel samepage merging (ksm) and pressure stall information (psi). Fields as
// telegraf-compat section 6.11; total and averages of a pressure are one point.
#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "inputs/input.h"
#include "inputs/scan.h"

namespace holdfast::inputs {
namespace {

constexpr std::string_view kKsmFolder = "kernel/mm/ksm";

struct KernelOptions {
  config::StringList collect;
};

const config::Schema<KernelOptions>& kernel_schema() {
  static const auto schema = config::Schema<KernelOptions>{}.option(
      "collect", &KernelOptions::collect,
      "What to report besides: `ksm` (samepage merging), `psi` (pressure stall information).",
      {.choices = {"ksm", "psi"}});
  return schema;
}

// A line of /proc/stat and the fields its first numbers become.
struct StatLine {
  std::string_view key;
  std::array<std::string_view, 2> fields;
};
constexpr std::array kStatLines = std::to_array<StatLine>({
    {"btime", {"boot_time"}},
    {"ctxt", {"context_switches"}},
    {"intr", {"interrupts"}},
    {"processes", {"processes_forked"}},
    {"page", {"disk_pages_in", "disk_pages_out"}},  // 2.4 kernels only
});

constexpr std::array<std::string_view, 15> kKsmFiles = {
    "full_scans",       "max_page_sharing",   "merge_across_nodes",
    "pages_shared",     "pages_sharing",      "pages_to_scan",
    "pages_unshared",   "pages_volatile",     "run",
    "sleep_millisecs",  "stable_node_chains", "stable_node_chains_prune_millisecs",
    "stable_node_dups", "use_zero_pages",     "general_profit",
};

// Adds the fields of /proc/stat to `point`. Fails when none is there or one is garbled; then some
// fields may have been added.
base::Status parse_kernel_stat(std::string_view text, line::Point& point) {
  bool any = false;
  std::string_view line;
  while (next_line(text, line)) {
    std::string_view rest = line;
    const auto key = next_word(rest);
    const auto known = std::find_if(kStatLines.begin(), kStatLines.end(),
                                    [&](const StatLine& stat) { return stat.key == key; });
    if (known == kStatLines.end()) continue;
    for (const auto field : known->fields) {
      if (field.empty()) break;
      const auto value = parse_i64(next_word(rest));
      if (!value) {
        return base::fail(base::ErrorCode::kCorrupt, "expected `{} <number>`, found `{}`", key,
                          excerpt(line));
      }
      point.field(field, *value);
      any = true;
    }
  }
  if (any) return base::ok();
  return base::fail(base::ErrorCode::kCorrupt, "expected lines btime, ctxt, intr and processes");
}

struct Pressure {
  std::string_view type;             // "some" or "full", within the text
  std::array<double, 3> averages{};  // over 10 s, 60 s, 300 s, in percent
  std::uint64_t total_us = 0;
};

// "some avg10=0.00 avg60=0.12 avg300=0.30 total=1234567"
std::optional<Pressure> parse_pressure_line(std::string_view line) {
  Pressure pressure;
  pressure.type = next_word(line);
  if (pressure.type != "some" && pressure.type != "full") return std::nullopt;
  constexpr std::array<std::string_view, 3> kKeys = {"avg10=", "avg60=", "avg300="};
  for (std::size_t i = 0; i < kKeys.size(); ++i) {
    const auto word = next_word(line);
    if (!word.starts_with(kKeys[i])) return std::nullopt;
    const auto value = parse_double(word.substr(kKeys[i].size()));
    if (!value) return std::nullopt;
    pressure.averages[i] = *value;
  }
  const auto word = next_word(line);
  constexpr std::string_view kTotal = "total=";
  if (!word.starts_with(kTotal)) return std::nullopt;
  const auto total = parse_u64(word.substr(kTotal.size()));
  if (!total) return std::nullopt;
  pressure.total_us = *total;
  return pressure;
}

base::Result<std::vector<Pressure>> parse_pressure(std::string_view text) {
  std::vector<Pressure> all;
  std::string_view line;
  while (next_line(text, line)) {
    const auto pressure = parse_pressure_line(line);
    if (!pressure) {
      return base::fail(base::ErrorCode::kCorrupt,
                        "expected `some|full avg10=.. avg60=.. avg300=.. total=..`, found `{}`",
                        excerpt(line));
    }
    all.push_back(*pressure);
  }
  if (all.empty()) return base::fail(base::ErrorCode::kCorrupt, "expected a line `some ...`");
  return all;
}

class Kernel final : public Input {
 public:
  Kernel(bool ksm, bool psi, InputContext context)
      : ksm_(ksm), psi_(psi), context_(std::move(context)) {}

  base::Status gather(Accumulator& out) override {
    base::Status status = add_kernel(out);
    if (psi_) {
      for (const std::string_view resource : {"cpu", "memory", "io"}) {
        if (auto one = add_pressure(resource, out); !one && status) status = std::move(one);
      }
    }
    return status;
  }

 private:
  // The point goes out with what could be read; the first failure is returned.
  base::Status add_kernel(Accumulator& out) {
    point_.reset("kernel");
    base::Status status = read_stat();
    if (auto entropy = read_entropy(); !entropy && status) status = std::move(entropy);
    if (ksm_) {
      if (auto ksm = read_ksm(); !ksm && status) status = std::move(ksm);
    }
    out.add(point_);
    return status;
  }

  base::Status read_stat() {
    const auto text = context_.host.proc("stat");
    if (!text) return tl::unexpected(text.error());
    const auto status = parse_kernel_stat(*text, point_);
    if (!status) return in_file(context_.host.roots().proc, "stat", status.error());
    return base::ok();
  }

  // Absent in some containers: no data then.
  base::Status read_entropy() {
    constexpr std::string_view kFile = "sys/kernel/random/entropy_avail";
    const auto text = context_.host.proc(kFile);
    if (!text) {
      context_.log.debug("no entropy_avail: {}", text.error().message);
      return base::ok();
    }
    return add_number(context_.host.roots().proc, kFile, *text, "entropy_avail");
  }

  // Kernels differ in the files they have; one that is absent has no field.
  base::Status read_ksm() {
    base::Status status = base::ok();
    std::size_t found = 0;
    for (const auto name : kKsmFiles) {
      const std::string path = fmt::format("{}/{}", kKsmFolder, name);
      const auto text = context_.host.sys(path);
      if (!text) continue;
      ++found;
      auto one = add_number(context_.host.roots().sys, path, *text, fmt::format("ksm_{}", name));
      if (!one && status) status = std::move(one);
    }
    if (found > 0) return status;
    return base::fail(base::ErrorCode::kNotFound, "{}/{}: expected the files of ksm, found none",
                      context_.host.roots().sys, kKsmFolder);
  }

  base::Status add_number(std::string_view root, std::string_view path, std::string_view text,
                          std::string_view field) {
    const auto value = parse_i64(trim(text));
    if (!value) {
      return base::fail(base::ErrorCode::kCorrupt, "{}/{}: expected a number, found `{}`", root,
                        path, excerpt(trim(text)));
    }
    point_.field(field, *value);
    return base::ok();
  }

  base::Status add_pressure(std::string_view resource, Accumulator& out) {
    const std::string path = fmt::format("pressure/{}", resource);
    const auto text = context_.host.proc(path);
    if (!text) return tl::unexpected(text.error());
    const auto all = parse_pressure(*text);
    if (!all) return in_file(context_.host.roots().proc, path, all.error());
    for (const Pressure& pressure : *all) {
      // Meaningless for the whole system; newer kernels write it as zeros.
      if (resource == "cpu" && pressure.type == "full") continue;
      point_.reset("pressure");
      point_.tag("resource", resource).tag("type", pressure.type);
      point_.field("avg10", pressure.averages[0])
          .field("avg60", pressure.averages[1])
          .field("avg300", pressure.averages[2])
          .field("total", pressure.total_us);
      out.add(point_);
    }
    return base::ok();
  }

  bool ksm_;
  bool psi_;
  InputContext context_;
  line::Point point_{"kernel"};
};

bool contains(const config::StringList& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

std::unique_ptr<Input> create_kernel(config::Table& table, config::Diagnostics& diagnostics,
                                     const InputContext& context) {
  const KernelOptions options = kernel_schema().parse(table, diagnostics);
  const bool ksm = contains(options.collect, "ksm");
  if (ksm && !context.host.list_sys(kKsmFolder)) {
    diagnostics.error(table.where(), fmt::format("`collect` has `ksm`, but there is no {}/{}: "
                                                 "this kernel was built without it",
                                                 context.host.roots().sys, kKsmFolder));
  }
  return std::make_unique<Kernel>(ksm, contains(options.collect, "psi"), context);
}

}  // namespace

const InputPlugin& kernel_plugin() {
  static const InputPlugin plugin{.name = "kernel",
                                  .summary = "Kernel counters, entropy, pressure",
                                  .options = [] { return kernel_schema().describe(); },
                                  .create = create_kernel};
  return plugin;
}

}  // namespace holdfast::inputs

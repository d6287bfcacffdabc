// mem: system memory, from /proc/meminfo (proc_meminfo(5)). Values are bytes, except the counts of
// huge pages. Fields as telegraf-compat section 6.2.
#include <array>
#include <memory>
#include <utility>

#include "inputs/input.h"
#include "inputs/scan.h"

namespace holdfast::inputs {
namespace {

struct MemOptions {
  bool collect_extended = false;
};

const config::Schema<MemOptions>& mem_schema() {
  static const auto schema = config::Schema<MemOptions>{}.option(
      "collect_extended", &MemOptions::collect_extended,
      "Also report the file and anonymous LRU sizes, unevictable and per-cpu memory.");
  return schema;
}

// What a key of the file becomes. A key the kernel does not write leaves its field at 0, so that
// the field set is always the same.
struct Line {
  std::string_view key;
  std::string_view field;  // empty: only used in a sum
};

constexpr std::array kLines = std::to_array<Line>({
    {"MemTotal", "total"},
    {"MemFree", "free"},
    {"MemAvailable", "available"},
    {"Buffers", "buffered"},
    {"Cached", "cached"},
    {"Active", "active"},
    {"Inactive", "inactive"},
    {"Dirty", "dirty"},
    {"Mapped", "mapped"},
    {"Shmem", "shared"},
    {"Slab", "slab"},
    {"SReclaimable", "sreclaimable"},
    {"SUnreclaim", "sunreclaim"},
    {"PageTables", "page_tables"},
    {"Writeback", "write_back"},
    {"WritebackTmp", "write_back_tmp"},
    {"SwapTotal", "swap_total"},
    {"SwapFree", "swap_free"},
    {"SwapCached", "swap_cached"},
    {"CommitLimit", "commit_limit"},
    {"Committed_AS", "committed_as"},
    {"HighTotal", "high_total"},
    {"HighFree", "high_free"},
    {"LowTotal", "low_total"},
    {"LowFree", "low_free"},
    {"VmallocTotal", "vmalloc_total"},
    {"VmallocUsed", "vmalloc_used"},
    {"VmallocChunk", "vmalloc_chunk"},
    {"Hugepagesize", "huge_page_size"},
    {"HugePages_Total", "huge_pages_total"},
    {"HugePages_Free", "huge_pages_free"},
    {"Active(file)", "active_file"},
    {"Inactive(file)", "inactive_file"},
    {"Active(anon)", "active_anon"},
    {"Inactive(anon)", "inactive_anon"},
    {"Unevictable", "unevictable"},
    {"Percpu", "percpu"},
});
constexpr std::size_t kFirstExtended = 31;
static_assert(kLines[kFirstExtended].key == "Active(file)");

constexpr std::size_t index_of(std::string_view key) {
  std::size_t i = 0;
  while (kLines[i].key != key) ++i;
  return i;
}
constexpr std::size_t kTotal = index_of("MemTotal");
constexpr std::size_t kFree = index_of("MemFree");
constexpr std::size_t kAvailable = index_of("MemAvailable");
constexpr std::size_t kBuffers = index_of("Buffers");
constexpr std::size_t kCached = index_of("Cached");
constexpr std::size_t kReclaimable = index_of("SReclaimable");

struct MemInfo {
  std::array<std::uint64_t, kLines.size()> values{};  // bytes or counts, in the order of kLines
  std::array<bool, kLines.size()> present{};
};

// "   24684092 kB" or, for counts, "   0".
std::optional<std::uint64_t> parse_amount(std::string_view key, std::string_view text) {
  const auto number = next_u64(text);
  const auto unit = trim(text);
  if (!number) return std::nullopt;
  if (key.starts_with("HugePages_")) return unit.empty() ? number : std::nullopt;
  if (unit != "kB") return std::nullopt;
  return saturating_multiply(*number, 1024);
}

// Kernels before 3.14 have no MemAvailable: then it is estimated as free + buffers + page cache.
base::Result<MemInfo> parse_meminfo(std::string_view text) {
  MemInfo info;
  std::string_view line;
  while (next_line(text, line)) {
    const auto colon = line.find(':');
    const auto key = line.substr(0, colon);
    std::size_t i = 0;
    while (i < kLines.size() && kLines[i].key != key) ++i;
    if (i == kLines.size()) continue;
    const auto amount =
        colon == std::string_view::npos ? std::nullopt : parse_amount(key, line.substr(colon + 1));
    if (!amount) {
      return base::fail(base::ErrorCode::kCorrupt, "expected `{}: <number> kB`, found `{}`", key,
                        excerpt(line));
    }
    info.values[i] = *amount;
    info.present[i] = true;
  }
  if (!info.present[kTotal] || info.values[kTotal] == 0 || !info.present[kFree]) {
    return base::fail(base::ErrorCode::kCorrupt, "expected lines MemTotal (above 0) and MemFree");
  }
  if (!info.present[kAvailable]) {
    info.values[kAvailable] = info.values[kFree] + info.values[kBuffers] + info.values[kCached];
  }
  return info;
}

class Mem final : public Input {
 public:
  Mem(MemOptions options, InputContext context) : options_(options), context_(std::move(context)) {}

  base::Status gather(Accumulator& out) override {
    const auto text = context_.host.proc("meminfo");
    if (!text) return tl::unexpected(text.error());
    const auto info = parse_meminfo(*text);
    if (!info) return in_file(context_.host.roots().proc, "meminfo", info.error());
    add(*info, out);
    return base::ok();
  }

 private:
  void add(const MemInfo& info, Accumulator& out) {
    point_.reset("mem");
    const std::size_t count = options_.collect_extended ? kLines.size() : kFirstExtended;
    for (std::size_t i = 0; i < count; ++i) {
      if (i != kCached) point_.field(kLines[i].field, info.values[i]);
    }
    const std::uint64_t total = info.values[kTotal];
    const std::uint64_t available = info.values[kAvailable];
    const std::uint64_t used = saturating_subtract(total, available);
    const auto percent = [&](std::uint64_t part) {
      return 100.0 * static_cast<double>(part) / static_cast<double>(total);
    };
    point_.field("cached", info.values[kCached] + info.values[kReclaimable]);
    point_.field("used", used);
    point_.field("used_percent", percent(used));
    point_.field("available_percent", percent(available));
    out.add(point_);
  }

  MemOptions options_;
  InputContext context_;
  line::Point point_{"mem"};
};

}  // namespace

const InputPlugin& mem_plugin() {
  static const InputPlugin plugin{
      .name = "mem",
      .summary = "System memory",
      .options = [] { return mem_schema().describe(); },
      .create = [](config::Table& table, config::Diagnostics& diagnostics,
                   const InputContext& context) -> std::unique_ptr<Input> {
        return std::make_unique<Mem>(mem_schema().parse(table, diagnostics), context);
      }};
  return plugin;
}

}  // namespace holdfast::inputs

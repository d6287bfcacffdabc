// swap: swap space in bytes, from /proc/meminfo, and pages swapped since boot, from /proc/vmstat.
// One point; fields as telegraf-compat section 6.3.
#include <memory>
#include <utility>

#include "inputs/input.h"
#include "inputs/scan.h"

namespace holdfast::inputs {
namespace {

// The unit Telegraf counts in, whatever the page size of the machine is.
constexpr std::uint64_t kPageBytes = 4096;

struct SwapOptions {};

const config::Schema<SwapOptions>& swap_schema() {
  static const config::Schema<SwapOptions> schema{};
  return schema;
}

struct SwapSpace {  // bytes
  std::uint64_t total = 0;
  std::uint64_t free = 0;
};

struct SwapTraffic {  // pages since boot
  std::uint64_t in = 0;
  std::uint64_t out = 0;
};

base::Result<SwapSpace> parse_swap_space(std::string_view text) {
  std::optional<std::uint64_t> total;
  std::optional<std::uint64_t> free;
  std::string_view line;
  while (next_line(text, line)) {
    const auto key = next_word(line);
    const bool is_total = key == "SwapTotal:";
    if (!is_total && key != "SwapFree:") continue;
    const auto number = next_u64(line);
    if (!number || trim(line) != "kB") {
      return base::fail(base::ErrorCode::kCorrupt, "expected `{} <number> kB`", key);
    }
    (is_total ? total : free) = saturating_multiply(*number, 1024);
  }
  if (!total || !free) {
    return base::fail(base::ErrorCode::kCorrupt, "expected lines SwapTotal and SwapFree");
  }
  return SwapSpace{*total, *free};
}

// A kernel without swap support has neither line: no traffic then.
base::Result<SwapTraffic> parse_swap_traffic(std::string_view text) {
  if (text.empty())
    return base::fail(base::ErrorCode::kCorrupt, "expected counters, found nothing");
  SwapTraffic traffic;
  std::string_view line;
  while (next_line(text, line)) {
    const auto key = next_word(line);
    const bool is_in = key == "pswpin";
    if (!is_in && key != "pswpout") continue;
    const auto number = next_u64(line);
    if (!number) return base::fail(base::ErrorCode::kCorrupt, "expected `{} <number>`", key);
    (is_in ? traffic.in : traffic.out) = *number;
  }
  return traffic;
}

class Swap final : public Input {
 public:
  explicit Swap(InputContext context) : context_(std::move(context)) {}

  base::Status gather(Accumulator& out) override {
    point_.reset("swap");
    const auto space = add_space();
    const auto traffic = add_traffic();
    out.add(point_);  // with what there is; without any field it is not written
    return space ? traffic : space;
  }

 private:
  base::Status add_space() {
    const auto text = context_.host.proc("meminfo");
    if (!text) return tl::unexpected(text.error());
    const auto space = parse_swap_space(*text);
    if (!space) return in_file(context_.host.roots().proc, "meminfo", space.error());
    const std::uint64_t used = saturating_subtract(space->total, space->free);
    const double percent =
        space->total == 0 ? 0.0
                          : 100.0 * static_cast<double>(used) / static_cast<double>(space->total);
    point_.field("total", space->total)
        .field("used", used)
        .field("free", space->free)
        .field("used_percent", percent);
    return base::ok();
  }

  base::Status add_traffic() {
    const auto text = context_.host.proc("vmstat");
    if (!text) return tl::unexpected(text.error());
    const auto traffic = parse_swap_traffic(*text);
    if (!traffic) return in_file(context_.host.roots().proc, "vmstat", traffic.error());
    point_.field("in", saturating_multiply(traffic->in, kPageBytes))
        .field("out", saturating_multiply(traffic->out, kPageBytes));
    return base::ok();
  }

  InputContext context_;
  line::Point point_{"swap"};
};

}  // namespace

const InputPlugin& swap_plugin() {
  static const InputPlugin plugin{
      .name = "swap",
      .summary = "Swap space and swapping",
      .options = [] { return swap_schema().describe(); },
      .create = [](config::Table& table, config::Diagnostics& diagnostics,
                   const InputContext& context) -> std::unique_ptr<Input> {
        static_cast<void>(swap_schema().parse(table, diagnostics));
        return std::make_unique<Swap>(context);
      }};
  return plugin;
}

}  // namespace holdfast::inputs

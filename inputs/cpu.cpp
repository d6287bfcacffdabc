// cpu: where the processors' time goes, from /proc/stat (proc_stat(5)), in percent since the last
// gather and, on request, in seconds since boot. Fields as telegraf-compat section 6.1; usage_* and
// time_* of a cpu are one point.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <utility>

#include "inputs/input.h"
#include "inputs/scan.h"

namespace holdfast::inputs {
namespace {

// USER_HZ: the unit of /proc/stat towards user space, 100 on every architecture we run on.
constexpr double kTicksPerSecond = 100.0;

struct CpuOptions {
  bool percpu = true;
  bool totalcpu = true;
  bool collect_cpu_time = false;
  bool report_active = false;
  bool core_tags = false;
};

const config::Schema<CpuOptions>& cpu_schema() {
  static const auto schema =
      config::Schema<CpuOptions>{}
          .option("percpu", &CpuOptions::percpu, "Report each cpu.")
          .option("totalcpu", &CpuOptions::totalcpu, "Report the sum of all cpus as cpu-total.")
          .option("collect_cpu_time", &CpuOptions::collect_cpu_time,
                  "Also report the raw times, in seconds since boot.")
          .option("report_active", &CpuOptions::report_active,
                  "Also report the sum of everything that is not idle.")
          .option("core_tags", &CpuOptions::core_tags, "Add the tags core_id and physical_id.");
  return schema;
}

// Columns of a cpu line, in the kernel's order.
enum Column { kUser, kNice, kSystem, kIdle, kIowait, kIrq, kSoftirq, kSteal, kGuest, kGuestNice };
constexpr std::size_t kColumns = 10;
constexpr std::size_t kRequiredColumns = 4;  // older kernels write fewer; the rest is then 0

constexpr std::int64_t kSum = -1;

struct CpuTimes {
  std::int64_t cpu = kSum;  // its number, or kSum for all together
  std::array<std::uint64_t, kColumns> ticks{};
};

// Guest time is contained in user time already.
double total_ticks(const CpuTimes& times) {
  double total = 0;
  for (std::size_t i = kUser; i <= kSteal; ++i) total += static_cast<double>(times.ticks[i]);
  return total;
}

// "cpu" is the sum, "cpu12" one cpu; nothing for other words.
std::optional<std::int64_t> parse_label(std::string_view word) {
  if (!word.starts_with("cpu")) return std::nullopt;
  word.remove_prefix(3);
  if (word.empty()) return kSum;
  const auto number = parse_integer<std::uint32_t>(word);
  return number ? std::optional<std::int64_t>(*number) : std::nullopt;
}

std::string label_of(std::int64_t cpu) {
  return cpu == kSum ? "cpu-total" : fmt::format("cpu{}", cpu);
}

// The cpu lines of /proc/stat, the sum first. Fails when there is none or one is garbled.
base::Result<std::vector<CpuTimes>> parse_cpu_times(std::string_view text) {
  std::vector<CpuTimes> all;
  std::string_view line;
  while (next_line(text, line)) {
    std::string_view rest = line;
    CpuTimes times;
    const auto label = next_word(rest);
    const auto cpu = parse_label(label);
    if (!cpu) continue;
    times.cpu = *cpu;
    std::size_t count = 0;
    bool good = true;
    for (auto word = next_word(rest); good && !word.empty() && count < kColumns;
         word = next_word(rest)) {
      const auto ticks = parse_u64(word);
      good = ticks.has_value();
      times.ticks[count++] = ticks.value_or(0);
    }
    if (!good || count < kRequiredColumns) {
      return base::fail(base::ErrorCode::kCorrupt,
                        "expected `{} <user> <nice> <system> <idle> ...`, found `{}`", label,
                        excerpt(line));
    }
    all.push_back(times);
  }
  if (all.empty()) return base::fail(base::ErrorCode::kCorrupt, "expected lines `cpu ...`");
  return all;
}

struct CoreTags {
  std::string core_id;
  std::string physical_id;
};

// Tags by number of the cpu, from /proc/cpuinfo; empty where the architecture does not say.
std::map<std::int64_t, CoreTags> parse_core_tags(std::string_view text) {
  std::map<std::int64_t, CoreTags> tags;
  CoreTags* current = nullptr;
  std::string_view line;
  while (next_line(text, line)) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto key = trim(line.substr(0, colon));
    const auto value = trim(line.substr(colon + 1));
    if (const auto cpu = parse_i64(value); key == "processor" && cpu) {
      current = &tags[*cpu];
    } else if (current != nullptr && key == "core id") {
      current->core_id = value;
    } else if (current != nullptr && key == "physical id") {
      current->physical_id = value;
    }
  }
  return tags;
}

class Cpu final : public Input {
 public:
  Cpu(CpuOptions options, InputContext context) : options_(options), context_(std::move(context)) {}

  base::Status gather(Accumulator& out) override {
    const auto text = context_.host.proc("stat");
    if (!text) return tl::unexpected(text.error());
    auto times = parse_cpu_times(*text);
    if (!times) return in_file(context_.host.roots().proc, "stat", times.error());
    auto status = add_all(*times, out);
    last_ = std::move(*times);  // also after an error: one bad sample costs one gather
    return status;
  }

 private:
  base::Status add_all(const std::vector<CpuTimes>& all, Accumulator& out) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      const CpuTimes& now = all[i];
      if (now.cpu == kSum ? !options_.totalcpu : !options_.percpu) continue;
      if (auto status = add(now, find_last(now.cpu, i), out); !status) return status;
    }
    return base::ok();
  }

  base::Status add(const CpuTimes& now, const CpuTimes* last, Accumulator& out) {
    point_.reset("cpu");
    point_.tag("cpu", label_of(now.cpu));
    if (options_.core_tags && now.cpu != kSum) add_core_tags(now.cpu);
    if (options_.collect_cpu_time) add_times(now);
    bool backwards = false;
    if (last != nullptr) {
      const double total = total_ticks(now) - total_ticks(*last);
      backwards = total < 0;
      if (total > 0) add_usage(now, *last, total);
    }
    out.add(point_);  // without any field it is not written
    if (!backwards) return base::ok();
    return base::fail(
        base::ErrorCode::kCorrupt,
        "{}/stat: expected the times of {} to grow, found less than at the last gather",
        context_.host.roots().proc, label_of(now.cpu));
  }

  void add_times(const CpuTimes& now) {
    const auto seconds = [&](std::size_t i) {
      return static_cast<double>(now.ticks[i]) / kTicksPerSecond;
    };
    for (std::size_t i = 0; i < kColumns; ++i) point_.field(kTimeFields[i], seconds(i));
    if (options_.report_active) {
      point_.field("time_active",
                   (total_ticks(now) - static_cast<double>(now.ticks[kIdle])) / kTicksPerSecond);
    }
  }

  // `total` is above zero. A single counter may step back a little (iowait, idle): its share is
  // then below zero, as Telegraf writes it.
  void add_usage(const CpuTimes& now, const CpuTimes& last, double total) {
    const auto delta = [&](std::size_t i) {
      return static_cast<double>(now.ticks[i]) - static_cast<double>(last.ticks[i]);
    };
    for (std::size_t i = 0; i < kColumns; ++i) {
      double ticks = delta(i);
      if (i == kUser) ticks -= delta(kGuest);
      if (i == kNice) ticks -= delta(kGuestNice);
      point_.field(kUsageFields[i], 100.0 * ticks / total);
    }
    if (options_.report_active) {
      point_.field("usage_active", 100.0 * (total - delta(kIdle)) / total);
    }
  }

  void add_core_tags(std::int64_t cpu) {
    auto found = core_tags_.find(cpu);
    if (found == core_tags_.end()) {  // the first gather, or a cpu that came later
      if (const auto text = context_.host.proc("cpuinfo")) core_tags_ = parse_core_tags(*text);
      found = core_tags_.try_emplace(cpu).first;
    }
    point_.tag("core_id", found->second.core_id);
    point_.tag("physical_id", found->second.physical_id);
  }

  // The last sample of a cpu, most often at the same place in the list; null if it is new.
  [[nodiscard]] const CpuTimes* find_last(std::int64_t cpu, std::size_t place) const {
    if (place < last_.size() && last_[place].cpu == cpu) return &last_[place];
    const auto found = std::find_if(last_.begin(), last_.end(),
                                    [&](const CpuTimes& times) { return times.cpu == cpu; });
    return found == last_.end() ? nullptr : &*found;
  }

  static constexpr std::array<std::string_view, kColumns> kUsageFields = {
      "usage_user", "usage_nice",    "usage_system", "usage_idle",  "usage_iowait",
      "usage_irq",  "usage_softirq", "usage_steal",  "usage_guest", "usage_guest_nice"};
  static constexpr std::array<std::string_view, kColumns> kTimeFields = {
      "time_user", "time_nice",    "time_system", "time_idle",  "time_iowait",
      "time_irq",  "time_softirq", "time_steal",  "time_guest", "time_guest_nice"};

  CpuOptions options_;
  InputContext context_;
  std::vector<CpuTimes> last_;
  std::map<std::int64_t, CoreTags> core_tags_;
  line::Point point_{"cpu"};
};

}  // namespace

const InputPlugin& cpu_plugin() {
  static const InputPlugin plugin{
      .name = "cpu",
      .summary = "Processor time by state",
      .needs_two_gathers = true,
      .options = [] { return cpu_schema().describe(); },
      .create = [](config::Table& table, config::Diagnostics& diagnostics,
                   const InputContext& context) -> std::unique_ptr<Input> {
        return std::make_unique<Cpu>(cpu_schema().parse(table, diagnostics), context);
      }};
  return plugin;
}

}  // namespace holdfast::inputs

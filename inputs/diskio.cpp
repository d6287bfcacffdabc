// diskio: operations of block devices since boot, from /proc/diskstats (the kernel's
// admin-guide/iostats), and their latency and utilisation since the last gather. Fields as
// telegraf-compat section 6.6.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "config/glob.h"
#include "inputs/input.h"
#include "inputs/scan.h"
#include "inputs/udev.h"

namespace holdfast::inputs {
namespace {

constexpr std::uint64_t kSectorBytes = 512;  // in this file, whatever the device's own are

struct DiskIoOptions {
  config::StringList devices;
  config::StringList device_tags;
  config::StringList name_templates;
  bool skip_serial_number = true;
};

const config::Schema<DiskIoOptions>& diskio_schema() {
  static const auto schema =
      config::Schema<DiskIoOptions>{}
          .option("devices", &DiskIoOptions::devices,
                  "Devices to report, as names, globs, or paths below /dev. Empty: all.")
          .option("device_tags", &DiskIoOptions::device_tags, "Properties of udev to add as tags.")
          .option("name_templates", &DiskIoOptions::name_templates,
                  "Templates for the tag name, such as `$ID_FS_LABEL`: the first one whose udev "
                  "properties all exist is used.")
          .option("skip_serial_number", &DiskIoOptions::skip_serial_number,
                  "Leave out the tag serial.");
  return schema;
}

// Columns of /proc/diskstats after the device's name. Newer kernels have more (discards, flushes).
enum Column : std::size_t {
  kReads,
  kMergedReads,
  kSectorsRead,
  kReadMs,
  kWrites,
  kMergedWrites,
  kSectorsWritten,
  kWriteMs,
  kInProgress,
  kIoMs,
  kWeightedIoMs,
};
constexpr std::size_t kColumns = 11;
constexpr std::size_t kOldPartitionColumns = 4;  // what kernel 2.6 wrote for a partition

struct DiskStats {
  std::uint64_t major = 0;
  std::uint64_t minor = 0;
  std::string name;
  std::array<std::uint64_t, kColumns> counters{};
};

// Every word of `rest` as a number: how many there are, at most `counters` kept; nothing when one
// is no number.
std::optional<std::size_t> parse_counters(std::string_view rest,
                                          std::array<std::uint64_t, kColumns>& counters) {
  std::size_t count = 0;
  for (auto word = next_word(rest); !word.empty(); word = next_word(rest)) {
    const auto number = parse_u64(word);
    if (!number) return std::nullopt;
    if (count < kColumns) counters[count] = *number;
    ++count;
  }
  return count;
}

// Devices that have done nothing since boot (unused loop and ram devices) are left out, as by
// Telegraf. An empty file is a machine without block devices.
base::Result<std::vector<DiskStats>> parse_diskstats(std::string_view text) {
  std::vector<DiskStats> disks;
  std::string_view line;
  while (next_line(text, line)) {
    std::string_view rest = line;
    DiskStats disk;
    const auto major = next_u64(rest);
    const auto minor = next_u64(rest);
    disk.name = next_word(rest);
    const auto columns = parse_counters(rest, disk.counters);
    if (major && minor && columns == kOldPartitionColumns) continue;
    if (!major || !minor || !columns || *columns < kColumns) {
      return base::fail(base::ErrorCode::kCorrupt,
                        "expected `<major> <minor> <name>` and {} or more numbers, found `{}`",
                        kColumns, excerpt(line));
    }
    disk.major = *major;
    disk.minor = *minor;
    const bool used = std::any_of(disk.counters.begin(), disk.counters.end(),
                                  [](std::uint64_t counter) { return counter != 0; });
    if (used) disks.push_back(std::move(disk));
  }
  return disks;
}

// True when a counter that rates are made of went backwards.
bool went_back(const DiskStats& now, const DiskStats& last) {
  constexpr std::array kCompared = {kReads, kWrites, kReadMs, kWriteMs, kIoMs};
  return std::any_of(kCompared.begin(), kCompared.end(),
                     [&](Column column) { return now.counters[column] < last.counters[column]; });
}

class DiskIo final : public Input {
 public:
  DiskIo(DiskIoOptions options, config::GlobList devices, InputContext context)
      : options_(std::move(options)), devices_(std::move(devices)), context_(std::move(context)) {
    needs_udev_ = !options_.device_tags.empty() || !options_.name_templates.empty() ||
                  !options_.skip_serial_number || !devices_.literal();
  }

  base::Status gather(Accumulator& out) override {
    const auto text = context_.host.proc("diskstats");
    if (!text) return tl::unexpected(text.error());
    auto disks = parse_diskstats(*text);
    if (!disks) return in_file(context_.host.roots().proc, "diskstats", disks.error());
    const base::BootTime now = context_.clock.boot();
    const base::Duration elapsed = now - last_time_;
    const auto names = plain_names();
    for (const DiskStats& disk : *disks) add_if_wanted(disk, names, elapsed, out);
    last_ = std::move(*disks);
    last_time_ = now;
    return base::ok();
  }

 private:
  // The kernel's names of the configured devices. Links below /dev are followed at every gather:
  // they appear and move with the devices.
  [[nodiscard]] std::vector<std::string> plain_names() const {
    std::vector<std::string> names;
    if (!devices_.literal()) return names;
    for (const std::string& device : options_.devices) {
      names.push_back(context_.host.device_name(device));
    }
    return names;
  }

  [[nodiscard]] bool wanted(const DiskStats& disk, const std::vector<std::string>& names,
                            const UdevDevice& device) const {
    if (options_.devices.empty()) return true;
    if (devices_.literal()) return std::find(names.begin(), names.end(), disk.name) != names.end();
    if (devices_.matches(disk.name)) return true;
    return std::any_of(device.links.begin(), device.links.end(),
                       [&](const std::string& link) { return devices_.matches(link); });
  }

  void add_if_wanted(const DiskStats& disk, const std::vector<std::string>& names,
                     base::Duration elapsed, Accumulator& out) {
    const UdevDevice device =
        needs_udev_ ? read_udev(context_.host, disk.major, disk.minor) : UdevDevice{};
    if (!wanted(disk, names, device)) return;
    point_.reset("diskio");
    add_tags(disk, device);
    add_counters(disk);
    const auto last = std::find_if(last_.begin(), last_.end(),
                                   [&](const DiskStats& other) { return other.name == disk.name; });
    if (last != last_.end() && !went_back(disk, *last)) add_rates(disk, *last, elapsed);
    out.add(point_);
  }

  // Tags without a value are not written.
  void add_tags(const DiskStats& disk, const UdevDevice& device) {
    point_.tag("name", name_from_templates(options_.name_templates, device, disk.name));
    point_.tag("wwid", read_first({fmt::format("block/{}/wwid", disk.name),
                                   fmt::format("block/{}/device/wwid", disk.name)}));
    for (const std::string& key : options_.device_tags) {
      const auto found = device.properties.find(key);
      if (found != device.properties.end()) point_.tag(key, found->second);
    }
    if (!options_.skip_serial_number) point_.tag("serial", serial_of(disk, device));
  }

  [[nodiscard]] std::string serial_of(const DiskStats& disk, const UdevDevice& device) const {
    const auto found = device.properties.find("ID_SERIAL");
    if (found != device.properties.end() && !trim(found->second).empty()) {
      return std::string(trim(found->second));
    }
    auto serial = read_first({fmt::format("block/{}/device/serial", disk.name),
                              fmt::format("block/{}/serial", disk.name)});
    return serial.empty() ? "unknown" : serial;
  }

  // The content of the first of the files below /sys that is there and not blank.
  [[nodiscard]] std::string read_first(const std::array<std::string, 2>& paths) const {
    for (const std::string& path : paths) {
      const auto text = context_.host.sys(path);
      if (text && !trim(*text).empty()) return std::string(trim(*text));
    }
    return {};
  }

  void add_counters(const DiskStats& disk) {
    const auto& counters = disk.counters;
    point_.field("reads", counters[kReads])
        .field("writes", counters[kWrites])
        .field("merged_reads", counters[kMergedReads])
        .field("merged_writes", counters[kMergedWrites])
        .field("read_bytes", saturating_multiply(counters[kSectorsRead], kSectorBytes))
        .field("write_bytes", saturating_multiply(counters[kSectorsWritten], kSectorBytes))
        .field("read_time", counters[kReadMs])
        .field("write_time", counters[kWriteMs])
        .field("io_time", counters[kIoMs])
        .field("weighted_io_time", counters[kWeightedIoMs])
        .field("iops_in_progress", counters[kInProgress]);
  }

  void add_rates(const DiskStats& disk, const DiskStats& last, base::Duration elapsed) {
    const auto delta = [&](Column column) {
      return static_cast<double>(disk.counters[column] - last.counters[column]);
    };
    const double operations = delta(kReads) + delta(kWrites);
    if (operations > 0) {
      point_.field("io_await", (delta(kReadMs) + delta(kWriteMs)) / operations);
      point_.field("io_svctm", delta(kIoMs) / operations);
    }
    const double elapsed_ms = std::chrono::duration<double, std::milli>(elapsed).count();
    if (elapsed_ms > 0) point_.field("io_util", 100.0 * delta(kIoMs) / elapsed_ms);
  }

  DiskIoOptions options_;
  config::GlobList devices_;
  InputContext context_;
  bool needs_udev_ = false;
  std::vector<DiskStats> last_;
  base::BootTime last_time_{};
  line::Point point_{"diskio"};
};

std::unique_ptr<Input> create_diskio(config::Table& table, config::Diagnostics& diagnostics,
                                     const InputContext& context) {
  DiskIoOptions options = diskio_schema().parse(table, diagnostics);
  auto devices = config::GlobList::compile(options.devices);
  if (!devices) {
    const auto* entry = table.find("devices");
    diagnostics.error(entry != nullptr ? entry->value.where : table.where(),
                      "`devices`: " + devices.error().message);
    return nullptr;
  }
  return std::make_unique<DiskIo>(std::move(options), std::move(*devices), context);
}

}  // namespace

const InputPlugin& diskio_plugin() {
  static const InputPlugin plugin{.name = "diskio",
                                  .summary = "Operations of block devices",
                                  .needs_two_gathers = true,
                                  .options = [] { return diskio_schema().describe(); },
                                  .create = create_diskio};
  return plugin;
}

}  // namespace holdfast::inputs

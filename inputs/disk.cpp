// disk: space and inodes of mounted file systems, from the mount table and statfs(2). Fields as
// telegraf-compat section 6.5. A mount that does not answer costs its own numbers only.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "inputs/input.h"
#include "inputs/mounts.h"
#include "inputs/scan.h"
#include "inputs/usage_prober.h"

namespace holdfast::inputs {
namespace {

struct DiskOptions {
  config::StringList mount_points;
  config::StringList ignore_fs;
  config::StringList ignore_mount_opts;
  base::Duration statfs_timeout = std::chrono::seconds(2);
};

const config::Schema<DiskOptions>& disk_schema() {
  static const auto schema =
      config::Schema<DiskOptions>{}
          .option("mount_points", &DiskOptions::mount_points,
                  "Mount points to report, exactly as mounted. Empty: all.",
                  {.old_names = {"mountpoints"}})
          .option("ignore_fs", &DiskOptions::ignore_fs,
                  "Types of file systems to leave out; autofs always is.")
          .option("ignore_mount_opts", &DiskOptions::ignore_mount_opts,
                  "Leave out mounts that have any of these options; `bind` stands for bind mounts.")
          .option("statfs_timeout", &DiskOptions::statfs_timeout,
                  "How long one gather waits for network and FUSE mounts, all together.",
                  {.min = 0.001});
  return schema;
}

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// A mount to be reported.
struct Target {
  Mount mount;
  std::string statfs_path;
  std::string shown_path;
};

// "/hostfs" before "/data" and "/": "/hostfs/data", "/hostfs".
std::string with_prefix(const std::string& prefix, const std::string& path) {
  return path == "/" ? prefix : prefix + path;
}

bool is_below(const std::string& path, const std::string& prefix) {
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

std::string_view mode_of(const Mount& mount) {
  if (contains(mount.options, "rw")) return "rw";
  if (contains(mount.options, "ro")) return "ro";
  return "unknown";
}

double percent_of(std::uint64_t used, std::uint64_t free) {
  const double whole = static_cast<double>(used) + static_cast<double>(free);
  return whole > 0 ? 100.0 * static_cast<double>(used) / whole : 0.0;
}

class Disk final : public Input {
 public:
  Disk(DiskOptions options, InputContext context)
      : options_(std::move(options)), context_(std::move(context)), prober_(context_.host) {
    prefix_ = context_.host.roots().mount_prefix;
    while (prefix_.ends_with('/')) prefix_.pop_back();
  }

  base::Status gather(Accumulator& out) override {
    auto mounts = read_mounts();
    if (!mounts) return tl::unexpected(mounts.error());
    const std::vector<Target> targets = choose(std::move(*mounts));
    const DmNames labels = read_labels(targets);
    // Calls that may hang run beside the others; then all of them are waited for together.
    const auto deadline = std::chrono::steady_clock::now() + options_.statfs_timeout;
    std::vector<const Target*> started;
    for (const Target& target : targets) {
      if (!may_hang(target.mount.fs_type)) continue;
      if (const auto status = prober_.start(target.statfs_path)) {
        started.push_back(&target);
      } else {
        out.add_error(status.error());
      }
    }
    for (const Target& target : targets) {
      if (may_hang(target.mount.fs_type)) continue;
      add(target, context_.host.usage(target.statfs_path), labels, out);
    }
    for (const Target* target : started) {
      add(*target, prober_.wait(target->statfs_path, deadline), labels, out);
    }
    return base::ok();
  }

 private:
  using DmNames = std::map<std::string, std::string, std::less<>>;  // "dm-0" to "vg-root"

  // Of process 1 first: a service manager may show us mounts of our own, all read-only.
  [[nodiscard]] base::Result<std::vector<Mount>> read_mounts() const {
    const std::string& root = context_.host.roots().proc;
    std::optional<base::Error> first_error;
    for (const std::string_view path : {"1/mountinfo", "self/mountinfo", "self/mounts"}) {
      const auto text = context_.host.proc(path);
      if (!text) {
        if (!first_error) first_error = text.error();
        continue;
      }
      auto mounts = path.ends_with("mounts") ? parse_mounts(*text) : parse_mountinfo(*text);
      if (!mounts) return in_file(root, path, mounts.error());
      return mounts;
    }
    return tl::unexpected(*first_error);
  }

  // Leaves out what the options say and, of mounts on top of each other, all but the last: statfs
  // tells of that one only.
  [[nodiscard]] std::vector<Target> choose(std::vector<Mount> mounts) const {
    std::set<std::string> paths;
    for (const Mount& mount : mounts) paths.insert(mount.path);
    std::vector<Target> targets;
    std::set<std::string> seen;
    for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount) {
      if (ignored(*mount)) continue;
      Target target;
      target.statfs_path = mount->path;
      target.shown_path = mount->path;
      if (!prefix_.empty()) {
        if (is_below(mount->path, prefix_)) {
          target.shown_path.erase(0, prefix_.size());
          if (target.shown_path.empty()) target.shown_path += '/';
        } else {
          target.statfs_path = with_prefix(prefix_, mount->path);
          // The same file system is in the table under its prefixed path as well.
          if (paths.contains(target.statfs_path)) continue;
        }
      }
      if (!seen.insert(target.shown_path).second) continue;
      target.mount = std::move(*mount);
      targets.push_back(std::move(target));
    }
    std::reverse(targets.begin(), targets.end());
    return targets;
  }

  [[nodiscard]] bool ignored(const Mount& mount) const {
    if (mount.fs_type == "autofs" || contains(options_.ignore_fs, mount.fs_type)) return true;
    if (!options_.mount_points.empty() && !contains(options_.mount_points, mount.path)) return true;
    return std::any_of(mount.options.begin(), mount.options.end(), [&](const std::string& option) {
      return contains(options_.ignore_mount_opts, option);
    });
  }

  // Only looked for when a device mapper's device is mounted.
  [[nodiscard]] DmNames read_labels(const std::vector<Target>& targets) const {
    DmNames names;
    const bool any = std::any_of(targets.begin(), targets.end(), [](const Target& target) {
      return target.mount.source.starts_with("/dev/mapper/") ||
             target.mount.source.starts_with("/dev/dm-");
    });
    const auto devices = any ? context_.host.list_sys("block") : std::vector<std::string>{};
    for (const std::string& device : devices.value_or(std::vector<std::string>{})) {
      if (!device.starts_with("dm-")) continue;
      const auto name = context_.host.sys(fmt::format("block/{}/dm/name", device));
      if (name) names.emplace(device, trim(*name));
    }
    return names;
  }

  static std::string_view label_of(const Mount& mount, const DmNames& names) {
    constexpr std::string_view kMapper = "/dev/mapper/";
    constexpr std::string_view kDev = "/dev/";
    const std::string_view source = mount.source;
    if (source.starts_with(kMapper)) {
      const auto name = source.substr(kMapper.size());
      const auto found = std::find_if(names.begin(), names.end(),
                                      [&](const auto& entry) { return entry.second == name; });
      return found == names.end() ? std::string_view{} : std::string_view(found->second);
    }
    if (!source.starts_with(kDev)) return {};
    const auto found = names.find(source.substr(kDev.size()));
    return found == names.end() ? std::string_view{} : std::string_view(found->second);
  }

  // "sda1", "mapper/vg-root", "tmpfs", "server:/export".
  [[nodiscard]] std::string device_of(const Mount& mount) const {
    constexpr std::string_view kDev = "/dev/";
    if (mount.source.empty() || mount.source == "none") return mount.fs_type;
    std::string device = mount.source;
    if (device == "/dev/root") device = real_root(mount);
    for (auto at = device.find(kDev); at != std::string::npos; at = device.find(kDev)) {
      device.erase(at, kDev.size());
    }
    return device;
  }

  // "/dev/root" is a name the kernel gives when it mounts its root itself; the device's own name is
  // in /sys.
  [[nodiscard]] std::string real_root(const Mount& mount) const {
    const auto text = context_.host.sys(fmt::format("dev/block/{}/uevent", mount.device_id));
    std::string_view rest = text ? std::string_view(*text) : std::string_view{};
    std::string_view line;
    while (next_line(rest, line)) {
      constexpr std::string_view kName = "DEVNAME=";
      if (line.starts_with(kName)) return std::string(trim(line.substr(kName.size())));
    }
    return mount.source;
  }

  void add(const Target& target, const base::Result<FsUsage>& usage, const DmNames& labels,
           Accumulator& out) {
    if (!usage) {
      if (usage.error().code == base::ErrorCode::kTimeout) {
        out.add_error(usage.error());
      } else {  // vanished, or not for us to see
        context_.log.debug("{}", usage.error().message);
      }
      return;
    }
    if (usage->blocks == 0) return;  // proc, cgroup and their like
    point_.reset("disk");
    point_.tag("path", target.shown_path)
        .tag("device", device_of(target.mount))
        .tag("fstype", target.mount.fs_type)
        .tag("mode", mode_of(target.mount))
        .tag("label", label_of(target.mount, labels));
    add_fields(*usage);
    out.add(point_);
  }

  void add_fields(const FsUsage& usage) {
    const auto bytes = [&](std::uint64_t blocks) {
      return saturating_multiply(blocks, usage.block_size);
    };
    const std::uint64_t free = bytes(usage.blocks_available);
    const std::uint64_t used = bytes(saturating_subtract(usage.blocks, usage.blocks_free));
    const std::uint64_t inodes_used = saturating_subtract(usage.files, usage.files_free);
    point_.field("total", bytes(usage.blocks))
        .field("free", free)
        .field("used", used)
        .field("used_percent", percent_of(used, free))
        .field("inodes_total", usage.files)
        .field("inodes_free", usage.files_free)
        .field("inodes_used", inodes_used)
        .field("inodes_used_percent", percent_of(inodes_used, usage.files_free));
  }

  DiskOptions options_;
  InputContext context_;
  std::string prefix_;  // of mount points, without a slash at its end
  UsageProber prober_;
  line::Point point_{"disk"};
};

}  // namespace

const InputPlugin& disk_plugin() {
  static const InputPlugin plugin{
      .name = "disk",
      .summary = "Space and inodes of file systems",
      .options = [] { return disk_schema().describe(); },
      .create = [](config::Table& table, config::Diagnostics& diagnostics,
                   const InputContext& context) -> std::unique_ptr<Input> {
        return std::make_unique<Disk>(disk_schema().parse(table, diagnostics), context);
      }};
  return plugin;
}

}  // namespace holdfast::inputs

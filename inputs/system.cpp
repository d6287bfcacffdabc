// system: load, users, processors, uptime, and on request what the host is. Fields as
// telegraf-compat section 6.4; all groups are one point.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include <utmp.h>

#include "inputs/host_identity.h"
#include "inputs/input.h"
#include "inputs/scan.h"

namespace holdfast::inputs {
namespace {

struct SystemOptions {
  config::StringList include = {"legacy"};
  base::Duration os_cache_ttl = std::chrono::hours(8);
  base::Duration dmi_cache_ttl = std::chrono::hours(8);
};

const config::Schema<SystemOptions>& system_schema() {
  static const auto schema =
      config::Schema<SystemOptions>{}
          .option("include", &SystemOptions::include,
                  "Groups to report. `legacy` is load, users, cpus and uptime, with uptime_format.",
                  {.choices = {"legacy", "load", "users", "cpus", "uptime", "os", "dmi"}})
          .option("os_cache_ttl", &SystemOptions::os_cache_ttl,
                  "How long the texts of group os are kept before they are read again.")
          .option("dmi_cache_ttl", &SystemOptions::dmi_cache_ttl,
                  "How long the texts of group dmi are kept before they are read again.");
  return schema;
}

// "0.26 0.08 0.04 3/89 5214"
base::Result<std::array<double, 3>> parse_loadavg(std::string_view text) {
  std::array<double, 3> loads{};
  std::string_view rest = text;
  for (double& load : loads) {
    const auto number = parse_double(next_word(rest));
    if (!number) {
      return base::fail(base::ErrorCode::kCorrupt, "expected three loads, found `{}`",
                        excerpt(trim(text)));
    }
    load = *number;
  }
  return loads;
}

// "350735.47 234388.90": whole seconds since boot.
base::Result<std::uint64_t> parse_uptime(std::string_view text) {
  std::string_view rest = text;
  const auto word = next_word(rest);
  const auto seconds = parse_u64(word.substr(0, word.find('.')));
  if (!seconds || !parse_double(word)) {
    return base::fail(base::ErrorCode::kCorrupt, "expected seconds since boot, found `{}`",
                      excerpt(trim(text)));
  }
  return *seconds;
}

// "14 days, 11:07", "1 day,  3:05", " 3:05".
std::string format_uptime(std::uint64_t seconds) {
  constexpr std::uint64_t kMinute = 60;
  constexpr std::uint64_t kHour = 60 * kMinute;
  constexpr std::uint64_t kDay = 24 * kHour;
  const std::uint64_t days = seconds / kDay;
  std::string text;
  if (days > 0) text = fmt::format("{} day{}, ", days, days == 1 ? "" : "s");
  return text + fmt::format("{:2}:{:02}", seconds % kDay / kHour, seconds % kHour / kMinute);
}

// Lines "cpu0", "cpu1"... of /proc/stat: the cpus that are online.
std::int64_t count_stat_cpus(std::string_view text) {
  std::int64_t count = 0;
  std::string_view line;
  while (next_line(text, line)) {
    const auto word = next_word(line);
    if (word.starts_with("cpu") && parse_u64(word.substr(3))) ++count;
  }
  return count;
}

struct CpuInfo {
  std::int64_t processors = 0;
  std::int64_t cores = 0;  // pairs of physical id and core id; 0 where the file has none
};

CpuInfo parse_cpuinfo(std::string_view text) {
  CpuInfo info;
  std::set<std::pair<std::string_view, std::string_view>> cores;
  std::string_view package;
  std::string_view line;
  while (next_line(text, line)) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto key = trim(line.substr(0, colon));
    const auto value = trim(line.substr(colon + 1));
    if (key == "processor" && parse_u64(value)) {
      ++info.processors;
      package = {};
    } else if (key == "physical id") {
      package = value;
    } else if (key == "core id") {
      cores.emplace(package, value);
    }
  }
  info.cores = static_cast<std::int64_t>(cores.size());
  return info;
}

struct Users {
  std::int64_t sessions = 0;
  std::int64_t unique = 0;
};

// Records of utmp(5), in the machine's own layout. A record cut short at the end is left out.
Users parse_utmp(std::string_view bytes) {
  Users users;
  std::set<std::string> names;
  while (bytes.size() >= sizeof(struct utmp)) {
    struct utmp record {};
    std::memcpy(&record, bytes.data(), sizeof record);
    bytes.remove_prefix(sizeof record);
    if (record.ut_type != USER_PROCESS) continue;
    const char* name = static_cast<const char*>(record.ut_user);
    names.emplace(name, ::strnlen(name, sizeof record.ut_user));
    ++users.sessions;
  }
  users.unique = static_cast<std::int64_t>(names.size());
  return users;
}

// Texts that are read again only now and then.
struct CachedTexts {
  TextFields fields;
  std::optional<base::BootTime> read_at;
};

struct Groups {
  bool load = false, users = false, cpus = false, uptime = false, uptime_format = false;
  bool os = false, dmi = false;
};

Groups groups_of(const config::StringList& include) {
  const auto has = [&](std::string_view group) {
    return std::find(include.begin(), include.end(), group) != include.end();
  };
  const bool legacy = has("legacy");
  return {.load = legacy || has("load"),
          .users = legacy || has("users"),
          .cpus = legacy || has("cpus"),
          .uptime = legacy || has("uptime"),
          .uptime_format = legacy,
          .os = has("os"),
          .dmi = has("dmi")};
}

class System final : public Input {
 public:
  System(SystemOptions options, InputContext context)
      : options_(std::move(options)),
        groups_(groups_of(options_.include)),
        context_(std::move(context)) {}

  // The point goes out with what could be read; the first failure is returned.
  base::Status gather(Accumulator& out) override {
    point_.reset("system");
    base::Status status = base::ok();
    const auto keep_first = [&](base::Status one) {
      if (!one && status) status = std::move(one);
    };
    if (groups_.load) keep_first(add_load());
    if (groups_.users) add_users();
    if (groups_.cpus) keep_first(add_cpus());
    if (groups_.uptime) keep_first(add_uptime());
    if (groups_.os) add_texts(os_, options_.os_cache_ttl, read_os);
    if (groups_.dmi) add_texts(dmi_, options_.dmi_cache_ttl, read_dmi);
    out.add(point_);
    return status;
  }

 private:
  base::Status add_load() {
    const auto text = context_.host.proc("loadavg");
    if (!text) return tl::unexpected(text.error());
    const auto loads = parse_loadavg(*text);
    if (!loads) return in_file(context_.host.roots().proc, "loadavg", loads.error());
    point_.field("load1", (*loads)[0]).field("load5", (*loads)[1]).field("load15", (*loads)[2]);
    return base::ok();
  }

  // Systems without utmp (containers, musl, newer distributions) have no such fields.
  void add_users() {
    auto bytes = context_.host.run("utmp");
    if (!bytes) bytes = context_.host.var("run/utmp");
    if (!bytes || bytes->empty()) {
      context_.log.debug("no users: {}", bytes ? "utmp is empty" : bytes.error().message);
      return;
    }
    const Users users = parse_utmp(*bytes);
    point_.field("n_users", users.sessions).field("n_unique_users", users.unique);
  }

  base::Status add_cpus() {
    const auto stat = context_.host.proc("stat");
    std::int64_t cpus = stat ? count_stat_cpus(*stat) : 0;
    // cpuinfo is slow on large machines, and changes only when cpus come or go.
    if (cpus == 0 || cpus != cores_of_cpus_) {
      const auto text = context_.host.proc("cpuinfo");
      const CpuInfo info = text ? parse_cpuinfo(*text) : CpuInfo{};
      if (cpus == 0) cpus = info.processors;
      cores_ = info.cores > 0 ? info.cores : cpus;
      cores_of_cpus_ = cpus;
    }
    if (cpus == 0) {
      return base::fail(base::ErrorCode::kCorrupt,
                        "{0}/stat, {0}/cpuinfo: expected lines `cpu0 ...` or `processor : 0`",
                        context_.host.roots().proc);
    }
    point_.field("n_cpus", cpus).field("n_physical_cpus", cores_);
    return base::ok();
  }

  base::Status add_uptime() {
    const auto text = context_.host.proc("uptime");
    if (!text) return tl::unexpected(text.error());
    const auto seconds = parse_uptime(*text);
    if (!seconds) return in_file(context_.host.roots().proc, "uptime", seconds.error());
    point_.field("uptime", *seconds);
    if (groups_.uptime_format) point_.field("uptime_format", format_uptime(*seconds));
    return base::ok();
  }

  void add_texts(CachedTexts& texts, base::Duration keep_for,
                 TextFields (*read)(const HostFs& host)) {
    const base::BootTime now = context_.clock.boot();
    if (!texts.read_at || now - *texts.read_at >= keep_for) {
      texts.fields = read(context_.host);
      texts.read_at = now;
    }
    for (const auto& [name, value] : texts.fields) point_.field(name, value);
  }

  SystemOptions options_;
  Groups groups_;
  InputContext context_;
  std::int64_t cores_ = 0;
  std::int64_t cores_of_cpus_ = 0;  // the number of cpus when the cores were counted
  CachedTexts os_;
  CachedTexts dmi_;
  line::Point point_{"system"};
};

}  // namespace

const InputPlugin& system_plugin() {
  static const InputPlugin plugin{
      .name = "system",
      .summary = "Load, users, uptime, what the host is",
      .options = [] { return system_schema().describe(); },
      .create = [](config::Table& table, config::Diagnostics& diagnostics,
                   const InputContext& context) -> std::unique_ptr<Input> {
        return std::make_unique<System>(system_schema().parse(table, diagnostics), context);
      }};
  return plugin;
}

}  // namespace holdfast::inputs

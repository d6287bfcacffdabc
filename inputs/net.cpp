// net: traffic of the network interfaces since boot, from /proc/net/dev, and their speed, from
// /sys/class/net. Fields as telegraf-compat section 6.7.
#include <array>
#include <map>
#include <memory>
#include <utility>

#include "config/glob.h"
#include "inputs/input.h"
#include "inputs/scan.h"

namespace holdfast::inputs {
namespace {

struct NetOptions {
  config::StringList interfaces;
  bool ignore_protocol_stats = false;
};

const config::Schema<NetOptions>& net_schema() {
  static const auto schema =
      config::Schema<NetOptions>{}
          .option("interfaces", &NetOptions::interfaces,
                  "Interfaces to report, as names or globs. Empty: those that are up and not "
                  "loopback.")
          .option("ignore_protocol_stats", &NetOptions::ignore_protocol_stats,
                  "Protocol counters are not part of this input.",
                  {.no_effect = "protocol counters are never reported here"});
  return schema;
}

// Columns of a line of /proc/net/dev after the interface's name.
enum Column : std::size_t {
  kBytesIn = 0,
  kPacketsIn = 1,
  kErrorsIn = 2,
  kDropsIn = 3,
  kBytesOut = 8,
  kPacketsOut = 9,
  kErrorsOut = 10,
  kDropsOut = 11,
};
constexpr std::size_t kColumns = 16;

struct Interface {
  std::string_view name;  // within the text
  std::array<std::uint64_t, kColumns> counters{};
};

// "  eth0: 26389242 664 0 ...": 8 numbers received, 8 sent. The first number may follow the colon
// at once. Names may contain colons themselves.
std::optional<Interface> parse_interface(std::string_view line) {
  const auto colon = line.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  Interface interface;
  interface.name = trim(line.substr(0, colon));
  std::string_view rest = line.substr(colon + 1);
  for (auto& counter : interface.counters) {
    const auto number = next_u64(rest);
    if (!number) return std::nullopt;
    counter = *number;
  }
  if (interface.name.empty()) return std::nullopt;
  return interface;
}

base::Result<std::vector<Interface>> parse_net_dev(std::string_view text) {
  constexpr int kHeaderLines = 2;
  std::vector<Interface> all;
  std::string_view line;
  for (int i = 0; i < kHeaderLines; ++i) {
    if (!next_line(text, line) || line.find('|') == std::string_view::npos) {
      return base::fail(base::ErrorCode::kCorrupt, "expected two header lines with `|`, found `{}`",
                        excerpt(line));
    }
  }
  while (next_line(text, line)) {
    const auto interface = parse_interface(line);
    if (!interface) {
      return base::fail(base::ErrorCode::kCorrupt,
                        "expected `<interface>: ` and {} numbers, found `{}`", kColumns,
                        excerpt(line));
    }
    all.push_back(*interface);
  }
  return all;
}

// Speeds hardly ever change, and each is a file to open, behind which the driver is asked. At short
// intervals they are read less often than counters; at the usual ones each time.
class Speeds {
 public:
  static constexpr base::Duration kMaxAge = std::chrono::seconds(9);

  // Mbit/s; -1 when the driver does not know, as with virtual interfaces and those that are down.
  [[nodiscard]] std::int64_t of(std::string_view name, const InputContext& context) {
    const base::BootTime now = context.clock.boot();
    auto known = known_.find(name);
    if (known == known_.end()) {
      known = known_.emplace(name, Known{}).first;
    } else if (now - known->second.read_at < kMaxAge) {
      return known->second.speed;
    }
    const auto text = context.host.sys(fmt::format("class/net/{}/speed", name));
    known->second = {now, text ? parse_i64(trim(*text)).value_or(-1) : -1};
    return known->second.speed;
  }

  // Interfaces come and go: those of containers, many a day.
  void forget_old(base::BootTime now) {
    std::erase_if(known_, [now](const auto& k) { return now - k.second.read_at > 2 * kMaxAge; });
  }

 private:
  struct Known {
    base::BootTime read_at{};
    std::int64_t speed = -1;
  };
  std::map<std::string, Known, std::less<>> known_;
};

class Net final : public Input {
 public:
  Net(config::GlobList interfaces, InputContext context)
      : interfaces_(std::move(interfaces)), context_(std::move(context)) {}

  base::Status gather(Accumulator& out) override {
    const auto text = context_.host.proc("net/dev");
    if (!text) return tl::unexpected(text.error());
    const auto all = parse_net_dev(*text);
    if (!all) return in_file(context_.host.roots().proc, "net/dev", all.error());
    for (const Interface& interface : *all) {
      if (wanted(interface.name)) add(interface, out);
    }
    speeds_.forget_old(context_.clock.boot());
    return base::ok();
  }

 private:
  [[nodiscard]] bool wanted(std::string_view name) const {
    if (!interfaces_.empty()) return interfaces_.matches(name);
    // Flags under /sys are those of our own network namespace, not of the host's /proc.
    if (context_.host.roots().proc_overridden) return true;
    return is_up_and_not_loopback(name);
  }

  // Flags as netdevice(7): "0x1003\n".
  [[nodiscard]] bool is_up_and_not_loopback(std::string_view name) const {
    constexpr std::uint64_t kUp = 0x1;
    constexpr std::uint64_t kLoopback = 0x8;
    const auto text = context_.host.sys(fmt::format("class/net/{}/flags", name));
    auto digits = text ? trim(*text) : std::string_view{};
    if (digits.starts_with("0x")) digits.remove_prefix(2);
    const auto flags = parse_integer<std::uint64_t>(digits, 16);
    if (flags) return (*flags & kUp) != 0 && (*flags & kLoopback) == 0;
    // Without /sys at all the name has to do; otherwise the interface has just gone.
    return name != "lo" && !context_.host.list_sys("class/net");
  }

  void add(const Interface& interface, Accumulator& out) {
    const auto& counters = interface.counters;
    point_.reset("net");
    point_.tag("interface", interface.name);
    point_.field("bytes_sent", counters[kBytesOut])
        .field("bytes_recv", counters[kBytesIn])
        .field("packets_sent", counters[kPacketsOut])
        .field("packets_recv", counters[kPacketsIn])
        .field("err_in", counters[kErrorsIn])
        .field("err_out", counters[kErrorsOut])
        .field("drop_in", counters[kDropsIn])
        .field("drop_out", counters[kDropsOut])
        .field("speed", speeds_.of(interface.name, context_));
    out.add(point_);
  }

  config::GlobList interfaces_;
  InputContext context_;
  Speeds speeds_;
  line::Point point_{"net"};
};

std::unique_ptr<Input> create_net(config::Table& table, config::Diagnostics& diagnostics,
                                  const InputContext& context) {
  const NetOptions options = net_schema().parse(table, diagnostics);
  auto interfaces = config::GlobList::compile(options.interfaces);
  if (!interfaces) {
    const auto* entry = table.find("interfaces");
    diagnostics.error(entry != nullptr ? entry->value.where : table.where(),
                      "`interfaces`: " + interfaces.error().message);
    return nullptr;
  }
  return std::make_unique<Net>(std::move(*interfaces), context);
}

}  // namespace

const InputPlugin& net_plugin() {
  static const InputPlugin plugin{.name = "net",
                                  .summary = "Traffic of network interfaces",
                                  .options = [] { return net_schema().describe(); },
                                  .create = create_net};
  return plugin;
}

}  // namespace holdfast::inputs

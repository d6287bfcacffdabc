// processes: how many processes are in which state, from /proc/<pid>/stat (proc_pid_stat(5)).
// Fields as telegraf-compat section 6.10.
#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "inputs/input.h"
#include "inputs/scan.h"

namespace holdfast::inputs {
namespace {

struct ProcessesOptions {
  bool use_sudo = false;
};

const config::Schema<ProcessesOptions>& processes_schema() {
  static const auto schema = config::Schema<ProcessesOptions>{}.option(
      "use_sudo", &ProcessesOptions::use_sudo, "Only for BSD in Telegraf.",
      {.no_effect = "/proc is read without a command"});
  return schema;
}

struct ProcessStat {
  char state = '?';
  std::int64_t threads = 0;
};

// "42 (name) S 1 42 ...": the name may hold blanks and parentheses, so the last ')' ends it.
std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  constexpr int kWordsBetween = 16;  // from the parent's id to the nice value: fields 4 to 19
  const auto end_of_name = text.rfind(')');
  if (end_of_name == std::string_view::npos) return std::nullopt;
  std::string_view rest = text.substr(end_of_name + 1);
  const auto state = next_word(rest);
  if (state.size() != 1) return std::nullopt;
  for (int i = 0; i < kWordsBetween; ++i) {
    if (next_word(rest).empty()) return std::nullopt;
  }
  const auto threads = parse_i64(next_word(rest));
  if (!threads) return std::nullopt;
  return ProcessStat{state.front(), *threads};
}

struct States {
  std::int64_t running = 0, sleeping = 0, blocked = 0, zombies = 0, stopped = 0;
  std::int64_t dead = 0, paging = 0, idle = 0, total = 0, total_threads = 0;
  bool parked = false;
};

// False for a state we do not know; the process still counts in the total.
bool count(const ProcessStat& process, States& states) {
  ++states.total;
  if (__builtin_add_overflow(states.total_threads, process.threads, &states.total_threads)) {
    states.total_threads = INT64_MAX;
  }
  switch (process.state) {
    case 'R':
      ++states.running;
      return true;
    case 'S':
      ++states.sleeping;
      return true;
    case 'D':
      ++states.blocked;
      return true;
    case 'Z':
      ++states.zombies;
      return true;
    case 'X':
      ++states.dead;
      return true;
    case 'T':
    case 't':
      ++states.stopped;
      return true;
    case 'W':
      ++states.paging;
      return true;
    case 'I':
      ++states.idle;
      return true;
    case 'P':
      states.parked = true;
      return true;
    default:
      return false;
  }
}

class Processes final : public Input {
 public:
  explicit Processes(InputContext context) : context_(std::move(context)) {}

  base::Status gather(Accumulator& out) override {
    const auto names = context_.host.list_proc("");
    if (!names) return tl::unexpected(names.error());
    States states;
    base::Status status = base::ok();
    for (const std::string& name : *names) {
      if (!parse_u64(name)) continue;
      auto one = count_process(name, states);
      if (!one && status) status = std::move(one);
    }
    if (states.total == 0) {
      if (!status) return status;
      return base::fail(base::ErrorCode::kNotFound, "{}: expected processes, found none",
                        context_.host.roots().proc);
    }
    add(states, out);
    return status;
  }

 private:
  base::Status count_process(const std::string& pid, States& states) {
    const std::string path = pid + "/stat";
    const auto text = context_.host.proc(path);
    if (!text) return base::ok();  // gone in the meantime
    const auto process = parse_process_stat(*text);
    if (!process) {
      return base::fail(base::ErrorCode::kCorrupt,
                        "{}/{}: expected `<pid> (<name>) <state> ...` with 20 or more fields, "
                        "found `{}`",
                        context_.host.roots().proc, path, excerpt(trim(*text)));
    }
    if (!count(*process, states)) {
      context_.log.info("process {} is in unknown state `{}`", pid, process->state);
    }
    return base::ok();
  }

  void add(const States& states, Accumulator& out) {
    point_.reset("processes");
    point_.field("running", states.running)
        .field("sleeping", states.sleeping)
        .field("blocked", states.blocked)
        .field("zombies", states.zombies)
        .field("stopped", states.stopped)
        .field("dead", states.dead)
        .field("paging", states.paging)
        .field("idle", states.idle)
        .field("unknown", std::int64_t{0})
        .field("total", states.total)
        .field("total_threads", states.total_threads);
    if (states.parked) point_.field("parked", std::int64_t{1});  // present or not, as in Telegraf
    out.add(point_);
  }

  InputContext context_;
  line::Point point_{"processes"};
};

}  // namespace

const InputPlugin& processes_plugin() {
  static const InputPlugin plugin{
      .name = "processes",
      .summary = "Processes by state",
      .options = [] { return processes_schema().describe(); },
      .create = [](config::Table& table, config::Diagnostics& diagnostics,
                   const InputContext& context) -> std::unique_ptr<Input> {
        static_cast<void>(processes_schema().parse(table, diagnostics));
        return std::make_unique<Processes>(context);
      }};
  return plugin;
}

}  // namespace holdfast::inputs

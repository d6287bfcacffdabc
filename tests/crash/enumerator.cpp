// How the states are spread: over seeds, places in the log, kinds of cuts and levels. Everything
// that is drawn depends on the seed, the level and the place alone, so a violation comes again when
// its seed is run alone.
#include "tests/crash/enumerator.h"

#include <algorithm>

#include <fmt/core.h>

#include "tests/crash/judge.h"
#include "tests/crash/lies.h"

namespace holdfast::crash {
namespace {

constexpr std::size_t kSamples = 4;              // random states at one place
constexpr std::size_t kFew = 12;                 // all states at a place if they are no more
constexpr std::size_t kMany = 1U << 10U;         // ... at some places
constexpr std::uint64_t kManyEvery = 150;        // ... one in so many
constexpr std::uint64_t kSecondLevelEvery = 16;  // one state in so many is cut again
constexpr std::size_t kOlderKept = 4;
constexpr unsigned kRunOnLevel = 9;

base::Random random_for(const History& history, std::size_t cut) {
  return base::Random(history.seed * 1'000'003 + cut * 31 + history.level);
}

// As long as the blocks that were appended here before the cut, or one of a usual shape.
std::deque<Shape> shapes_from(const History& history, std::uint64_t tail, const Plan& plan) {
  std::deque<Shape> shapes;
  for (const KnownBlock& known : history.blocks) {
    if (known.first < tail || shapes.size() == 16) continue;
    shapes.push_back({known.block->points, known.block->raw_size / known.block->points});
  }
  if (shapes.empty()) shapes.push_back(plan.shapes.front());
  return shapes;
}

}  // namespace

bool Enumerator::enough() const {
  return report_.states >= settings_.states ||
         report_.violations.size() >= settings_.most_violations;
}

const Report& Enumerator::run() {
  for (std::uint64_t seed = settings_.seed; !enough(); ++seed) {
    ++report_.seeds;
    try_seed(seed);
  }
  return report_;
}

void Enumerator::try_seed(std::uint64_t seed) {
  place_ = {};
  place_.seed = seed;
  base::Random random(seed);
  plan_ = draw_plan(random);
  Workload workload(random.next(), plan_, {});
  // Little is written while a device fails or blocks wait in memory.
  const std::uint64_t more = plan_.device_fails || plan_.gathered > 0 ? 60 : 0;
  const bool good = workload.run(static_cast<unsigned>(20 + random.below(60) + more));
  const std::string wrong = workload.wrong();
  History history = workload.take_history();
  history.seed = seed;
  if (!good) {
    violation(history, history.operations.size(), "while it ran", wrong);
    return;
  }
  older_.clear();
  walk(history);
}

void Enumerator::walk(const History& history) {
  DiskStates disk(history.base);
  const std::size_t level = history.level - 1;
  for (std::size_t position = 0; position <= history.operations.size() && !enough(); ++position) {
    if (position > 0) {
      const auto& operation = history.operations[position - 1];
      if (settings_.lying && operation.kind == test::FileOperation::Kind::kSync) {
        older_.push_back(disk.durable());
        if (older_.size() > kOlderKept) older_.pop_front();
      }
      disk.issue(operation);
    }
    Cut cut{history, position, random_for(history, position)};
    place_.level = history.level;
    place_.cut[level] = position;
    place_.state[level] = 0;
    if (!worth_cutting(cut)) continue;
    if (settings_.lying) {
      lies_at(cut, disk);
    } else {
      kill_at(cut, disk);
      power_cuts_at(cut, disk);
    }
  }
}

// On the second level recovery itself is cut more often than what follows it.
bool Enumerator::worth_cutting(const Cut& cut) const {
  if (cut.history.level == 1) return true;
  if (cut.position == 0) return false;  // that was judged on the first level
  base::Random random(cut.history.seed ^ cut.position);
  const bool recovering = cut.position <= cut.history.snapshots[1].position;
  return random.below(recovering ? 2 : 5) == 0;
}

template <class Words>
bool Enumerator::try_state(Cut& cut, Bytes image, const Bounds& bounds, Observation& seen,
                           Words what) {
  const History& history = cut.history;
  const Snapshot& last = history.snapshots[bounds.high];
  test::FakeClock clock;
  set_clock(clock, last);
  if (bounds.power_cut) clock.reboot("after the cut");
  Viewing viewing{history.options, clock, {&history.blocks}, {}, settings_.lying};
  viewing.options.sync = last.sync;
  // What the ring holds is asked for, not what is fresh.
  viewing.options.max_age = {};
  viewing.live_first = !plan_.live_first.empty() && cut.random.below(2) == 0;
  if (cut.random.below(2) == 0) {
    viewing.run_on = [&](std::uint64_t tail) {
      // With a checkpoint in front of each, three do not fit into the smallest rings.
      const std::size_t most = buffer::data_size_of(history.options.size) < 8192 ? 2 : 3;
      Blocks blocks;
      for (const Shape& shape : shapes_from(history, tail, plan_)) {
        if (blocks.size() == most) break;
        blocks.push_back(make_block(kRunOnLevel, tail, shape));
        tail = blocks.back().end();
      }
      return blocks;
    };
  }
  ++place_.state[history.level - 1];
  Evidence evidence;
  if (bounds.power_cut)
    evidence = evidence_in(image, history, history.snapshots[bounds.low].position, cut.position);
  seen = observe(std::move(image), viewing);
  count(history, bounds, seen);
  const std::string wrong = settings_.lying ? judge_lied_to(seen, history, bounds)
                                            : judge(seen, history, bounds, evidence);
  if (!wrong.empty()) violation(history, cut.position, what(), wrong);
  return wrong.empty();
}

void Enumerator::kill_at(Cut& cut, const DiskStates& disk) {
  Observation seen;
  (void)try_state(cut, disk.cached(), bounds_of_kill(cut.history, cut.position, false), seen,
                  [] { return std::string("killed"); });
  // The kernel may stop a write between two pages when the writer is killed.
  if (cut.position == cut.history.operations.size()) return;
  test::FileOperation next = cut.history.operations[cut.position];
  if (next.kind != test::FileOperation::Kind::kWrite) return;
  const std::size_t whole = kPage - next.offset % kPage;
  if (next.bytes.size() <= whole || cut.random.below(3) != 0) return;
  next.bytes.resize(whole);
  Bytes image = disk.cached();
  test::apply(next, image);
  (void)try_state(
      cut, std::move(image), bounds_of_kill(cut.history, cut.position, true), seen,
      [&] { return fmt::format("killed when {} bytes of the next write were done", whole); });
}

void Enumerator::power_cuts_at(Cut& cut, const DiskStates& disk) {
  const Bounds bounds = bounds_of_power_cut(cut.history, cut.position);
  const bool first_level = cut.history.level == 1;
  const bool many = first_level && cut.random.below(kManyEvery) == 0;
  for (const Pick& pick :
       disk.picks(cut.random, first_level ? kSamples : kSamples / 2, many ? kMany : kFew)) {
    if (enough()) return;
    const auto what = [&] { return "power cut, " + disk.text(pick); };
    Observation seen;
    const bool again = first_level && cut.random.below(kSecondLevelEvery) == 0;
    Bytes image = disk.image(pick);
    Bytes kept = again ? image : Bytes{};
    if (try_state(cut, std::move(image), bounds, seen, what) && again) {
      go_on(cut, std::move(kept), bounds, seen, what());
    }
  }
}

void Enumerator::lies_at(Cut& cut, const DiskStates& disk) {
  // Only files that were made completely: else nothing has been promised yet.
  if (older_.empty() || cut.position < cut.history.snapshots[1].position) return;
  const Bounds bounds = bounds_of_power_cut(cut.history, cut.position);
  for (const Pick& pick : disk.picks(cut.random, kSamples, kFew)) {
    if (enough()) return;
    Bytes image = disk.image(pick);
    const std::string lie = spoil(image, older_, cut.random);
    Observation seen;
    (void)try_state(cut, std::move(image), bounds, seen,
                    [&] { return "power cut, " + disk.text(pick) + lie; });
  }
}

// The recovered ring is used a little, and then cut again: within recovery or later.
void Enumerator::go_on(const Cut& cut, Bytes image, const Bounds& bounds, const Observation& seen,
                       const std::string& what) {
  const History& history = cut.history;
  const Snapshot& last = history.snapshots[bounds.high];
  Start start;
  start.level = 2;
  start.image = std::move(image);
  start.first = snapshot_of(seen, history, bounds);
  start.lost = lost_in(seen, start.first);
  start.first.accepted = start.first.numbers_below =
      bounds.lenient ? 0 : history.snapshots[bounds.low].numbers_below;
  start.first.sync = bounds.lenient ? buffer::SyncMode::kNever : last.sync;
  start.first.wall = last.wall;
  start.first.lived = last.lived;
  start.first.boot_id = "after the cut";
  start.shapes = shapes_from(history, seen.opened.point_sequence, plan_);
  for (const KnownBlock& known : history.blocks) {
    if (known.first < seen.opened.point_sequence) start.blocks.push_back(known);
  }
  Plan plan = plan_;
  base::Random random(cut.position * 977 + place_.state[0] + history.seed);
  plan.options.sync = last.sync;
  if (random.below(4) == 0) {
    plan.options.sync =
        random.below(2) == 0 ? buffer::SyncMode::kNever : buffer::SyncMode::kInterval;
  }
  Workload workload(random.next(), std::move(plan), std::move(start));
  const bool good = workload.run(static_cast<unsigned>(3 + random.below(12)));
  const std::string wrong = workload.wrong();
  History second = workload.take_history();
  second.seed = history.seed + cut.position * 7919 + place_.state[0];
  first_level_ = fmt::format("cut after operation {} ({}), {}", cut.position, last.step, what);
  if (settings_.trace) first_level_ += "\n" + text_of(history);
  ++report_.second_workloads;
  place_.level = 2;
  if (good) {
    walk(second);
  } else {
    violation(second, second.operations.size(), "while it ran", wrong);
  }
  place_.level = 1;
}

void Enumerator::count(const History& history, const Bounds& bounds, const Observation& seen) {
  ++report_.states;
  if (history.level == 2) {
    ++report_.second_level;
  } else {
    ++(bounds.power_cut ? report_.power_cuts : report_.kills);
  }
  report_.full_scans += seen.recovery.full_scan ? 1 : 0;
  report_.holes += seen.recovery.holes > 0 ? 1 : 0;
  report_.ghosts += seen.recovery.ghosts_erased > 0 ? 1 : 0;
  report_.lenient += bounds.lenient ? 1 : 0;
  const Snapshot& last = history.snapshots[bounds.high];
  report_.held += last.held > 0 ? 1 : 0;
  report_.refused += last.trouble.refused > 0 ? 1 : 0;
  report_.failed_syncs += last.trouble.failed_syncs > 0 ? 1 : 0;
  report_.healed += last.trouble.heals > 0 ? 1 : 0;
  report_.spilled += last.trouble.spills > 0 ? 1 : 0;
  report_.apart += std::any_of(last.readers.begin(), last.readers.end(),
                               [](const ReaderSnapshot& r) { return r.live_from > 0; });
  report_.expired += std::any_of(last.readers.begin(), last.readers.end(),
                                 [](const ReaderSnapshot& r) { return r.counters.expired > 0; });
  const bool loss =
      std::any_of(seen.emptied.readers.begin(), seen.emptied.readers.end(),
                  [](const buffer::ReaderInfo& r) { return r.ledger.counters.corrupt > 0; });
  report_.with_loss += loss ? 1 : 0;
}

void Enumerator::violation(const History& history, std::size_t position, const std::string& what,
                           const std::string& wrong) {
  const auto step = std::find_if(history.snapshots.begin(), history.snapshots.end(),
                                 [&](const Snapshot& s) { return s.position >= position; });
  std::string text = fmt::format("seed {}, level {}", place_.seed, history.level);
  if (history.level == 2) text += "\n  level 1: " + first_level_;
  text += fmt::format("\n  cut after operation {} of {}, in step {} ({})\n  {}\n  wrong: {}",
                      position, history.operations.size(), step - history.snapshots.begin(),
                      step == history.snapshots.end() ? "the last" : step->step, what, wrong);
  if (settings_.trace) text += "\n" + text_of(history);
  if (settings_.on_violation) settings_.on_violation(text);
  report_.violations.push_back(std::move(text));
}

}  // namespace holdfast::crash

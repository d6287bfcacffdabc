// The rules of what may be seen after a cut. README.md of the buffer states the promises; this is
// how they are held to account.
#include "tests/crash/judge.h"

#include <algorithm>

#include <fmt/core.h>

namespace holdfast::crash {
namespace {

// A reader as it was found, if it is the one of that step: so it has had ahead what it had then,
// but for lost points that it steps over again.
ReaderSnapshot parted_as(const ReaderSnapshot& found, const ReaderSnapshot& then,
                         std::uint64_t accepted) {
  ReaderSnapshot parted = found;
  if (then.ahead.empty() && then.live_from == 0 && found.live_from == found.begin()) return parted;
  const std::uint64_t live = found.live_from > 0 ? found.live_from : accepted;
  parted.set_parts(then.ahead.within(0, live), found.live_from, accepted);
  return parted;
}

bool shows(const Snapshot& found, const Snapshot& snapshot, const PointSet& lost) {
  return found.readers.size() == snapshot.readers.size() &&
         std::equal(found.readers.begin(), found.readers.end(), snapshot.readers.begin(),
                    [&](const ReaderSnapshot& a, const ReaderSnapshot& b) {
                      if (!a.same_but_for_losses(b)) return false;
                      const ReaderSnapshot parted = parted_as(a, b, found.accepted);
                      // A backlog that was lost as a whole is set apart from nothing.
                      return lost.next_outside(std::max(parted.live(), b.begin())) ==
                             lost.next_outside(std::max(b.live(), parted.begin()));
                    });
}

std::string text(const Snapshot& snapshot) {
  std::string out = fmt::format("{} accepted", snapshot.accepted);
  if (!snapshot.unwritten.empty()) {
    out += fmt::format(" (never written {})", snapshot.unwritten.text());
  }
  for (const ReaderSnapshot& reader : snapshot.readers) {
    const auto& c = reader.counters;
    out += fmt::format("; {} since {}{}: {} delivered, {} rejected, {} filtered, {} lost",
                       reader.id, reader.since, reader.orphaned_ns == 0 ? "" : " (orphan)",
                       c.delivered, c.rejected, c.filtered, c.overflow + c.corrupt);
    if (c.expired > 0) out += fmt::format(", {} expired", c.expired);
    if (reader.live() != reader.begin()) out += fmt::format("; live from {}", reader.live());
    if (!reader.ahead.empty()) out += ", had out of turn " + reader.ahead.text();
  }
  return out;
}

// The one judgement in the making.
class Hearing {
 public:
  Hearing(const Observation& seen, const History& history, const Bounds& bounds,
          const Evidence& evidence)
      : seen_(seen),
        history_(history),
        bounds_(bounds),
        evidence_(evidence),
        low_(history.snapshots[bounds.low]),
        ledger_low_(history.snapshots[bounds.ledger_low]),
        high_(history.snapshots[bounds.high]),
        found_(as_opened(seen)) {}

  // What was found, by the step that it shows; by none if it shows none.
  [[nodiscard]] Snapshot found() const {
    Snapshot found = found_;
    const Snapshot* shown = shown_snapshot();
    for (std::size_t i = 0; shown != nullptr && i < found.readers.size(); ++i) {
      found.readers[i] = parted_as(found.readers[i], shown->readers[i], found.accepted);
    }
    return found;
  }

  [[nodiscard]] std::string verdict() const {
    if (auto wrong = wrong_numbers(); !wrong.empty()) return wrong;
    const Snapshot* shown = shown_snapshot();
    if (shown == nullptr) {
      return fmt::format(
          "no step has this ledger: {}\n    at the last sync: {}\n    at the cut: {}", text(found_),
          text(ledger_low_), text(high_));
    }
    const Snapshot found = this->found();
    for (std::size_t i = 0; i < found.readers.size(); ++i) {
      auto wrong = wrong_reader(found.readers[i], shown->readers[i], seen_.drained[i].points);
      if (!wrong.empty()) return fmt::format("reader {}: {}", found.readers[i].id, wrong);
    }
    if (auto wrong = disagreement(found); !wrong.empty()) return wrong;
    if (auto wrong = wrong_report(found); !wrong.empty()) return wrong;
    return bounds_.power_cut ? "" : wrong_after_kill();
  }

 private:
  static Snapshot as_opened(const Observation& seen) {
    Snapshot found = snapshot_of(seen.opened);
    for (std::size_t i = 0; i < std::min(found.readers.size(), seen.drained.size()); ++i) {
      found.readers[i].live_from = seen.drained[i].live_from;
    }
    return found;
  }

  [[nodiscard]] std::string wrong_numbers() const {
    // Numbers of what waits in memory, or was delivered from there, may be in no slot yet.
    const std::uint64_t least = bounds_.lenient ? 0 : low_.numbers_below;
    if (found_.accepted < least || found_.accepted > high_.accepted) {
      return fmt::format("{} points accepted; {} as of the last sync, {} at the cut",
                         found_.accepted, least, high_.accepted);
    }
    if (found_.accepted < evidence_.accepted) {
      return fmt::format("{} points accepted, and numbers up to {} in the file", found_.accepted,
                         evidence_.accepted);
    }
    if (seen_.recovery.ledger_lost) return "the ledger is lost";
    if (seen_.recovery.full_scan && always_synced()) return "all of the ring had to be read";
    return {};
  }

  // Then a slot leads to the tail.
  [[nodiscard]] bool always_synced() const {
    const auto& all = history_.snapshots;
    return std::all_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(bounds_.high) + 1,
                       [](const Snapshot& s) { return s.sync != buffer::SyncMode::kNever; });
  }

  // What recovery says is lost, of what was accepted after the last sync.
  [[nodiscard]] std::string wrong_report(const Snapshot& found) const {
    if (bounds_.lenient || !bounds_.power_cut || seen_.recovery.full_scan) return {};
    // A recovery that was cut short may have written down already what is lost.
    if (low_.numbers_below != low_.found_below) return {};
    const std::uint64_t synced = std::max(low_.numbers_below, evidence_.synced_below);
    for (std::size_t i = 0; i < found.readers.size(); ++i) {
      const ReaderSnapshot& reader = found.readers[i];
      const PointSet had = reader.ahead.within(synced, found.accepted);
      // What it has had is lost for others only.
      if (reader.begin() > synced || (!had.empty() && found.readers.size() > 1)) continue;
      const std::uint64_t lost =
          PointSet(synced, found.accepted).minus(had).minus(seen_.drained[i].points).count();
      if (lost == seen_.recovery.points_lost) continue;
      return fmt::format("recovery reports {} points lost, {} are", seen_.recovery.points_lost,
                         lost);
    }
    return {};
  }

  // The step whose state this is; the latest if there are several.
  [[nodiscard]] const Snapshot* shown_snapshot() const {
    for (std::size_t i = bounds_.high + 1; i > bounds_.ledger_low; --i) {
      if (shows(found_, history_.snapshots[i - 1], history_.lost)) {
        return &history_.snapshots[i - 1];
      }
    }
    return nullptr;
  }

  [[nodiscard]] std::string wrong_reader(const ReaderSnapshot& found, const ReaderSnapshot& shown,
                                         const PointSet& drained) const {
    // Nothing that was done with, nothing that was never accepted.
    const std::uint64_t from = std::min(shown.begin(), found.begin());
    const PointSet allowed =
        PointSet(from, found_.accepted).minus(history_.lost).minus(shown.ahead);
    if (const auto extra = drained.minus(allowed); !extra.empty()) {
      return fmt::format("got {}, of which only {} were pending", extra.text(), allowed.text());
    }
    if (bounds_.lenient) return {};
    // Removed by the step in progress: what comes after may overwrite its backlog at once.
    const ReaderSnapshot* last = high_.reader(found.id);
    if (last == nullptr || last->since_ns != found.since_ns) return {};
    const std::uint64_t in_file = std::max(shown.begin(), last->in_file_from);
    const PointSet required = PointSet(in_file, low_.found_below)
                                  .minus(history_.lost)
                                  .minus(low_.unwritten)
                                  .united(evidence_.whole.within(in_file, UINT64_MAX))
                                  .minus(shown.ahead)
                                  .minus(last->ahead);
    if (const auto missing = required.minus(drained); !missing.empty()) {
      return fmt::format("{} are gone; got {}", missing.text(), drained.text());
    }
    return {};
  }

  // Whoever is still to get a block gets it, or nobody does.
  [[nodiscard]] std::string disagreement(const Snapshot& found) const {
    for (std::size_t i = 1; i < found.readers.size(); ++i) {
      const ReaderSnapshot& one = found.readers.front();
      const ReaderSnapshot& two = found.readers[i];
      const PointSet both = PointSet(std::max(one.begin(), two.begin()), found.accepted)
                                .minus(one.ahead)
                                .minus(two.ahead);
      const PointSet first = both.minus(both.minus(seen_.drained[0].points));
      const PointSet other = both.minus(both.minus(seen_.drained[i].points));
      if (!(first == other)) {
        return fmt::format("readers {} and {} want the same and got {} and {}", one.id, two.id,
                           first.text(), other.text());
      }
    }
    return {};
  }

  // A kill loses what waits in memory and nothing else. Not even what was delivered from memory may
  // look lost: a slot that says so goes in front of the block that shows the gap.
  [[nodiscard]] std::string wrong_after_kill() const {
    // A block cut in half is there by its header, and so is what it has half overwritten.
    if (!history_.lost.empty() || bounds_.torn) return {};
    std::uint64_t in_memory = 0;
    for (std::size_t i = bounds_.low; i <= bounds_.high; ++i) {
      in_memory = std::max(in_memory, history_.snapshots[i].held);
    }
    for (const buffer::ReaderInfo& reader : seen_.emptied.readers) {
      const ReaderSnapshot* before = high_.reader(reader.id);
      if (before == nullptr) continue;
      const std::uint64_t lost = reader.ledger.counters.corrupt - before->counters.corrupt;
      if (lost <= in_memory) continue;
      return fmt::format("reader {}: {} points are lost in a kill, {} were in memory", reader.id,
                         lost, in_memory);
    }
    return bounds_.between_steps ? changed_by_kill() : "";
  }

  // Nothing was under way: everything is as it was. Unless the ledger was in no slot: then it is
  // one of before. And what waited in memory counts as lost.
  [[nodiscard]] std::string changed_by_kill() const {
    if (high_.ledger_unwritten || high_.held > 0) return {};
    for (std::size_t i = 0; i < found_.readers.size(); ++i) {
      const ReaderSnapshot* before = high_.reader(found_.readers[i].id);
      if (before == nullptr || before->in_file_from != before->begin()) continue;
      if (!(before->counters == found_.readers[i].counters)) {
        return fmt::format("a kill changed the ledger:\n    before: {}\n    now: {}", text(high_),
                           text(found_));
      }
    }
    return {};
  }

  const Observation& seen_;
  const History& history_;
  const Bounds& bounds_;
  const Evidence& evidence_;
  const Snapshot& low_;
  const Snapshot& ledger_low_;
  const Snapshot& high_;
  const Snapshot found_;
};

}  // namespace

std::string judge(const Observation& seen, const History& history, const Bounds& bounds,
                  const Evidence& evidence) {
  if (!seen.wrong.empty()) return seen.wrong;
  return Hearing(seen, history, bounds, evidence).verdict();
}

std::string judge_lied_to(const Observation& seen, const History& history, const Bounds& bounds) {
  if (!seen.wrong.empty()) return seen.wrong;
  const std::uint64_t most = history.snapshots[bounds.high].accepted;
  if (seen.opened.point_sequence > most) {
    return fmt::format("{} points accepted, of {} ever", seen.opened.point_sequence, most);
  }
  return {};
}

Snapshot snapshot_of(const buffer::RingInfo& info) {
  Snapshot snapshot;
  snapshot.accepted = snapshot.numbers_below = snapshot.found_below = info.point_sequence;
  snapshot.held = info.held_points;
  for (const auto& reader : info.readers) {
    ReaderSnapshot& one = snapshot.readers.emplace_back();
    one.id = reader.id;
    one.since = info.point_sequence - reader.ledger.accepted;
    one.since_ns = reader.ledger.since_ns;
    one.orphaned_ns = reader.orphaned_ns;
    one.counters = reader.ledger.counters;
    one.not_before = reader.not_before;
    one.in_file_from = one.begin();
  }
  return snapshot;
}

Snapshot snapshot_of(const Observation& seen, const History& history, const Bounds& bounds) {
  return Hearing(seen, history, bounds, {}).found();
}

PointSet lost_in(const Observation& seen, Snapshot found) {
  if (found.readers.empty()) {
    // The newcomer's view.
    found = snapshot_of(seen.emptied);
    found.readers.front().counters = {};
  }
  PointSet lost;
  for (std::size_t i = 0; i < found.readers.size(); ++i) {
    lost = lost.united(PointSet(found.readers[i].begin(), found.accepted)
                           .minus(found.readers[i].ahead)
                           .minus(seen.drained[i].points));
  }
  return lost;
}

}  // namespace holdfast::crash

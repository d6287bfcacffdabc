// From a place in the log to the steps that may, and those that must be visible after a cut there.
#include "tests/crash/history.h"

#include <algorithm>

#include "agent/base/bytes.h"
#include "buffer/format.h"

namespace holdfast::crash {
namespace {

// The step that the cut falls into, or the last one that was done when it falls between two.
std::size_t step_at(const History& history, std::size_t cut) {
  const auto& all = history.snapshots;
  const auto after = std::upper_bound(
      all.begin(), all.end(), cut,
      [](std::size_t position, const Snapshot& snapshot) { return position < snapshot.position; });
  const auto done = static_cast<std::size_t>(after - all.begin()) - 1;
  const bool between = all[done].position == cut || after == all.end();
  return between ? done : done + 1;
}

std::size_t last_done_at(const History& history, std::size_t cut) {
  std::size_t last = 0;
  for (std::size_t i = 0; i < history.snapshots.size(); ++i) {
    if (history.snapshots[i].position <= cut) last = i;
  }
  return last;
}

bool arrived(const test::FileOperation& write, std::size_t size, const Bytes& image) {
  return write.offset + size <= image.size() &&
         std::equal(write.bytes.begin(), write.bytes.begin() + static_cast<std::ptrdiff_t>(size),
                    image.begin() + static_cast<std::ptrdiff_t>(write.offset));
}

}  // namespace

bool ReaderSnapshot::same_but_for_losses(const ReaderSnapshot& other) const {
  const auto& a = counters;
  const auto& b = other.counters;
  return id == other.id && since == other.since && since_ns == other.since_ns &&
         orphaned_ns == other.orphaned_ns && not_before == other.not_before &&
         a.delivered == b.delivered && a.rejected == b.rejected && a.filtered == b.filtered &&
         a.expired == b.expired;
}

void ReaderSnapshot::set_parts(const PointSet& done, std::uint64_t live, std::uint64_t accepted) {
  const std::uint64_t pending = accepted - std::min(accepted, since + counters.total());
  first_pending = done.lowest_of_last(pending, accepted);
  ahead = done;
  live_from = live > begin() ? live : 0;
  in_file_from = begin();
}

const ReaderSnapshot* Snapshot::reader(const std::string& id) const {
  const auto found = std::find_if(readers.begin(), readers.end(),
                                  [&](const ReaderSnapshot& r) { return r.id == id; });
  return found == readers.end() ? nullptr : &*found;
}

const KnownBlock* History::block_at(std::uint64_t first) const {
  const auto found =
      std::lower_bound(blocks.begin(), blocks.end(), first,
                       [](const KnownBlock& b, std::uint64_t number) { return b.first < number; });
  return found == blocks.end() || found->first != first ? nullptr : &*found;
}

const KnownBlock* History::block_of(std::uint64_t point) const {
  const auto after =
      std::upper_bound(blocks.begin(), blocks.end(), point,
                       [](std::uint64_t number, const KnownBlock& b) { return number < b.first; });
  return after == blocks.begin() || std::prev(after)->end() <= point ? nullptr : &*std::prev(after);
}

std::size_t History::last_sync_before(std::size_t cut) const {
  while (cut > 0 && operations[cut - 1].kind != test::FileOperation::Kind::kSync) --cut;
  return cut;
}

const KnownBlock* block_written_by(const test::FileOperation& operation, const History& history) {
  constexpr std::size_t kKind = 4;
  constexpr std::size_t kPointSequence = 16;
  if (operation.kind != test::FileOperation::Kind::kWrite) return nullptr;
  if (operation.offset < buffer::kDataOffset) return nullptr;
  if (operation.bytes[kKind] != std::byte{1}) return nullptr;
  return history.block_at(base::load_le<std::uint64_t>(operation.bytes.data() + kPointSequence));
}

Evidence evidence_in(const Bytes& image, const History& history, std::size_t since,
                     std::size_t cut) {
  Evidence found;
  const std::size_t syncs_end = history.last_sync_before(cut);
  for (std::size_t i = since; i < syncs_end; ++i) {
    if (const KnownBlock* block = block_written_by(history.operations[i], history)) {
      found.synced_below = std::max(found.synced_below, block->end());
      found.whole = found.whole.united(PointSet(block->first, block->end()));
    }
  }
  found.accepted = found.synced_below;
  for (std::size_t i = syncs_end; i < cut; ++i) {
    const auto& operation = history.operations[i];
    const bool is_block = operation.offset >= buffer::kDataOffset;
    if (operation.kind != test::FileOperation::Kind::kWrite) continue;
    if (is_block) {
      const auto* block = block_written_by(operation, history);
      if (block == nullptr || !arrived(operation, buffer::kHeaderSize, image)) continue;
      found.accepted = std::max(found.accepted, block->end());
      if (arrived(operation, operation.bytes.size(), image)) {
        found.whole = found.whole.united(PointSet(block->first, block->end()));
      }
    } else if (arrived(operation, operation.bytes.size(), image)) {
      const Snapshot& before = history.snapshots[last_done_at(history, i)];
      found.accepted = std::max(found.accepted, before.accepted - before.held);
    }
  }
  return found;
}

Bounds bounds_of_power_cut(const History& history, std::size_t cut) {
  Bounds bounds;
  bounds.power_cut = true;
  bounds.high = step_at(history, cut);
  const std::size_t syncs_end = history.last_sync_before(cut);
  for (std::size_t i = 0; i <= bounds.high && syncs_end > 0; ++i) {
    if (history.snapshots[i].durable_at < syncs_end) bounds.low = i;
  }
  for (std::size_t i = bounds.low; i <= bounds.high; ++i) {
    bounds.lenient = bounds.lenient || history.snapshots[i].sync == buffer::SyncMode::kNever;
  }
  if (bounds.lenient) bounds.low = 0;
  // Each sync takes a slot along, and with it the ledger as it is.
  bounds.ledger_low = bounds.low;
  return bounds;
}

Bounds bounds_of_kill(const History& history, std::size_t cut, bool within_next) {
  Bounds bounds;
  bounds.torn = within_next;
  bounds.high = step_at(history, within_next ? cut + 1 : cut);
  // Steps that write nothing share their place with the one before: any of them may show.
  bounds.low = last_done_at(history, cut);
  while (bounds.low > 0 &&
         history.snapshots[bounds.low - 1].position == history.snapshots[bounds.low].position) {
    --bounds.low;
  }
  bounds.ledger_low = bounds.low;
  while (bounds.ledger_low > 0 && history.snapshots[bounds.ledger_low].ledger_unwritten) {
    --bounds.ledger_low;
  }
  bounds.between_steps = !within_next && history.snapshots[bounds.high].position == cut;
  return bounds;
}

void set_clock(test::FakeClock& clock, const Snapshot& snapshot) {
  clock.reboot(snapshot.boot_id);
  clock.advance(snapshot.boot.time_since_epoch());
  clock.set_wall(snapshot.wall);
}

}  // namespace holdfast::crash

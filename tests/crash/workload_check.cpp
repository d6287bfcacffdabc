// The ring compared with the model after each step, and the snapshots that make the history.
#include <algorithm>

#include <fmt/core.h>

#include "tests/crash/judge.h"
#include "tests/crash/workload.h"

namespace holdfast::crash {

void Workload::fail(std::string what) {
  if (wrong_.empty()) wrong_ = std::move(what);
}

void Workload::note(std::string step) {
  const auto info = ring_->info();
  follow_live(info);
  Snapshot snapshot = snapshot_of(info);
  tell_parts(snapshot);
  push(std::move(snapshot), std::move(step));
  compare(info);
}

void Workload::push(Snapshot snapshot, std::string step) {
  const std::size_t position = record_->size();
  snapshot.position = snapshot.durable_at = position;
  if (!history_.snapshots.empty()) follow_file(snapshot);
  const bool durable = position > 0 && record_->synced() == position;
  // A step that only memory knows of shares its place with one that is durable.
  if (durable && !snapshot.ledger_unwritten) snapshot.durable_at = position - 1;
  snapshot.sync = options_.sync;
  snapshot.step = std::move(step);
  snapshot.wall = clock_.wall();
  snapshot.boot = clock_.boot();
  snapshot.boot_id = clock_.boot_id();
  snapshot.lived = lived_;
  history_.snapshots.push_back(std::move(snapshot));
}

// What of this snapshot is in the file, or was at some time.
void Workload::follow_file(Snapshot& snapshot) {
  const Snapshot& before = history_.snapshots.back();
  snapshot.unwritten = before.unwritten;
  if (!reopened_) snapshot.unwritten.add(before.accepted, snapshot.accepted);
  snapshot.numbers_below = before.numbers_below;
  bool slot_written = false;
  for (const auto& operation : record_->operations_since(followed_)) {
    ++followed_;
    using Kind = test::FileOperation::Kind;
    if (operation.kind == Kind::kFailedSync) ++trouble_.failed_syncs;
    if (operation.kind != Kind::kWrite) continue;
    std::uint64_t numbers = 0;
    if (const KnownBlock* block = block_written_by(operation, history_)) {
      numbers = block->end();
      snapshot.unwritten = snapshot.unwritten.minus(PointSet(block->first, block->end()));
    } else if (operation.offset == buffer::kSlotOffsets[0] ||
               operation.offset == buffer::kSlotOffsets[1]) {
      numbers = before.accepted - before.held;
      slot_written = true;
    }
    snapshot.numbers_below = std::max(snapshot.numbers_below, numbers);
  }
  if (reopened_) snapshot.numbers_below = snapshot.accepted;
  snapshot.found_below = snapshot.numbers_below;
  if (slot_written && device_works_ && flights_.empty()) moved_in_vain_ = false;
  snapshot.ledger_unwritten = ledger_unwritten(snapshot, slot_written);
  snapshot.trouble = trouble_;
}

bool Workload::ledger_unwritten(const Snapshot& now, bool slot_written) const {
  if (reopened_) return false;
  const Snapshot& before = history_.snapshots.back();
  bool changed = now.readers.size() != before.readers.size();
  bool losses = false;
  for (std::size_t i = 0; i < now.readers.size() && !changed; ++i) {
    const std::uint64_t live = now.readers[i].live_from;
    changed = !now.readers[i].same_but_for_losses(before.readers[i]) ||
              (live > 0 && live != before.readers[i].live_from);
    losses = losses || !(now.readers[i].counters == before.readers[i].counters);
  }
  // Recovery works out again what overflowed; but not if the block was never written.
  if (losses && moved_in_vain_) return true;
  if (slot_written) return false;
  return changed || before.ledger_unwritten;
}

// What a call promised to make durable must have been synced, since the log was so long.
void Workload::require_sync_since(std::size_t position) {
  if (record_->synced() <= position) fail("nothing was synced");
}

// What a call promised to have in the file at once, so that a kill does not take it back.
void Workload::require_slot_since(std::size_t position) {
  if (!device_works_ || degraded()) return;
  const auto operations = record_->operations_since(position);
  const bool written =
      std::any_of(operations.begin(), operations.end(), [](const test::FileOperation& operation) {
        return operation.kind == test::FileOperation::Kind::kWrite &&
               (operation.offset == buffer::kSlotOffsets[0] ||
                operation.offset == buffer::kSlotOffsets[1]);
      });
  if (!written) fail("no slot was written");
}

void Workload::require_all_synced() {
  if (record_->synced() != record_->size()) fail("something was written after the last sync");
}

void Workload::require_bound_on_unsynced() {
  if (options_.sync != buffer::SyncMode::kInterval || ring_->info().degraded) return;
  const auto written = record_->operations_since(record_->size() - 1);
  if (written.front().offset < buffer::kDataOffset) return;
  std::uint64_t limit = buffer::data_size_of(options_.size) / 4;
  if (options_.unsynced_limit > 0) limit = std::min(limit, options_.unsynced_limit);
  const std::uint64_t unsynced = record_->unsynced_bytes(buffer::kDataOffset);
  if (unsynced > limit) {
    fail(fmt::format("{} bytes were unsynced before another block was written, at most {} may be",
                     unsynced, limit));
  }
}

// The model of a ring that others have used: what is pending is what is not lost.
void Workload::adopt(const Snapshot& found) {
  model_.accepted = found.found_below;
  for (const ReaderSnapshot& reader : found.readers) {
    test::ModelReader& model = model_.readers[reader.id];
    model.since = reader.since;
    model.counters = reader.counters;
    model.pending = pending_from(reader.begin(), reader.ahead);
    parts_[reader.id] = {reader.ahead, reader.live_from, buffer::kMaxRanges - 1};
  }
}

void Workload::compare(const buffer::RingInfo& info) {
  if (auto wrong = wrong_ledger(info); !wrong.empty()) return fail(std::move(wrong));
  if (info.point_sequence != model_.accepted) {
    return fail(
        fmt::format("{} points accepted, {} appended", info.point_sequence, model_.accepted));
  }
  if (info.readers.size() != model_.readers.size()) {
    return fail(
        fmt::format("{} readers instead of {}", info.readers.size(), model_.readers.size()));
  }
  for (const auto& reader : info.readers) {
    const auto model = model_.readers.find(reader.id);
    if (model == model_.readers.end()) return fail("unknown reader " + reader.id);
    compare_reader(reader, model->second);
  }
}

// The model takes the ring's word for how much overflowed: what is handed out later proves it.
void Workload::compare_reader(const buffer::ReaderInfo& reader, test::ModelReader& model) {
  const ReaderSnapshot& place = *history_.snapshots.back().reader(reader.id);
  const auto& now = reader.ledger.counters;
  auto& was = model.counters;
  if (now.delivered != was.delivered || now.rejected != was.rejected ||
      now.filtered != was.filtered || now.expired != was.expired) {
    return fail(fmt::format("{}: {} delivered, {} rejected, {} filtered instead of {}, {}, {}",
                            reader.id, now.delivered, now.rejected, now.filtered, was.delivered,
                            was.rejected, was.filtered));
  }
  if (now.overflow < was.overflow || now.corrupt < was.corrupt) {
    // A kill may forget that a reader has stepped over what is lost: it will be counted again.
    if (!reopened_ || history_.lost.empty()) return fail(reader.id + ": a counter fell");
    was.overflow = std::min(was.overflow, now.overflow);
    was.corrupt = std::min(was.corrupt, now.corrupt);
  }
  const std::uint64_t begin = place.begin();
  std::uint64_t gone = 0;
  while (!model.pending.empty() && model.pending.front() < begin) {
    model.pending.pop_front();
    ++gone;
  }
  const bool refuses = options_.overflow == buffer::Overflow::kRefuseNew;
  if (refuses && attached_.contains(reader.id) && now.overflow > was.overflow) {
    return fail(fmt::format("{}: {} points dropped from a ring that refuses new ones", reader.id,
                            now.overflow - was.overflow));
  }
  if (gone > now.overflow - was.overflow) {
    return fail(fmt::format("{}: {} pending points are gone, {} booked as overflow, {} as corrupt",
                            reader.id, gone, now.overflow - was.overflow,
                            now.corrupt - was.corrupt));
  }
  if (place.since != model.since) return fail(reader.id + ": it counts from elsewhere");
  if (pending_from(begin, place.ahead) != model.pending)
    return fail(reader.id + ": its place is wrong");
  if (history_.lost.empty() && now.corrupt != was.corrupt)
    return fail(reader.id + ": damage out of nowhere");
  was.overflow = now.overflow;
  was.corrupt = now.corrupt;
}

History Workload::take_history() {
  history_.operations = record_->operations();
  return std::move(history_);
}

}  // namespace holdfast::crash

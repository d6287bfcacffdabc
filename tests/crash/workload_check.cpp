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
  push(snapshot_of(info), std::move(step));
  compare(info);
}

void Workload::push(Snapshot snapshot, std::string step) {
  const std::size_t position = record_->size();
  snapshot.position = snapshot.durable_at = position;
  if (position > 0 && record_->synced() == position) snapshot.durable_at = position - 1;
  snapshot.sync = options_.sync;
  snapshot.step = std::move(step);
  snapshot.wall = clock_.wall();
  snapshot.boot = clock_.boot();
  snapshot.boot_id = clock_.boot_id();
  history_.snapshots.push_back(std::move(snapshot));
}

// What a call promised to make durable must have been synced, since the log was so long.
void Workload::require_sync_since(std::size_t position) {
  if (record_->synced() <= position) fail("nothing was synced");
}

void Workload::require_all_synced() {
  if (record_->synced() != record_->size()) fail("something was written after the last sync");
}

void Workload::require_bound_on_unsynced() {
  if (options_.sync != buffer::SyncMode::kInterval) return;
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
    model.pending = pending_from(reader.begin());
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
  const std::uint64_t begin = model.since + now.total();
  std::uint64_t gone = 0;
  while (!model.pending.empty() && model.pending.front() < begin) {
    model.pending.pop_front();
    ++gone;
  }
  if (gone > now.overflow - was.overflow) {
    return fail(fmt::format("{}: {} pending points are gone, {} booked as overflow, {} as corrupt",
                            reader.id, gone, now.overflow - was.overflow,
                            now.corrupt - was.corrupt));
  }
  if (pending_from(begin) != model.pending) return fail(reader.id + ": its place is wrong");
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

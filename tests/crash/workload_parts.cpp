// Readers that take what is fresh first: a backlog set apart, and points that grow too old.
#include <algorithm>
#include <chrono>

#include <fmt/core.h>

#include "tests/crash/judge.h"
#include "tests/crash/workload.h"

namespace holdfast::crash {
namespace {

using buffer::Part;

// The ring has room for so many backlogs beside the live part.
constexpr unsigned kMostApart = buffer::kMaxRanges - 1;

std::int64_t seconds(base::Duration age) {
  return std::chrono::duration_cast<std::chrono::seconds>(age).count();
}

}  // namespace

Part Workload::draw_part(const std::string& id) {
  if (!plan_.live_first.contains(id)) return Part::kOldest;
  return random_.below(5) < 3 ? Part::kLive : Part::kOldest;
}

void Workload::set_backlog_apart() {
  const std::string id = any_reader();
  if (!plan_.live_first.contains(id) || flights_.contains(id)) return;
  const Snapshot& before = history_.snapshots.back();
  const std::uint64_t in_file = before.accepted - before.held;
  const bool something = before.reader(id)->live() < in_file;
  Parts& parts = parts_.at(id);
  const bool room = parts.most_apart < kMostApart;
  const std::size_t position = record_->size();
  const bool done = ring_->set_apart(attached_.at(id));
  if (done) {
    parts.live_from = in_file;
    ++parts.most_apart;
  }
  note(done ? fmt::format("set the backlog of {} apart", id)
            : fmt::format("{} has nothing to set apart", id));
  if (done) require_slot_since(position);
  if (done && !something) fail("a backlog of nothing was set apart");
  if (!done && something && room) fail(id + ": its backlog was not set apart");
}

// In place of an answer: what is in flight is to be tried again after what follows it.
void Workload::set_flight_apart(const std::string& id) {
  const Flight flight = std::move(flights_.at(id));
  flights_.erase(id);
  const std::uint64_t overflow = overflow_of(id);
  const std::size_t position = record_->size();
  const bool done = ring_->set_flight_apart(attached_.at(id));
  Snapshot now = snapshot_of(ring_->info());
  tell_parts(now);
  Parts& parts = parts_.at(id);
  const bool of_live = flight.part == Part::kLive || now.reader(id)->live_from == 0;
  const bool room = parts.most_apart < kMostApart;
  if (done) {
    if (of_live) parts.live_from = flight.end();
    ++parts.most_apart;
  }
  note(fmt::format("set what {} has in flight apart{}", id, done ? "" : ": cannot be"));
  if (done) require_slot_since(position);
  if (!wrong_.empty()) return;
  const bool follows = of_live && flight.end() < model_.accepted && !flight.in_memory;
  const bool there = overflow_of(id) == overflow;
  if (!done && follows && there && room) fail(id + ": its flight was not set apart");
  if (done && of_live && flight.end() >= model_.accepted) fail("set apart from nothing");
  land(id, flight, overflow);
}

Workload::Numbers::iterator Workload::first_of(const std::string& id, Part part) {
  auto& pending = model_.readers.at(id).pending;
  if (part == Part::kOldest) return pending.begin();
  const std::uint64_t live = history_.snapshots.back().reader(id)->live();
  return std::lower_bound(pending.begin(), pending.end(), live);
}

void Workload::book_ahead(const std::string& id, Numbers::const_iterator first,
                          Numbers::const_iterator end) {
  PointSet done;
  for (; first != end; ++first) done.add(*first, *first + 1);
  parts_.at(id).ahead = parts_.at(id).ahead.united(done);
}

void Workload::book_done(const std::string& id, const Flight& flight, std::uint64_t points,
                         const buffer::Outcome& outcome) {
  test::ModelReader& reader = model_.readers.at(id);
  const buffer::ReadBlock& block = flight.batch.blocks.front();
  const auto first = std::lower_bound(reader.pending.begin(), reader.pending.end(),
                                      block.point_sequence + block.skip_points);
  const auto end = first + static_cast<std::ptrdiff_t>(points);
  if (flight.past_backlog) book_ahead(id, first, end);
  reader.pending.erase(first, end);
  reader.counters.rejected += outcome.rejected;
  reader.counters.filtered += outcome.filtered;
  reader.counters.delivered += points - outcome.rejected - outcome.filtered;
}

// The model takes the ring's word for how far it has passed over what expired: all of that must
// have been too old. What is lost there may be booked as either, for the ring does not look into a
// block that is too old.
void Workload::book_expired(const std::string& id, Part part) {
  if (options_.max_age == base::Duration::zero()) return;
  test::ModelReader& reader = model_.readers.at(id);
  const PointSet& ahead = parts_.at(id).ahead;
  const ReaderSnapshot& was = *history_.snapshots.back().reader(id);
  const bool past_backlog = part == Part::kLive && was.live_from > 0;
  const buffer::RingInfo info = ring_->info();
  ReaderSnapshot now = *snapshot_of(info).reader(id);
  now.set_parts(ahead, was.live_from, info.point_sequence);
  const std::uint64_t from = past_backlog ? was.live_from : was.begin();
  const std::uint64_t to =
      past_backlog ? info.point_sequence - ring_->pending_points(attached_.at(id), Part::kLive)
                   : now.begin();
  const auto first = first_of(id, part);
  const auto end = std::lower_bound(first, reader.pending.end(), to);
  const auto passed = static_cast<std::uint64_t>(end - first);
  const std::uint64_t lost = history_.lost.within(from, to).minus(ahead).count();
  const std::uint64_t expired = now.counters.expired - reader.counters.expired;
  if (expired < passed || expired > passed + lost) {
    return fail(fmt::format("{}: {} points expired, {} were passed over and {} are lost there", id,
                            expired, passed, lost));
  }
  for (auto number = first; number != end; ++number) {
    const KnownBlock* block = history_.block_of(*number);
    if (block != nullptr && lived_ - block->stored > options_.max_age) continue;
    return fail(fmt::format("{}: point {} expired before its time", id, *number));
  }
  if (past_backlog) book_ahead(id, first, end);
  reader.pending.erase(first, end);
  reader.counters.expired = now.counters.expired;
}

// Blocks of before a boot or a step of the clock may be taken for younger than they are.
std::string Workload::wrong_age(const buffer::ReadBatch& batch) const {
  if (options_.max_age == base::Duration::zero()) return {};
  const KnownBlock* block = history_.block_at(batch.blocks.front().point_sequence);
  const base::Duration age = lived_ - block->stored;
  if (block->stored <= calm_since_ || age <= options_.max_age) return {};
  return fmt::format("the block at point {} was handed out at the age of {} s", block->first,
                     seconds(age));
}

// The model takes the ring's word for how far a reader has got in its live part. What it has passed
// over there must be just what it has done with, or what is lost: the comparison shows.
void Workload::follow_live(const buffer::RingInfo& info) {
  for (const auto& [id, reader] : attached_) {
    if (!parts_.contains(id)) continue;
    Parts& parts = parts_.at(id);
    const std::uint64_t live = info.point_sequence - ring_->pending_points(reader, Part::kLive);
    if (live < parts.live_from) {
      return fail(
          fmt::format("{}: its live part begins at {} instead of {}", id, live, parts.live_from));
    }
    const PointSet ahead = parts.ahead.united(PointSet(parts.live_from, live));
    ReaderSnapshot now = *snapshot_of(info).reader(id);
    now.set_parts(ahead, live, info.point_sequence);
    // Else the backlog is gone, and the writer may have taken some of the live part with it.
    if (parts.live_from > 0 && now.live_from > 0) parts.ahead = ahead;
    parts.live_from = live;
  }
}

void Workload::tell_parts(Snapshot& snapshot) {
  for (ReaderSnapshot& reader : snapshot.readers) {
    const auto known = parts_.find(reader.id);
    if (known == parts_.end()) continue;
    Parts& parts = known->second;
    reader.set_parts(parts.ahead, parts.live_from, snapshot.accepted);
    parts.live_from = reader.live_from;
    if (parts.live_from == 0) parts.most_apart = 0;
  }
}

// A reader that the ring did not know starts as the one furthest behind stands.
void Workload::expect_newcomer(const std::string& id) {
  Snapshot now = snapshot_of(ring_->info());
  tell_parts(now);
  const ReaderSnapshot* found = now.reader(id);
  if (found == nullptr) return fail(id + " is attached and not there");
  ReaderSnapshot fresh = *found;
  Parts parts;
  bool good = now.readers.size() == 1;
  for (const ReaderSnapshot& other : now.readers) {
    if (good || other.id == id) continue;
    parts = parts_.at(other.id);
    fresh.set_parts(other.ahead,
                    now.accepted - ring_->pending_points(attached_.at(id), Part::kLive),
                    now.accepted);
    good = takes_after(other, fresh, now);
  }
  if (!good) {
    const std::uint64_t pending = now.accepted - fresh.since;
    return fail(fmt::format("{} starts with {} points pending, live from {}: like nobody else", id,
                            pending, fresh.live()));
  }
  parts_[id] = {fresh.ahead, fresh.live_from, parts.most_apart};
  test::ModelReader& model = model_.readers[id];
  model.since = fresh.since;
  model.pending = pending_from(fresh.begin(), fresh.ahead);
}

// What is in flight may have been overtaken: then the newcomer does not get it.
bool Workload::takes_after(const ReaderSnapshot& other, const ReaderSnapshot& fresh,
                           const Snapshot& now) const {
  if (fresh.live() != std::max(other.live(), fresh.begin())) return false;
  if (!flights_.empty()) return fresh.begin() >= other.begin();
  return fresh.begin() == other.begin() &&
         std::all_of(now.readers.begin(), now.readers.end(), [&](const ReaderSnapshot& any) {
           return any.id == fresh.id || any.begin() >= other.begin();
         });
}

}  // namespace holdfast::crash

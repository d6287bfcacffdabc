// The operations of a workload.
#include "tests/crash/workload.h"

#include <algorithm>

#include <fmt/core.h>

#include "tests/crash/judge.h"

namespace holdfast::crash {

using buffer::SyncMode;

const std::vector<Workload::Action>& Workload::actions() {
  static const std::vector<Action> table{
      {24, &Workload::append},
      {2, &Workload::burst},
      {10, &Workload::read_and_resolve},
      {3, &Workload::read_and_hold},
      {3, &Workload::resolve_held},
      {8, &Workload::sync},
      {2, &Workload::announce_wait},
      {6, &Workload::set_backlog_apart, &Workload::sets_apart},
      {2, &Workload::attach_somebody},
      {2, &Workload::settle},
      {2, &Workload::close_and_reopen},
      {3, &Workload::kill_and_reopen},
      {4, &Workload::pass_time},
      {1, &Workload::jump_wall},
      {10, &Workload::tend, &Workload::may_hold},
      {20, &Workload::tend, &Workload::degraded},
      {4, &Workload::break_device, &Workload::device_may_break},
      {14, &Workload::mend, &Workload::device_is_broken},
  };
  return table;
}

Workload::Workload(std::uint64_t seed, Plan plan, Start start)
    : plan_(std::move(plan)),
      options_(plan_.options),
      random_(seed),
      record_(std::make_shared<test::FileRecord>(start.image)),
      next_shapes_(std::move(start.shapes)) {
  history_.seed = seed;
  history_.level = start.level;
  history_.options = plan_.options;
  history_.base = std::move(start.image);
  history_.blocks = std::move(start.blocks);
  history_.lost = std::move(start.lost);
  if (start.level > 1) set_clock(clock_, start.first);
  lived_ = start.first.lived;
  // With `never` the ring keeps nothing that it could write again.
  plan_.forgets = plan_.forgets && options_.sync == SyncMode::kInterval;
  if (plan_.forgets) record_->forget_on_failed_sync();
  adopt(start.first);
  push(start.first, "before");
  history_.snapshots.back().sync = start.first.sync;
}

bool Workload::run(unsigned steps) {
  open();
  claim();
  for (unsigned i = 0; i < steps && wrong_.empty(); ++i) step();
  while (wrong_.empty() && !flights_.empty()) resolve_held();
  return wrong_.empty();
}

void Workload::step() {
  const auto weight = [this](const Action& action) {
    const bool possible = action.possible == nullptr || (this->*action.possible)();
    return possible ? action.weight : 0U;
  };
  std::uint64_t sum = 0;
  for (const Action& action : actions()) sum += weight(action);
  std::uint64_t drawn = random_.below(sum);
  for (const Action& action : actions()) {
    if (drawn < weight(action)) {
      (this->*action.run)();
      return;
    }
    drawn -= weight(action);
  }
}

void Workload::append() {
  Shape shape = plan_.shapes[random_.below(plan_.shapes.size())];
  if (!next_shapes_.empty()) {
    shape = next_shapes_.front();
    next_shapes_.pop_front();
  }
  const bool gathered = plan_.gathered > 0 && random_.below(100) < plan_.gathered;
  append(shape, gathered ? buffer::Origin::kGathered : buffer::Origin::kReceived);
}

void Workload::append(const Shape& shape, buffer::Origin origin) {
  KnownBlock known = make_block(history_.level, model_.accepted, shape);
  known.stored = lived_;
  history_.blocks.push_back(known);
  const buffer::RingInfo before = ring_->info();
  buffer::Block block = *known.block;
  const auto stored = ring_->append(block, origin);
  may_overtake();
  if (!stored) {
    history_.blocks.pop_back();
    return refused({known, block, origin, stored.error(), before});
  }
  model_.append(shape.points);
  note(fmt::format("append {} {} points",
                   origin == buffer::Origin::kGathered ? "gathered" : "received", shape.points));
  check_taken(origin, before);
  require_bound_on_unsynced();
}

// A block is written by the present step.
void Workload::may_overtake() {
  for (auto& [id, flight] : flights_) {
    flight.appended_at = std::min(flight.appended_at, history_.snapshots.size());
  }
}

void Workload::burst() {
  for (std::uint64_t i = 2 + random_.below(12); i > 0 && wrong_.empty(); --i) append();
}

std::string Workload::any_reader() {
  return std::next(attached_.begin(), static_cast<std::ptrdiff_t>(random_.below(attached_.size())))
      ->first;
}

bool Workload::read(const std::string& id, buffer::Part part) {
  buffer::ReadLimits limits;
  limits.max_points = 1 + random_.below(60);
  const bool past_backlog =
      part == buffer::Part::kLive && history_.snapshots.back().reader(id)->live_from > 0;
  auto batch = ring_->read(attached_.at(id), limits, random_.below(12), part);
  book_expired(id, part);
  note(part == buffer::Part::kLive ? fmt::format("read {}, live", id) : "read " + id);
  if (!wrong_.empty()) return false;
  auto expected = first_of(id, part);
  const auto end = model_.readers.at(id).pending.end();
  if (!batch) {
    // What was forgotten has to be written again before it can be read.
    if (plan_.forgets && degraded()) return false;
    fail("reading failed: " + batch.error().message);
    return false;
  }
  if (batch->blocks.empty()) {
    if (expected != end) fail(fmt::format("{} got nothing, {} are pending", id, end - expected));
    return false;
  }
  auto wrong = wrong_with(*batch, {&history_.blocks});
  if (wrong.empty()) wrong = wrong_age(*batch);
  if (!wrong.empty()) {
    fail(std::move(wrong));
    return false;
  }
  for (const buffer::ReadBlock& block : batch->blocks) {
    for (std::uint64_t i = block.skip_points; i < block.points; ++i) {
      if (expected == end || *expected++ != block.point_sequence + i) {
        fail(fmt::format("{} got point {} out of turn", id, block.point_sequence + i));
        return false;
      }
    }
  }
  const bool in_memory = history_.snapshots.back().held > 0;
  flights_[id] = Flight{std::move(*batch), part, past_backlog, in_memory};
  return true;
}

void Workload::read_and_resolve() {
  const std::string id = any_reader();
  if (!flights_.contains(id) && !read(id, draw_part(id))) return;
  resolve(id);
}

void Workload::read_and_hold() {
  const std::string id = any_reader();
  if (!flights_.contains(id)) (void)read(id, draw_part(id));
}

void Workload::resolve_held() {
  if (!flights_.empty()) resolve(flights_.begin()->first);
}

// By value: the name may belong to the flight that ends here.
void Workload::resolve(std::string id) {
  if (plan_.live_first.contains(id) && random_.below(8) == 0) return set_flight_apart(id);
  if (random_.below(6) == 0) {
    const Flight flight = std::move(flights_.at(id));
    flights_.erase(id);
    const std::uint64_t overflow = overflow_of(id);
    ring_->release(attached_.at(id));
    note("release " + id);
    return land(id, flight, overflow);
  }
  const std::uint64_t all = flights_.at(id).batch.points;
  const std::uint64_t done = random_.below(3) == 0 ? random_.below(all + 1) : all;
  buffer::Outcome outcome;
  if (random_.below(4) == 0) outcome.rejected = random_.below(done + 1);
  if (random_.below(4) == 0) outcome.filtered = random_.below(done - outcome.rejected + 1);
  acknowledge(std::move(id), done, outcome);
}

void Workload::acknowledge(std::string id, std::uint64_t points, const buffer::Outcome& outcome) {
  const Flight flight = std::move(flights_.at(id));
  flights_.erase(id);
  const std::uint64_t overflow = overflow_of(id);
  const std::size_t position = record_->size();
  ring_->acknowledge(attached_.at(id), points, outcome);
  book_done(id, flight, points, outcome);
  note(fmt::format("acknowledge {} of {}{} for {}", points, flight.batch.points,
                   flight.part == buffer::Part::kLive ? ", live," : "", id));
  if (!flight.in_memory) require_slot_since(position);
  land(id, flight, overflow);
}

std::uint64_t Workload::overflow_of(const std::string& id) const {
  return model_.readers.at(id).counters.overflow;
}

void Workload::land(const std::string& id, const Flight& flight, std::uint64_t overflow_before) {
  if (!wrong_.empty() || flight.appended_at == SIZE_MAX) return;
  // A backlog goes before what is behind it.
  std::uint64_t in_file_from = flight.past_backlog ? 0 : flight.end();
  const ReaderSnapshot* now = history_.snapshots.back().reader(id);
  if (overflow_of(id) > overflow_before) in_file_from = std::max(in_file_from, now->begin());
  for (std::size_t i = flight.appended_at; i + 1 < history_.snapshots.size(); ++i) {
    for (ReaderSnapshot& reader : history_.snapshots[i].readers) {
      if (reader.id == id) reader.in_file_from = std::max(reader.in_file_from, in_file_from);
    }
  }
}

void Workload::sync() {
  const bool even_if_idle = random_.below(3) == 0;
  const std::size_t before = record_->size();
  const auto done = ring_->sync(even_if_idle);
  if (!done && device_works_) return fail(done.error().message);
  note(!done ? "failed sync" : *done ? "sync" : "no sync");
  if (done && *done) require_sync_since(before);
}

void Workload::announce_wait() {
  const std::string id = any_reader();
  buffer::NotBefore wait;
  wait.wall_ns = clock_.wall_ns() + static_cast<std::int64_t>(random_.below(1'000'000));
  wait.remaining_ns = static_cast<std::int64_t>(random_.below(1'000'000));
  ring_->set_not_before(attached_.at(id), wait);
  note("announce a wait of " + id);
}

void Workload::attach_somebody() { attach(fmt::format("r{}", random_.below(plan_.most_readers))); }

void Workload::attach(const std::string& id) {
  if (attached_.contains(id)) return;
  const auto reader = ring_->attach(id);
  if (!reader) return fail(reader.error().message);
  attached_[id] = *reader;
  if (!model_.readers.contains(id)) {
    expect_newcomer(id);
  }
  if (wrong_.empty()) note("attach " + id);
}

Workload::Numbers Workload::pending_from(std::uint64_t number, const PointSet& ahead) const {
  std::deque<std::uint64_t> pending;
  const PointSet there = PointSet(number, model_.accepted).minus(history_.lost).minus(ahead);
  for (const Stretch& stretch : there.stretches()) {
    for (std::uint64_t i = stretch.first; i < stretch.end; ++i) pending.push_back(i);
  }
  return pending;
}

void Workload::settle() {
  const base::Duration keep =
      random_.below(2) == 0 ? base::Duration::zero() : std::chrono::hours(1);
  const auto kept = ring_->settle_orphans(keep);
  for (auto reader = model_.readers.begin(); reader != model_.readers.end();) {
    const bool there = attached_.contains(reader->first) ||
                       std::find(kept.begin(), kept.end(), reader->first) != kept.end();
    if (!there) parts_.erase(reader->first);
    reader = there ? std::next(reader) : model_.readers.erase(reader);
  }
  note("settle orphans");
}

void Workload::close_and_reopen() {
  mend();
  // What a device that failed left in memory may have no room in the file: that is another story.
  const bool may_not_fit = options_.overflow == buffer::Overflow::kRefuseNew;
  if (may_not_fit && history_.snapshots.back().held > 0) return;
  if (auto closed = ring_->close(); !closed) return fail(closed.error().message);
  may_overtake();
  Snapshot closed_with = snapshot_of(ring_->info());
  tell_parts(closed_with);
  push(std::move(closed_with), "close");
  require_all_synced();
  if (random_.below(3) == 0) clock_.reboot(fmt::format("boot-{}", random_.below(1000)));
  reopen();
}

// Not while something waits in memory: its numbers would be given out again. And not while only
// memory knows what was delivered from there: it would come again, rightly. Both are judged at the
// cuts of the history.
void Workload::kill_and_reopen() {
  if (!device_works_ || history_.snapshots.back().held > 0 || ring_->info().degraded) return;
  if (history_.snapshots.back().ledger_unwritten) {
    if (auto synced = ring_->sync(true); !synced) return fail(synced.error().message);
    note("sync");
  }
  reopen();
}

void Workload::reopen() {
  ring_.reset();
  if (plan_.changes_sync && random_.below(3) == 0) {
    options_.sync = options_.sync == SyncMode::kNever ? SyncMode::kInterval : SyncMode::kNever;
  }
  std::map<std::string, std::uint64_t> overflow;
  for (const auto& [id, flight] : flights_) overflow[id] = overflow_of(id);
  open();
  for (const auto& [id, flight] : flights_) {
    if (wrong_.empty()) land(id, flight, overflow.at(id));
  }
  flights_.clear();
  claim();
}

// The first one is always claimed: there is never a ring without a reader.
void Workload::claim() {
  if (wrong_.empty() && model_.readers.empty()) attach("r0");
  std::vector<std::string> claimed;
  for (const auto& [id, reader] : model_.readers) {
    if (claimed.empty() || random_.below(4) != 0) claimed.push_back(id);
  }
  for (const std::string& id : claimed) {
    if (wrong_.empty()) attach(id);
  }
}

void Workload::open() {
  attached_.clear();
  auto ring = buffer::Ring::open(test::RecordingFile::reopen(record_), options_, clock_,
                                 base::Random(history_.seed));
  if (!ring) return fail("it does not open: " + ring.error().message);
  ring_ = std::move(*ring);
  if (plan_.says_busy) ring_->on_sync_wanted([] {});
  reopened_ = true;
  calm_since_ = lived_;
  note("open");
  require_all_synced();
  reopened_ = false;
}

void Workload::pass_time() { advance_clock(std::chrono::seconds(1 + random_.below(90))); }

void Workload::advance_clock(base::Duration by) {
  clock_.advance(by);
  lived_ += by;
}

void Workload::jump_wall() {
  clock_.step_wall(std::chrono::hours(static_cast<int>(random_.below(48)) - 24));
  calm_since_ = lived_;
}

}  // namespace holdfast::crash

// Readers come and go, and what they hold.
#include <algorithm>
#include <cassert>

#include "buffer/ring_file.h"

namespace holdfast::buffer {

base::Result<ReaderId> RingFile::attach(std::string_view id) {
  if (id.empty() || id.size() > kMaxReaderId) {
    return base::fail(base::ErrorCode::kInvalid, "reader name `{}` has {} bytes, expected 1 to {}",
                      id, id.size(), kMaxReaderId);
  }
  std::size_t index = 0;
  std::string given_up;
  {
    const std::lock_guard lock(mutex_);
    const auto known = std::find_if(readers_.begin(), readers_.end(), [&](const Reader& r) {
      return !r.removed && r.state.id == id;
    });
    index = static_cast<std::size_t>(known - readers_.begin());
    if (known == readers_.end()) {
      Reader fresh = new_reader(id);
      const auto place =
          std::find_if(readers_.begin(), readers_.end(), [](const Reader& r) { return r.removed; });
      index = static_cast<std::size_t>(place - readers_.begin());
      if (index == kMaxReaders) {
        const auto orphan = longest_orphan();
        if (!orphan) {
          return base::fail(base::ErrorCode::kBusy, "the ring holds {} readers, no room for `{}`",
                            kMaxReaders, id);
        }
        given_up = readers_[*orphan].state.id;
        readers_[*orphan] = std::move(fresh);
        index = *orphan;
      } else if (place == readers_.end()) {
        readers_.push_back(std::move(fresh));
      } else {
        *place = std::move(fresh);
      }
    }
    readers_[index].attached = true;
    readers_[index].state.orphaned_ns = 0;
  }
  if (!given_up.empty()) {
    logger_.error("no room for another reader: the orphan {} and its backlog are given up",
                  given_up);
  }
  if (trouble()) return index;
  if (auto written = write_slot(false); !written) degrade(written.error());
  return index;
}

void RingFile::detach(ReaderId id) {
  const std::lock_guard lock(mutex_);
  assert(!readers_[id].in_flight);
  readers_[id].attached = false;
}

void RingFile::set_max_age(base::Duration max_age) {
  const std::lock_guard lock(mutex_);
  options_.max_age = max_age;
}

// It starts where the reader furthest behind stands: at what is still pending for anyone.
RingFile::Reader RingFile::new_reader(std::string_view id) const {
  Mark begin = has_readers() ? held_mark(accepted_) : oldest_;
  const Reader* furthest = nullptr;
  for (const Reader& other : readers_) {
    if (other.removed || !other.wanted().before(begin)) continue;
    begin = other.wanted();
    furthest = &other;
  }
  Reader reader;
  reader.state.id = id;
  reader.state.since_ns = clock_.wall_ns();
  if (furthest != nullptr) {
    reader.state.ranges = furthest->state.ranges;
    (void)advance(reader.state, begin);
  } else {
    reader.state.ranges.push_back({begin, Range{}.end});
  }
  reader.state.since_points = accepted_ - pending(reader);
  return reader;
}

bool RingFile::has_readers() const {
  return std::any_of(readers_.begin(), readers_.end(), [](const Reader& r) { return !r.removed; });
}

std::optional<ReaderId> RingFile::longest_orphan() const {
  std::optional<ReaderId> longest;
  for (ReaderId i = 0; i < readers_.size(); ++i) {
    const Reader& reader = readers_[i];
    if (reader.attached || reader.removed || reader.state.orphaned_ns == 0) continue;
    if (!longest || reader.state.orphaned_ns < readers_[*longest].state.orphaned_ns) longest = i;
  }
  return longest;
}

std::vector<std::string> RingFile::settle_orphans(base::Duration keep) {
  std::vector<std::string> kept;
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t now = clock_.wall_ns();
    for (Reader& reader : readers_) {
      if (reader.attached || reader.removed) continue;
      if (reader.state.orphaned_ns == 0) reader.state.orphaned_ns = now;
      if (now - reader.state.orphaned_ns > keep.count()) {
        // The others keep their index; its place is for the next new reader.
        reader.removed = true;
        oldest_ = reader.wanted();
      } else {
        kept.push_back(reader.state.id);
      }
    }
  }
  write_slot_or_log();
  return kept;
}

std::uint64_t RingFile::pending(const Reader& reader) const {
  return pending_of(reader.state, accepted_);
}

std::uint64_t RingFile::pending_points(ReaderId reader, Part part) const {
  const std::lock_guard lock(mutex_);
  if (part == Part::kOldest) return pending(readers_[reader]);
  const std::uint64_t from = readers_[reader].state.ranges.back().begin.points();
  return accepted_ - std::min(accepted_, from);
}

bool RingFile::set_apart(ReaderId id) {
  {
    const std::lock_guard lock(mutex_);
    Reader& reader = readers_[id];
    assert(!reader.in_flight);
    std::vector<Range>& ranges = reader.state.ranges;
    const Mark here = held_mark(file_points());
    const bool nothing = ranges.back().begin.points() >= here.points();
    if (nothing || ranges.size() == kMaxRanges) return false;
    ranges.back().end = here;
    ranges.push_back({here, Range{}.end});
  }
  write_slot_or_log();
  return true;
}

bool RingFile::set_flight_apart(ReaderId id) {
  bool done = false;
  {
    const std::lock_guard lock(mutex_);
    Reader& reader = readers_[id];
    assert(reader.in_flight);
    const FlightBlock last = reader.flight.back();
    const bool in_file = !last.held;
    const Part part = reader.flight_part;
    finish_flight(reader);
    std::vector<Range>& ranges = reader.state.ranges;
    const auto range = part == Part::kLive ? std::prev(ranges.end()) : ranges.begin();
    const std::uint64_t end = range->is_open() ? accepted_ : range->end.points();
    const bool between = range->begin.before(last.end) && last.end.points() < end;
    done = in_file && between && ranges.size() < kMaxRanges;
    if (done) {
      const Range rest{last.end, range->end};
      range->end = last.end;
      ranges.insert(std::next(range), rest);
    }
  }
  if (done) write_slot_or_log();
  return done;
}

NotBefore RingFile::not_before(ReaderId reader) const {
  const std::lock_guard lock(mutex_);
  return readers_[reader].state.not_before;
}

void RingFile::set_not_before(ReaderId reader, const NotBefore& wait) {
  {
    const std::lock_guard lock(mutex_);
    NotBefore& kept = readers_[reader].state.not_before;
    if (kept == wait) return;
    kept = wait;
    kept.servers.resize(std::min(wait.servers.size(), kMaxServerWaits));
  }
  write_slot_or_log();
}

}  // namespace holdfast::buffer

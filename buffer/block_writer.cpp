// Sharing of blocks. Whoever finds nobody draining does it, outside of the lock; the others leave
// their lines and go: so requests that arrive while a block is compressed share the next one.
#include "buffer/block_writer.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace holdfast::buffer {
namespace {

constexpr std::size_t kSpares = 4;

}  // namespace

struct BlockWriter::Ticket {
  Done done;
  Origin origin = Origin::kReceived;
  std::uint32_t open_pieces = 0;
  std::uint64_t end_points = 0;  // point sequence after the last piece stored
  std::uint64_t not_accepted = 0;
  base::Status status;
};

BlockWriter::BlockWriter(Ring& ring, const base::Clock& clock, const BlockWriterOptions& options)
    : ring_(ring),
      clock_(clock),
      options_(options),
      limits_(options.limits),
      compressor_(options.compression_level, options.compression) {
  gathered_.origin = Origin::kGathered;
  ring_.on_sync_done([this](const SyncDone& done) { synced(done); });
}

BlockWriter::~BlockWriter() { ring_.on_sync_done({}); }

BlockLimits BlockWriter::limits() const {
  const std::lock_guard lock(mutex_);
  return limits_;
}

void BlockWriter::set_limits(const BlockLimits& limits) {
  const std::lock_guard lock(mutex_);
  limits_ = limits;
}

bool BlockWriter::busy() const {
  const std::lock_guard lock(mutex_);
  return draining_ || !waiting_.empty();
}

bool BlockWriter::fits(const Draft& open, const Lines& piece) const {
  return open.lines.size() + piece.bytes.size() <= limits_.raw_bytes &&
         open.points + piece.points <= limits_.points;
}

void BlockWriter::put(Draft& open, const Lines& piece, const std::shared_ptr<Ticket>& ticket) {
  if (open.points > 0 && !fits(open, piece)) close(open);
  if (open.points == 0) {
    open.oldest_ns = piece.oldest_ns;
    open.newest_ns = piece.newest_ns;
  }
  const std::size_t size = open.lines.size() + piece.bytes.size();
  // Most that are this long get full: once, instead of by doubling.
  if (size > open.lines.capacity() && size > limits_.raw_bytes / 8) {
    open.lines.reserve(std::max(size, limits_.raw_bytes));
  }
  open.lines.append(piece.bytes);
  open.points += piece.points;
  open.oldest_ns = std::min(open.oldest_ns, piece.oldest_ns);
  open.newest_ns = std::max(open.newest_ns, piece.newest_ns);
  open.shares.push_back({ticket, piece.points});
  ++ticket->open_pieces;
  if (open.lines.size() >= limits_.raw_bytes || open.points >= limits_.points) {
    close(open);
  }
}

void BlockWriter::close(Draft& open) {
  if (open.points == 0) return;
  waiting_bytes_ += open.lines.size();
  Draft next;
  if (!spare_.empty()) {
    next = std::move(spare_.back());
    spare_.pop_back();
  }
  next.origin = open.origin;
  waiting_.push_back(std::exchange(open, std::move(next)));
}

void BlockWriter::recycle(Draft draft) {
  const bool is_usual = draft.lines.capacity() <= 2 * limits_.raw_bytes;
  if (spare_.size() >= kSpares || !is_usual) return;
  draft.lines.clear();
  draft.points = 0;
  draft.shares.clear();
  spare_.push_back(std::move(draft));
}

void BlockWriter::add(std::span<const Lines> pieces, Origin origin, Done done) {
  auto ticket = std::make_shared<Ticket>();
  ticket->done = std::move(done);
  ticket->origin = origin;
  std::size_t bytes = 0;
  std::uint64_t points = 0;
  for (const Lines& piece : pieces) {
    bytes += piece.bytes.size();
    points += piece.points;
  }
  if (points == 0) {
    ticket->done(base::ok(), 0);
    return;
  }
  std::unique_lock lock(mutex_);
  if (waiting_bytes_ > 0 && waiting_bytes_ + bytes > options_.max_waiting_bytes) {
    const std::size_t waiting = waiting_bytes_;
    lock.unlock();
    ticket->done(base::fail(base::ErrorCode::kBusy,
                            "the ring is slow: {} bytes are waiting to be stored, at most {} may",
                            waiting, options_.max_waiting_bytes),
                 points);
    return;
  }
  for (const Lines& piece : pieces) {
    if (piece.points > 0) put(origin == Origin::kGathered ? gathered_ : received_, piece, ticket);
  }
  drain(lock);
}

void BlockWriter::flush() {
  {
    std::unique_lock lock(mutex_);
    close(gathered_);
    close(received_);
    // Whoever was to sync may be gone; then appending syncs by itself.
    parked_ = false;
    drain(lock);
  }
  if (options_.wait_for_sync) ring_.want_sync();
}

void BlockWriter::drain(std::unique_lock<std::mutex>& lock) {
  if (draining_ || parked_) return;
  draining_ = true;
  bool want_sync = false;
  while (!waiting_.empty()) {
    Draft draft = std::move(waiting_.front());
    waiting_.pop_front();
    const std::uint64_t syncs = syncs_;
    const bool more = !waiting_.empty();
    lock.unlock();
    const auto stored = store(draft, more);
    lock.lock();
    if (!stored && stored.error().code == base::ErrorCode::kBusy) {
      waiting_.push_front(std::move(draft));
      if (syncs != syncs_) continue;  // one has ended meanwhile
      parked_ = true;
      break;
    }
    waiting_bytes_ -= draft.lines.size();
    const Tickets finished = settle(draft, stored);
    want_sync = !unsynced_.empty();
    recycle(std::move(draft));
    lock.unlock();
    for (const auto& ticket : finished) ticket->done(ticket->status, ticket->not_accepted);
    lock.lock();
  }
  draining_ = false;
  if (!want_sync) return;
  lock.unlock();
  ring_.want_sync();
  lock.lock();
}

base::Result<std::uint64_t> BlockWriter::store(Draft& draft, bool more) {
  if (!compressed_) {
    const base::BootTime now = clock_.boot();
    const bool at_leisure = !more && (!last_compressed_ || now - *last_compressed_ >= kLeisure);
    last_compressed_ = now;
    compressor_.compress(draft.lines, block_, at_leisure);
    block_.points = draft.points;
    block_.oldest_ns = draft.oldest_ns;
    block_.newest_ns = draft.newest_ns;
  }
  auto stored = ring_.append(block_, draft.origin);
  compressed_ = !stored && stored.error().code == base::ErrorCode::kBusy;
  return stored;
}

BlockWriter::Tickets BlockWriter::settle(const Draft& draft,
                                         const base::Result<std::uint64_t>& stored) {
  Tickets finished;
  for (const Draft::Share& share : draft.shares) {
    Ticket& ticket = *share.ticket;
    if (stored) {
      ticket.end_points = *stored;
    } else {
      ticket.status = tl::unexpected(stored.error());
      ticket.not_accepted += share.points;
    }
    if (--ticket.open_pieces > 0) continue;
    const bool waits =
        options_.wait_for_sync && ticket.origin == Origin::kReceived && ticket.end_points > 0;
    (waits ? unsynced_ : finished).push_back(share.ticket);
  }
  return finished;
}

void BlockWriter::synced(const SyncDone& done) {
  Tickets finished;
  std::unique_lock lock(mutex_);
  ++syncs_;
  parked_ = false;
  const auto first = std::partition(
      unsynced_.begin(), unsynced_.end(), [&](const std::shared_ptr<Ticket>& ticket) {
        return done.status && ticket->end_points > done.durable_points;
      });
  finished.assign(first, unsynced_.end());
  unsynced_.erase(first, unsynced_.end());
  lock.unlock();
  for (const auto& ticket : finished) {
    if (!done.status && ticket->status) ticket->status = done.status;
    ticket->done(ticket->status, ticket->not_accepted);
  }
  lock.lock();
  drain(lock);
}

}  // namespace holdfast::buffer

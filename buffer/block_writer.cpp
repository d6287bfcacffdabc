// Sharing of blocks. Whoever finds nobody draining does it, outside of the lock; the others leave
// their lines and go: so requests that arrive while a block is compressed share the next one.
#include "buffer/block_writer.h"

#include <algorithm>
#include <utility>

namespace holdfast::buffer {

struct BlockWriter::Ticket {
  Done done;
  std::uint32_t open_pieces = 0;
  std::uint64_t not_accepted = 0;
  base::Status status;
};

BlockWriter::BlockWriter(Ring& ring, const BlockWriterOptions& options)
    : ring_(ring), options_(options), compressor_(options.compression_level) {}

bool BlockWriter::fits(const Lines& piece) const {
  return open_.lines.size() + piece.bytes.size() <= options_.limits.raw_bytes &&
         open_.points + piece.points <= options_.limits.points;
}

void BlockWriter::put(const Lines& piece, const std::shared_ptr<Ticket>& ticket) {
  if (open_.points > 0 && !fits(piece)) close_open();
  if (open_.points == 0) {
    open_.oldest_ns = piece.oldest_ns;
    open_.newest_ns = piece.newest_ns;
  }
  open_.lines.append(piece.bytes);
  open_.points += piece.points;
  open_.oldest_ns = std::min(open_.oldest_ns, piece.oldest_ns);
  open_.newest_ns = std::max(open_.newest_ns, piece.newest_ns);
  open_.shares.push_back({ticket, piece.points});
  ++ticket->open_pieces;
  if (open_.lines.size() >= options_.limits.raw_bytes || open_.points >= options_.limits.points) {
    close_open();
  }
}

void BlockWriter::close_open() {
  if (open_.points == 0) return;
  waiting_bytes_ += open_.lines.size();
  waiting_.push_back(std::exchange(open_, Draft{}));
}

void BlockWriter::add(std::span<const Lines> pieces, Done done) {
  auto ticket = std::make_shared<Ticket>();
  ticket->done = std::move(done);
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
    if (piece.points > 0) put(piece, ticket);
  }
  drain(lock);
}

void BlockWriter::flush() {
  std::unique_lock lock(mutex_);
  close_open();
  drain(lock);
}

void BlockWriter::drain(std::unique_lock<std::mutex>& lock) {
  if (draining_) return;
  draining_ = true;
  while (!waiting_.empty()) {
    Draft draft = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const base::Status status = store(draft);
    lock.lock();
    waiting_bytes_ -= draft.lines.size();
    std::vector<std::shared_ptr<Ticket>> finished;
    for (const Draft::Share& share : draft.shares) {
      if (!status) {
        share.ticket->status = status;
        share.ticket->not_accepted += share.points;
      }
      if (--share.ticket->open_pieces == 0) finished.push_back(share.ticket);
    }
    lock.unlock();
    for (const auto& ticket : finished) ticket->done(ticket->status, ticket->not_accepted);
    lock.lock();
  }
  draining_ = false;
}

base::Status BlockWriter::store(Draft& draft) {
  compressor_.compress(draft.lines, block_);
  block_.points = draft.points;
  block_.oldest_ns = draft.oldest_ns;
  block_.newest_ns = draft.newest_ns;
  return ring_.append(block_);
}

}  // namespace holdfast::buffer

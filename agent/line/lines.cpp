// LineChunks: cuts finished lines into pieces that fit a block, without copying a line twice.
#include "agent/line/lines.h"

#include <algorithm>
#include <utility>

namespace holdfast::line {

void LineChunks::add(std::string_view line, std::int64_t time_ns) {
  open().append(line);
  commit(time_ns);
}

std::string& LineChunks::open() {
  if (chunks_.empty()) {
    chunks_.emplace_back();
  }
  chunks_.back().bytes.resize(committed_);
  return chunks_.back().bytes;
}

void LineChunks::commit(std::int64_t time_ns) {
  if (chunks_.back().points > 0 &&
      (chunks_.back().bytes.size() > max_bytes_ || chunks_.back().points >= max_points_)) {
    // The line is where it was written; it moves on only when it starts the next chunk.
    LineChunk next;
    next.bytes.reserve(std::min(chunks_.back().bytes.capacity(), max_bytes_));
    next.bytes.append(chunks_.back().bytes, committed_);
    chunks_.back().bytes.resize(committed_);
    chunks_.push_back(std::move(next));
  }
  LineChunk& chunk = chunks_.back();
  chunk.oldest_ns = chunk.points == 0 ? time_ns : std::min(chunk.oldest_ns, time_ns);
  chunk.newest_ns = chunk.points == 0 ? time_ns : std::max(chunk.newest_ns, time_ns);
  ++chunk.points;
  committed_ = chunk.bytes.size();
}

void LineChunks::rollback() {
  if (!chunks_.empty()) {
    chunks_.back().bytes.resize(committed_);
  }
}

std::uint64_t LineChunks::points() const {
  std::uint64_t total = 0;
  for (const LineChunk& chunk : chunks_) {
    total += chunk.points;
  }
  return total;
}

std::vector<LineChunk> LineChunks::take() {
  rollback();
  if (!chunks_.empty() && chunks_.back().points == 0) {
    chunks_.pop_back();
  }
  committed_ = 0;
  return std::exchange(chunks_, {});
}

}  // namespace holdfast::line

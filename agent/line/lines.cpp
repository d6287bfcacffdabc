// LineChunks: cuts finished lines into pieces that fit a block, without copying a line twice.
#include "agent/line/lines.h"

#include <algorithm>
#include <utility>

namespace holdfast::line {

void LineChunks::add(std::string_view line, std::int64_t time_ns) {
  open().append(line);
  commit(time_ns);
}

LineChunk& LineChunks::start_chunk() {
  if (spare_.empty()) {
    return chunks_.emplace_back();
  }
  chunks_.push_back(std::move(spare_.back()));
  spare_.pop_back();
  return chunks_.back();
}

std::string& LineChunks::open() {
  if (chunks_.empty()) {
    start_chunk();
  }
  chunks_.back().bytes.resize(committed_);
  return chunks_.back().bytes;
}

void LineChunks::commit(std::int64_t time_ns) {
  if (chunks_.back().points > 0 &&
      (chunks_.back().bytes.size() > max_bytes_ || chunks_.back().points >= max_points_)) {
    // The line is where it was written; it moves on only when it starts the next chunk.
    LineChunk& next = start_chunk();
    LineChunk& full = chunks_[chunks_.size() - 2];
    next.bytes.reserve(std::min(full.bytes.capacity(), max_bytes_));
    next.bytes.append(full.bytes, committed_);
    full.bytes.resize(committed_);
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

void LineChunks::give_back(std::vector<LineChunk> chunks) {
  spare_ = std::move(chunks);
  for (LineChunk& chunk : spare_) {
    chunk.bytes.clear();
    chunk.points = 0;
  }
}

}  // namespace holdfast::line

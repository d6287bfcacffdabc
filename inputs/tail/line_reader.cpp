// Cutting at line feeds, in one buffer that is moved together when it grows.
#include "inputs/tail/line_reader.h"

#include <algorithm>
#include <utility>

namespace holdfast::tail {

LineReader::LineReader(std::uint64_t offset, std::string line_feed, std::size_t max_line_bytes)
    : line_feed_(std::move(line_feed)), max_line_bytes_(max_line_bytes), offset_(offset) {}

void LineReader::seed(std::string_view before) {
  buffer_ = before;
  begin_ = buffer_.size();
}

void LineReader::add(std::string_view bytes) {
  const std::size_t kept = std::min(begin_, kBefore);
  buffer_.erase(0, begin_ - kept);
  begin_ = kept;
  buffer_ += bytes;
}

std::string_view LineReader::before() const {
  const std::size_t size = std::min(begin_, kBefore);
  return std::string_view(buffer_).substr(begin_ - size, size);
}

// Relative to begin_; npos if there is none.
std::size_t LineReader::find_line_feed() const {
  const std::string_view waiting = std::string_view(buffer_).substr(begin_);
  std::size_t at = waiting.find(line_feed_, searched_);
  while (at != std::string_view::npos && at % line_feed_.size() != 0) {
    at = waiting.find(line_feed_, at + 1);
  }
  return at;
}

void LineReader::drop(std::size_t bytes) {
  begin_ += bytes;
  offset_ += bytes;
  searched_ = 0;
}

std::optional<Line> LineReader::next() {
  while (true) {
    const std::size_t at = find_line_feed();
    if (at == std::string::npos) {
      if (skipping_ || unfinished() > max_line_bytes_) {
        if (!std::exchange(skipping_, true)) ++skipped_;
        drop(unfinished() / line_feed_.size() * line_feed_.size());
      }
      searched_ = unfinished() / line_feed_.size() * line_feed_.size();
      return std::nullopt;
    }
    const std::string_view text = std::string_view(buffer_).substr(begin_, at);
    drop(at + line_feed_.size());
    if (std::exchange(skipping_, false)) continue;
    if (text.size() <= max_line_bytes_) return Line{text, offset_};
    ++skipped_;
  }
}

std::optional<Line> LineReader::rest() {
  const std::string_view text = std::string_view(buffer_).substr(begin_);
  if (text.empty() || std::exchange(skipping_, false)) return std::nullopt;
  drop(text.size());
  return Line{text, offset_};
}

std::uint64_t LineReader::take_skipped() { return std::exchange(skipped_, 0); }

}  // namespace holdfast::tail

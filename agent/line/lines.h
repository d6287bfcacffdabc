// LineChunks: finished lines on their way to the ring, cut into pieces that fit a block.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::line {

// Whole lines, each ended by LF, in the ring's final form: timestamp in nanoseconds present.
struct LineChunk {
  std::string bytes;
  std::uint32_t points = 0;
  std::int64_t oldest_ns = 0;  // smallest and largest timestamp of the lines
  std::int64_t newest_ns = 0;
};

// Collects lines into chunks of at most `max_bytes` raw bytes and `max_points` points. A line
// longer than max_bytes gets a chunk of its own. Not thread-safe.
class LineChunks {
 public:
  LineChunks(std::size_t max_bytes, std::uint32_t max_points)
      : max_bytes_(max_bytes), max_points_(max_points) {}

  // `line` ends with LF.
  void add(std::string_view line, std::int64_t time_ns);
  // For callers that write a line in place: append to the returned string, then call commit() with
  // its time, or rollback() to forget what was appended since open().
  [[nodiscard]] std::string& open();
  void commit(std::int64_t time_ns);
  void rollback();

  [[nodiscard]] std::uint64_t points() const;
  [[nodiscard]] std::vector<LineChunk> take();
  // Chunks that were taken and are done with: their memory is used for the next ones.
  void give_back(std::vector<LineChunk> chunks);

 private:
  LineChunk& start_chunk();

  std::size_t max_bytes_;
  std::uint32_t max_points_;
  std::size_t committed_ = 0;  // bytes of the last chunk that hold finished lines
  std::vector<LineChunk> chunks_;
  std::vector<LineChunk> spare_;  // empty
};

}  // namespace holdfast::line

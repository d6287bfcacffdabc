// LineSplitter: whole lines out of pieces of a stream, bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast::inputs {

// Not thread-safe.
class LineSplitter {
 public:
  // A line of more than `max_bytes` is left out, and counted.
  explicit LineSplitter(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // The lines that are whole now, each with its line end.
  [[nodiscard]] std::string add(std::string_view piece);
  // What stands behind the last line end, at the end of the stream.
  [[nodiscard]] std::string rest() { return std::exchange(open_, {}); }
  // Lines left out since this was asked last.
  [[nodiscard]] std::uint64_t take_too_long() { return std::exchange(too_long_, 0); }

 private:
  std::size_t max_bytes_;
  std::string open_;  // the begin of a line
  bool leaving_out_ = false;
  std::uint64_t too_long_ = 0;
};

}  // namespace holdfast::inputs

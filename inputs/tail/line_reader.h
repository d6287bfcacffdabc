// LineReader: the bytes of a file, piece by piece → its whole lines, each with the place in the
// file where it ends. A line without its end waits for the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::tail {

struct Line {
  std::string_view text;  // without its end; valid until the reader is changed
  std::uint64_t end = 0;  // offset in the file of what follows it
};

// Not thread-safe.
class LineReader {
 public:
  // `line_feed` as the file's encoding has it: 1, 2 or 4 bytes, found at multiples of its size
  // only. A longer line than `max_line_bytes` is skipped.
  LineReader(std::uint64_t offset, std::string line_feed, std::size_t max_line_bytes);

  // What stands in the file before the offset, for before(): its last kBefore bytes at least.
  void seed(std::string_view before);
  void add(std::string_view bytes);
  // The next whole line, if there is one.
  [[nodiscard]] std::optional<Line> next();
  // What has no end, as a line: nobody will write the rest.
  [[nodiscard]] std::optional<Line> rest();

  // Offset in the file up to which bytes were added.
  [[nodiscard]] std::uint64_t offset() const { return offset_ + (buffer_.size() - begin_); }
  // Bytes that wait for the end of their line.
  [[nodiscard]] std::size_t unfinished() const { return buffer_.size() - begin_; }
  // The last bytes before what next() will look at: kBefore, if the file has so many there.
  static constexpr std::size_t kBefore = 64;
  [[nodiscard]] std::string_view before() const;
  // Lines skipped for their length since the last call.
  [[nodiscard]] std::uint64_t take_skipped();

 private:
  [[nodiscard]] std::size_t find_line_feed() const;
  void drop(std::size_t bytes);

  std::string line_feed_;
  std::size_t max_line_bytes_;
  std::string buffer_;
  std::size_t begin_ = 0;     // of what is not handed out, in the buffer
  std::size_t searched_ = 0;  // from begin_, a multiple of a character: no line feed so far
  std::uint64_t offset_;      // of begin_, in the file
  bool skipping_ = false;     // within a line that is too long
  std::uint64_t skipped_ = 0;
};

}  // namespace holdfast::tail

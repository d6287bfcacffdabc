// Batch: the lines of one request, made from blocks of the ring. The common form is a gzip body
// spliced from the blocks as they lie on disk; everything else is inflated on demand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/line/rewrite.h"
#include "buffer/ring.h"

namespace holdfast::outputs {

// Not thread-safe: used by one worker.
class Batch {
 public:
  // Bytes the gzip header needs in front of the payloads: the prefix to ask Ring::read for.
  static constexpr std::size_t kPrefix = 10;

  // Takes a batch read with kPrefix. Deflated blocks are spliced in place. Blocks whose first lines
  // are already acknowledged, primed and uncompressed ones and what lies beyond `max_points` are
  // cut at a line if need be and compressed anew; many small blocks are made into one, less than
  // half their size. kCorrupt when the blocks contradict their own counts. With a rewriter all are
  // inflated, and hold what it makes of the lines; there may be none left.
  [[nodiscard]] static base::Result<Batch> from_blocks(buffer::ReadBatch blocks,
                                                       std::uint64_t max_points,
                                                       line::LineRewriter* rewriter = nullptr);

  // A body made before, as gzip() gave it. kCorrupt when it fails its checks.
  [[nodiscard]] static base::Result<Batch> from_gzip(std::string gzip);

  // Points of this batch: the first so many of those pending.
  [[nodiscard]] std::uint64_t points() const { return points_; }
  // Of them, points left out by the rewriter.
  [[nodiscard]] std::uint64_t filtered() const { return filtered_; }
  // Lines of the body.
  [[nodiscard]] std::uint64_t sent_points() const { return points_ - filtered_; }
  [[nodiscard]] std::uint64_t raw_bytes() const { return raw_bytes_; }
  // One ordinary single-member gzip stream (RFC 1952) of the lines; the same bytes at every retry.
  [[nodiscard]] std::string_view gzip() const { return gzip_; }
  // The lines themselves, each ended by LF; inflated at the first call.
  [[nodiscard]] base::Result<std::string_view> lines();
  // The start of the first line (at most `max_bytes`), for a log message; inflates no more than it
  // needs. Empty if it cannot be read.
  [[nodiscard]] std::string first_line(std::size_t max_bytes = 256) const;
  // The same of any line, counted from 1; inflates all.
  [[nodiscard]] std::string line(std::uint64_t number, std::size_t max_bytes = 256) const;

 private:
  std::uint64_t points_ = 0;
  std::uint64_t filtered_ = 0;
  std::uint64_t raw_bytes_ = 0;
  std::string gzip_;
  std::string lines_;
};

}  // namespace holdfast::outputs

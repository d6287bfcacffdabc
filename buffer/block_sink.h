// BlockSink: the door through which inputs hand lines to the buffer. The only header of buffer/
// that inputs include.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "agent/base/result.h"

namespace holdfast::buffer {

// Whole lines, each ended by LF, in final form. Views are only read during the call.
struct Lines {
  std::string_view bytes;
  std::uint32_t points = 0;
  std::int64_t oldest_ns = 0;  // smallest and largest timestamp, ns since the epoch
  std::int64_t newest_ns = 0;
};

// What one piece handed to BlockSink::add may hold; producers cut to this.
struct BlockLimits {
  std::size_t raw_bytes = 64UL * 1024;
  std::uint32_t points = 5000;
};

// Whose points these are; decides whether they may wait in memory.
enum class Origin {
  kReceived,  // somebody is promised that a kill does not lose them: in the file, or refused
  kGathered,  // may wait in memory: in spill mode, while the device fails or is slow to sync
};

class BlockSink {
 public:
  // Called exactly once, from any thread: success when all lines of the add() are accepted (in the
  // ring; received ones under sync = "always": and durable), else why some were not. On failure
  // `not_accepted` is how many points did not get in; 0 when all did but could not be made durable.
  using Done = std::function<void(const base::Status& status, std::uint64_t not_accepted)>;

  virtual ~BlockSink() = default;

  [[nodiscard]] virtual BlockLimits limits() const = 0;

  // Copies the pieces into shared blocks and returns; a full block is compressed and appended on
  // the way. Each piece keeps within limits(), except a single longer line, which gets its own
  // block or is refused (kTooLarge). Order of pieces is kept. Thread-safe.
  virtual void add(std::span<const Lines> pieces, Origin origin, Done done) = 0;

  // Closes the open block, so that everything added before is accepted or refused soon: the end of
  // a tick, or of a burst of requests. If another thread is already closing blocks it takes this
  // one along and flush() returns at once. Thread-safe.
  virtual void flush() = 0;
};

}  // namespace holdfast::buffer

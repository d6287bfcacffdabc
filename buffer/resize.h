// Resize: a ring's content in a new file of another size. README.md, "Another size".
#pragma once

#include <cstdint>
#include <optional>

#include "agent/base/clock.h"
#include "agent/base/random.h"
#include "agent/base/result.h"
#include "buffer/file.h"
#include "buffer/ring.h"

namespace holdfast::buffer {

struct Resized {
  std::uint64_t from_bytes = 0;  // sizes of the files
  std::uint64_t to_bytes = 0;
  std::uint64_t points_kept = 0;     // still pending for the reader furthest behind
  std::uint64_t points_dropped = 0;  // no room for them: of the reader that lost most
  Recovery recovery;                 // what was found in the old file
};

// The size of the file if it holds a ring whose size is another than `wanted`, in bytes. A
// difference smaller than kAlignment is none.
[[nodiscard]] std::optional<std::uint64_t> other_size(File& file, std::uint64_t wanted);

// Makes `to`, an empty file, a ring of at most `size` bytes with everything that is pending in the
// ring `from`: blocks in their order, with their numbers, eras and times; readers with cursors,
// counters, orphan times and waits. The oldest blocks stay behind if not all fit: overflow, for
// each reader that still wanted them. Damaged blocks stay behind too, and count as corrupt, at once
// or when a reader gets there.
//
// Only reads `from`, whose lock the caller holds. On success `to` is complete and durable. On any
// error `to` is worth nothing: the device's (kNoSpace, kIo) of either file, kCorrupt or
// kUnsupported as Ring::open, kInvalid for a size that is too small. A device that cannot read all
// of `from` is an error, not damage: what it holds may be readable later.
[[nodiscard]] base::Result<Resized> copy_ring(File& from, File& to, std::uint64_t size,
                                              const base::Clock& clock, base::Random random);

}  // namespace holdfast::buffer

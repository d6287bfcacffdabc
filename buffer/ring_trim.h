// Trimming: gives up the oldest of what is pending in a ring that no agent uses.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/random.h"
#include "agent/base/result.h"
#include "buffer/file.h"
#include "buffer/snapshot.h"

namespace holdfast::buffer {

// Exactly one of `before_ns`, `keep_last` and neither of them (everything up to the tail) says how
// far. Whole blocks only.
struct TrimOptions {
  std::optional<std::int64_t> before_ns{};   // blocks up to the first one with a point not older
  std::optional<std::uint64_t> keep_last{};  // all but so many bytes of blocks at the end
  std::string reader{};                      // of this reader only; empty: of all
  bool remove = false;                       // and the reader itself, which must be an orphan
};

struct TrimmedReader {
  std::string id;
  std::uint64_t dropped = 0;  // points, counted as overflow
  std::uint64_t kept = 0;     // points still pending
  bool removed = false;
};

struct TrimPlan {
  Mark cut;  // what lies before goes
  std::vector<TrimmedReader> readers;
  // Of a ring without readers, where the first one to come would be given everything: the blocks
  // whose headers are erased, and the points in them.
  std::vector<std::uint64_t> erased;
  std::uint64_t erased_points = 0;
};

// What trimming would do; changes nothing. kNotFound: no such reader; kInvalid: it is to be removed
// and is no orphan.
[[nodiscard]] base::Result<TrimPlan> plan_trim(File& file, const Snapshot& snapshot,
                                               const TrimOptions& options);

// Does it: opens the ring (with the repairs of any opening), drops, and closes it properly, so that
// it is durable when this returns. `file` is held by its lock. A crash leaves the old state or the
// new one.
[[nodiscard]] base::Result<TrimPlan> trim(std::unique_ptr<File> file, const TrimOptions& options,
                                          const base::Clock& clock, base::Random random);

}  // namespace holdfast::buffer

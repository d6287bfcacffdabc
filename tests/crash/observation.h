// Observation: what a ring shows when it is opened on some bytes: everything that its readers get
// and what it says of itself before and after. No judgement but on the bytes handed out.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "buffer/ring.h"
#include "tests/crash/disk_states.h"
#include "tests/crash/history.h"
#include "tests/crash/point_set.h"

namespace holdfast::crash {

struct Drained {
  std::string id;
  PointSet points;
  std::uint64_t live_from = 0;  // where its live part began when the ring was opened
};

struct Observation {
  std::string wrong;  // what cannot be right whatever happened; empty if nothing
  buffer::Recovery recovery;
  buffer::RingInfo opened;
  std::vector<Drained> drained;  // in the order of opened.readers; a new one if there were none
  buffer::RingInfo emptied;      // after everything was read and acknowledged
};

// Which lines may come out, and in what order their blocks lie.
using Blocks = std::vector<KnownBlock>;

struct Viewing {
  buffer::RingOptions options;
  const base::Clock& clock;
  // Lines with the number of a block here must be that block's. Several may claim a number when a
  // device lied.
  std::vector<const Blocks*> known;
  // Blocks to append after the draining, the first at the tail; then the ring is killed and opened
  // again: exactly these must come out. What a cut left behind the tail must not.
  std::function<Blocks(std::uint64_t tail)> run_on;
  // By its device: a slot that is there again though later ones were synced leads back to a tail of
  // before, and blocks of after it may come out once the new tail gets there.
  bool lied_to = false;
  // What a reader has set apart from its backlog is taken first.
  bool live_first = false;
};

[[nodiscard]] Observation observe(Bytes image, const Viewing& viewing);

// Everything pending for this reader in this part, acknowledged. Not empty `wrong`: the first thing
// that is not as it was appended.
[[nodiscard]] PointSet drain(buffer::Ring& ring, buffer::ReaderId reader,
                             const std::vector<const Blocks*>& known, std::string& wrong,
                             buffer::Part part = buffer::Part::kOldest);

// Why this batch cannot be right; empty if it can.
[[nodiscard]] std::string wrong_with(const buffer::ReadBatch& batch,
                                     const std::vector<const Blocks*>& known);

// Why the ledger of a reader does not add up; empty if it does.
[[nodiscard]] std::string wrong_ledger(const buffer::RingInfo& info);

}  // namespace holdfast::crash

// History: what was done to a ring and to its file, in a form that the judge can ask: what must a
// ring hold that was cut off here?
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "buffer/ring.h"
#include "tests/crash/disk_states.h"
#include "tests/crash/point_set.h"
#include "tests/support/fake_clock.h"
#include "tests/support/recording_file.h"

namespace holdfast::crash {

struct ReaderSnapshot {
  std::string id;
  std::uint64_t since = 0;  // point number from which it counts
  std::int64_t since_ns = 0;
  std::int64_t orphaned_ns = 0;
  buffer::LedgerCounters counters;
  buffer::NotBefore not_before;
  // Points from here on are in the file for this reader. Above begin() when the writer may have
  // overtaken a batch in flight, of which the ledger knows only later.
  std::uint64_t in_file_from = 0;
  // With drain = "live_first": points that were done with before others in front of them were,
  // ever; and where the live part begins. 0: nothing is set apart from it.
  PointSet ahead;
  std::uint64_t live_from = 0;

  // The first point that is still pending; so is what follows, but for `ahead`.
  [[nodiscard]] std::uint64_t begin() const {
    return ahead.empty() ? since + counters.total() : first_pending;
  }
  // Sets the two, and what follows from them.
  void set_parts(const PointSet& done, std::uint64_t live, std::uint64_t accepted);
  // Where its live part begins, set apart or not.
  [[nodiscard]] std::uint64_t live() const { return live_from == 0 ? begin() : live_from; }
  // The parts that only the ring's user changes: what overflowed may be worked out again later.
  [[nodiscard]] bool same_but_for_losses(const ReaderSnapshot& other) const;

  std::uint64_t first_pending = 0;  // if there was ever anything ahead
};

// What the ring has been through so far.
struct Trouble {
  unsigned refused = 0;       // blocks
  unsigned failed_syncs = 0;  // that the device failed
  unsigned heals = 0;
  unsigned spills = 0;  // tends that wrote blocks out of memory, with a device that works
};

// The ring after a step of the workload.
struct Snapshot {
  std::size_t position = 0;    // operations on the file so far
  std::size_t durable_at = 0;  // durable once a sync at this place of the log or later is completed
  std::uint64_t accepted = 0;
  // A ring that is opened on the file as it is now must know that so many numbers were given out.
  // Less than `accepted` while blocks wait in memory or were delivered from there.
  std::uint64_t numbers_below = 0;
  // Points below this must be found again, once this snapshot is durable. More than `numbers_below`
  // only while a ring is being recovered: numbers may be lost then, points may not.
  std::uint64_t found_below = 0;
  PointSet unwritten;      // accepted, and never written: in memory, or delivered from there
  std::uint64_t held = 0;  // points that wait in memory
  // No slot has this ledger: points were delivered from memory, or the device refused the slot. A
  // kill leads back to the ledger of a step before.
  bool ledger_unwritten = false;
  Trouble trouble;
  buffer::SyncMode sync = buffer::SyncMode::kInterval;
  std::string step;  // what was done
  base::WallTime wall;
  base::BootTime boot;
  std::string boot_id;
  base::Duration lived{};  // by a clock that nobody sets and that outlives boots
  std::vector<ReaderSnapshot> readers;

  [[nodiscard]] const ReaderSnapshot* reader(const std::string& id) const;
};

// A block as it was handed to the ring. `first` is the number of its first point.
struct KnownBlock {
  std::uint64_t first = 0;
  std::shared_ptr<const buffer::Block> block;
  base::Duration stored{};  // when, by the clock of Snapshot::lived

  [[nodiscard]] std::uint64_t end() const { return first + block->points; }
  [[nodiscard]] std::string_view payload() const {
    return std::string_view(block->bytes).substr(buffer::kHeaderSize);
  }
};

struct History {
  std::uint64_t seed = 0;
  unsigned level = 1;
  buffer::RingOptions options;
  Bytes base;  // the file before the first operation, all of it durable
  std::vector<test::FileOperation> operations;
  std::vector<Snapshot> snapshots;  // at least one: before the first operation
  std::vector<KnownBlock> blocks;   // by rising number
  PointSet lost;                    // not in `base`, though their numbers were given out

  [[nodiscard]] const KnownBlock* block_at(std::uint64_t first) const;
  // The one that holds this point.
  [[nodiscard]] const KnownBlock* block_of(std::uint64_t point) const;
  // How many of the first `cut` operations are durable for certain: up to their last sync.
  [[nodiscard]] std::size_t last_sync_before(std::size_t cut) const;
};

// The data block that this operation writes; nothing if it writes a pad, a checkpoint, the end of a
// ghost, or outside of the data area.
[[nodiscard]] const KnownBlock* block_written_by(const test::FileOperation& operation,
                                                 const History& history);

// What an image shows of the operations after the last step that was synced as a whole.
struct Evidence {
  // Headers and slots that have arrived know that so many points were accepted.
  std::uint64_t accepted = 0;
  PointSet whole;  // points of blocks that have arrived to the last byte
  // ... and of them those that the last sync before the cut has made durable: a step that writes
  // many blocks syncs in between. 0: none.
  std::uint64_t synced_below = 0;
};
// `since`: the operations of that step end here.
[[nodiscard]] Evidence evidence_in(const Bytes& image, const History& history, std::size_t since,
                                   std::size_t cut);

// Which snapshots a ring that was cut off may show: those from `low` to `high`.
struct Bounds {
  std::size_t low = 0;
  std::size_t high = 0;
  // Where the ledger may have stood: before `low` if that one's was never written.
  std::size_t ledger_low = 0;
  // What lies after the last sync may be gone in any part. False after a kill.
  bool power_cut = false;
  // Nothing is promised but that all is sound: a power cut with SyncMode::kNever.
  bool lenient = false;
  // The cut is between two steps: a ring killed there shows `high` to the last number.
  bool between_steps = false;
  // Killed within a write.
  bool torn = false;
};

[[nodiscard]] Bounds bounds_of_power_cut(const History& history, std::size_t cut);
// A kill after `cut` operations, or within the next one.
[[nodiscard]] Bounds bounds_of_kill(const History& history, std::size_t cut, bool within_next);

// All steps with what the ring showed, and the operations of each.
[[nodiscard]] std::string text_of(const History& history);

// The clocks of a machine that was cut off after this snapshot.
void set_clock(test::FakeClock& clock, const Snapshot& snapshot);

}  // namespace holdfast::crash

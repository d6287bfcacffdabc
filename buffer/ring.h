// Ring: the fixed-size on-disk ring buffer. Blocks are appended at the tail; each reader (one per
// output) has a durable cursor and a ledger. buffer/README.md specifies the format and the
// promises.
//
// Thread-safe. Appends are serialised; no other lock is held during I/O: reading, acknowledging and
// status go on while an append or a sync is at work.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/random.h"
#include "agent/base/result.h"
#include "buffer/file.h"
#include "buffer/format.h"

namespace holdfast::buffer {

// A finished block before it has a place: what BlockBuilder makes and Ring::append stores.
struct Block {
  // kHeaderSize bytes of room for the header, then the payload: a deflate fragment (codec kDeflate)
  // or the raw lines (kRaw). So the whole block is written by one call without a copy.
  std::string bytes;
  Codec codec = Codec::kRaw;
  std::uint32_t points = 0;
  std::uint32_t raw_size = 0;   // bytes of the lines
  std::uint32_t raw_crc32 = 0;  // CRC-32 (IEEE, as in gzip) of the lines
  std::int64_t oldest_ns = 0;
  std::int64_t newest_ns = 0;
};

enum class SyncMode { kNever, kInterval };
enum class Overflow { kDropOldest };

struct RingOptions {
  std::uint64_t size = 64ULL << 20;  // bytes of the file, header included
  SyncMode sync = SyncMode::kInterval;
  Overflow overflow = Overflow::kDropOldest;
  // No more than this may lie after the last completed sync (unless sync is kNever): append syncs,
  // or waits for the sync that is running, when it would be passed. 0 = min(2 MiB, a quarter of the
  // data area), and never more than a quarter of it. Bounds recovery.
  std::uint64_t unsynced_limit = 0;
  // A checkpoint block is written after this many bytes (0 = min(4 MiB, a quarter of the data
  // area)) and after this much time.
  std::uint64_t checkpoint_bytes = 0;
  base::Duration checkpoint_interval{std::chrono::minutes(10)};
};

// Why points leave a reader's backlog. Exactly one counter takes each point.
struct LedgerCounters {
  std::uint64_t delivered = 0;
  std::uint64_t overflow = 0;  // overwritten before this reader had read them
  std::uint64_t rejected = 0;  // refused by the server for good
  std::uint64_t expired = 0;   // older than max_age
  std::uint64_t corrupt = 0;   // failed their checks, or lost in a power cut after being counted
  std::uint64_t filtered = 0;  // taken out by the output's own filter
  friend bool operator==(const LedgerCounters&, const LedgerCounters&) = default;
  [[nodiscard]] std::uint64_t total() const {
    return delivered + overflow + rejected + expired + corrupt + filtered;
  }
};

// accepted = counters.total() + buffered, always; what is in flight counts as buffered.
struct Ledger {
  std::int64_t since_ns = 0;  // wall time from which this reader counts
  std::uint64_t accepted = 0;
  std::uint64_t buffered = 0;
  LedgerCounters counters;
};

// An announced wait (Retry-After) that must survive a restart.
struct NotBefore {
  std::int64_t wall_ns = 0;        // when it ends by the wall clock
  std::int64_t boot_ns = 0;        // when it ends by this boot's clock
  std::int64_t remaining_ns = 0;   // how long it was when set
  std::array<char, 36> boot_id{};  // which boot boot_ns belongs to
  friend bool operator==(const NotBefore&, const NotBefore&) = default;
};

struct ReaderInfo {
  std::string id;
  bool attached = false;         // an output of the running agent uses it
  std::int64_t orphaned_ns = 0;  // wall time since which no output has claimed it; 0 = in use
  Ledger ledger;
  NotBefore not_before;
};

struct RingInfo {
  std::uint64_t size_bytes = 0;
  std::uint64_t used_bytes = 0;         // from the oldest block pending for any reader to the tail
  std::uint64_t points = 0;             // pending for the reader that is furthest behind
  std::int64_t oldest_stored_at_s = 0;  // stored-at of the oldest pending block, 0 if none
  std::uint64_t block_sequence = 0;     // of the next block
  std::uint64_t point_sequence = 0;     // points ever accepted
  std::uint64_t writes = 0;             // write calls, bytes written and syncs since opening
  std::uint64_t bytes_written = 0;
  std::uint64_t syncs = 0;
  std::uint64_t unsynced_bytes = 0;
  std::vector<ReaderInfo> readers;
};

// What recovery found; said once in the log.
struct Recovery {
  bool created = false;      // the file was new
  bool clean = false;        // closed properly last time
  bool full_scan = false;    // no usable slot: the whole file was read
  bool ledger_lost = false;  // neither slot nor checkpoint: counting starts anew
  std::uint64_t bytes_read = 0;
  std::uint64_t blocks_found_past_tail = 0;  // accepted after the last completed sync
  std::uint64_t holes = 0;                   // stretches that were skipped among them
  std::uint64_t ghosts_erased = 0;
  std::uint64_t points_lost = 0;  // counted as accepted, not found again
};

using ReaderId = std::size_t;  // index of an attached reader, valid while the ring is open

// How much one read may take. Whole blocks only, except that the first block may exceed a limit:
// then it comes alone, and the caller cuts it (BatchEnd::points_into_block).
struct ReadLimits {
  std::uint64_t max_points = 5000;
  std::uint64_t max_raw_bytes = 1ULL << 20;
  std::uint64_t max_bytes = 1ULL << 20;  // of payload
};

struct ReadBlock {
  std::uint64_t block_sequence = 0;
  std::uint64_t point_sequence = 0;  // points before this block
  std::uint32_t points = 0;
  std::uint32_t skip_points = 0;  // first lines of the block already acknowledged
  std::uint32_t raw_size = 0;
  std::uint32_t raw_crc32 = 0;
  Codec codec = Codec::kRaw;
  std::uint64_t payload_offset = 0;  // into ReadBatch::payloads
  std::uint32_t payload_size = 0;
  std::int64_t oldest_ns = 0;
  std::uint32_t stored_at_s = 0;
};

// Some blocks, in order, their payloads back to back after `prefix` reserved bytes, so that a gzip
// body is made in place.
struct ReadBatch {
  std::vector<ReadBlock> blocks;
  std::string payloads;
  std::uint64_t points = 0;  // pending points: those to skip not counted
  std::uint64_t raw_bytes = 0;
};

// What became of the points of a batch. The sum must not exceed the points acknowledged; the rest
// counts as delivered.
struct Outcome {
  std::uint64_t rejected = 0;
  std::uint64_t filtered = 0;
};

class Ring {
 public:
  // Opens or creates. The file is locked by its opener (file.h). Damage never makes it fail as long
  // as one of the two superblocks and two slots is left; when none is: kCorrupt. A newer format:
  // kUnsupported. Then the file is unchanged, for the caller to set aside. Else it fails only when
  // the device does (kNoSpace, kPermission, kIo).
  // `logger` hears of damage found while running.
  [[nodiscard]] static base::Result<std::unique_ptr<Ring>> open(std::unique_ptr<File> file,
                                                                const RingOptions& options,
                                                                const base::Clock& clock,
                                                                base::Random random,
                                                                base::Logger logger = {});
  virtual ~Ring() = default;

  [[nodiscard]] virtual const Recovery& recovery() const = 0;

  // Largest payload a block may have.
  [[nodiscard]] virtual std::uint32_t max_payload() const = 0;
  // Stores the block (and fills in its header); on success its points are accepted. Errors:
  // kTooLarge, or the device's.
  [[nodiscard]] virtual base::Status append(Block& block) = 0;

  // Makes everything appended and acknowledged so far durable. Does nothing (and says so by false)
  // when no block was appended since the last one, unless `even_if_idle`.
  virtual base::Result<bool> sync(bool even_if_idle) = 0;
  // If set, called when append finds half of unsynced_limit used: somebody should sync() soon. It
  // must return at once. Without it append syncs by itself. Once it is replaced, the old one is not
  // running any more.
  virtual void on_sync_wanted(std::function<void()> callback) = 0;
  // Called after each append on the appender's thread. It must return at once and not set
  // callbacks. Once it is replaced, the old one is not running any more.
  virtual void on_append(std::function<void()> callback) = 0;

  // Claims the reader of this id (at most 63 bytes) or makes one that starts at the oldest block
  // still pending for anyone. When there are 8, the reader that settle_orphans() has known as an
  // orphan for longest is given up for it; fails when there is none.
  [[nodiscard]] virtual base::Result<ReaderId> attach(std::string_view id) = 0;
  // Readers in the file that no attach() has claimed are marked orphaned from now; those orphaned
  // for longer than `keep` are removed. Call once all known outputs are attached. Returns those
  // kept.
  virtual std::vector<std::string> settle_orphans(base::Duration keep) = 0;

  // The next blocks for this reader, oldest first, from its acknowledged position; empty when there
  // is nothing. The batch counts as in flight until acknowledge() or release(). One at a time for
  // each reader. `prefix` bytes are left free in front of the payloads.
  [[nodiscard]] virtual base::Result<ReadBatch> read(ReaderId reader, const ReadLimits& limits,
                                                     std::size_t prefix) = 0;
  // The first `points` pending points of the batch in flight are done; ends the flight. Written to
  // the slot at once, durable with the next sync.
  virtual void acknowledge(ReaderId reader, std::uint64_t points, const Outcome& outcome) = 0;
  // The batch in flight is given back untouched.
  virtual void release(ReaderId reader) = 0;

  // Points pending for this reader, in flight included.
  [[nodiscard]] virtual std::uint64_t pending_points(ReaderId reader) const = 0;
  [[nodiscard]] virtual NotBefore not_before(ReaderId reader) const = 0;
  virtual void set_not_before(ReaderId reader, const NotBefore& wait) = 0;

  [[nodiscard]] virtual RingInfo info() const = 0;

  // Syncs, marks the file as closed properly. Nothing may be called afterwards.
  virtual base::Status close() = 0;
};

// What a ring file says of itself, without changing it or taking its lock: `holdfast buffer info`.
// Works beside a running agent; then it is a snapshot.
[[nodiscard]] base::Result<RingInfo> inspect(File& file);

}  // namespace holdfast::buffer

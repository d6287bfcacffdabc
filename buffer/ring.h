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
#include "buffer/block_sink.h"
#include "buffer/file.h"
#include "buffer/format.h"

namespace holdfast::buffer {

// A finished block before it has a place: what Compressor makes and Ring::append stores.
struct Block {
  // kHeaderSize bytes of room for the header, then the payload: a fragment (kDeflate, kPrimed) or
  // the raw lines (kRaw). So the whole block is written by one call without a copy.
  std::string bytes;
  Codec codec = Codec::kRaw;
  std::uint32_t points = 0;
  std::uint32_t raw_size = 0;   // bytes of the lines
  std::uint32_t raw_crc32 = 0;  // CRC-32 (IEEE, as in gzip) of the lines
  std::int64_t oldest_ns = 0;
  std::int64_t newest_ns = 0;
};

using Reopen = std::function<base::Result<std::unique_ptr<File>>()>;

enum class SyncMode { kNever, kInterval };
enum class Overflow {
  kDropOldest,  // the oldest blocks make room
  kRefuseNew,   // append fails (kFull) rather than overwrite what an output has still to deliver
};
enum class Mode {
  kDurable,  // every block is written when it is appended
  kSpill,    // gathered blocks wait in memory while the outputs keep up
};

struct RingOptions {
  std::uint64_t size = 64ULL << 20;  // bytes of the file, header included
  SyncMode sync = SyncMode::kInterval;
  Overflow overflow = Overflow::kDropOldest;
  Mode mode = Mode::kDurable;
  // kSpill: a block unacknowledged for so long is written.
  base::Duration spill_after{std::chrono::seconds(30)};
  // Payload and headers of blocks that wait in memory, with those not yet synced, at most.
  std::uint64_t memory_limit = 1ULL << 20;
  // Blocks stored longer ago than this are not handed out any more; 0 = never too old.
  base::Duration max_age{};
  // No more than this may lie after the last completed sync (unless sync is kNever): see append().
  // 0 = min(1 MiB, a quarter of the data area), and never more than a quarter of it. Bounds
  // recovery, and what is kept in memory for writing it again should the sync fail.
  std::uint64_t unsynced_limit = 0;
  // A checkpoint block is written after this many bytes (0 = min(4 MiB, a quarter of the data
  // area)) and after this much time.
  std::uint64_t checkpoint_bytes = 0;
  base::Duration checkpoint_interval{std::chrono::minutes(10)};
  // How to get a file where the ring's was, should that be removed or replaced while in use;
  // without it the ring stays degraded then.
  Reopen reopen{};
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
  LedgerCounters& operator+=(const LedgerCounters& other) {
    delivered += other.delivered;
    overflow += other.overflow;
    rejected += other.rejected;
    expired += other.expired;
    corrupt += other.corrupt;
    filtered += other.filtered;
    return *this;
  }
};

// accepted = counters.total() + buffered, always; what is in flight counts as buffered.
struct Ledger {
  std::int64_t since_ns = 0;  // wall time from which this reader counts
  std::uint64_t accepted = 0;
  std::uint64_t buffered = 0;
  LedgerCounters counters;
};

// The announced wait of one server, when an output has several.
struct ServerWait {
  std::uint32_t server = 0;  // any number that tells it from the output's others
  std::int64_t wall_ns = 0;  // as in NotBefore
  std::int64_t boot_ns = 0;
  std::int64_t remaining_ns = 0;
  friend bool operator==(const ServerWait&, const ServerWait&) = default;
};

// Announced waits (Retry-After) that must survive a restart: of the output as a whole, and of its
// servers. At most kMaxServerWaits of these are kept, the first.
struct NotBefore {
  std::int64_t wall_ns = 0;        // when it ends by the wall clock
  std::int64_t boot_ns = 0;        // when it ends by this boot's clock
  std::int64_t remaining_ns = 0;   // how long it was when set
  std::array<char, 36> boot_id{};  // which boot boot_ns belongs to, those of servers too
  std::vector<ServerWait> servers{};
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
  // The device fails, or was never there: gathered points wait in memory, others are refused.
  bool degraded = false;
  std::string degraded_why;
  std::uint64_t held_points = 0;  // accepted, in memory only
  std::uint64_t held_bytes = 0;
  std::vector<ReaderInfo> readers;
};

// The end of a sync, as on_sync_done tells it.
struct SyncDone {
  base::Status status;
  std::uint64_t durable_points = 0;  // on success: points below this sequence are durable
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

// Which of the points pending for a reader. The same until set_apart().
enum class Part {
  kOldest,  // all of them, in order
  kLive,    // those that came after set_apart()
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
  // A ring whose device does not work yet (`why`): degraded from the start. tend() calls `reopen`
  // now and then; when it has a file, what waits in memory joins what the file holds.
  [[nodiscard]] static std::unique_ptr<Ring> open_degraded(const base::Error& why, Reopen reopen,
                                                           const RingOptions& options,
                                                           const base::Clock& clock,
                                                           base::Random random,
                                                           base::Logger logger = {});
  virtual ~Ring() = default;

  [[nodiscard]] virtual const Recovery& recovery() const = 0;

  // Largest payload a block may have.
  [[nodiscard]] virtual std::uint32_t max_payload() const = 0;
  // Stores the block, taking its bytes; on success its points are accepted and the result is the
  // point sequence after them. On failure the block is untouched. Errors: kTooLarge; kFull (under
  // kRefuseNew, or no room left in memory); kBusy: too much is unsynced, try again after the next
  // on_sync_done (only if on_sync_wanted is set; without it append syncs by itself); the device's.
  [[nodiscard]] virtual base::Result<std::uint64_t> append(Block& block, Origin origin) = 0;
  [[nodiscard]] base::Result<std::uint64_t> append(Block& block) {
    return append(block, Origin::kReceived);
  }

  // Makes everything written and acknowledged so far durable. Does nothing (and says so by false)
  // when no block was written since the last one, unless `even_if_idle`; nor while degraded, where
  // tend() tries the device.
  virtual base::Result<bool> sync(bool even_if_idle) = 0;
  // What is due by time: writes blocks that have waited in memory for long enough, tries a device
  // again that failed. Call it every second or so, and before each sync().
  virtual void tend() = 0;
  // If set, called when append finds half of unsynced_limit used, and by want_sync(): somebody
  // should sync() soon. It must return at once. Once it is replaced, the old one is not running any
  // more.
  virtual void on_sync_wanted(std::function<void()> callback) = 0;
  virtual void want_sync() = 0;
  // Called at the end of each sync(), successful, idle or failed, on its thread. It must not set
  // callbacks. Once it is replaced, the old one is not running any more.
  virtual void on_sync_done(std::function<void(const SyncDone&)> callback) = 0;
  // Called after each append on the appender's thread. It must return at once and not set
  // callbacks. Once it is replaced, the old one is not running any more.
  virtual void on_append(std::function<void()> callback) = 0;

  // Claims the reader of this id (at most 63 bytes) or makes one that starts at the oldest block
  // still pending for anyone. When there are 8, the reader that settle_orphans() has known as an
  // orphan for longest is given up for it; fails when there is none.
  [[nodiscard]] virtual base::Result<ReaderId> attach(std::string_view id) = 0;
  // The reader's output is gone: an orphan from the next settle_orphans() on. No batch of it may be
  // in flight, and its id is not used again until attach() returns it.
  virtual void detach(ReaderId reader) = 0;
  // Readers in the file that no attach() has claimed are marked orphaned from now; those orphaned
  // for longer than `keep` are removed. Call once all known outputs are attached. Returns those
  // kept.
  virtual std::vector<std::string> settle_orphans(base::Duration keep) = 0;

  // The next blocks for this reader, in order, from its acknowledged position in that part; empty
  // when there is nothing. The batch counts as in flight until acknowledge() or release(). One at a
  // time for each reader. `prefix` bytes are left free in front of the payloads.
  [[nodiscard]] virtual base::Result<ReadBatch> read(ReaderId reader, const ReadLimits& limits,
                                                     std::size_t prefix, Part part) = 0;
  [[nodiscard]] base::Result<ReadBatch> read(ReaderId reader, const ReadLimits& limits,
                                             std::size_t prefix) {
    return read(reader, limits, prefix, Part::kOldest);
  }
  // What is pending for this reader now becomes its backlog, and kLive what comes from now on; so
  // it stays across restarts, until the backlog is done. Blocks that wait in memory are live. False
  // when there is nothing to set apart, or when this was done 7 times before and all of it is still
  // pending: then all goes on in order. Not while a batch is in flight.
  virtual bool set_apart(ReaderId reader) = 0;
  // Gives the batch in flight back, and sets its blocks apart from what follows them in their part,
  // so that this can be tried without them: if they were the only part, they are now the oldest and
  // the rest is live. False, and only given back, when nothing follows, when they are in memory, or
  // when there is no room.
  virtual bool set_flight_apart(ReaderId reader) = 0;
  // The first `points` pending points of the batch in flight are done; ends the flight. Written to
  // the slot at once, durable with the next sync.
  virtual void acknowledge(ReaderId reader, std::uint64_t points, const Outcome& outcome) = 0;
  // The batch in flight is given back untouched.
  virtual void release(ReaderId reader) = 0;

  // In place of RingOptions::max_age, from the next read on.
  virtual void set_max_age(base::Duration max_age) = 0;

  // Points pending for this reader, in flight included.
  [[nodiscard]] virtual std::uint64_t pending_points(ReaderId reader, Part part) const = 0;
  [[nodiscard]] std::uint64_t pending_points(ReaderId reader) const {
    return pending_points(reader, Part::kOldest);
  }
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

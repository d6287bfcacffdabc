// RingFile: the Ring on a File, and what of it waits in memory. See ring.h for the contract and
// README.md for the format.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "buffer/block_io.h"
#include "buffer/recovery.h"
#include "buffer/ring.h"
#include "buffer/state.h"

namespace holdfast::buffer {

// An accepted block that is not in the file yet, or was not when somebody read it.
struct HeldBlock {
  Block block;
  std::uint64_t point_sequence = 0;
  std::uint16_t era = 0;
  std::uint32_t stored_at_s = 0;
  base::BootTime since;
  // Once it is in the file: its place, and the place after it.
  std::optional<Mark> begin, end;

  [[nodiscard]] std::uint64_t end_points() const { return point_sequence + block.points; }
  [[nodiscard]] std::string_view payload() const {
    return std::string_view(block.bytes).substr(kHeaderSize);
  }
};

// True if trying again without changing anything may help once the device does.
[[nodiscard]] bool is_device_failure(const base::Error& error);

class RingFile final : public Ring {
 public:
  // `file` may be null: then the ring is degraded until tend() finds one by `reopen`.
  RingFile(std::unique_ptr<File> file, const RingOptions& options, const base::Clock& clock,
           base::Random random, base::Logger logger, Recovered recovered);

  // Reads the file, making a fresh ring of it if it is new: allocates, writes superblocks and the
  // first slot, syncs.
  [[nodiscard]] static base::Result<Recovered> load(File& file, std::uint64_t size,
                                                    const base::Clock& clock, base::Random& random);
  // Repairs what recovery found, makes it durable; then appends are welcome.
  [[nodiscard]] base::Status prepare(const Recovered& recovered);
  void begin_degraded(const base::Error& why, Reopen reopen);

  [[nodiscard]] const Recovery& recovery() const override { return recovery_; }
  [[nodiscard]] std::uint32_t max_payload() const override;
  [[nodiscard]] base::Result<std::uint64_t> append(Block& block, Origin origin) override;
  base::Result<bool> sync(bool even_if_idle) override;
  void tend() override;
  void on_sync_wanted(std::function<void()> callback) override;
  void want_sync() override;
  void on_sync_done(std::function<void(const SyncDone&)> callback) override;
  void on_append(std::function<void()> callback) override;
  [[nodiscard]] base::Result<ReaderId> attach(std::string_view id) override;
  void detach(ReaderId reader) override;
  void set_max_age(base::Duration max_age) override;
  std::vector<std::string> settle_orphans(base::Duration keep) override;
  using Ring::pending_points;
  using Ring::read;
  [[nodiscard]] base::Result<ReadBatch> read(ReaderId reader, const ReadLimits& limits,
                                             std::size_t prefix, Part part) override;
  bool set_apart(ReaderId reader) override;
  bool set_flight_apart(ReaderId reader) override;
  void acknowledge(ReaderId reader, std::uint64_t points, const Outcome& outcome) override;
  void release(ReaderId reader) override;
  [[nodiscard]] std::uint64_t pending_points(ReaderId reader, Part part) const override;
  [[nodiscard]] NotBefore not_before(ReaderId reader) const override;
  void set_not_before(ReaderId reader, const NotBefore& wait) override;
  [[nodiscard]] RingInfo info() const override;
  base::Status close() override;

 private:
  // A block of a batch in flight.
  struct FlightBlock {
    std::uint64_t point_sequence = 0;
    std::uint32_t points = 0;
    Mark begin, end;                  // if it was read from the file
    std::shared_ptr<HeldBlock> held;  // if it was read from memory
  };
  // A reader at run time.
  struct Reader {
    ReaderState state;
    bool attached = false;
    bool removed = false;  // an orphan whose time is over: its index is free
    bool in_flight = false;
    Part flight_part = Part::kOldest;
    std::vector<FlightBlock> flight;  // the blocks of the batch in flight
    std::uint64_t batch_bytes = 0;    // of the file, that the latest batch took
    // First live place, when the writer has overtaken a batch in flight: what is before it is
    // booked once the batch is resolved, because its blocks are still held by the output.
    Mark evicted_to;

    [[nodiscard]] const Mark& begin() const { return state.ranges.front().begin; }
    [[nodiscard]] const Range& range(Part part) const {
      return part == Part::kLive ? state.ranges.back() : state.ranges.front();
    }
    // Moves it on in this part; returns how many points were passed over.
    std::uint64_t move_on(Part part, const Mark& to) {
      return part == Part::kLive ? advance_last(state, to) : advance(state, to);
    }
    // From where on blocks of the file are still wanted.
    [[nodiscard]] const Mark& wanted() const {
      return evicted_to.position > begin().position ? evicted_to : begin();
    }
  };

  // The file as it is now. It changes when a degraded ring finds its file, and when that
  // was removed or replaced.
  struct Medium {
    std::shared_ptr<File> file;  // null: none yet
    Superblock superblock;
  };
  // What a read goes by: a reader's range as it stood at one moment.
  struct Snapshot {
    struct Held {
      std::shared_ptr<HeldBlock> block;
      std::uint64_t point_sequence = 0;
      bool too_old = false;
    };
    Medium medium;
    Part part = Part::kOldest;
    Mark begin;
    Mark stop;                       // where the part that lies in the file ends
    std::uint64_t likely_bytes = 0;  // of the file, that this batch will take; 0: unknown
    std::vector<Held> held;          // what follows in memory
    std::uint64_t floor = 0;         // below it the file is overwritten
    std::uint16_t era = 0;
    base::BootTime era_since, now;
    base::Duration max_age{};
    std::uint32_t now_s = 0;  // by the wall clock
  };
  // One read in the making.
  struct Flight {
    ReadBatch batch;
    std::vector<FlightBlock> blocks;
    std::uint64_t payload_bytes = 0;
    std::uint64_t file_bytes = 0;
    std::optional<FoundBlock> bad_payload;  // sound header, wrong payload, in front of all others
  };
  enum class Stop { kTail, kFull, kDamaged };
  // Bytes written since the last completed sync, in case the sync fails: then nobody knows what of
  // them the device has.
  struct UnsyncedWrite {
    std::uint64_t offset = 0;
    std::shared_ptr<const std::string> bytes;
  };

  // --- readers; callers hold mutex_ ---
  [[nodiscard]] Reader new_reader(std::string_view id) const;
  [[nodiscard]] bool has_readers() const;
  [[nodiscard]] Reader* reader_behind(std::uint64_t floor);
  [[nodiscard]] std::optional<ReaderId> longest_orphan() const;
  [[nodiscard]] bool anyone_in_flight() const;
  void finish_flight(Reader& reader);
  [[nodiscard]] std::uint64_t pending(const Reader& reader) const;
  // The place of points that wait in memory: where the file goes on.
  [[nodiscard]] Mark held_mark(std::uint64_t points) const;
  void update_era();
  // Points below this sequence are in the file, or need not be any more.
  [[nodiscard]] std::uint64_t file_points() const;

  // --- append (ring_append.cpp); callers hold append_mutex_, so tail_ stands still ---
  [[nodiscard]] std::shared_ptr<HeldBlock> make_held(Block& block);
  [[nodiscard]] base::Status store(const std::shared_ptr<HeldBlock>& fresh, Origin origin);
  [[nodiscard]] base::Status write_block(const std::shared_ptr<HeldBlock>& held);
  [[nodiscard]] std::uint32_t largest_payload() const;  // or mutex_
  [[nodiscard]] base::Status reserve(std::uint64_t extent);
  [[nodiscard]] base::Status write_pad(std::uint64_t room);
  void seal_place(BlockHeader& header, std::uint16_t era) const;
  [[nodiscard]] base::Status place(const BlockHeader& header,
                                   std::shared_ptr<const std::string> bytes, HeldBlock* held);
  void move_marks(const Mark& from);                     // callers hold mutex_, too
  void mark_written(HeldBlock& held, const Mark& from);  // ... and here
  [[nodiscard]] base::Status keep_unsynced_bounded(std::uint64_t extent);
  [[nodiscard]] base::Status refuse_if_full(std::uint64_t new_tail) const;
  [[nodiscard]] base::Status make_room(std::uint64_t new_tail);
  [[nodiscard]] base::Status checkpoint_if_due();
  [[nodiscard]] std::uint16_t current_era();
  [[nodiscard]] std::uint32_t now_s() const;

  // --- what waits in memory (ring_held.cpp); callers hold append_mutex_ ---
  [[nodiscard]] base::Status hold(const std::shared_ptr<HeldBlock>& block);
  [[nodiscard]] bool outputs_keep_up();
  [[nodiscard]] bool will_fit(const HeldBlock& fresh) const;
  [[nodiscard]] base::Status write_held();
  [[nodiscard]] bool write_due() const;
  void drop_delivered();  // callers hold mutex_ only

  // --- a device that fails (ring_held.cpp), and one that comes late (ring_open.cpp) ---
  void degrade(const base::Error& why);
  void heal();
  [[nodiscard]] std::optional<base::Error> trouble() const;
  void try_device();
  [[nodiscard]] base::Status write_again();
  [[nodiscard]] base::Status find_file();
  [[nodiscard]] base::Status keep_in_place(File& file);
  [[nodiscard]] bool adoption_waits();
  [[nodiscard]] base::Status prepare_found();  // callers hold append_mutex_
  [[nodiscard]] base::Status erase(const std::vector<std::uint64_t>& ghosts);
  // Callers hold append_mutex_ and mutex_.
  void adopt(std::unique_ptr<File> file, const Recovered& recovered);
  void adopt_readers(const std::vector<ReaderState>& found);
  [[nodiscard]] ReaderState go_on(const ReaderState* known, const ReaderState& fresh,
                                  const ReaderState& meanwhile) const;

  // --- slots ---
  base::Status write_slot(bool clean);
  base::Status write_slot_in_turn(bool clean);  // callers hold slot_mutex_
  void write_slot_or_log();
  [[nodiscard]] State state_now(bool clean);  // callers hold mutex_
  base::Result<bool> sync_file(bool even_if_idle, SyncDone& done);
  void tell_sync_done(const SyncDone& done);

  // --- reading (ring_read.cpp) ---
  [[nodiscard]] Snapshot snapshot(ReaderId id, Part part);
  [[nodiscard]] Stop collect(BlockIo* io, Mark& at, const Snapshot& seen, const ReadLimits& limits,
                             Flight& flight) const;
  [[nodiscard]] Stop collect_file(BlockIo& io, Mark& at, Mark& next, const Snapshot& seen,
                                  const ReadLimits& limits, Flight& flight) const;
  [[nodiscard]] static Stop collect_held(Mark& at, Mark& next, const Snapshot& seen,
                                         const ReadLimits& limits, Flight& flight);
  [[nodiscard]] bool too_old(std::uint32_t stored_at_s, std::uint16_t era,
                             const Snapshot& seen) const;
  [[nodiscard]] base::Status skip_damage(ReaderId id, BlockIo& io, const Snapshot& seen,
                                         const Mark& from,
                                         const std::optional<FoundBlock>& bad_payload);
  [[nodiscard]] Mark acknowledged_to(const Reader& reader, std::uint64_t points) const;

  base::Status write_counted(std::uint64_t offset, std::span<const std::byte> bytes);
  [[nodiscard]] Medium medium() const;
  [[nodiscard]] std::uint64_t data_size() const { return medium_.superblock.data_size; }

  // The limits that depend on the file's size: as medium_. max_age: under mutex_.
  RingOptions options_;
  const base::Clock& clock_;
  const base::Logger logger_;
  // Taken in this order where more than one is held. Only mutex_ guards bookkeeping, and it is
  // never held during I/O; the others make appends, syncs and slot writes take turns.
  mutable std::mutex append_mutex_;
  std::mutex sync_mutex_;
  std::mutex slot_mutex_;
  mutable std::mutex mutex_;

  // Held while a callback runs, so that none is running after it was replaced. Innermost, but for
  // append_mutex_ around sync_wanted_.
  std::mutex callback_mutex_;
  std::function<void()> sync_wanted_;
  std::function<void()> appended_;
  std::recursive_mutex done_callback_mutex_;  // the same for this one, which may append and sync
  std::function<void(const SyncDone&)> sync_done_;

  // Guarded by append_mutex_.
  base::Random random_;
  Reopen reopen_;
  // A file found late: read, but not yet in use; then in use, but not yet repaired by prepare().
  struct Found {
    std::unique_ptr<File> file;
    Recovered recovered;
  };
  std::optional<Found> found_;  // used by find_file() alone
  std::optional<Recovered> unprepared_;
  std::uint64_t bytes_since_checkpoint_ = 0;
  base::BootTime last_checkpoint_;
  bool writing_through_ = false;  // kSpill: until the outputs have caught up

  // Guarded by mutex_; medium_ and tail_ change only with append_mutex_ held as well.
  Medium medium_;
  Recovery recovery_;
  Mark tail_;  // where the next block goes
  std::uint64_t last_position_ = 0, last_block_ = 0;
  Mark synced_;
  std::uint64_t synced_last_position_ = 0, synced_last_block_ = 0;
  std::uint64_t generation_ = 0;
  std::size_t active_slot_ = 0;  // where the next slot write goes
  std::uint16_t era_ = 0;
  base::BootTime era_since_;  // the era lasts at least since then
  std::int64_t wall_minus_boot_ns_ = 0;
  std::array<char, 36> boot_id_{};
  std::vector<Reader> readers_;
  Mark oldest_;  // where the first reader of a ring without readers starts
  std::uint64_t writes_ = 0, bytes_written_ = 0, syncs_ = 0;
  std::deque<UnsyncedWrite> unsynced_writes_;
  std::uint64_t unsynced_bytes_ = 0;  // of them

  std::uint64_t accepted_ = 0;  // points ever
  std::deque<std::shared_ptr<HeldBlock>> held_;
  std::uint64_t held_bytes_ = 0;
  std::optional<base::Error> trouble_;  // degraded, and why
  int failures_ = 0;                    // in a row
  base::BootTime retry_at_;
};

}  // namespace holdfast::buffer

// RingFile: the Ring on a File. See ring.h for the contract and README.md for the format.
#pragma once

#include <algorithm>
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

class RingFile final : public Ring {
 public:
  RingFile(std::unique_ptr<File> file, const RingOptions& options, const base::Clock& clock,
           base::Logger logger, Recovered recovered);

  // Makes a fresh file: allocates, writes superblocks and the first slot, syncs.
  [[nodiscard]] static base::Result<Superblock> create(File& file, std::uint64_t size,
                                                       const base::Clock& clock,
                                                       base::Random& random);
  // Repairs what recovery found, makes it durable; then appends are welcome.
  [[nodiscard]] base::Status prepare(const Recovered& recovered);

  [[nodiscard]] const Recovery& recovery() const override { return recovery_; }
  [[nodiscard]] std::uint32_t max_payload() const override;
  [[nodiscard]] base::Status append(Block& block) override;
  base::Result<bool> sync(bool even_if_idle) override;
  void on_sync_wanted(std::function<void()> callback) override;
  void on_append(std::function<void()> callback) override;
  [[nodiscard]] base::Result<ReaderId> attach(std::string_view id) override;
  std::vector<std::string> settle_orphans(base::Duration keep) override;
  [[nodiscard]] base::Result<ReadBatch> read(ReaderId reader, const ReadLimits& limits,
                                             std::size_t prefix) override;
  void acknowledge(ReaderId reader, std::uint64_t points, const Outcome& outcome) override;
  void release(ReaderId reader) override;
  [[nodiscard]] std::uint64_t pending_points(ReaderId reader) const override;
  [[nodiscard]] NotBefore not_before(ReaderId reader) const override;
  void set_not_before(ReaderId reader, const NotBefore& wait) override;
  [[nodiscard]] RingInfo info() const override;
  base::Status close() override;

 private:
  // A reader at run time.
  struct Reader {
    ReaderState state;
    bool attached = false;
    bool removed = false;  // an orphan whose time is over: its index is free
    bool in_flight = false;
    std::vector<FoundBlock> flight;  // the blocks of the batch in flight
    // First live place, when the writer has overtaken a batch in flight: what is before it is
    // booked once the batch is resolved, because its blocks are still held by the output.
    Mark evicted_to;

    [[nodiscard]] Mark& begin() { return state.ranges.front().begin; }
    [[nodiscard]] const Mark& begin() const { return state.ranges.front().begin; }
    // From where on blocks of the file are still wanted.
    [[nodiscard]] const Mark& wanted() const {
      return evicted_to.position > begin().position ? evicted_to : begin();
    }
  };

  // One read in the making.
  struct Flight {
    ReadBatch batch;
    std::vector<FoundBlock> blocks;
    std::uint64_t payload_bytes = 0;
    std::optional<FoundBlock> bad_payload;  // sound header, wrong payload, in front of all others
  };
  enum class Stop { kTail, kFull, kDamaged };

  // --- readers; callers hold mutex_ ---
  [[nodiscard]] Reader new_reader(std::string_view id) const;
  [[nodiscard]] bool has_readers() const;
  [[nodiscard]] Reader* reader_behind(std::uint64_t floor);

  // --- append (ring_append.cpp); callers hold append_mutex_, so tail_ stands still ---
  [[nodiscard]] base::Status write_block(BlockHeader header, std::string& bytes);
  [[nodiscard]] base::Status reserve(std::uint64_t extent);
  [[nodiscard]] base::Status write_pad(std::uint64_t room);
  void seal_place(BlockHeader& header) const;
  [[nodiscard]] base::Status place(const BlockHeader& header, std::span<const std::byte> bytes);
  [[nodiscard]] base::Status keep_unsynced_bounded(std::uint64_t extent);
  [[nodiscard]] base::Status make_room(std::uint64_t new_tail);
  void checkpoint_if_due();
  void update_era();

  // --- slots ---
  base::Status write_slot(bool clean);
  base::Status write_slot_in_turn(bool clean);      // callers hold slot_mutex_
  [[nodiscard]] State state_now(bool clean) const;  // callers hold mutex_

  // --- reading (ring_read.cpp) ---
  [[nodiscard]] static Stop collect(BlockIo& io, Mark& at, const Mark& tail,
                                    const ReadLimits& limits, Flight& flight);
  [[nodiscard]] base::Status skip_damage(ReaderId id, BlockIo& io, const Mark& begin,
                                         const Mark& from, const Mark& tail,
                                         const std::optional<FoundBlock>& bad_payload);
  // Callers hold mutex_.
  [[nodiscard]] std::optional<ReaderId> longest_orphan() const;
  static void finish_flight(Reader& reader);  // callers hold mutex_

  base::Status write_counted(std::uint64_t offset, std::span<const std::byte> bytes);
  [[nodiscard]] std::uint64_t data_size() const { return superblock_.data_size; }
  [[nodiscard]] std::uint64_t pending(const Reader& reader) const;  // callers hold mutex_

  const std::unique_ptr<File> file_;
  const RingOptions options_;
  const base::Clock& clock_;
  const base::Logger logger_;
  const Superblock superblock_;
  Recovery recovery_;
  // Taken in this order where more than one is held. Only mutex_ guards bookkeeping, and it is
  // never held during I/O; the others make appends, syncs and slot writes take turns.
  std::mutex append_mutex_;
  std::mutex sync_mutex_;
  std::mutex slot_mutex_;
  mutable std::mutex mutex_;

  // Held while a callback runs, so that none is running after it was replaced. Innermost, but for
  // append_mutex_ around sync_wanted_.
  std::mutex callback_mutex_;
  std::function<void()> sync_wanted_;
  std::function<void()> appended_;

  // Guarded by append_mutex_.
  std::string scratch_;
  std::uint64_t bytes_since_checkpoint_ = 0;
  base::BootTime last_checkpoint_;
  std::int64_t wall_minus_boot_ns_ = 0;

  // Guarded by mutex_.
  Mark tail_;
  std::uint64_t last_position_ = 0, last_block_ = 0;
  Mark synced_;
  std::uint64_t synced_last_position_ = 0, synced_last_block_ = 0;
  std::uint64_t generation_ = 0;
  std::size_t active_slot_ = 0;  // where the next slot write goes
  std::uint16_t era_ = 0;
  std::array<char, 36> boot_id_{};
  std::vector<Reader> readers_;
  Mark oldest_;  // where the first reader of a ring without readers starts
  std::uint64_t writes_ = 0, bytes_written_ = 0, syncs_ = 0;
};

}  // namespace holdfast::buffer

// BlockWriter: the BlockSink in front of a ring. Inputs share its open block; it compresses and
// appends blocks one at a time and tells each contributor what became of its lines.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "buffer/block_sink.h"
#include "buffer/compressor.h"
#include "buffer/ring.h"

namespace holdfast::buffer {

struct BlockWriterOptions {
  BlockLimits limits;
  Compression compression = Compression::kAuto;
  int compression_level = 3;  // 1 to 9
  // Raw bytes of closed blocks that may wait while the ring is slow. What would pass it is refused
  // (kBusy) at once: memory stays bounded, and a listener can answer 503.
  std::size_t max_waiting_bytes = 4U << 20U;
  // sync = "always": received points are answered for once they are durable; requests that come
  // while a sync is running share the next one.
  bool wait_for_sync = false;
};

class BlockWriter final : public BlockSink {
 public:
  // Takes the ring's on_sync_done.
  BlockWriter(Ring& ring, const base::Clock& clock, const BlockWriterOptions& options);
  ~BlockWriter() override;
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  [[nodiscard]] BlockLimits limits() const override;
  // For blocks from now on. Pieces cut to larger limits before get blocks of their own.
  // Thread-safe.
  void set_limits(const BlockLimits& limits);
  void add(std::span<const Lines> pieces, Origin origin, Done done) override;
  void flush() override;
  // True while closed blocks wait: for another thread that stores them, or for a sync.
  [[nodiscard]] bool busy() const;

 private:
  // One add(): how many of its pieces are still under way, and what happened to the others.
  struct Ticket;
  using Tickets = std::vector<std::shared_ptr<Ticket>>;
  // A block being filled or waiting. Gathered and received points do not share one: they part ways
  // when the device fails.
  struct Draft {
    struct Share {
      std::shared_ptr<Ticket> ticket;
      std::uint32_t points = 0;
    };
    Origin origin = Origin::kReceived;
    std::string lines;
    std::uint32_t points = 0;
    std::int64_t oldest_ns = 0;
    std::int64_t newest_ns = 0;
    std::vector<Share> shares;
  };

  [[nodiscard]] bool fits(const Draft& open, const Lines& piece) const;
  void put(Draft& open, const Lines& piece, const std::shared_ptr<Ticket>& ticket);
  void close(Draft& open);
  // Keeps its memory for a block to come.
  void recycle(Draft draft);
  void drain(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] base::Result<std::uint64_t> store(Draft& draft, bool more);
  // The tickets that can be answered now.
  [[nodiscard]] Tickets settle(const Draft& draft, const base::Result<std::uint64_t>& stored);
  void synced(const SyncDone& done);

  Ring& ring_;
  const base::Clock& clock_;
  const BlockWriterOptions options_;

  mutable std::mutex mutex_;
  BlockLimits limits_;
  Draft received_, gathered_;  // open
  std::deque<Draft> waiting_;
  std::vector<Draft> spare_;  // empty, for the open ones
  std::size_t waiting_bytes_ = 0;
  bool draining_ = false;  // some thread is compressing and appending: it takes what comes along
  bool parked_ = false;    // too much is unsynced: draining goes on after the next sync
  std::uint64_t syncs_ = 0;
  Tickets unsynced_;  // stored; answered after the sync

  // Used by the draining thread only.
  Compressor compressor_;
  std::optional<base::BootTime> last_compressed_;
  Block block_;
  bool compressed_ = false;  // block_ holds the first of waiting_
};

}  // namespace holdfast::buffer

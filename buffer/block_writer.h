// BlockWriter: the BlockSink in front of a ring. Inputs share its open block; it compresses and
// appends blocks one at a time and tells each contributor what became of its lines.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "buffer/block_sink.h"
#include "buffer/compressor.h"
#include "buffer/ring.h"

namespace holdfast::buffer {

struct BlockWriterOptions {
  BlockLimits limits;
  int compression_level = 3;
  // Raw bytes of closed blocks that may wait while the ring is slow. What would pass it is refused
  // (kBusy) at once: memory stays bounded, and a listener can answer 503.
  std::size_t max_waiting_bytes = 4U << 20U;
};

class BlockWriter final : public BlockSink {
 public:
  BlockWriter(Ring& ring, const BlockWriterOptions& options);

  [[nodiscard]] BlockLimits limits() const override { return options_.limits; }
  void add(std::span<const Lines> pieces, Done done) override;
  void flush() override;

 private:
  // One add(): how many of its pieces are still under way, and what happened to the others.
  struct Ticket;
  // A block being filled or waiting.
  struct Draft {
    struct Share {
      std::shared_ptr<Ticket> ticket;
      std::uint32_t points = 0;
    };
    std::string lines;
    std::uint32_t points = 0;
    std::int64_t oldest_ns = 0;
    std::int64_t newest_ns = 0;
    std::vector<Share> shares;
  };

  [[nodiscard]] bool fits(const Lines& piece) const;
  void put(const Lines& piece, const std::shared_ptr<Ticket>& ticket);
  void close_open();
  void drain(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] base::Status store(Draft& draft);

  Ring& ring_;
  const BlockWriterOptions options_;

  std::mutex mutex_;
  Draft open_;
  std::deque<Draft> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool draining_ = false;  // some thread is compressing and appending: it takes what comes along

  // Used by the draining thread only.
  Compressor compressor_;
  Block block_;
};

}  // namespace holdfast::buffer

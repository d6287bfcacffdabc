// A ring on a recorded file whose device fails when told to; and what would be left of it after a
// kill.
#pragma once

#include <string_view>
#include <vector>

#include "tests/buffer/ring_fixture.h"

namespace holdfast::test {

class HeldFixture : public RingFixture {
 protected:
  using Kind = FileOperation::Kind;

  void gather(std::uint32_t points, std::size_t line_bytes = 16) {
    origin_ = buffer::Origin::kGathered;
    append(points, line_bytes);
  }
  void receive(std::uint32_t points, std::size_t line_bytes = 16) {
    origin_ = buffer::Origin::kReceived;
    append(points, line_bytes);
  }
  // Where it may be refused: then the next block gets the same numbers.
  base::Status try_append(buffer::Origin origin, std::uint32_t points,
                          std::size_t line_bytes = 16) {
    auto block = numbered_block(next_, points, line_bytes);
    const std::string bytes = block.bytes;
    const auto stored = ring_->append(block, origin);
    if (!stored) {
      EXPECT_EQ(block.bytes.size(), bytes.size()) << "a refused block is untouched";
      return tl::unexpected(stored.error());
    }
    next_ += points;
    return base::ok();
  }

  void fail_writes(int errno_value) {
    record_->fail_with([errno_value](const FileOperation& operation) -> base::Status {
      if (operation.kind == Kind::kWrite) return base::fail_errno("write", errno_value);
      return base::ok();
    });
  }
  void fail_blocks(int errno_value) {
    record_->fail_with([errno_value](const FileOperation& operation) -> base::Status {
      const bool block = operation.kind == Kind::kWrite && operation.offset >= buffer::kDataOffset;
      return block ? base::Status(base::fail_errno("write", errno_value)) : base::ok();
    });
  }
  void fail_syncs(int errno_value) {
    record_->fail_with([errno_value](const FileOperation& operation) -> base::Status {
      if (operation.kind == Kind::kSync) return base::fail_errno("sync", errno_value);
      return base::ok();
    });
  }
  void mend_device() { record_->fail_with({}); }

  void tend_after(base::Duration time) {
    clock_.advance(time);
    ring_->tend();
  }

  // --- what a kill would leave ---
  [[nodiscard]] OpenImage after_kill() const { return open_image(image(), clock_, options_); }
  [[nodiscard]] std::vector<std::uint64_t> left_after_kill(std::string_view id) const {
    const auto opened = after_kill();
    const auto found = drain(*opened.ring, *opened.ring->attach(id));
    expect_sound_ledgers(opened.ring->info());
    EXPECT_EQ(reader_info(*opened.ring, id).ledger.counters.corrupt, 0U);
    return found;
  }

  [[nodiscard]] std::vector<std::uint64_t> read_all(buffer::ReaderId reader) {
    auto batch = ring_->read(reader, {}, 0);
    EXPECT_TRUE(batch) << (batch ? "" : batch.error().message);
    return batch ? numbers_of(*batch) : std::vector<std::uint64_t>{};
  }
};

}  // namespace holdfast::test

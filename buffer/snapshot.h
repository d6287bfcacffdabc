// Snapshot: a ring file as the tools look at it: read-only, whole or damaged, in use or not.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "agent/base/result.h"
#include "buffer/file.h"
#include "buffer/recovery.h"
#include "buffer/ring.h"
#include "buffer/state.h"

namespace holdfast::buffer {

enum class PartState { kSound, kBlank, kDamaged };

struct SlotReport {
  PartState state = PartState::kDamaged;
  State content;  // of a sound one
};

struct Snapshot {
  std::array<PartState, 2> superblocks{};
  std::array<SlotReport, 2> slots;
  std::uint64_t file_size = 0;  // bytes there are; fewer than the superblock says when cut short
  // What opening the ring now would come to. While the ring is in use its tail is the end of the
  // last block found: what looks like lost numbers behind it are appends under way.
  Recovered recovered;
  bool in_use = false;

  [[nodiscard]] const Superblock& superblock() const { return recovered.superblock; }
  [[nodiscard]] const Mark& tail() const { return recovered.tail; }
  [[nodiscard]] std::uint64_t floor() const {
    return floor_of(recovered.tail.position, recovered.superblock.data_size);
  }
  // The readers with their cursors as they stand in the file.
  [[nodiscard]] const std::vector<ReaderState>& readers() const { return recovered.as_found; }
};

// `in_use`: another process may be writing to the file meanwhile. Errors are those of
// read_superblock.
[[nodiscard]] base::Result<Snapshot> take_snapshot(File& file, bool in_use);

// A reader that has still to deliver some of the points [first_point, first_point + points), or,
// where that is not known, something of [position, position + size).
[[nodiscard]] bool wants(const ReaderState& reader, std::uint64_t position, std::uint64_t size,
                         std::optional<std::uint64_t> first_point, std::uint64_t points);

}  // namespace holdfast::buffer

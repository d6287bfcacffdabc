// Verify: reads a whole ring file once and says what is sound and what is damaged.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "buffer/block_walker.h"
#include "buffer/snapshot.h"

namespace holdfast::buffer {

// A damaged place between floor and tail.
struct Damage {
  std::uint64_t offset = 0;  // in the file
  Stretch stretch;
  std::vector<std::string> wanted_by;  // readers that still had to deliver what was there
};

struct VerifyReport {
  std::uint64_t data_blocks = 0;  // sound ones
  std::uint64_t pads = 0;
  std::uint64_t checkpoints = 0;
  std::uint64_t points = 0;  // in the sound blocks; so are the bytes
  std::uint64_t payload_bytes = 0;
  std::uint64_t raw_bytes = 0;
  std::uint64_t damaged = 0;  // places; how many points they cost, as far as that is known
  std::uint64_t points_lost = 0;
  std::uint64_t unknown_losses = 0;   // places where it is not
  std::uint64_t pending_damaged = 0;  // places that a reader has still to deliver
  std::uint64_t overwritten = 0;      // points gone since the snapshot was taken

  // Nothing is damaged that a reader has still to deliver. Without readers everything counts: the
  // first one to come would be given all there is.
  [[nodiscard]] bool good() const { return pending_damaged == 0; }
};

// `on_damage` is called for each damaged place as it is found.
[[nodiscard]] VerifyReport verify(File& file, const Snapshot& snapshot,
                                  const BlockWalker::CountPoints& count_points,
                                  const std::function<void(const Damage&)>& on_damage);

}  // namespace holdfast::buffer

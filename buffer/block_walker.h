// BlockWalker: what lies between floor and tail of a ring, in order and without gaps: blocks that
// were checked, and the damage between them. One pass, in the memory of one block and a read-ahead.
// Works beside a writer: what it overwrites meanwhile is told from damage.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "buffer/block_io.h"
#include "buffer/file.h"
#include "buffer/snapshot.h"

namespace holdfast::buffer {

// How far a block is checked.
enum class BlockCheck {
  kHeader,   // the payload is not read
  kPayload,  // its checksum
  kLines,    // ... and the lines: size, CRC-32, points; a checkpoint: its record
};

struct Stretch {
  enum class Kind {
    kBlock,        // sound, as far as it was checked
    kBadBlock,     // the header is sound, the rest is not
    kMissing,      // no block where one must be
    kGap,          // points missing between two blocks, without room for them: lost in a power
                   // cut, or delivered from memory and never written
    kOverwritten,  // gone since the snapshot was taken
  };
  Kind kind = Kind::kBlock;
  std::uint64_t position = 0;
  std::uint64_t size = 0;         // bytes of the data area
  FoundBlock block;               // kBlock and kBadBlock
  std::uint64_t first_point = 0;  // points before this place, if known,
  std::uint64_t points = 0;       // ... and those in it: held, or lost
  bool points_known = true;       // the neighbours tell
  std::string fault;              // kBadBlock, kMissing, kGap: what was found, what was expected

  [[nodiscard]] bool damaged() const { return kind == Kind::kBadBlock || kind == Kind::kMissing; }
  // Where the points begin, if that is known.
  [[nodiscard]] std::optional<std::uint64_t> known_point() const {
    return points_known ? std::optional(first_point) : std::nullopt;
  }
};

class BlockWalker {
 public:
  // The lines of a block → how many points they hold. The ring does not know line protocol.
  using CountPoints = std::function<std::uint64_t(std::string_view lines)>;

  // More lines than this in one block are taken for damage: memory stays bounded whatever the
  // headers say.
  static constexpr std::uint32_t kMaxRaw = 64U << 20U;

  // `file` and `snapshot` must outlive the walker. Without `count_points` points are not counted.
  BlockWalker(File& file, const Snapshot& snapshot, BlockCheck check, CountPoints count_points);

  // Blocks for which this is false are looked at no further than their header.
  void check_only(std::function<bool(const BlockHeader&)> wanted) { wanted_ = std::move(wanted); }

  // The next stretch; nothing at the tail.
  [[nodiscard]] std::optional<Stretch> next();

  // Of the data block that next() gave last, valid until the next call: the payload if it was
  // checked (kPayload), the lines if they were (kLines).
  [[nodiscard]] std::string_view payload() const { return payload_; }
  [[nodiscard]] std::string_view lines() const { return lines_; }

 private:
  [[nodiscard]] Mark start();
  // Between at_ and the tail, by its number and its place.
  [[nodiscard]] bool belongs(const FoundBlock& block) const;
  [[nodiscard]] Stretch take(const FoundBlock& block);
  [[nodiscard]] Stretch missing();
  [[nodiscard]] Stretch gap(std::uint64_t expected, std::uint64_t found) const;
  [[nodiscard]] std::string what_is_at(std::uint64_t position);
  // What is wrong with the block; nothing if it is sound.
  [[nodiscard]] std::optional<std::string> fault_of(const FoundBlock& block);
  [[nodiscard]] std::string bad_payload(const FoundBlock& block);
  [[nodiscard]] std::optional<std::string> fault_of_lines(const BlockHeader& header);
  [[nodiscard]] bool overwritten(std::uint64_t position);
  void follow_writer();

  File& file_;
  const Snapshot& snapshot_;
  const BlockCheck check_;
  const CountPoints count_points_;
  std::function<bool(const BlockHeader&)> wanted_;
  BlockIo io_;
  Mark at_;                   // where the next block must be
  bool points_known_ = true;  // at_ counts points
  Mark tail_now_;             // where the writer has come to since the snapshot
  int looks_left_ = 16;       // at all of its tail, which costs a recovery
  std::string payload_;
  std::string lines_;
};

}  // namespace holdfast::buffer

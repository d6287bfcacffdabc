// DiskStates: what a device may hold after a power cut. It follows a log of file operations; at any
// place in it, it says what is durable, what is in the page cache, and which mixtures of the two
// the cut may leave.
//
// The rules: what was there at the last completed sync is there. Of the sectors (512 bytes) written
// since, each holds what it held then or what any of the writes that touched it left in the page
// cache: so writes arrive whole, torn, in any order or not at all. A file that was made longer has
// any length between the old and the new one, in whole sectors.
//
// A sync that failed may have made the kernel forget what it could not write: what was in the page
// cache only at that moment may be lost for good, byte by byte, unless it is written again. So
// after a later, completed sync a sector holds what was in the page cache, or what was durable
// before with the writes since the failure on top; or, if there were none, any of the states
// before.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "agent/base/random.h"
#include "tests/support/recording_file.h"

namespace holdfast::crash {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kSector = 512;
constexpr std::size_t kPage = 4096;

// One choice among the mixtures.
struct Pick {
  const char* name = "";
  std::vector<std::uint16_t> versions;  // for each dirty sector: 0 = as at the last sync, 1 = ...
  std::uint64_t size = 0;               // of the file

  friend bool operator==(const Pick& a, const Pick& b) {
    return a.versions == b.versions && a.size == b.size;
  }
};

class DiskStates {
 public:
  explicit DiskStates(Bytes durable) : durable_(durable), cached_(std::move(durable)) {}

  // The next operation of the log is issued; a sync is completed.
  void issue(const test::FileOperation& operation);

  // All that was issued: what a kill -9 leaves.
  [[nodiscard]] const Bytes& cached() const { return cached_; }
  [[nodiscard]] const Bytes& durable() const { return durable_; }

  // Picks that differ from those before the operation issued last: all of them if they are no more
  // than `all_below`, else the nasty ones and `samples` random ones.
  [[nodiscard]] std::vector<Pick> picks(base::Random& random, std::size_t samples,
                                        std::size_t all_below) const;
  [[nodiscard]] Bytes image(const Pick& pick) const;
  // Which sectors are as which write left them, for a report.
  [[nodiscard]] std::string text(const Pick& pick) const;

 private:
  using SectorBytes = std::array<std::byte, kSector>;
  // In place of a write: from before a completed sync, but perhaps forgotten by a failed one.
  static constexpr std::uint32_t kBefore = std::numeric_limits<std::uint32_t>::max();

  struct Version {
    std::uint32_t write = 0;  // index into writes_
    SectorBytes bytes;
  };
  struct Sector {
    std::uint64_t number = 0;
    std::vector<Version> versions;
    bool doubtful = false;     // it was dirty when a sync failed,
    bool written = false;      // ... and was written since, or since the last completed sync
    SectorBytes forgetting{};  // if all that was dirty then is lost
  };
  using Chosen = std::function<bool(std::size_t write, std::size_t sector_of_write)>;

  void write(const test::FileOperation& operation);
  void fail_sync();
  void complete_sync();
  // False if there is no more doubt about this sector.
  bool settle(Sector& sector);
  [[nodiscard]] SectorBytes sector_of(const Bytes& file, std::uint64_t number) const;
  Sector& dirty(std::uint64_t number);
  [[nodiscard]] bool is_new(const Pick& pick) const;
  [[nodiscard]] bool few(std::size_t limit) const;
  [[nodiscard]] Pick nothing(const char* name) const;
  [[nodiscard]] Pick everything(const char* name) const;
  [[nodiscard]] Pick where(const char* name, const Chosen& chosen) const;
  void add_all(std::vector<Pick>& out) const;
  void add_nasty(std::vector<Pick>& out) const;
  [[nodiscard]] Pick draw(base::Random& random) const;
  [[nodiscard]] std::uint64_t draw_size(base::Random& random) const;

  Bytes durable_;
  Bytes cached_;
  // Since the last sync, and those in doubt from before.
  std::vector<Sector> sectors_;
  std::vector<std::vector<std::uint32_t>> writes_;  // the sectors of each, indexes into sectors_
  bool last_was_write_ = false;
};

}  // namespace holdfast::crash

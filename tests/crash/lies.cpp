// Dropped and garbled sectors.
#include "tests/crash/lies.h"

#include <algorithm>

#include <fmt/core.h>

#include "buffer/format.h"

namespace holdfast::crash {
namespace {

std::uint64_t sectors_in(const Bytes& image) { return (image.size() + kSector - 1) / kSector; }

bool differs(const Bytes& image, const Bytes& old, std::uint64_t sector) {
  const std::size_t at = sector * kSector;
  const std::size_t end = std::min({at + kSector, image.size(), old.size()});
  return at < end && !std::equal(image.begin() + static_cast<std::ptrdiff_t>(at),
                                 image.begin() + static_cast<std::ptrdiff_t>(end),
                                 old.begin() + static_cast<std::ptrdiff_t>(at));
}

// A sector that was written since `old`, or any.
std::uint64_t draw_sector(const Bytes& image, const Bytes& old, base::Random& random) {
  std::vector<std::uint64_t> changed;
  for (std::uint64_t sector = 0; sector < sectors_in(image); ++sector) {
    if (differs(image, old, sector)) changed.push_back(sector);
  }
  if (changed.empty() || random.below(4) == 0) return random.below(sectors_in(image));
  return changed[random.below(changed.size())];
}

std::string garble(Bytes& image, const Bytes& old, std::uint64_t sector, base::Random& random) {
  const std::size_t at = sector * kSector;
  const std::size_t size = std::min(kSector, image.size() - at);
  const auto begin = image.begin() + static_cast<std::ptrdiff_t>(at);
  switch (random.below(4)) {
    case 0:
      for (std::uint64_t i = 1 + random.below(8); i > 0; --i) {
        image[at + random.below(size)] ^= static_cast<std::byte>(1U << random.below(8));
      }
      return "bits flipped in";
    case 1:
      std::fill_n(begin, size, std::byte{0});
      return "zeros in";
    default:
      for (std::size_t i = 0; i < size; ++i) {
        begin[static_cast<std::ptrdiff_t>(i)] = at + i < old.size() ? old[at + i] : std::byte{0};
      }
      return "old content in";
  }
}

}  // namespace

std::string spoil(Bytes& image, const std::deque<Bytes>& older, base::Random& random) {
  const std::uint64_t spared = buffer::kSuperblockOffsets[random.below(2)] / kSector;
  std::string done;
  for (std::uint64_t i = 1 + random.below(3); i > 0; --i) {
    const Bytes& old = older[random.below(older.size())];
    const std::uint64_t sector = draw_sector(image, old, random);
    if (sector == spared) continue;
    done += fmt::format("; {} sector {}", garble(image, old, sector, random), sector);
  }
  return done;
}

}  // namespace holdfast::crash

// Mixtures of old and new sectors. Each write remembers which sectors it touched, and each sector
// what it looked like after each write.
#include "tests/crash/disk_states.h"

#include <algorithm>

#include <fmt/core.h>

namespace holdfast::crash {

void DiskStates::issue(const test::FileOperation& operation) {
  using Kind = test::FileOperation::Kind;
  last_was_write_ = operation.kind == Kind::kWrite;
  switch (operation.kind) {
    case Kind::kAllocate:
      test::apply(operation, cached_);
      break;
    case Kind::kWrite:
      write(operation);
      break;
    case Kind::kSync:
      complete_sync();
      break;
    case Kind::kFailedSync:
      fail_sync();
      break;
  }
}

void DiskStates::fail_sync() {
  for (Sector& sector : sectors_) {
    sector.doubtful = true;
    sector.written = false;
    sector.forgetting = sector_of(durable_, sector.number);
  }
}

void DiskStates::complete_sync() {
  // Only sectors keep their doubts; the file's length never changes once a device may fail.
  Bytes synced = cached_;
  std::vector<Sector> in_doubt;
  for (Sector& sector : sectors_) {
    if (!sector.doubtful || !settle(sector)) continue;
    const auto size = std::min<std::uint64_t>(kSector, synced.size() - sector.number * kSector);
    std::copy_n(sector.forgetting.begin(), size,
                synced.begin() + static_cast<std::ptrdiff_t>(sector.number * kSector));
    in_doubt.push_back(std::move(sector));
  }
  durable_ = std::move(synced);
  sectors_ = std::move(in_doubt);
  writes_.clear();
}

bool DiskStates::settle(Sector& sector) {
  const SectorBytes cached = sector_of(cached_, sector.number);
  if (sector.written) {
    sector.versions.assign(1, {kBefore, cached});
  } else {
    sector.forgetting = sector_of(durable_, sector.number);
  }
  std::erase_if(sector.versions,
                [&](const Version& version) { return version.bytes == sector.forgetting; });
  for (Version& version : sector.versions) version.write = kBefore;
  sector.written = false;
  return !sector.versions.empty();
}

DiskStates::SectorBytes DiskStates::sector_of(const Bytes& file, std::uint64_t number) const {
  SectorBytes bytes{};
  const std::uint64_t at = number * kSector;
  if (at >= file.size()) return bytes;
  std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(at),
              std::min<std::uint64_t>(kSector, file.size() - at), bytes.begin());
  return bytes;
}

DiskStates::Sector& DiskStates::dirty(std::uint64_t number) {
  const auto found = std::find_if(sectors_.begin(), sectors_.end(),
                                  [&](const Sector& s) { return s.number == number; });
  if (found != sectors_.end()) return *found;
  sectors_.push_back({number, {}});
  return sectors_.back();
}

void DiskStates::write(const test::FileOperation& operation) {
  test::apply(operation, cached_);
  std::vector<std::uint32_t> touched;
  const std::uint64_t end = operation.offset + operation.bytes.size();
  for (std::uint64_t number = operation.offset / kSector; number * kSector < end; ++number) {
    Sector& sector = dirty(number);
    touched.push_back(static_cast<std::uint32_t>(&sector - sectors_.data()));
    const auto index = static_cast<std::uint32_t>(writes_.size());
    const SectorBytes cached = sector_of(cached_, number);
    if (sector.doubtful) {
      sector.written = true;
      const std::uint64_t from = std::max(operation.offset, number * kSector);
      const std::uint64_t to = std::min(end, (number + 1) * kSector);
      std::copy_n(operation.bytes.begin() + static_cast<std::ptrdiff_t>(from - operation.offset),
                  to - from,
                  sector.forgetting.begin() + static_cast<std::ptrdiff_t>(from - number * kSector));
      if (sector.forgetting != cached) sector.versions.push_back({index, sector.forgetting});
    }
    sector.versions.push_back({index, cached});
  }
  writes_.push_back(std::move(touched));
}

Pick DiskStates::nothing(const char* name) const {
  return {name, std::vector<std::uint16_t>(sectors_.size(), 0), cached_.size()};
}

Pick DiskStates::where(const char* name, const Chosen& chosen) const {
  Pick pick = nothing(name);
  for (std::size_t write = 0; write < writes_.size(); ++write) {
    const auto& touched = writes_[write];
    for (std::size_t i = 0; i < touched.size(); ++i) {
      if (!chosen(write, i)) continue;
      const auto& versions = sectors_[touched[i]].versions;
      const auto version = std::find_if(versions.begin(), versions.end(),
                                        [&](const Version& v) { return v.write == write; });
      pick.versions[touched[i]] = static_cast<std::uint16_t>(version - versions.begin() + 1);
    }
  }
  return pick;
}

Pick DiskStates::everything(const char* name) const {
  return where(name, [](std::size_t, std::size_t) { return true; });
}

bool DiskStates::few(std::size_t limit) const {
  if (cached_.size() != durable_.size()) return false;
  std::size_t product = 1;
  for (const Sector& sector : sectors_) {
    product *= sector.versions.size() + 1;
    if (product > limit) return false;
  }
  return true;
}

// A mixture without any sector of the last write was possible before it already.
bool DiskStates::is_new(const Pick& pick) const {
  if (!last_was_write_) return true;
  return std::any_of(writes_.back().begin(), writes_.back().end(), [&](std::uint32_t index) {
    const std::uint16_t version = pick.versions[index];
    return version > 0 && sectors_[index].versions[version - 1U].write + 1 == writes_.size();
  });
}

void DiskStates::add_all(std::vector<Pick>& out) const {
  Pick pick = nothing("one of all");
  while (true) {
    out.push_back(pick);
    std::size_t at = 0;
    while (at < sectors_.size() && pick.versions[at] == sectors_[at].versions.size()) {
      pick.versions[at++] = 0;
    }
    if (at == sectors_.size()) return;
    ++pick.versions[at];
  }
}

void DiskStates::add_nasty(std::vector<Pick>& out) const {
  const std::size_t last = writes_.empty() ? 0 : writes_.size() - 1;
  out.push_back(everything("all"));
  out.push_back(nothing("none"));
  out.push_back(where("only the first", [](std::size_t w, std::size_t) { return w == 0; }));
  out.push_back(where("only the last", [&](std::size_t w, std::size_t) { return w == last; }));
  out.push_back(where("all but the first", [](std::size_t w, std::size_t) { return w != 0; }));
  out.push_back(where("all but the one before the last",
                      [&](std::size_t w, std::size_t) { return w + 1 != last; }));
  out.push_back(
      where("alternating", [&](std::size_t w, std::size_t) { return w % 2 == last % 2; }));
  out.push_back(where("only first sectors", [](std::size_t, std::size_t s) { return s == 0; }));
  out.push_back(where("all but first sectors", [](std::size_t, std::size_t s) { return s != 0; }));
}

std::uint64_t DiskStates::draw_size(base::Random& random) const {
  if (cached_.size() == durable_.size()) return cached_.size();
  switch (random.below(4)) {
    case 0:
      return durable_.size();
    case 1:
      return (durable_.size() + random.below(cached_.size() - durable_.size())) / kSector * kSector;
    default:
      return cached_.size();
  }
}

Pick DiskStates::draw(base::Random& random) const {
  const std::uint64_t kind = random.below(5);
  Pick pick;
  if (kind == 0) {
    std::vector<bool> kept(writes_.size());
    for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = random.below(2) == 0;
    pick = where("some writes", [&](std::size_t w, std::size_t) { return kept[w]; });
  } else if (kind == 1) {
    // Nearly everything: a few sectors are stale.
    pick = everything("nearly all sectors");
    for (auto& version : pick.versions) {
      if (random.below(6) == 0) version = static_cast<std::uint16_t>(random.below(version + 1U));
    }
  } else if (kind == 2) {
    pick = nothing("few sectors");
    for (std::size_t i = 0; i < pick.versions.size(); ++i) {
      if (random.below(6) != 0) continue;
      pick.versions[i] = static_cast<std::uint16_t>(random.below(sectors_[i].versions.size() + 1));
    }
  } else if (kind == 3) {
    // Nearly everything, but one write is missing or torn.
    const std::size_t spared = random.below(writes_.size());
    const std::size_t from = random.below(4);
    pick = where("all but one write",
                 [&](std::size_t w, std::size_t s) { return w != spared || s < from; });
  } else {
    pick = nothing("any sectors");
    for (std::size_t i = 0; i < pick.versions.size(); ++i) {
      pick.versions[i] = static_cast<std::uint16_t>(random.below(sectors_[i].versions.size() + 1));
    }
  }
  pick.size = draw_size(random);
  return pick;
}

std::vector<Pick> DiskStates::picks(base::Random& random, std::size_t samples,
                                    std::size_t all_below) const {
  std::vector<Pick> found;
  if (few(all_below)) {
    add_all(found);
  } else {
    add_nasty(found);
    // Not all of them each time: the budget is better spent on other places of the log.
    while (found.size() > samples) {
      found.erase(found.begin() + static_cast<std::ptrdiff_t>(random.below(found.size())));
    }
    for (std::size_t i = 0; i < samples; ++i) found.push_back(draw(random));
  }
  std::vector<Pick> out;
  for (Pick& pick : found) {
    if (is_new(pick) && std::find(out.begin(), out.end(), pick) == out.end()) {
      out.push_back(std::move(pick));
    }
  }
  return out;
}

Bytes DiskStates::image(const Pick& pick) const {
  Bytes image = durable_;
  image.resize(cached_.size());
  for (std::size_t i = 0; i < sectors_.size(); ++i) {
    if (pick.versions[i] == 0) continue;
    const std::size_t at = sectors_[i].number * kSector;
    const std::size_t size = std::min(kSector, image.size() - at);
    const auto& bytes = sectors_[i].versions[pick.versions[i] - 1U].bytes;
    std::copy_n(bytes.begin(), size, image.begin() + static_cast<std::ptrdiff_t>(at));
  }
  image.resize(pick.size);
  return image;
}

std::string DiskStates::text(const Pick& pick) const {
  std::string out = fmt::format("{}; sector:write", pick.name);
  for (std::size_t i = 0; i < sectors_.size(); ++i) {
    const std::uint16_t version = pick.versions[i];
    if (version == 0) {
      out += fmt::format(" {}:old", sectors_[i].number);
    } else {
      const std::uint32_t write = sectors_[i].versions[version - 1U].write;
      out += write == kBefore ? fmt::format(" {}:kept{}", sectors_[i].number, version)
                              : fmt::format(" {}:{}", sectors_[i].number, write);
    }
  }
  if (pick.size != cached_.size()) out += fmt::format("; file of {} bytes", pick.size);
  return out;
}

}  // namespace holdfast::crash

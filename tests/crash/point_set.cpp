// Arithmetic on sorted stretches of numbers.
#include "tests/crash/point_set.h"

#include <algorithm>

#include <fmt/core.h>

namespace holdfast::crash {

bool PointSet::add(std::uint64_t first, std::uint64_t end) {
  if (first >= end) return true;
  if (!stretches_.empty()) {
    Stretch& last = stretches_.back();
    if (first < last.end) return false;
    if (first == last.end) {
      last.end = end;
      return true;
    }
  }
  stretches_.push_back({first, end});
  return true;
}

std::uint64_t PointSet::count() const {
  std::uint64_t sum = 0;
  for (const Stretch& stretch : stretches_) sum += stretch.end - stretch.first;
  return sum;
}

PointSet PointSet::minus(const PointSet& other) const {
  PointSet left;
  auto cut = other.stretches_.begin();
  for (const Stretch& stretch : stretches_) {
    std::uint64_t from = stretch.first;
    while (cut != other.stretches_.end() && cut->end <= from) ++cut;
    for (auto hole = cut; hole != other.stretches_.end() && hole->first < stretch.end; ++hole) {
      left.add(from, hole->first);
      from = std::max(from, hole->end);
    }
    left.add(from, stretch.end);
  }
  return left;
}

PointSet PointSet::within(std::uint64_t from, std::uint64_t below) const {
  PointSet part;
  for (const Stretch& stretch : stretches_) {
    part.add(std::max(stretch.first, from), std::min(stretch.end, below));
  }
  return part;
}

PointSet PointSet::united(const PointSet& other) const {
  std::vector<Stretch> all = stretches_;
  all.insert(all.end(), other.stretches_.begin(), other.stretches_.end());
  std::sort(all.begin(), all.end(),
            [](const Stretch& a, const Stretch& b) { return a.first < b.first; });
  PointSet sum;
  std::uint64_t end = 0;
  for (const Stretch& stretch : all) {
    sum.add(std::max(stretch.first, end), stretch.end);
    end = std::max(end, stretch.end);
  }
  return sum;
}

std::uint64_t PointSet::lowest_of_last(std::uint64_t count, std::uint64_t end) const {
  if (count == 0) return end;
  const PointSet others = PointSet(0, end).minus(*this);
  for (auto stretch = others.stretches_.rbegin(); stretch != others.stretches_.rend(); ++stretch) {
    const std::uint64_t size = stretch->end - stretch->first;
    if (count <= size) return stretch->end - count;
    count -= size;
  }
  return 0;
}

std::uint64_t PointSet::next_outside(std::uint64_t from) const {
  for (const Stretch& stretch : stretches_) {
    if (stretch.first <= from && from < stretch.end) from = stretch.end;
  }
  return from;
}

std::string PointSet::text() const {
  if (stretches_.empty()) return "none";
  std::string out;
  for (const Stretch& stretch : stretches_) {
    if (!out.empty()) out += ' ';
    out += fmt::format("{}..{}", stretch.first, stretch.end - 1);
  }
  return out;
}

}  // namespace holdfast::crash

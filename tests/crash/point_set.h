// PointSet: a set of point numbers as sorted stretches, so that thousands of points are compared in
// a few steps.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::crash {

struct Stretch {
  std::uint64_t first = 0;
  std::uint64_t end = 0;  // one past the last
  friend bool operator==(const Stretch&, const Stretch&) = default;
};

class PointSet {
 public:
  PointSet() = default;
  PointSet(std::uint64_t first, std::uint64_t end) { add(first, end); }

  // Adds [first, end). False, and nothing added, if a number of the set is not below `first`: then
  // something came twice or out of order.
  bool add(std::uint64_t first, std::uint64_t end);

  [[nodiscard]] bool empty() const { return stretches_.empty(); }
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] const std::vector<Stretch>& stretches() const { return stretches_; }
  [[nodiscard]] PointSet minus(const PointSet& other) const;
  // The part of it in [from, below).
  [[nodiscard]] PointSet within(std::uint64_t from, std::uint64_t below) const;
  [[nodiscard]] PointSet united(const PointSet& other) const;
  // The numbers below `end` that are not in the set: where the last `count` of them begin. `end` if
  // there are to be none, 0 if there are not so many.
  [[nodiscard]] std::uint64_t lowest_of_last(std::uint64_t count, std::uint64_t end) const;
  // The first number from `from` on that is not in the set.
  [[nodiscard]] std::uint64_t next_outside(std::uint64_t from) const;
  [[nodiscard]] std::string text() const;

  friend bool operator==(const PointSet&, const PointSet&) = default;

 private:
  std::vector<Stretch> stretches_;
};

}  // namespace holdfast::crash

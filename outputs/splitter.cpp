// Halving, with what is known for certain: if the first half of a refused batch is good, the second
// one is bad and need not be sent to learn that.
#include "outputs/splitter.h"

#include <algorithm>

namespace holdfast::outputs {

void Splitter::take(std::uint64_t points) {
  if (parts_.empty()) return;
  Part& next = parts_.back();
  next.points -= std::min(next.points, points);
  if (next.points == 0) parts_.pop_back();
}

void Splitter::push(std::uint64_t points) {
  if (points > 0) parts_.push_back({points, false});
}

void Splitter::halve(std::uint64_t points) {
  parts_.push_back({points - points / 2, true});
  push(points / 2);
}

void Splitter::delivered(std::uint64_t points) {
  refused_in_a_row_ = 0;
  const std::size_t before = parts_.size();
  take(points);
  if (parts_.empty() || parts_.size() == before) return;
  Part& next = parts_.back();
  if (!next.bad_if_next_is_good) return;
  next.bad_if_next_is_good = false;
  if (next.points < 2) return;
  const std::uint64_t bad = next.points;
  parts_.pop_back();
  halve(bad);
}

bool Splitter::refused(std::uint64_t points, std::uint64_t bad_line) {
  if (parts_.empty()) refused_in_a_row_ = 0;  // a batch of its own
  take(points);
  if (!parts_.empty()) parts_.back().bad_if_next_is_good = false;
  ++refused_in_a_row_;
  if (points < 2 || refused_in_a_row_ > kPatience) return false;
  if (bad_line > 0 && bad_line <= points) {
    push(points - bad_line);
    push(1);
    push(bad_line - 1);
  } else {
    halve(points);
  }
  return true;
}

}  // namespace holdfast::outputs

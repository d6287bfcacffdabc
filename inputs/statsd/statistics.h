// Statistics of the values of one timer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/base/random.h"

namespace holdfast::statsd {

// Mean, spread and extremes of all values; median and percentiles of a sample of them, which holds
// `limit` values: beyond that each new one takes the place of a random other. Not thread-safe.
class Statistics {
 public:
  explicit Statistics(std::size_t limit) : limit_(limit) {}

  // `times` equal values, at least one.
  void add(double value, std::uint64_t times, base::Random& random);

  // Sorts what percentile() and median() look at. Those need at least one value.
  void settle();
  [[nodiscard]] double percentile(double percent) const;
  [[nodiscard]] double median() const;

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] double sum() const { return sum_; }
  [[nodiscard]] double mean() const { return sum_ / static_cast<double>(count_); }
  [[nodiscard]] double stddev() const;  // of all values, not of a sample of more
  [[nodiscard]] double upper() const { return upper_; }
  [[nodiscard]] double lower() const { return lower_; }
  [[nodiscard]] std::size_t sampled() const { return sample_.size(); }

 private:
  std::size_t limit_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
  double mean_ = 0;
  double squares_ = 0;  // of the distances from the mean
  double upper_ = 0;
  double lower_ = 0;
  std::vector<double> sample_;
};

}  // namespace holdfast::statsd

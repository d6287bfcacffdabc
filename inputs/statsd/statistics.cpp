#include "inputs/statsd/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace holdfast::statsd {

void Statistics::add(double value, std::uint64_t times, base::Random& random) {
  lower_ = count_ == 0 ? value : std::min(lower_, value);
  upper_ = count_ == 0 ? value : std::max(upper_, value);
  count_ += times;
  // In this form sums of large values keep their small differences (Welford).
  const auto weight = static_cast<double>(times);
  const double distance = value - mean_;
  mean_ += distance * weight / static_cast<double>(count_);
  squares_ += distance * (value - mean_) * weight;
  sum_ += value * weight;
  // Nearly every place is taken by then.
  const std::uint64_t draws = std::min<std::uint64_t>(times, 4 * limit_);
  for (std::uint64_t i = 0; i < draws; ++i) {
    if (sample_.size() < limit_) {
      sample_.push_back(value);
    } else {
      sample_[random.below(sample_.size())] = value;
    }
  }
}

void Statistics::settle() { std::sort(sample_.begin(), sample_.end()); }

double Statistics::percentile(double percent) const {
  const auto size = static_cast<double>(sample_.size());
  const double place = std::clamp(size * percent / 100, 0.0, size - 1);
  return sample_[static_cast<std::size_t>(place)];
}

double Statistics::median() const {
  const std::size_t middle = sample_.size() / 2;
  if (sample_.size() % 2 == 1) return sample_[middle];
  return std::midpoint(sample_[middle - 1], sample_[middle]);
}

double Statistics::stddev() const {
  return std::sqrt(std::max(squares_, 0.0) / static_cast<double>(count_));
}

}  // namespace holdfast::statsd

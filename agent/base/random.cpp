#include "agent/base/random.h"

namespace holdfast::base {

Random Random::from_system() {
  std::random_device device;
  return Random((static_cast<std::uint64_t>(device()) << 32U) | device());
}

std::uint64_t Random::below(std::uint64_t bound) {
  if (bound == 0) return 0;
  return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(engine_);
}

Duration Random::below(Duration bound) {
  if (bound <= Duration::zero()) return Duration::zero();
  return Duration(static_cast<Duration::rep>(below(static_cast<std::uint64_t>(bound.count()))));
}

}  // namespace holdfast::base

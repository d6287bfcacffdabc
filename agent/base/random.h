// A seeded generator, passed in wherever chance is needed, so that tests replay from a seed.
#pragma once

#include <cstdint>
#include <random>

#include "agent/base/clock.h"

namespace holdfast::base {

// Not thread-safe: one per thread or owner.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  // Seeded by the operating system.
  static Random from_system();

  [[nodiscard]] std::uint64_t next() { return engine_(); }
  // Uniform in [0, bound); 0 when bound is 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);
  // Uniform in [0, bound); zero when bound is not positive.
  [[nodiscard]] Duration below(Duration bound);

 private:
  std::mt19937_64 engine_;
};

}  // namespace holdfast::base

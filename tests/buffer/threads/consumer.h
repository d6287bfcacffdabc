// What an output does to a ring, for tests with threads.
#pragma once

#include <cstdint>
#include <map>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/buffer/ring_harness.h"

namespace holdfast::test {

constexpr std::uint64_t kPerAppender = 1'000'000;  // numbers of appender a start at a times this

// One reader's life: reads, now and then gives back, acknowledges parts; keeps what it delivered.
class Consumer {
 public:
  Consumer(buffer::Ring& ring, buffer::ReaderId reader, std::uint64_t seed)
      : ring_(ring), reader_(reader), random_(seed) {}

  void step() {
    const auto batch = ring_.read(reader_, {.max_points = 1 + random_.below(40)}, 10);
    ASSERT_TRUE(batch);
    if (batch->blocks.empty()) {
      std::this_thread::yield();
      return;
    }
    if (random_.below(8) == 0) {
      ring_.release(reader_);
      return;
    }
    const auto found = numbers_of(*batch);
    ASSERT_EQ(found.size(), batch->points);
    const std::uint64_t done =
        random_.below(4) == 0 ? random_.below(batch->points + 1) : batch->points;
    delivered_.insert(delivered_.end(), found.begin(),
                      found.begin() + static_cast<std::ptrdiff_t>(done));
    ring_.acknowledge(reader_, done, {});
  }

  // Everything delivered is genuine and in the order of its appender, nothing twice.
  void check(const std::vector<std::uint64_t>& appended) const {
    std::map<std::uint64_t, std::uint64_t> next;
    for (const std::uint64_t number : delivered_) {
      const std::uint64_t appender = number / kPerAppender;
      ASSERT_LT(appender, appended.size());
      ASSERT_LT(number % kPerAppender, appended[appender]);
      ASSERT_GE(number % kPerAppender, next[appender]);
      next[appender] = number % kPerAppender + 1;
    }
  }
  [[nodiscard]] const std::vector<std::uint64_t>& delivered() const { return delivered_; }

 private:
  buffer::Ring& ring_;
  buffer::ReaderId reader_;
  base::Random random_;
  std::vector<std::uint64_t> delivered_;
};

}  // namespace holdfast::test

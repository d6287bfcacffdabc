// Rings of 28 KiB in states worth keeping: written once for each version of the program that is
// released (fixture_writer), opened by every version after it (ring_fixtures_test.cpp).
#pragma once

#include <string>
#include <vector>

#include "tests/buffer/image.h"

namespace holdfast::test {

struct RingScenario {
  std::string name;
  Bytes image;  // the whole file
};

// Each made by this program's own writing, with a fixed clock and fixed chance.
[[nodiscard]] std::vector<RingScenario> ring_scenarios();

// What this program finds in a ring, as text: how it was left, what is in it, every reader with its
// ledger, its wait and the numbers of its pending lines. Works on a copy.
[[nodiscard]] std::string describe_ring(const Bytes& image);

}  // namespace holdfast::test

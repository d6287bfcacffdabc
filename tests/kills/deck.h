// Which kill comes next.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <vector>

#include "tests/kills/kill_page.h"

namespace holdfast::kills {

// When a life of the agent ends.
struct Plan {
  enum class When {
    kAnyTime,   // `after` its start
    kRecovery,  // at the nth call of a kind after its start, while it opens the ring
    kAtWork,    // at the nth call of a kind once it takes points
  };
  When when = When::kAnyTime;
  std::chrono::milliseconds after{0};
  Call call = Call::kNone;
  Phase phase = Phase::kNone;
  std::int64_t nth = 0;
};

// Deals ten plans in every order: two kills in an append, two in recovery, one each in a slot write
// and in a sync, four at any time. Then ten more.
class Deck {
 public:
  explicit Deck(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] Plan next();

 private:
  enum class Card { kAppend, kRecovery, kSlot, kSync, kAnyTime };

  void shuffle();
  [[nodiscard]] Plan play(Card card);
  [[nodiscard]] Plan in_recovery();
  [[nodiscard]] std::int64_t pick(std::int64_t least, std::int64_t most);
  [[nodiscard]] Phase pick_phase(bool halves);

  std::mt19937_64 random_;
  std::vector<Card> cards_;
};

}  // namespace holdfast::kills

// Kills at moments that are certain, and some that are not.
#include "tests/kills/deck.h"

#include <algorithm>

namespace holdfast::kills {
namespace {

constexpr std::int64_t kLongestLifeMs = 1000;
// Each opening reads two superblocks, two slots, and at least a block; and after a kill it syncs,
// writes a slot and syncs.
constexpr std::int64_t kReadsInRecovery = 5;
constexpr std::int64_t kSyncsInRecovery = 2;

}  // namespace

Plan Deck::next() {
  if (cards_.empty()) shuffle();
  const Card card = cards_.back();
  cards_.pop_back();
  return play(card);
}

void Deck::shuffle() {
  cards_ = {Card::kAppend, Card::kAppend,  Card::kRecovery, Card::kRecovery, Card::kSlot,
            Card::kSync,   Card::kAnyTime, Card::kAnyTime,  Card::kAnyTime,  Card::kAnyTime};
  for (std::size_t i = cards_.size() - 1; i > 0; --i) {
    std::swap(cards_[i], cards_[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(i)))]);
  }
}

Plan Deck::play(Card card) {
  Plan plan;
  plan.when = Plan::When::kAtWork;
  switch (card) {
    case Card::kAppend:
      plan.call = Call::kAppend;
      plan.phase = pick_phase(true);
      plan.nth = pick(1, 25);
      break;
    case Card::kSlot:
      plan.call = Call::kSlot;
      plan.phase = pick_phase(true);
      plan.nth = pick(1, 15);
      break;
    case Card::kSync:
      plan.call = Call::kSync;
      plan.phase = pick_phase(false);
      plan.nth = pick(1, 4);
      break;
    case Card::kRecovery:
      return in_recovery();
    case Card::kAnyTime:
      plan.when = Plan::When::kAnyTime;
      plan.after = std::chrono::milliseconds(pick(0, kLongestLifeMs));
      break;
  }
  return plan;
}

Plan Deck::in_recovery() {
  Plan plan;
  plan.when = Plan::When::kRecovery;
  switch (pick(0, 3)) {
    case 0:
      plan.call = Call::kRead;
      plan.phase = pick_phase(false);
      plan.nth = pick(1, kReadsInRecovery);
      break;
    case 1:
      plan.call = Call::kSlot;
      plan.phase = pick_phase(true);
      plan.nth = 1;
      break;
    default:
      plan.call = Call::kSync;
      plan.phase = pick_phase(false);
      plan.nth = pick(1, kSyncsInRecovery);
      break;
  }
  return plan;
}

std::int64_t Deck::pick(std::int64_t least, std::int64_t most) {
  return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
}

Phase Deck::pick_phase(bool halves) {
  if (!halves) return pick(0, 1) == 0 ? Phase::kBefore : Phase::kAfter;
  constexpr Phase kAll[] = {Phase::kBefore, Phase::kHalf, Phase::kAfter};
  return kAll[pick(0, 2)];
}

}  // namespace holdfast::kills

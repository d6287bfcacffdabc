// What the test and the agent it runs share: where the agent is to die, and where it was. A page of
// a mapped file, so that it outlives the agent.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace holdfast::kills {

// A call on the ring file, by what it is for.
enum class Call : std::uint32_t { kNone, kAppend, kSlot, kHead, kSync, kRead };
inline constexpr std::size_t kCalls = 6;
[[nodiscard]] constexpr std::size_t index_of(Call call) { return static_cast<std::size_t>(call); }

// Where in a call. Half: the first half of the bytes is written.
enum class Phase : std::uint32_t { kNone, kBefore, kHalf, kAfter };

// Names of variables in the agent's environment: paths of the page and of the ring.
inline constexpr const char* kPageVariable = "HOLDFAST_KILL_PAGE";
inline constexpr const char* kRingVariable = "HOLDFAST_KILL_RING";

struct KillPage {
  // Set by the test: at the countdown-th call of this kind from now on, the agent kills itself.
  std::atomic<Call> call{Call::kNone};
  std::atomic<Phase> phase{Phase::kNone};
  std::atomic<std::int64_t> countdown{0};  // set last

  // Set by the agent.
  std::array<std::atomic<std::uint64_t>, kCalls> begun{};
  std::array<std::atomic<std::uint64_t>, kCalls> done{};
  std::atomic<std::uint64_t> bytes_appended{0};
  std::atomic<std::uint64_t> points_in_append{0};  // of the block that is being written
  std::atomic<Call> died_in{Call::kNone};          // by its own hand
  std::atomic<Phase> died_at{Phase::kNone};

  [[nodiscard]] std::uint64_t begun_of(Call which) const { return begun[index_of(which)]; }
  [[nodiscard]] std::uint64_t done_of(Call which) const { return done[index_of(which)]; }
  [[nodiscard]] bool inside(Call which) const {
    return begun[index_of(which)] > done[index_of(which)];
  }
};
static_assert(std::atomic<Call>::is_always_lock_free);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace holdfast::kills

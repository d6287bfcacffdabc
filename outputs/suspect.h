// Suspect: a batch that gets one 500 after the other. A server says 500 for trouble of its own and
// for some permanent faults of a batch (README.md); whether another batch passes shows which.
#pragma once

#include <cstdint>
#include <optional>

#include "buffer/ring.h"

namespace holdfast::outputs {

// For one worker.
class Suspect {
 public:
  // So many ambiguous answers for one batch before another one is called as a witness.
  static constexpr int kAnswers = 5;

  struct Batch {
    buffer::Part part = buffer::Part::kOldest;
    std::uint64_t first = 0;  // number of its first point in the ring
    std::uint64_t points = 0;
  };

  // This batch got an ambiguous answer.
  void accuse(const Batch& batch) {
    const bool again = is(batch.first);
    answers_ = again ? answers_ + 1 : 1;
    others_pass_ = false;
    witness_due_ = answers_ >= kAnswers;
    batch_ = batch;
  }
  // What follows it was set apart: it is in this part now.
  void move_to(buffer::Part part) { batch_->part = part; }
  // Another batch was tried.
  void hear_witness(bool passed) {
    others_pass_ = passed;
    witness_due_ = false;
  }
  // The batch was answered for good, or is not there any more.
  void forget() { *this = {}; }

  [[nodiscard]] const std::optional<Batch>& batch() const { return batch_; }
  [[nodiscard]] bool is(std::uint64_t first) const { return batch_ && batch_->first == first; }
  // Another batch is to be tried before this one again.
  [[nodiscard]] bool wants_witness() const { return witness_due_; }
  // Another one has just passed: this one is due at once, and it is its last chance.
  [[nodiscard]] bool last_chance() const { return others_pass_; }

 private:
  std::optional<Batch> batch_;
  int answers_ = 0;
  bool witness_due_ = false;
  bool others_pass_ = false;
};

}  // namespace holdfast::outputs

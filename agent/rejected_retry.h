// Sending refused batches again, each through its output as it is configured.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/rejected_batches.h"

namespace holdfast::agent {

struct RetryReport {
  std::uint64_t delivered = 0;  // and removed
  std::uint64_t refused = 0;    // again: they stay, with the new reason
  std::uint64_t left = 0;       // they stay as they were: not tried, in use or damaged
  [[nodiscard]] bool complete() const { return refused == 0 && left == 0; }
};

// In the order given. An answer that says neither yes nor no (a wait, an error of the server, wrong
// credentials) ends it for that output. What happens to each batch is said on the standard output,
// what keeps one from being sent on the standard error.
[[nodiscard]] RetryReport retry(const std::vector<const RejectedBatch*>& batches,
                                const base::Clock& clock);

}  // namespace holdfast::agent

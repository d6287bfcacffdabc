// How long an outage the ring can hold: an estimate from one round of gathers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/configuration.h"

namespace holdfast::agent {

struct Capacity {
  double points_per_second = 0;
  double bytes_per_second = 0;  // of the ring: blocks with their headers, compressed
  std::uint64_t room = 0;       // bytes of the ring that blocks may take
  bool listeners = false;       // some inputs receive points by themselves; these are not counted

  // How long until `room` is full; nothing if nothing was gathered.
  [[nodiscard]] base::Duration outage() const;
  [[nodiscard]] double bytes_per_point() const;
  // "about 31 days of outage (an estimate: ...)".
  [[nodiscard]] std::string text() const;
};

// Gathers from every input (twice, `pause` apart, if some give rates), and compresses what they
// gave as the agent would: inputs of one interval share a block. Errors of inputs are passed over.
[[nodiscard]] Capacity estimate_capacity(Configuration& configuration, const base::Clock& clock,
                                         base::Duration pause);

}  // namespace holdfast::agent

// The judge: is what a ring shows after a cut among what the history allows?
#pragma once

#include <string>

#include "tests/crash/history.h"
#include "tests/crash/observation.h"

namespace holdfast::crash {

// What was wrong, in words; empty if nothing. `seen.wrong` comes first.
[[nodiscard]] std::string judge(const Observation& seen, const History& history,
                                const Bounds& bounds, const Evidence& evidence);

// The same for a device that lied about a sync: it must open, hand out nothing but what was
// appended, and its ledger must add up.
[[nodiscard]] std::string judge_lied_to(const Observation& seen, const History& history,
                                        const Bounds& bounds);

// What a ring says of itself; what its readers have had ahead of their backlogs it does not say.
[[nodiscard]] Snapshot snapshot_of(const buffer::RingInfo& info);
// The snapshot that a ring found like this begins its further life with: the step that it shows
// knows the rest.
[[nodiscard]] Snapshot snapshot_of(const Observation& seen, const History& history,
                                   const Bounds& bounds);
// Points that were pending for somebody in `found` and that nobody got.
[[nodiscard]] PointSet lost_in(const Observation& seen, Snapshot found);

}  // namespace holdfast::crash

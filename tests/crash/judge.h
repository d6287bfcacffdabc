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

// The snapshot that a ring found like this begins its further life with. Points below its
// `accepted` that no reader got are added to `lost`.
[[nodiscard]] Snapshot snapshot_of(const buffer::RingInfo& info);
[[nodiscard]] PointSet lost_in(const Observation& seen);

}  // namespace holdfast::crash

// What the buffer commands print, for people and as JSON. The keys of the JSON forms stay; new ones
// may come.
#pragma once

#include <string>
#include <vector>

#include "buffer/block_walker.h"
#include "buffer/ring_trim.h"
#include "buffer/snapshot.h"
#include "buffer/verify.h"

namespace holdfast::agent {

// A ring file and what was read of it.
struct LookedAt {
  std::string path;
  int user = 0;  // the process that holds its lock, 0 = none
  const buffer::Snapshot& snapshot;
};

// `buffer info`
[[nodiscard]] std::string info_text(const LookedAt& ring, const buffer::RingInfo& info);
[[nodiscard]] std::string info_json(const LookedAt& ring, const buffer::RingInfo& info);

// `buffer verify`
[[nodiscard]] std::string head_text(const LookedAt& ring);
[[nodiscard]] std::string damage_text(const buffer::Damage& damage);
[[nodiscard]] std::string verify_text(const buffer::VerifyReport& report);
// `damage`: the first of them; the report has the number of all.
[[nodiscard]] std::string verify_json(const LookedAt& ring, const buffer::VerifyReport& report,
                                      const std::vector<buffer::Damage>& damage);

// `buffer dump`: what comes first, then a line for each stretch. JSON: an object a line.
[[nodiscard]] std::string dump_head_text(const LookedAt& ring);
[[nodiscard]] std::string dump_head_json(const LookedAt& ring);
[[nodiscard]] std::string stretch_text(const buffer::Stretch& stretch);
[[nodiscard]] std::string stretch_json(const buffer::Stretch& stretch);

// `buffer trim`
[[nodiscard]] std::string trim_text(const buffer::TrimPlan& plan, bool dry_run);

}  // namespace holdfast::agent

// RequestCounters: what came to a listener on HTTP, and what it answered.
#pragma once

#include <atomic>
#include <cstdint>

namespace holdfast::inputs {

// Since the listener was made. Any thread; answers that come late share it.
struct RequestCounters {
  using Count = std::atomic<std::uint64_t>;

  Count bytes_received{0};  // of line protocol, inflated
  Count requests_received{0};
  Count requests_served{0};  // whatever the answer was
  // Of these, by what was asked; those that fail to authenticate are none of them.
  Count writes_served{0};
  Count queries_served{0};
  Count pings_served{0};
  Count readys_served{0};
  Count not_founds_served{0};
  Count auth_failures{0};
};

}  // namespace holdfast::inputs

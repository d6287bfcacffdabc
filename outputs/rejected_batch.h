// What is known of a refused batch: its name, which says when and of whom, and its sidecar, which
// says why. No I/O.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace holdfast::outputs {

// Sorted by age.
struct RejectedName {
  std::int64_t time_ns = 0;   // when it was refused, since the Unix epoch
  std::uint32_t ordinal = 0;  // tells apart what was refused in the same nanosecond
  std::string reader;         // id of the reader in the ring; any bytes

  // "20260131T120000.123456789Z-0-main": fit for a file name, at most 227 bytes for a reader of 63.
  // What is not a letter, a digit or one of "-._~" in the reader is percent-encoded.
  [[nodiscard]] std::string id() const;
  // Nothing unless id() gives the same text again.
  [[nodiscard]] static std::optional<RejectedName> parse(std::string_view id);

  friend auto operator<=>(const RejectedName&, const RejectedName&) = default;
};

struct RejectedInfo {
  int status = 0;  // of the answer; 0 = none
  std::string reason;
  std::string url;     // without credentials
  std::string output;  // "outputs.influxdb::alias"
  std::uint64_t points = 0;
  std::uint64_t bytes = 0;  // of the gzip body
  bool may_be_stored = false;
  std::string retried_at{};  // "2026-01-31T12:00:00Z", the latest; empty: not yet
};

// The sidecar as JSON text, with time and reader of the name.
[[nodiscard]] std::string sidecar_text(const RejectedName& name, const RejectedInfo& info);
// Members that are missing or of another type keep their defaults; kCorrupt if it is no JSON
// object. Texts come out as one line of UTF-8.
[[nodiscard]] base::Result<RejectedInfo> parse_sidecar(std::string_view text);

}  // namespace holdfast::outputs

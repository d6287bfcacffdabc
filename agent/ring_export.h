// Export: the points of a ring as line protocol, or as one gzip stream spliced from its blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "buffer/file.h"
#include "buffer/snapshot.h"

namespace holdfast::agent {

struct ExportOptions {
  std::optional<std::int64_t> since_ns{};  // points from this time on (their own timestamp)
  std::optional<std::int64_t> until_ns{};  // points before this time
  std::string reader{};                    // what is pending for it; empty: for any reader
  bool all = false;                        // everything in the file, delivered or not
  bool gzip = false;                       // one gzip stream of a single member
};

struct ExportReport {
  std::uint64_t points = 0;
  std::uint64_t blocks = 0;   // from which they are
  std::uint64_t spliced = 0;  // of these, blocks copied into the gzip stream as they lie
  std::uint64_t damaged = 0;  // wanted places that were skipped; their points as far as known
  std::uint64_t points_lost = 0;
  std::uint64_t overwritten = 0;  // points that a running agent overwrote meanwhile
};

// Writes the wanted points, oldest block first, in the memory of a block or two. A ring without
// readers: everything. kNotFound: no such reader; else only `write` makes it fail.
[[nodiscard]] base::Result<ExportReport> export_points(
    buffer::File& file, const buffer::Snapshot& snapshot, const ExportOptions& options,
    const std::function<base::Status(std::string_view)>& write);

// Points in some lines, as BlockWalker wants it.
[[nodiscard]] std::uint64_t count_points(std::string_view lines);

}  // namespace holdfast::agent

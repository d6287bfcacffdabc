// Line protocol from outside → lines in the ring's final form, validated. What a listener calls.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/line/encode.h"
#include "agent/line/lines.h"

namespace holdfast::line {

// Unit of the timestamps of a request, as nanoseconds per tick.
enum class Precision : std::int64_t {
  kNanoseconds = 1,
  kMicroseconds = 1'000,
  kMilliseconds = 1'000'000,
  kSeconds = 1'000'000'000,
  kMinutes = 60'000'000'000,
  kHours = 3'600'000'000'000,
};
// "", n, ns, u, us, ms, s, m, h; nothing for any other spelling.
[[nodiscard]] std::optional<Precision> parse_precision(std::string_view text);

struct LineError {
  std::size_t number = 0;  // line within the text, from 1
  std::string reason;      // "missing fields", "invalid number `1.2.3`"...
  std::string excerpt;     // the start of the line
};

struct IngestOptions {
  Precision precision = Precision::kNanoseconds;
  std::int64_t now_ns = 0;         // for lines without a timestamp
  std::vector<TagPair> add_tags;   // put on lines that do not have that key (host, global tags)
  std::size_t reserved_bytes = 0;  // that a line's measurement and tags will grow by later on
  bool uint_support = false;       // keep `1u`; otherwise rewritten `1i`, clamped
};

struct IngestResult {
  std::uint64_t points = 0;  // good lines, now in the chunks
  std::uint64_t bad_lines = 0;
  std::vector<LineError> errors;  // the first few
  std::size_t lines = 0;          // lines begun, as the errors number them: also blank and comments
};

// Checks each line of `text` as strictly as the strictest server (InfluxDB 1.x, 2.x and 3), so that
// what is in the ring is never refused for its syntax: reserved or duplicate tag keys, empty
// values, numbers out of range, NaN and infinities, timestamps outside int64 nanoseconds, invalid
// UTF-8, control characters that break lines. Good lines are copied to `out` with missing
// timestamps added and precision converted; bad ones are counted and skipped.
[[nodiscard]] IngestResult ingest(std::string_view text, const IngestOptions& options,
                                  LineChunks& out);

// One line, as above: nothing if it is good, else the reason.
[[nodiscard]] std::optional<std::string> check_line(std::string_view line);

}  // namespace holdfast::line

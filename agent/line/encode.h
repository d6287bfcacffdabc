// Point → one line of line protocol, in the ring's final form. The only encoder.
// Rules: telegraf's influx serializer (escaping, wire types) and InfluxDB's line protocol
// reference.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/line/point.h"

namespace holdfast::line {

using TagPair = std::pair<std::string, std::string>;

struct EncodeOptions {
  bool uint_support = false;  // unsigned fields as `12u`; otherwise `12i`, clamped to INT64_MAX
  bool sort_fields = false;   // fields by key, for people reading `holdfast test`
};

// Appends one line, LF included, to `out`. Tags of the point and `extra_tags` are merged, the
// point's own winning, and written sorted by key; empty keys and values are left out, trailing
// backslashes stripped. A field that no server stores is left out: a non-finite float, a string of
// more than 64 KiB, the key `time`. Where telegraf would write bytes that some server refuses, the
// nearest text that all of them take is written (escape.h): invalid UTF-8 and control characters
// other than tab, LF, FF and CR become U+FFFD, and a backslash right before an escaped character is
// dropped. Returns false, with `out` untouched, when nothing can be written: no measurement, or one
// that begins a comment; no field left; a reserved tag key (`time`, `_field`, `_measurement`); two
// keys that become one when escaped; a series key over 65,535 bytes; a time outside of
// [INT64_MIN + 2, INT64_MAX - 1].
// `extra_tags` must be sorted by key and free of duplicates.
[[nodiscard]] bool encode(const Point& point, std::span<const TagPair> extra_tags,
                          std::int64_t time_ns, const EncodeOptions& options, std::string& out);

// Escaped forms, for code that splices tags into a line: measurement; tag key, tag value or field
// key.
void append_escaped_name(std::string_view name, std::string& out);
void append_escaped_key(std::string_view key, std::string& out);

}  // namespace holdfast::line

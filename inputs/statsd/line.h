// Lines of the statsd protocol: `bucket:value|type|@rate`, with Datadog's extensions if wanted.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace holdfast::statsd {

using Tags = std::map<std::string, std::string, std::less<>>;

enum class Kind { kCounter, kGauge, kSet, kTiming, kHistogram, kDistribution };
// As the tag metric_type has it: "counter", "timing"...
[[nodiscard]] std::string_view name_of(Kind kind);

// One value of a line. Views live as long as the line, and what it was read from.
struct Sample {
  Kind kind = Kind::kCounter;
  std::string_view text;   // the value as it stands, of a set
  double number = 0;       // of the others; finite
  std::int64_t whole = 0;  // of a counter that was written as an integer
  bool is_whole = false;
  bool relative = false;  // written with a sign
  double rate = 0;        // share of the events that were sent; 0: not said
};

struct Line {
  std::string_view bucket;
  std::vector<Sample> samples;  // at least one
  Tags tags;                    // Datadog's
  std::string plain;            // the line without Datadog's parts, if it has some
};

struct Dialect {
  bool datadog = false;
  bool keep_container = false;  // Datadog's container id becomes the tag `container`
};

// kInvalid says what was found and expected. Samples before the mistake stand in `out`.
[[nodiscard]] base::Status parse_line(std::string_view text, const Dialect& dialect, Line& out);

// `key:value,flag`: a flag has the value "true".
void parse_tags(std::string_view text, Tags& out);

// A finite number, whole or not.
[[nodiscard]] bool parse_number(std::string_view text, double& out);

}  // namespace holdfast::statsd

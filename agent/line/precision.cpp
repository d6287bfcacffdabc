// The spellings of the `precision` parameter.
#include "agent/line/ingest.h"

namespace holdfast::line {

std::optional<Precision> parse_precision(std::string_view text) {
  if (text.empty() || text == "n" || text == "ns") {
    return Precision::kNanoseconds;
  }
  if (text == "u" || text == "us") {
    return Precision::kMicroseconds;
  }
  if (text == "ms") {
    return Precision::kMilliseconds;
  }
  if (text == "s") {
    return Precision::kSeconds;
  }
  if (text == "m") {
    return Precision::kMinutes;
  }
  if (text == "h") {
    return Precision::kHours;
  }
  return std::nullopt;
}

}  // namespace holdfast::line

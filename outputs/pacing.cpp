// The two forms of backfill_rate.
#include "outputs/pacing.h"

#include <charconv>

#include "config/units.h"

namespace holdfast::outputs {

base::Result<BackfillRate> parse_backfill_rate(std::string_view text) {
  const auto bad = [&] {
    return base::fail(
        base::ErrorCode::kInvalid,
        "\"{}\", expected a share of the time (\"1%\" to \"100%\") or a size for each "
        "second (\"20KB\")",
        text);
  };
  BackfillRate rate;
  if (text.ends_with('%')) {
    const std::string_view digits = text.substr(0, text.size() - 1);
    const auto end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, rate.percent);
    if (read.ec != std::errc() || read.ptr != end || rate.percent < 1 || rate.percent > 100) {
      return bad();
    }
    return rate;
  }
  const auto bytes = config::parse_bytes(text);
  if (!bytes || bytes->count == 0) return bad();
  rate.bytes_per_s = bytes->count;
  return rate;
}

}  // namespace holdfast::outputs

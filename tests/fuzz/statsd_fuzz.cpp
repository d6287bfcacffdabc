// Fuzz target: any bytes as lines of statsd; what comes out at the end of the interval must be good
// line protocol. The first byte chooses the options.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "agent/line/encode.h"
#include "agent/line/ingest.h"
#include "inputs/statsd/cache.h"
#include "inputs/statsd/datadog.h"
#include "inputs/statsd/line.h"
#include "inputs/statsd/names.h"
#include "tests/support/fake_clock.h"

namespace {

using holdfast::line::Point;
namespace statsd = holdfast::statsd;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

statsd::NameOptions name_options(std::uint8_t choice) {
  statsd::NameOptions options;
  if ((choice & 1U) != 0) {
    options.templates = {"a.* measurement.host.field*", "measurement.measurement*",
                         "b measurement"};
  }
  options.convert = (choice & 2U) != 0;
  options.sanitize = (choice & 4U) != 0;
  return options;
}

void expect_good(Point& point) {
  std::string line;
  if (!holdfast::line::encode(point, {}, point.time().value_or(1), {}, line)) {
    return;  // nothing of it is left
  }
  require(line.ends_with('\n'));
  line.pop_back();
  require(!holdfast::line::check_line(line).has_value());
}

void take(std::string_view text, const statsd::Dialect& dialect, const statsd::Names& names,
          statsd::Cache& cache) {
  Point point("");
  if (dialect.datadog && statsd::is_event(text)) {
    if (statsd::parse_event(text, "::1", 1, point)) {
      expect_good(point);
    }
    return;
  }
  if (dialect.datadog && statsd::is_service_check(text)) {
    if (statsd::parse_service_check(text, "::1", 1, point)) {
      expect_good(point);
    }
    return;
  }
  statsd::Line line;
  (void)statsd::parse_line(text, dialect, line);
  statsd::Name name = names.parse(line.bucket);
  for (const auto& [key, value] : line.tags) {
    name.tags.insert_or_assign(key, value);
  }
  for (const statsd::Sample& sample : line.samples) {
    require(cache.add(sample, name).has_value());
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::uint8_t choice = data[0];
  const auto names = statsd::Names::compile(name_options(choice));
  require(names.has_value());
  const statsd::Dialect dialect{(choice & 8U) != 0, (choice & 16U) != 0};
  statsd::CacheOptions options;
  options.distributions = true;
  options.delete_timings = (choice & 32U) != 0;
  options.percentiles = {0, 50, 100};
  options.percentile_limit = 8;
  const holdfast::test::FakeClock clock;
  statsd::Cache cache(options, clock, holdfast::base::Random(1));
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    take(text.substr(0, end), dialect, *names, cache);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  cache.emit(expect_good);
  cache.emit(expect_good);
  return 0;
}

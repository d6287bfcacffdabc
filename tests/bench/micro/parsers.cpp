// Parsers: texts of other programs as points (data formats), statsd's lines, syslog's messages.
#include <string>
#include <string_view>
#include <utility>

#include "agent/base/clock.h"
#include "agent/base/random.h"
#include "inputs/parsers/formats.h"
#include "inputs/statsd/cache.h"
#include "inputs/statsd/line.h"
#include "inputs/statsd/names.h"
#include "inputs/syslog_message.h"
#include "tests/bench/micro/support.h"

namespace holdfast::bench {
namespace {

constexpr std::uint32_t kRows = 1000;

struct Text {
  std::string options;  // TOML
  std::string text;
  std::uint64_t points = kRows;
  bool line_by_line = false;  // as a file that is followed
};

std::string rows(std::string_view row, std::string_view between = "") {
  std::string all;
  for (std::uint32_t i = 0; i < kRows; ++i) {
    if (i > 0) all += between;
    all += row;
  }
  return all;
}

Text influx_text() { return {"data_format = 'influx'", lines_of(kRows)}; }

Text json_text() {
  constexpr std::string_view kObject =
      R"({"room":"kitchen","floor":1,"climate":{"celsius":21.5,"humidity":[40,41]},"door":"open",)"
      R"("time":1700000000})";
  return {
      "data_format = 'json'\ntag_keys = ['room', 'floor']\njson_string_fields = ['door']\n"
      "json_time_key = 'time'\njson_time_format = 'unix'",
      "[" + rows(kObject, ",") + "]"};
}

Text json_object_text() {
  Text text = json_text();
  const std::size_t end = text.text.find("},{") + 1;
  text.text = text.text.substr(1, end - 1);
  text.points = 1;
  return text;
}

Text csv_text() {
  return {
      "data_format = 'csv'\ncsv_header_row_count = 1\ncsv_reset_mode = 'always'\ncsv_tag_columns = "
      "['room']\n"
      "csv_timestamp_column = 'time'\ncsv_timestamp_format = '2006-01-02 15:04:05'",
      "time,room,celsius,humidity,open\n" + rows("2023-11-14 22:13:20,kitchen,21.5,40,true\n")};
}

Text csv_quoted_text() {
  Text text = csv_text();
  text.text = "time,room,celsius,humidity,open\n" +
              rows("2023-11-14 22:13:20,\"kitchen, \"\"old\"\"\",\"21.5\",40,true\n");
  return text;
}

Text value_text() {
  Text text{"data_format = 'value'\ndata_type = 'float'", rows("21.5\n")};
  text.line_by_line = true;
  return text;
}

void parse(benchmark::State& state, Text (*make)()) {
  const Text input = make();
  const base::SystemClock clock;
  OptionTable options(input.options);
  const auto maker =
      parsers::take_format(options.table(), options.diagnostics, "influx", {"bench", clock});
  if (options.diagnostics.has_errors()) return state.SkipWithError("the options are wrong");
  const auto parser = maker();
  std::uint64_t points = 0;
  const parsers::AddPoint add = [&](line::Point& point) {
    ++points;
    benchmark::DoNotOptimize(point);
  };
  for (auto _ : state) {
    points = 0;
    base::Status taken;
    if (input.line_by_line) {
      std::string_view rest = input.text;
      while (taken && !rest.empty()) {
        const std::size_t end = rest.find('\n');
        taken = parser->parse_line(rest.substr(0, end), add);
        rest.remove_prefix(end + 1);
      }
    } else {
      taken = parser->parse(input.text, add);
    }
    if (!taken) return state.SkipWithError(taken.error().message.c_str());
    if (points != input.points) return state.SkipWithError("some rows gave no point");
  }
  count(state, input.points, input.text.size());
}
BENCHMARK_CAPTURE(parse, influx, influx_text);
BENCHMARK_CAPTURE(parse, json, json_text);
BENCHMARK_CAPTURE(parse, json_object, json_object_text);
BENCHMARK_CAPTURE(parse, csv, csv_text);
BENCHMARK_CAPTURE(parse, csv_quoted, csv_quoted_text);
BENCHMARK_CAPTURE(parse, value, value_text);

constexpr std::string_view kCounter = "shop.checkout.orders:17|c";
constexpr std::string_view kTiming = "shop.checkout.latency:320.5|ms|@0.1";
constexpr std::string_view kDatadog = "shop.orders:17|c|#region:eu,host:web-4,team:checkout";

// Lines alone.
void statsd_line(benchmark::State& state, std::string_view text) {
  for (auto _ : state) {
    statsd::Line line;
    if (!statsd::parse_line(text, {.datadog = true}, line)) state.SkipWithError("a bad line");
    benchmark::DoNotOptimize(line);
  }
  count(state, 1, text.size());
}
BENCHMARK_CAPTURE(statsd_line, counter, kCounter);
BENCHMARK_CAPTURE(statsd_line, timing, kTiming);
BENCHMARK_CAPTURE(statsd_line, datadog, kDatadog);

// Lines, their names, and the values they add to.
void statsd_add(benchmark::State& state, std::string_view text) {
  const base::SystemClock clock;
  statsd::Cache cache({}, clock, base::Random(1));
  const auto names = statsd::Names::compile({});
  if (!names) return state.SkipWithError("no names");
  for (auto _ : state) {
    statsd::Line line;
    if (!statsd::parse_line(text, {.datadog = true}, line)) state.SkipWithError("a bad line");
    statsd::Name name = names->parse(line.bucket);
    for (const auto& [key, value] : line.tags) name.tags.insert_or_assign(key, value);
    for (const statsd::Sample& sample : line.samples) {
      if (!cache.add(sample, name)) state.SkipWithError("the cache did not take it");
    }
  }
  count(state, 1, text.size());
}
BENCHMARK_CAPTURE(statsd_add, counter, kCounter);
BENCHMARK_CAPTURE(statsd_add, timing, kTiming);
BENCHMARK_CAPTURE(statsd_add, datadog, kDatadog);

constexpr std::string_view kRfc5424 =
    R"(<165>1 2023-11-14T22:13:20.003Z web-4.example.net sshd 1234 ID47 [origin ip="10.0.0.7" )"
    R"(user="root"] Accepted publickey for root from 10.0.0.7 port 52914 ssh2)";
constexpr std::string_view kRfc3164 =
    "<34>Nov 14 22:13:20 web-4 sshd[1234]: Accepted publickey for root from 10.0.0.7 port 52914";

void syslog_rfc5424(benchmark::State& state) {
  for (auto _ : state) {
    inputs::SyslogMessage message;
    if (!inputs::parse_rfc5424(kRfc5424, message)) state.SkipWithError("a bad message");
    benchmark::DoNotOptimize(message);
  }
  count(state, 1, kRfc5424.size());
}
BENCHMARK(syslog_rfc5424);

void syslog_rfc3164(benchmark::State& state) {
  const base::WallTime now = base::SystemClock().wall();
  for (auto _ : state) {
    inputs::SyslogMessage message;
    if (!inputs::parse_rfc3164(kRfc3164, now, message)) state.SkipWithError("a bad message");
    benchmark::DoNotOptimize(message);
  }
  count(state, 1, kRfc3164.size());
}
BENCHMARK(syslog_rfc3164);

}  // namespace
}  // namespace holdfast::bench

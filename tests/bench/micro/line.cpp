// Lines: written from points, and checked when they come from outside; filters on both.
#include <functional>
#include <string>
#include <string_view>

#include "agent/line/cursor.h"
#include "agent/line/filter.h"
#include "agent/line/ingest.h"
#include "agent/line/point.h"
#include "agent/line/rewrite.h"
#include "inputs/accumulator.h"
#include "tests/bench/micro/support.h"

namespace holdfast::bench {
namespace {

// A point of the size of cpu's: two tags, eleven floats.
void fill_cpu_point(line::Point& point, double add) {
  point.reset("cpu");
  point.tag("cpu", "cpu3");
  for (const std::string_view field :
       {"usage_active", "usage_user", "usage_system", "usage_idle", "usage_nice", "usage_iowait",
        "usage_irq", "usage_softirq", "usage_steal", "usage_guest", "usage_guest_nice"}) {
    point.field(field, 12.345678901234 + add);
  }
}

// A point of the size of net's: nine integers, seven of them small.
void fill_net_point(line::Point& point, double add) {
  const auto more = static_cast<std::uint64_t>(add);
  point.reset("net");
  point.tag("interface", "enp3s0");
  point.field("bytes_sent", 81'234'567'890 + more).field("bytes_recv", 912'345'678'901 + more);
  for (const std::string_view field :
       {"packets_sent", "packets_recv", "err_in", "err_out", "drop_in", "drop_out", "speed"}) {
    point.field(field, std::uint64_t{1000} + more);
  }
}

void fill_text_point(line::Point& point, double add) {
  point.reset("event log");
  point.tag("source", "door, front");
  point.field("message", R"(opened by "somebody" at C:\Users)").field("severity", add > 3);
}

void encode(benchmark::State& state, void (*fill)(line::Point&, double)) {
  std::string out;
  line::Point point("");
  for (auto _ : state) {
    out.clear();
    fill(point, static_cast<double>(state.iterations() & 7));
    benchmark::DoNotOptimize(line::encode(point, kHostTag, kTimeNs, {}, out));
  }
  count(state, 1, out.size());
}
BENCHMARK_CAPTURE(encode, floats, fill_cpu_point);
BENCHMARK_CAPTURE(encode, integers, fill_net_point);
BENCHMARK_CAPTURE(encode, escaped_texts, fill_text_point);

std::string repeated(std::string_view line, std::uint32_t times) {
  std::string lines;
  for (std::uint32_t i = 0; i < times; ++i) lines.append(line);
  return lines;
}

// Lines as different senders write them; each with its LF.
constexpr std::string_view kShort = "up,host=a value=1i 1700000000000000000\n";
constexpr std::string_view kNoTime = "temperature,room=kitchen,floor=1 celsius=21.5,humidity=40\n";
constexpr std::string_view kManyFields =
    "mem,host=server-0017 active=4173094912i,available=12489175040i,available_percent="
    "75.8410923476,buffered=412745728i,cached=8219869184i,commit_limit=10383347712i,committed_as="
    "9192714240i,dirty=1024000i,free=3964215296i,inactive=6723641344i,mapped=1183870976i,slab="
    "715313152i,swap_cached=0i,swap_free=2147479552i,swap_total=2147479552i,total=16467542016i,"
    "used=3870711808i,used_percent=23.5050997238 1700000000000000000\n";
constexpr std::string_view kManyTags =
    "http_requests,az=eu-central-1b,cluster=prod,container=web,env=live,host=server-0017,image="
    "web-4.7.11,method=GET,namespace=shop,node=node-12,pod=web-5d8f7c-x2x9z,region=eu-central-1,"
    "status=200,team=checkout count=17i 1700000000000000000\n";
constexpr std::string_view kTexts =
    R"(syslog,appname=sshd,host=a facility_code=4i,message="Accepted publickey for \"root\" from )"
    R"(10.0.0.7 port 52914 ssh2: RSA SHA256:q3vY0h",procid="1234",severity_code=6i )"
    "1700000000000000000\n";
constexpr std::string_view kEscapes =
    R"(disk\ usage,path=C:\\Program\ Files,label=a\,b\=c free\ space=12i 1700000000000000000)"
    "\n";
constexpr std::string_view kUtf8 =
    "temperatur,raum=Küche,stadt=München,straße=Große\\ Straße wert=21.5,einheit=\"°C\" "
    "1700000000000000000\n";
constexpr std::string_view kBad = "cpu,host=a usage=12.3.4 1700000000000000000\n";

// A listener's body: checked, copied, the host tag added.
void ingest(benchmark::State& state, std::string_view line) {
  const std::string body = line.empty() ? lines_of(kBatchLines) : repeated(line, kBatchLines);
  line::IngestOptions options;
  options.add_tags = kHostTag;
  options.now_ns = kTimeNs;
  for (auto _ : state) {
    line::LineChunks chunks(kBlockBytes, kBatchLines);
    benchmark::DoNotOptimize(line::ingest(body, options, chunks));
    benchmark::DoNotOptimize(chunks.take());
  }
  count(state, kBatchLines, body.size());
}
BENCHMARK_CAPTURE(ingest, numbered, "");
BENCHMARK_CAPTURE(ingest, short, kShort);
BENCHMARK_CAPTURE(ingest, no_time, kNoTime);
BENCHMARK_CAPTURE(ingest, many_fields, kManyFields);
BENCHMARK_CAPTURE(ingest, many_tags, kManyTags);
BENCHMARK_CAPTURE(ingest, texts, kTexts);
BENCHMARK_CAPTURE(ingest, escapes, kEscapes);
BENCHMARK_CAPTURE(ingest, utf8, kUtf8);
BENCHMARK_CAPTURE(ingest, bad, kBad);

// Checked only, line by line.
void validate(benchmark::State& state, std::string_view line) {
  const std::string text = line.empty() ? lines_of(1) : std::string(line);
  const std::string_view without_end(text.data(), text.size() - 1);
  for (auto _ : state) benchmark::DoNotOptimize(line::check_line(without_end));
  count(state, 1, text.size());
}
BENCHMARK_CAPTURE(validate, numbered, "");
BENCHMARK_CAPTURE(validate, short, kShort);
BENCHMARK_CAPTURE(validate, many_fields, kManyFields);
BENCHMARK_CAPTURE(validate, many_tags, kManyTags);
BENCHMARK_CAPTURE(validate, texts, kTexts);
BENCHMARK_CAPTURE(validate, escapes, kEscapes);
BENCHMARK_CAPTURE(validate, utf8, kUtf8);
BENCHMARK_CAPTURE(validate, bad, kBad);

line::MetricFilter filter_of(const std::string& options) {
  OptionTable from(options);
  return line::MetricFilter::compile(line::filter_schema().parse(from.table(), from.diagnostics),
                                     from.table(), from.diagnostics);
}

constexpr const char* kNamePass = "namepass = ['machine', 'c*']";
constexpr const char* kNameDrop = "namedrop = ['x*', 'up', 'disk']";
constexpr const char* kTagPass = "tagpass = { station = ['st-*'], cpu = ['cpu[0-9]'] }";
constexpr const char* kFields = "fieldexclude = ['n', 'usage_guest*']\ntagexclude = ['line']";

// What an input's filter costs a gathered point, encoding included.
void filter_points(benchmark::State& state, const std::string& options) {
  inputs::PointRules rules;
  rules.extra_tags = kHostTag;
  rules.filter = filter_of(options);
  inputs::InputCounters counters;
  line::Point point("");
  fill_cpu_point(point, 0);
  std::size_t bytes = 0;
  for (auto _ : state) {
    inputs::Accumulator out(rules, {}, kTimeNs, counters);
    for (std::uint32_t i = 0; i < kBatchLines; ++i) out.add(point);
    bytes = 0;
    for (const auto& chunk : out.take()) bytes += chunk.bytes.size();
  }
  count(state, kBatchLines, bytes);
}
BENCHMARK_CAPTURE(filter_points, none, "");
BENCHMARK_CAPTURE(filter_points, namepass, kNamePass);
BENCHMARK_CAPTURE(filter_points, namedrop, kNameDrop);
BENCHMARK_CAPTURE(filter_points, tagpass, kTagPass);
BENCHMARK_CAPTURE(filter_points, fieldexclude, kFields);

// What an output's filter costs a stored line, without inflating and deflating.
void filter_lines(benchmark::State& state, const std::string& options) {
  line::RewriteRules rules;
  rules.filter = filter_of(options);
  line::LineRewriter rewriter(rules);
  const std::string lines = lines_of(kBatchLines);
  std::string out;
  for (auto _ : state) {
    out.clear();
    line::LineCursor cursor(lines);
    while (const auto parts = cursor.next()) benchmark::DoNotOptimize(rewriter.append(*parts, out));
  }
  count(state, kBatchLines, lines.size());
}
BENCHMARK_CAPTURE(filter_lines, none, "");
BENCHMARK_CAPTURE(filter_lines, namepass, kNamePass);
BENCHMARK_CAPTURE(filter_lines, namedrop, kNameDrop);
BENCHMARK_CAPTURE(filter_lines, tagpass, kTagPass);
BENCHMARK_CAPTURE(filter_lines, fieldexclude, kFields);

}  // namespace
}  // namespace holdfast::bench

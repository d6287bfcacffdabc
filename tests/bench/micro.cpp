// bench_micro: what each step of a point's way costs by itself, without threads, sockets or disk.
// `items` are points in every line of the output.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "agent/base/clock.h"
#include "agent/base/random.h"
#include "agent/line/encode.h"
#include "agent/line/ingest.h"
#include "agent/line/rewrite.h"
#include "buffer/compressor.h"
#include "buffer/memory_file.h"
#include "buffer/ring.h"
#include "config/loader.h"
#include "outputs/batch.h"
#include "tests/bench/numbered_lines.h"

namespace holdfast::bench {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{64} * 1024;
constexpr std::uint32_t kBlockLines = kBlockBytes / kLineBytes;
constexpr std::uint32_t kBatchLines = 5000;
constexpr std::uint64_t kRingBytes = std::uint64_t{64} << 20U;
constexpr std::int64_t kTimeNs = 1'700'000'000'000'000'000;
constexpr int kLevel = 3;

const std::vector<line::TagPair> kHostTag{{"host", "server-0017"}};

void count(benchmark::State& state, std::uint64_t points, std::size_t bytes) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(points));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

std::string lines_of(std::uint32_t count) {
  std::string lines;
  append_lines(0, count, lines);
  return lines;
}

buffer::Block block_of(std::string_view lines, std::uint32_t points,
                       buffer::Compressor& compressor) {
  buffer::Block block;
  compressor.compress(lines, block);
  block.points = points;
  block.oldest_ns = kTimeNs;
  block.newest_ns = kTimeNs + 1'000'000'000;
  return block;
}

std::unique_ptr<buffer::Ring> memory_ring(const base::Clock& clock) {
  buffer::RingOptions options;
  options.size = kRingBytes;
  options.sync = buffer::SyncMode::kNever;
  auto ring =
      buffer::Ring::open(std::make_unique<buffer::MemoryFile>(), options, clock, base::Random(1));
  return ring ? std::move(*ring) : nullptr;
}

// A point of the size of cpu's: two tags, eleven floats.
void encode(benchmark::State& state) {
  std::string out;
  line::Point point("cpu");
  for (auto _ : state) {
    out.clear();
    point.reset("cpu");
    point.tag("cpu", "cpu3");
    for (const std::string_view field :
         {"usage_active", "usage_user", "usage_system", "usage_idle", "usage_nice", "usage_iowait",
          "usage_irq", "usage_softirq", "usage_steal", "usage_guest", "usage_guest_nice"}) {
      point.field(field, 12.345678901234 + static_cast<double>(state.iterations() & 7));
    }
    benchmark::DoNotOptimize(line::encode(point, kHostTag, kTimeNs, {}, out));
  }
  count(state, 1, out.size());
}
BENCHMARK(encode);

// A listener's body: checked, copied, the host tag added.
void ingest(benchmark::State& state) {
  const std::string body = lines_of(kBatchLines);
  line::IngestOptions options;
  options.add_tags = kHostTag;
  for (auto _ : state) {
    line::LineChunks chunks(kBlockBytes, kBatchLines);
    benchmark::DoNotOptimize(line::ingest(body, options, chunks));
    benchmark::DoNotOptimize(chunks.take());
  }
  count(state, kBatchLines, body.size());
}
BENCHMARK(ingest);

// One block at the level given.
void compress(benchmark::State& state, buffer::Compression method) {
  const std::string lines = lines_of(kBlockLines);
  buffer::Compressor compressor(static_cast<int>(state.range(0)), method);
  buffer::Block block;
  for (auto _ : state) compressor.compress(lines, block);
  count(state, kBlockLines, lines.size());
  state.counters["ratio"] =
      static_cast<double>(lines.size()) / static_cast<double>(block.bytes.size());
}
BENCHMARK_CAPTURE(compress, zlib, buffer::Compression::kZlib)->Arg(1)->Arg(3)->Arg(6)->Arg(9);
BENCHMARK_CAPTURE(compress, isal, buffer::Compression::kIsal)->Arg(1)->Arg(2);

// One compressed block into a ring in memory, over and over, with nobody reading.
void append(benchmark::State& state) {
  const base::SystemClock clock;
  const auto ring = memory_ring(clock);
  buffer::Compressor compressor(kLevel);
  const std::string lines = lines_of(kBlockLines);
  buffer::Block block = block_of(lines, kBlockLines, compressor);
  for (auto _ : state) {
    buffer::Block another = block;  // the ring keeps the bytes
    if (!ring || !ring->append(another)) state.SkipWithError("the ring did not take the block");
  }
  count(state, kBlockLines, lines.size());
}
BENCHMARK(append);

// What an output's filter options say; "" = none.
std::unique_ptr<line::RewriteRules> rewrite_rules(const std::string& options) {
  if (options.empty()) return nullptr;
  config::Diagnostics diagnostics;
  config::Document document;
  config::load_text(
      "[[outputs.file]]\n" + options, "bench.toml", [](const std::string&) { return std::nullopt; },
      diagnostics, document);
  config::Table& table = document.outputs.at(0).table;
  auto rules = std::make_unique<line::RewriteRules>();
  rules->filter = line::MetricFilter::compile(line::filter_schema().parse(table, diagnostics),
                                              table, diagnostics);
  return rules;
}

// A batch of blocks read from the ring and made a gzip body.
void splice(benchmark::State& state, const std::string& options) {
  const base::SystemClock clock;
  const auto ring = memory_ring(clock);
  buffer::Compressor compressor(kLevel);
  buffer::Block block = block_of(lines_of(kBlockLines), kBlockLines, compressor);
  const auto reader = ring ? ring->attach("bench") : base::Result<buffer::ReaderId>(0);
  for (std::uint32_t points = 0; ring && points < kBatchLines; points += kBlockLines) {
    buffer::Block another = block;
    if (!ring->append(another)) state.SkipWithError("the ring did not take the block");
  }
  const auto rules = rewrite_rules(options);
  std::optional<line::LineRewriter> rewriter;
  if (rules) rewriter.emplace(*rules);
  std::uint64_t points = 0;
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    auto blocks = ring->read(*reader, {}, outputs::Batch::kPrefix);
    auto batch = outputs::Batch::from_blocks(std::move(*blocks), kBatchLines,
                                             rewriter ? &*rewriter : nullptr);
    if (!batch) state.SkipWithError("the blocks do not make a batch");
    points = batch->points();
    bytes = batch->raw_bytes();
    ring->release(*reader);
  }
  count(state, points, bytes);
}
BENCHMARK_CAPTURE(splice, as_stored, "");
BENCHMARK_CAPTURE(splice, namepass, "namepass = ['machine', 'b*']");
BENCHMARK_CAPTURE(splice, tagpass, "tagpass = { station = ['st-*'] }");
BENCHMARK_CAPTURE(splice, fieldexclude, "fieldexclude = ['n', 'x*']\ntagexclude = ['line']");

}  // namespace
}  // namespace holdfast::bench

BENCHMARK_MAIN();

// Blocks: compressed, appended to a ring in memory, made a request's body, and found again after a
// kill.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "agent/base/clock.h"
#include "agent/base/random.h"
#include "agent/line/rewrite.h"
#include "buffer/compressor.h"
#include "buffer/format.h"
#include "buffer/memory_file.h"
#include "buffer/recovery.h"
#include "buffer/ring.h"
#include "outputs/batch.h"
#include "outputs/deflate.h"
#include "outputs/line_groups.h"
#include "tests/bench/micro/support.h"

namespace holdfast::bench {
namespace {

constexpr std::uint32_t kBlockLines = kBlockBytes / kLineBytes;
constexpr std::uint64_t kRingBytes = std::uint64_t{64} << 20U;
constexpr int kLevel = 3;

buffer::Block block_of(std::string_view lines, std::uint32_t points,
                       buffer::Compressor& compressor) {
  buffer::Block block;
  compressor.compress(lines, block);
  block.points = points;
  block.oldest_ns = kTimeNs;
  block.newest_ns = kTimeNs + 1'000'000'000;
  return block;
}

// Null if it cannot be opened. With `file` given, that is where its bytes are.
std::unique_ptr<buffer::Ring> memory_ring(const base::Clock& clock,
                                          buffer::SyncMode sync = buffer::SyncMode::kNever,
                                          buffer::MemoryFile** file = nullptr) {
  buffer::RingOptions options;
  options.size = kRingBytes;
  options.sync = sync;
  auto memory = std::make_unique<buffer::MemoryFile>();
  if (file != nullptr) *file = memory.get();
  auto ring = buffer::Ring::open(std::move(memory), options, clock, base::Random(1));
  return ring ? std::move(*ring) : nullptr;
}

// One block of so many lines at the level given.
void deflate(benchmark::State& state, buffer::Compression method) {
  const auto block_lines = static_cast<std::uint32_t>(state.range(1));
  const std::string lines = lines_of(block_lines);
  buffer::Compressor compressor(static_cast<int>(state.range(0)), method);
  buffer::Block block;
  for (auto _ : state) compressor.compress(lines, block);
  count(state, block_lines, lines.size());
  state.counters["ratio"] =
      static_cast<double>(lines.size()) / static_cast<double>(block.bytes.size());
}
BENCHMARK_CAPTURE(deflate, zlib, buffer::Compression::kZlib)
    ->ArgNames({"level", "lines"})
    ->ArgsProduct({{1, 3, 6, 9}, {10, kBlockLines}});
BENCHMARK_CAPTURE(deflate, isal, buffer::Compression::kIsal)
    ->ArgNames({"level", "lines"})
    ->ArgsProduct({{1, 2}, {10, kBlockLines}});
BENCHMARK_CAPTURE(deflate, automatic, buffer::Compression::kAuto)
    ->ArgNames({"level", "lines"})
    ->ArgsProduct({{kLevel}, {10, kBlockLines}});
BENCHMARK_CAPTURE(deflate, none, buffer::Compression::kNone)
    ->ArgNames({"level", "lines"})
    ->ArgsProduct({{kLevel}, {10, kBlockLines}});

void inflate(benchmark::State& state) {
  const std::string lines = lines_of(kBlockLines);
  buffer::Compressor compressor(kLevel);
  const buffer::Block block = block_of(lines, kBlockLines, compressor);
  const std::string_view payload = std::string_view(block.bytes).substr(buffer::kHeaderSize);
  std::string out;
  for (auto _ : state) {
    out.clear();
    if (!buffer::decompress(block.codec, payload, block.raw_size, block.raw_crc32, out)) {
      state.SkipWithError("the block does not inflate");
    }
  }
  count(state, kBlockLines, lines.size());
}
BENCHMARK(inflate);

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
  OptionTable from(options);
  auto rules = std::make_unique<line::RewriteRules>();
  rules->filter = line::MetricFilter::compile(
      line::filter_schema().parse(from.table(), from.diagnostics), from.table(), from.diagnostics);
  return rules;
}

// A batch of blocks of so many lines, read from the ring and made a gzip body.
void splice(benchmark::State& state, std::uint32_t block_lines, const std::string& options) {
  const base::SystemClock clock;
  const auto ring = memory_ring(clock);
  buffer::Compressor compressor(kLevel);
  buffer::Block block = block_of(lines_of(block_lines), block_lines, compressor);
  const auto reader = ring ? ring->attach("bench") : base::Result<buffer::ReaderId>(0);
  for (std::uint32_t points = 0; ring && points < kBatchLines; points += block_lines) {
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
BENCHMARK_CAPTURE(splice, as_stored, kBlockLines, "");
BENCHMARK_CAPTURE(splice, small_blocks_joined, 10, "");
BENCHMARK_CAPTURE(splice, namepass, kBlockLines, "namepass = ['machine', 'b*']");
BENCHMARK_CAPTURE(splice, tagpass, kBlockLines, "tagpass = { station = ['st-*'] }");
BENCHMARK_CAPTURE(splice, fieldexclude, kBlockLines,
                  "fieldexclude = ['n', 'x*']\ntagexclude = ['line']");

// Lines of a batch that do not go out as they lie in the ring: sorted, written anew, compressed.
void regroup(benchmark::State& state, const outputs::LineRules& rules) {
  std::string lines;
  for (std::uint32_t i = 0; i < kBatchLines; ++i) {
    lines += fmt::format("cpu,cpu=cpu{},host=bench usage_idle={}.5,usage_user=3.25 {}\n", i % 4,
                         i % 97, kTimeNs + i);
  }
  for (auto _ : state) {
    for (const outputs::LineGroup& group : outputs::group_lines(lines, rules)) {
      const auto body = outputs::gzip(group.lines);
      if (!body) state.SkipWithError("a group does not make a body");
      benchmark::DoNotOptimize(body);
    }
  }
  count(state, kBatchLines, lines.size());
}
BENCHMARK_CAPTURE(regroup, precision_seconds, {{}, line::Precision::kSeconds});
BENCHMARK_CAPTURE(regroup, database_of_a_tag, {{{"db", "cpu"}}, line::Precision::kNanoseconds});

// The bytes of a ring that is full, wrapped, and was not closed; with `backlog_bytes` after the
// last sync.
std::vector<std::byte> killed_ring(std::uint64_t backlog_bytes) {
  const base::SystemClock clock;
  buffer::MemoryFile* file = nullptr;
  const auto ring = memory_ring(clock, buffer::SyncMode::kInterval, &file);
  if (!ring || !ring->attach("bench")) return {};
  buffer::Compressor compressor(kLevel);
  const buffer::Block block = block_of(lines_of(kBlockLines), kBlockLines, compressor);
  const auto append_bytes = [&](std::uint64_t bytes) {
    for (std::uint64_t done = 0; done < bytes; done += block.bytes.size()) {
      buffer::Block another = block;
      if (!ring->append(another)) return false;
    }
    return true;
  };
  if (!append_bytes(kRingBytes * 3 / 2) || !ring->sync(true) || !append_bytes(backlog_bytes)) {
    return {};
  }
  return file->content();
}

// From the bytes to the place where writing goes on.
void recover(benchmark::State& state, bool with_slots) {
  constexpr std::uint64_t kBacklogBytes = std::uint64_t{900} * 1024;
  std::vector<std::byte> bytes = killed_ring(kBacklogBytes);
  if (bytes.empty()) return state.SkipWithError("there is no ring");
  for (const std::uint64_t offset : buffer::kSlotOffsets) {
    if (!with_slots)
      std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), buffer::kSlotSize,
                  std::byte{0});
  }
  buffer::MemoryFile file(std::move(bytes));
  std::uint64_t read = 0;
  for (auto _ : state) {
    bool damaged = false;
    const auto superblock = buffer::read_superblock(file, damaged);
    if (!superblock) return state.SkipWithError("the ring has no superblock");
    const buffer::Recovered found = buffer::recover(file, *superblock);
    if (found.report.full_scan == with_slots) state.SkipWithError("it went another way");
    read = found.report.bytes_read;
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(read));
}
BENCHMARK_CAPTURE(recover, after_a_kill, true)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(recover, without_slots, false)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace holdfast::bench

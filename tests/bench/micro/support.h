// What the microbenchmarks share: texts to work on, and counting. `items` are points (lines) in
// every line of the output.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "agent/line/encode.h"
#include "config/loader.h"
#include "tests/bench/numbered_lines.h"

namespace holdfast::bench {

inline constexpr std::size_t kBlockBytes = std::size_t{64} * 1024;
inline constexpr std::uint32_t kBatchLines = 5000;
inline constexpr std::int64_t kTimeNs = 1'700'000'000'000'000'000;

inline const std::vector<line::TagPair> kHostTag{{"host", "server-0017"}};

// What one iteration did.
inline void count(benchmark::State& state, std::uint64_t points, std::size_t bytes) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(points));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

inline std::string lines_of(std::uint32_t count) {
  std::string lines;
  append_lines(0, count, lines);
  return lines;
}

// The table of a plugin with these options, as TOML; what it says goes to `diagnostics`.
class OptionTable {
 public:
  explicit OptionTable(const std::string& options) {
    config::load_text(
        "[[inputs.bench]]\n" + options, "bench.toml",
        [](const std::string&) { return std::optional<std::string>(); }, diagnostics, document_);
  }
  [[nodiscard]] config::Table& table() { return document_.inputs.front().table; }

  config::Diagnostics diagnostics;

 private:
  config::Document document_;
};

// One for each input and captured host that gives points without an error, and one of 256 cpus and
// 1,000 interfaces. Called before benchmarks run: they are found, not written down.
void register_gathers();

}  // namespace holdfast::bench

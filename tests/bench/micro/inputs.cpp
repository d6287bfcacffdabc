// Gathers: each input of the host on the captured hosts of the tests, and on one of 256 cpus and
// 1,000 interfaces. Files are read from disk (the page cache), as those of /proc are from the
// kernel.
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "inputs/accumulator.h"
#include "tests/bench/micro/support.h"
#include "tests/bench/wide_host.h"
#include "tests/inputs/cases.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace holdfast::bench {
namespace {

// The gather of a host's last sample, after those of the ones before it, by a new input each time
// because counters do not go back: those are not measured. `toml` is the input's table.
void gather(benchmark::State& state, const std::string& plugin, const std::string& toml,
            const std::filesystem::path& folder) {
  test::CaseHost host(folder);
  test::FakeClock clock;
  std::vector<std::string> errors;
  inputs::PointRules rules;
  rules.extra_tags = kHostTag;
  inputs::InputCounters counters;
  std::unique_ptr<inputs::Input> input;
  std::uint64_t points = 0;
  std::uint64_t bytes = 0;
  const auto gather_sample = [&](int sample) {
    host.set_sample(sample);
    clock.advance(std::chrono::seconds(10));
    inputs::Accumulator out(rules, {}, clock.wall_ns(), counters);
    const bool good = input != nullptr && input->gather(out).has_value();
    points = out.points();
    bytes = 0;
    for (const auto& chunk : out.take()) bytes += chunk.bytes.size();
    return good;
  };
  const auto begin = [&] {
    input = test::make_input(plugin, toml, host, clock, errors);
    bool good = true;
    for (int sample = 1; sample < host.samples(); ++sample) good = gather_sample(sample) && good;
    return good;
  };
  bool good = begin();
  for (auto _ : state) {
    if (host.samples() > 1) {
      state.PauseTiming();
      good = begin() && good;
      state.ResumeTiming();
    }
    good = gather_sample(host.samples()) && good;
  }
  if (!good) state.SkipWithError("a gather failed");
  count(state, points, bytes);
}

// Only where it is measured: a thousand interfaces are two thousand files.
void gather_wide(benchmark::State& state, const std::string& plugin) {
  const test::TempDir directory;
  const std::filesystem::path folder(directory.path("host"));
  const WideHost host;
  if (!write_sys(host, folder / "sys") || !write_proc(host, folder / "proc", 0) ||
      !write_proc(host, folder / "proc.2", 10)) {
    return state.SkipWithError("the host cannot be written");
  }
  gather(state, plugin, "[[inputs." + plugin + "]]\n", folder);
}

}  // namespace

void register_gathers() {
  for (const test::Case& one : test::host_cases()) {
    if (!test::read_text(one.folder / "expected_error.txt").empty()) continue;
    benchmark::RegisterBenchmark(
        ("gather/" + one.plugin + "/" + one.name).c_str(), [one](benchmark::State& state) {
          gather(state, one.plugin, test::read_text(one.folder / "options.toml"), one.folder);
        });
  }
  benchmark::RegisterBenchmark("gather/cpu/of_256",
                               [](benchmark::State& state) { gather_wide(state, "cpu"); });
  benchmark::RegisterBenchmark("gather/net/of_1000",
                               [](benchmark::State& state) { gather_wide(state, "net"); });
}

}  // namespace holdfast::bench

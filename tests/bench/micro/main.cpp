// bench_micro: what each step of a point's way costs by itself, without threads and sockets.
#include <benchmark/benchmark.h>

#include "tests/bench/micro/support.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  holdfast::bench::register_gathers();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

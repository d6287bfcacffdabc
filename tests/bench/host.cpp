// bench_host: keeps the files of a host with many cpus and interfaces in a folder, and renews those
// in its proc/ four times a second, until it is told to stop (SIGTERM).
//
//   bench_host --folder PATH [--cpus 256] [--interfaces 1000]
#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include <fmt/core.h>
#include <pthread.h>

#include "tests/bench/arguments.h"
#include "tests/bench/wide_host.h"

int main(int argc, char** argv) {
  using namespace holdfast::bench;  // NOLINT(google-build-using-namespace): a program of one file
  const Arguments arguments(argc, argv,
                            {{"folder", "host"}, {"cpus", "256"}, {"interfaces", "1000"}});
  const WideHost host{static_cast<unsigned>(arguments.number("cpus")),
                      static_cast<unsigned>(arguments.number("interfaces"))};
  const std::filesystem::path folder(arguments.text("folder"));
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  if (!write_sys(host, folder / "sys") || !write_proc(host, folder / "proc", 0)) return 1;
  fmt::print("ready\n");
  std::fflush(stdout);
  constexpr timespec kQuarterSecond{0, 250'000'000};
  const std::time_t begin = std::time(nullptr);
  while (sigtimedwait(&stop, nullptr, &kQuarterSecond) < 0) {
    const auto second = static_cast<std::uint64_t>(std::time(nullptr) - begin);
    if (!write_proc(host, folder / "proc", second)) return 1;
  }
  return 0;
}

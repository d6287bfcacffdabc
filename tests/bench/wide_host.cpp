// Numbers that grow as a busy host's do, each cpu and interface at its own pace.
#include "tests/bench/wide_host.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <system_error>

#include <fmt/core.h>
#include <fmt/format.h>

namespace holdfast::bench {
namespace {

namespace fs = std::filesystem;

bool write_file(const fs::path& file, const std::string& text) {
  const fs::path fresh = file.string() + ".new";
  std::error_code failed;
  fs::create_directories(file.parent_path(), failed);
  if (!failed) {
    std::ofstream(fresh, std::ios::binary) << text;
    if (fs::file_size(fresh, failed) == text.size() && !failed) fs::rename(fresh, file, failed);
  }
  if (failed) fmt::print(stderr, "{}: {}\n", file.string(), failed.message());
  return !failed;
}

}  // namespace

std::string proc_stat(const WideHost& host, std::uint64_t second) {
  fmt::memory_buffer text;
  const auto out = std::back_inserter(text);
  const std::uint64_t ticks = (second + 100'000) * 100;
  const auto add = [&](const std::string& name, std::uint64_t times, std::uint64_t busy_percent) {
    const std::uint64_t busy = ticks * busy_percent / 100 * times;
    fmt::format_to(out, "{} {} {} {} {} {} {} {} {} 0 0\n", name, busy / 2, busy / 20, busy / 4,
                   ticks * times - busy, busy / 10, busy / 50, busy / 25, busy / 25);
  };
  add("cpu ", host.cpus, 30);
  for (unsigned i = 0; i < host.cpus; ++i) add(fmt::format("cpu{}", i), 1, i * 7 % 100);
  fmt::format_to(out,
                 "intr {}\nctxt {}\nbtime 1700000000\nprocesses {}\nprocs_running 3\n"
                 "procs_blocked 0\n",
                 ticks * 5, ticks * 9, ticks / 10);
  return fmt::to_string(text);
}

std::string proc_net_dev(const WideHost& host, std::uint64_t second) {
  fmt::memory_buffer text;
  const auto out = std::back_inserter(text);
  fmt::format_to(out,
                 "Inter-|   Receive                                                |  Transmit\n"
                 " face |bytes    packets errs drop fifo frame compressed multicast|bytes    "
                 "packets errs drop fifo colls carrier compressed\n");
  for (unsigned i = 0; i < host.interfaces; ++i) {
    const std::uint64_t packets = (second + 100'000) * (i % 50 + 1) * 10;
    fmt::format_to(out, "{:>8}: {} {} 0 {} 0 0 0 {} {} {} 0 0 0 0 0 0\n", fmt::format("veth{}", i),
                   packets * 700, packets, i % 5, packets / 1000, packets * 450, packets * 9 / 10);
  }
  return fmt::to_string(text);
}

bool write_proc(const WideHost& host, const fs::path& proc, std::uint64_t second) {
  return write_file(proc / "stat", proc_stat(host, second)) &&
         write_file(proc / "net/dev", proc_net_dev(host, second));
}

bool write_sys(const WideHost& host, const fs::path& sys) {
  bool good = true;
  for (unsigned i = 0; i < host.interfaces && good; ++i) {
    const fs::path one = sys / fmt::format("class/net/veth{}", i);
    good = write_file(one / "flags", "0x1003\n") && write_file(one / "speed", "10000\n");
  }
  return good;
}

}  // namespace holdfast::bench

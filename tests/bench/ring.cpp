// What opening a large ring costs, with a slot and without one, and what a full ring costs in
// memory. Fills a ring file to the brim, ends without closing it, and opens it again.
//
//   bench_ring --file PATH [--mib 1024] [--points 600] [--backlog-mib 1]
//
// The file is made anew and stays behind. "backlog" is what was appended after the last sync.
#include "buffer/ring.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <fmt/core.h>

#include "agent/base/clock.h"
#include "buffer/compressor.h"
#include "buffer/posix_file.h"
#include "tests/bench/arguments.h"
#include "tests/bench/numbered_lines.h"

namespace {

using namespace holdfast;  // NOLINT(google-build-using-namespace): a program of one file

[[noreturn]] void fail(const std::string& why) {
  fmt::print(stderr, "bench_ring: {}\n", why);
  std::exit(1);
}

// A line of /proc/self/status, in KiB.
std::uint64_t memory_kib(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word != key + ":") continue;
    std::uint64_t kib = 0;
    status >> kib;
    return kib;
  }
  return 0;
}

buffer::Block block_of(std::uint32_t points) {
  std::string lines;
  bench::append_lines(0, points, lines);
  buffer::Block block;
  buffer::Compressor(3).compress(lines, block);
  block.points = points;
  return block;
}

std::unique_ptr<buffer::Ring> open(const std::string& path, std::uint64_t size,
                                   const base::Clock& clock) {
  auto file = buffer::PosixFile::open_locked(path);
  if (!file) fail(file.error().message);
  buffer::RingOptions options;
  options.size = size;
  auto ring = buffer::Ring::open(std::move(*file), options, clock, base::Random::from_system());
  if (!ring) fail(ring.error().message);
  return std::move(*ring);
}

void append(buffer::Ring& ring, const buffer::Block& block) {
  buffer::Block copy = block;
  if (auto stored = ring.append(copy); !stored) fail(stored.error().message);
}

void append_bytes(buffer::Ring& ring, const buffer::Block& block, std::uint64_t bytes) {
  for (std::uint64_t done = 0; done < bytes; done += block.bytes.size()) append(ring, block);
}

// Opens what was not closed, and leaves a backlog of its own behind.
void report(const std::string& what, const std::string& path, std::uint64_t size,
            const base::Clock& clock, const buffer::Block& block, std::uint64_t backlog_bytes) {
  const std::uint64_t before_kib = memory_kib("VmRSS");
  const auto begin = std::chrono::steady_clock::now();
  const auto ring = open(path, size, clock);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  const buffer::Recovery& found = ring->recovery();
  const buffer::RingInfo info = ring->info();
  fmt::print(
      "{:<28} {:9.1f} ms  {:8.2f} MiB read  {:5} blocks after the sync  {} points pending  "
      "+{} KiB resident\n",
      what, took.count(), static_cast<double>(found.bytes_read) / (1U << 20U),
      found.blocks_found_past_tail, info.points, memory_kib("VmRSS") - before_kib);
  append_bytes(*ring, block, backlog_bytes);
}

void wipe_slots(const std::string& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const std::string zeros(buffer::kSlotSize, '\0');
  for (const std::uint64_t offset : buffer::kSlotOffsets) {
    file.seekp(static_cast<std::streamoff>(offset));
    file.write(zeros.data(), static_cast<std::streamsize>(zeros.size()));
  }
}

// Out of the page cache, as after a power cut; needs root.
bool drop_caches() {
  std::ofstream control("/proc/sys/vm/drop_caches");
  control << "3\n" << std::flush;
  return control.good();
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(
      argc, argv,
      {{"file", "bench.ring"}, {"mib", "1024"}, {"points", "600"}, {"backlog-mib", "1"}});
  const std::string& path = arguments.text("file");
  const std::uint64_t size = arguments.number("mib") << 20U;
  const base::SystemClock clock;
  // Not quite as much as may lie after a sync before append syncs by itself.
  const std::uint64_t backlog = (arguments.number("backlog-mib") << 20U) * 9 / 10;
  std::filesystem::remove(path);
  const buffer::Block block = block_of(static_cast<std::uint32_t>(arguments.number("points")));
  {
    const auto ring = open(path, size, clock);
    (void)ring->attach("bench");
    const std::uint64_t empty_kib = memory_kib("VmRSS");
    const auto begin = std::chrono::steady_clock::now();
    // A lap and a half: full, and wrapped.
    const std::uint64_t blocks = size / block.bytes.size() * 3 / 2;
    for (std::uint64_t i = 0; i < blocks; ++i) append(*ring, block);
    if (auto synced = ring->sync(true); !synced) fail(synced.error().message);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    const buffer::RingInfo info = ring->info();
    fmt::print("{} blocks of {} points and {} bytes appended in {:.1f} s, {} syncs\n", blocks,
               block.points, block.bytes.size(), took.count(), info.syncs);
    fmt::print(
        "full ring: {:.2f} % of {} MiB hold pending payloads, {:.1f} bytes a point; "
        "resident {} KiB empty, {} KiB full\n",
        100.0 * static_cast<double>(info.points / block.points) *
            static_cast<double>(block.bytes.size() - buffer::kHeaderSize) /
            static_cast<double>(size),
        size >> 20U, static_cast<double>(info.used_bytes) / static_cast<double>(info.points),
        empty_kib, memory_kib("VmRSS"));
    append_bytes(*ring, block, backlog);
  }
  const auto measure = [&](const std::string& what) {
    report(what, path, size, clock, block, backlog);
  };
  measure("killed, in the page cache");
  const bool cold = drop_caches();
  if (cold) measure("after a power cut, cold");
  wipe_slots(path);
  measure("no slot, in the page cache");
  wipe_slots(path);
  if (cold && drop_caches()) measure("no slot, cold");
  return 0;
}

// What delivering a backlog costs beside the least that it can cost: the CPU time of the output
// that drains it, and that of a plain libcurl loop that posts the same bodies, read from a file one
// by one (as a backlog is) or from memory.
//
//   bench_drain --url http://127.0.0.1:PORT [--file PATH] [--points 1000000] [--runs 31]
//
// PORT is that of a bench_sink. PATH (the ring, /tmp/holdfast-drain.ring if not given; the same one
// anew for each run) and PATH.bodies stay behind.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <curl/curl.h>
#include <fmt/core.h>
#include <unistd.h>

#include "agent/base/clock.h"
#include "buffer/compressor.h"
#include "buffer/posix_file.h"
#include "buffer/ring.h"
#include "outputs/delivery.h"
#include "outputs/write_output.h"
#include "tests/bench/arguments.h"
#include "tests/bench/numbered_lines.h"

namespace {

using namespace holdfast;  // NOLINT(google-build-using-namespace): a program of one file

constexpr std::uint32_t kPointsOfABlock = 600;  // 63 KB of lines
constexpr std::uint64_t kPointsOfABatch = 5000;
constexpr std::uint64_t kBytesOfABatch = 1U << 20U;
constexpr buffer::ReaderId kReader = 0;  // the first of a ring

[[noreturn]] void fail(const std::string& why) {
  fmt::print(stderr, "bench_drain: {}\n", why);
  std::exit(1);
}

// Of this process, all threads.
double cpu_seconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

// With a backlog for one output, the first reader.
std::unique_ptr<buffer::Ring> make_ring(const std::string& path, std::uint64_t points,
                                        const base::Clock& clock) {
  std::filesystem::remove(path);
  auto file = buffer::PosixFile::open_locked(path);
  if (!file) fail(file.error().message);
  buffer::RingOptions options;
  options.size = std::max<std::uint64_t>(64U << 20U, points * 40);
  auto ring = buffer::Ring::open(std::move(*file), options, clock, base::Random::from_system());
  if (!ring) fail(ring.error().message);
  if (auto reader = (*ring)->attach("output"); !reader || *reader != kReader) {
    fail("a new ring has no room for a reader");
  }
  buffer::Compressor compressor(3);
  std::string lines;
  for (std::uint64_t first = 0; first < points; first += kPointsOfABlock) {
    const auto count =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(kPointsOfABlock, points - first));
    lines.clear();
    bench::append_lines(first, count, lines);
    buffer::Block block;
    compressor.compress(lines, block);
    block.points = count;
    if (auto stored = (*ring)->append(block); !stored) fail(stored.error().message);
  }
  return std::move(*ring);
}

// The bodies that an output makes of the backlog.
std::vector<std::string> bodies_of(buffer::Ring& ring) {
  std::vector<std::string> bodies;
  while (true) {
    auto blocks = ring.read(kReader,
                            {.max_points = kPointsOfABatch,
                             .max_raw_bytes = kBytesOfABatch,
                             .max_bytes = kBytesOfABatch},
                            outputs::Batch::kPrefix);
    if (!blocks) fail(blocks.error().message);
    if (blocks->blocks.empty()) return bodies;
    const std::uint64_t points = blocks->points;
    auto batch = outputs::Batch::from_blocks(std::move(*blocks), kPointsOfABatch);
    if (!batch) fail(batch.error().message);
    bodies.emplace_back(batch->gzip());
    ring.acknowledge(kReader, points, {});
  }
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double drain(buffer::Ring& ring, const std::string& url, const base::Clock& clock) {
  outputs::WriteTarget target;
  target.servers = {{url, url + "/write", url + "/query", {}, {}}};
  target.parameters = {{"db", "bench"}};
  auto output = outputs::make_write_output(std::move(target), outputs::OutputContext{clock, {}});
  if (!output) fail(output.error().message);
  const double before = cpu_seconds();
  outputs::Delivery delivery(std::move(*output), {.metric_batch_size = kPointsOfABatch},
                             {ring, kReader, "bench", clock, base::Random::from_system(), {}});
  const outputs::StopSignal stop;
  delivery.finish(stop);
  const double used = cpu_seconds() - before;
  if (ring.pending_points(kReader) > 0) fail("not delivered: " + delivery.status().last_error);
  return used;
}

// The bodies one behind the other.
class BodyFile {
 public:
  BodyFile(const std::string& path, const std::vector<std::string>& bodies)
      : file_(std::fopen(path.c_str(), "w+")) {
    if (file_ == nullptr) fail(path + " cannot be written");
    for (const std::string& body : bodies) std::fwrite(body.data(), 1, body.size(), file_);
    if (std::fflush(file_) != 0) fail(path + " cannot be written");
  }
  ~BodyFile() { std::fclose(file_); }
  BodyFile(const BodyFile&) = delete;
  BodyFile& operator=(const BodyFile&) = delete;

  void read(off_t at, std::string& body) const {
    const ssize_t got = pread(fileno(file_), body.data(), body.size(), at);
    if (got != static_cast<ssize_t>(body.size())) fail("a body cannot be read back");
  }

 private:
  std::FILE* file_;
};

// From the file, if there is one, else from memory.
double post(const std::vector<std::string>& bodies, const BodyFile* file, const std::string& url) {
  CURL* const handle = curl_easy_init();
  if (handle == nullptr) fail("libcurl: out of memory");
  const std::string target = url + "/write?db=bench";
  curl_slist* headers = curl_slist_append(nullptr, "Content-Encoding: gzip");
  headers = curl_slist_append(headers, "Content-Type: text/plain; charset=utf-8");
  headers = curl_slist_append(headers, "Expect:");
  curl_easy_setopt(handle, CURLOPT_URL, target.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(handle, CURLOPT_POST, 1L);
  const double before = cpu_seconds();
  off_t at = 0;
  std::string read;
  for (const std::string& body : bodies) {
    if (file != nullptr) {
      read.resize(body.size());
      file->read(at, read);
      at += static_cast<off_t>(body.size());
    }
    const std::string& sent = file != nullptr ? read : body;
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, sent.data());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(sent.size()));
    long status = 0;
    if (curl_easy_perform(handle) != CURLE_OK) fail("the plain loop gets no answer");
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    if (status != 204) fail(fmt::format("the plain loop gets a {}", status));
  }
  const double used = cpu_seconds() - before;
  curl_slist_free_all(headers);
  curl_easy_cleanup(handle);
  return used;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv,
                                   {{"url", "http://127.0.0.1:8086"},
                                    {"file", "/tmp/holdfast-drain.ring"},
                                    {"points", "1000000"},
                                    {"runs", "31"}});
  const std::string& url = arguments.text("url");
  const std::uint64_t points = arguments.number("points");
  const std::uint64_t runs = std::max<std::uint64_t>(arguments.number("runs"), 1);
  const base::SystemClock clock;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::string& path = arguments.text("file");
  const std::vector<std::string> bodies = bodies_of(*make_ring(path, points, clock));
  std::size_t bytes = 0;
  for (const std::string& body : bodies) bytes += body.size();
  fmt::print("{} points in {} bodies, {:.1f} bytes a point\n", points, bodies.size(),
             static_cast<double>(bytes) / static_cast<double>(points));
  const BodyFile file(path + ".bodies", bodies);
  std::vector<double> drains;
  std::vector<double> from_files;
  std::vector<double> from_memories;
  for (std::uint64_t run = 1; run <= runs; ++run) {
    const auto ring = make_ring(path, points, clock);
    const double from_memory = post(bodies, nullptr, url);
    const double ours = drain(*ring, url, clock);
    const double from_file = post(bodies, &file, url);
    drains.push_back(ours);
    from_files.push_back(from_file);
    from_memories.push_back(from_memory);
    fmt::print(
        "run {}: CPU s of the drain {:.4f}, of a plain loop {:.4f} from a file, {:.4f} from "
        "memory\n",
        run, ours, from_file, from_memory);
  }
  const double ours = median(drains);
  fmt::print("medians: {:.4f}; {:.2f} times the loop from a file, {:.2f} times that from memory\n",
             ours, ours / median(from_files), ours / median(from_memories));
}

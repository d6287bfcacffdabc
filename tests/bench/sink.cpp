// bench_sink: a server for /write that keeps nothing but a mark for each numbered line. It takes a
// gzip body as one member only, as InfluxDB 3.0 to 3.7 do, and says what arrived: on GET /report
// and at the end (SIGTERM).
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/core.h>
#include <pthread.h>
#include <zlib.h>

#include "agent/base/result.h"
#include "tests/bench/arguments.h"
#include "tests/bench/net.h"
#include "tests/bench/numbered_lines.h"

namespace holdfast::bench {
namespace {

constexpr std::string_view kNoContent = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr std::string_view kBadRequest =
    "HTTP/1.1 400 Bad Request\r\nContent-Length: 29\r\n\r\n{\"error\":\"not one gzip body\"}";
constexpr std::string_view kNoResults =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n"
    "{\"results\":[]}";

double wall_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Inflates bodies one after the other with one state. Not thread-safe.
class Inflater {
 public:
  Inflater() { inflateInit2(&stream_, 15 + 16); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  // False unless `body` is exactly one gzip member.
  bool inflate(std::string_view body, std::string& out) {
    inflateReset(&stream_);
    // zlib does not write to its input, but says so only where ZLIB_CONST is defined.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
    stream_.avail_in = static_cast<uInt>(body.size());
    std::size_t size = 0;
    int result = Z_OK;
    while (result == Z_OK) {
      if (out.size() < size + kGrowBytes) out.resize(size + kGrowBytes);
      stream_.next_out = reinterpret_cast<Bytef*>(out.data() + size);
      stream_.avail_out = static_cast<uInt>(out.size() - size);
      result = ::inflate(&stream_, Z_NO_FLUSH);
      size = out.size() - stream_.avail_out;
    }
    out.resize(size);
    return result == Z_STREAM_END && stream_.avail_in == 0;
  }

 private:
  static constexpr std::size_t kGrowBytes = std::size_t{1} << 20U;
  z_stream stream_{};
};

// What has arrived. Thread-safe.
class Tally {
 public:
  explicit Tally(std::uint64_t expected) : seen_(expected, false) {}

  void take(std::string_view lines, std::size_t wire_bytes) {
    const std::lock_guard lock(mutex_);
    last_s_ = wall_s();
    if (first_s_ == 0) first_s_ = last_s_;
    wire_bytes_ += wire_bytes;
    raw_bytes_ += lines.size();
    while (!lines.empty()) {
      const std::size_t end = std::min(lines.find('\n'), lines.size() - 1) + 1;
      take_line(lines.substr(0, end));
      lines.remove_prefix(end);
    }
  }
  void refuse() {
    const std::lock_guard lock(mutex_);
    ++bad_bodies_;
  }
  [[nodiscard]] std::string report() const {
    const std::lock_guard lock(mutex_);
    return fmt::format(
        "distinct {}\nduplicates {}\nlines {}\nstrange {}\nbad_bodies {}\nwire_bytes {}\n"
        "raw_bytes {}\nfirst_s {:.3f}\nlast_s {:.3f}\n",
        distinct_, duplicates_, lines_, strange_, bad_bodies_, wire_bytes_, raw_bytes_, first_s_,
        last_s_);
  }

 private:
  void take_line(std::string_view line) {
    ++lines_;
    if (seen_.empty()) return;
    const auto number = number_of(line);
    if (!number || *number >= seen_.size()) {
      ++strange_;
    } else if (seen_[*number]) {
      ++duplicates_;
    } else {
      seen_[*number] = true;
      ++distinct_;
    }
  }

  mutable std::mutex mutex_;
  std::vector<bool> seen_;
  std::uint64_t distinct_ = 0;
  std::uint64_t duplicates_ = 0;
  std::uint64_t lines_ = 0;
  std::uint64_t strange_ = 0;  // without a number, or with one nobody fed
  std::uint64_t bad_bodies_ = 0;
  std::uint64_t wire_bytes_ = 0;
  std::uint64_t raw_bytes_ = 0;
  double first_s_ = 0;
  double last_s_ = 0;
};

// One connection, until it ends.
void serve(const Socket& socket, Tally& tally) {
  MessageReader reader(socket);
  Inflater inflater;
  Message request;
  std::string lines;
  while (reader.next(request)) {
    const std::string_view target = request.second_word();
    bool sent = false;
    if (target.starts_with("/report")) {
      const std::string report = tally.report();
      sent = socket.send(
          fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", report.size()), report);
    } else if (target.starts_with("/query")) {
      sent = socket.send(kNoResults, {});
    } else if (!target.starts_with("/write")) {
      sent = socket.send(kNoContent, {});
    } else if (request.header("content-encoding") != "gzip") {
      tally.take(request.body, request.body.size());
      sent = socket.send(kNoContent, {});
    } else if (inflater.inflate(request.body, lines)) {
      tally.take(lines, request.body.size());
      sent = socket.send(kNoContent, {});
    } else {
      tally.refuse();
      sent = socket.send(kBadRequest, {});
    }
    if (!sent) return;
  }
}

int run(const Arguments& arguments) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);  // before the threads, which inherit it
  const Socket listener = listen_on(static_cast<std::uint16_t>(arguments.number("port")));
  if (!listener.is_open()) {
    fmt::print(stderr, "port {}: {}\n", arguments.text("port"), base::errno_text(errno));
    return 1;
  }
  fmt::print("port {}\n", port_of(listener));
  std::fflush(stdout);
  Tally tally(arguments.number("points"));
  std::thread([&] {
    for (;;) {
      Socket socket = accept_from(listener);
      if (!socket.is_open()) continue;
      std::thread([&tally, socket = std::move(socket)] { serve(socket, tally); }).detach();
    }
  }).detach();
  int signal = 0;
  sigwait(&stop, &signal);
  fmt::print("{}", tally.report());
  std::fflush(stdout);
  std::_Exit(0);  // the other threads wait in system calls for ever
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  return holdfast::bench::run({argc, argv, {{"port", "0"}, {"points", "0"}}});
}

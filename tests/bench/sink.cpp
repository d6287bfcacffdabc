// bench_sink: a server for /write that keeps nothing but a mark for each numbered line and database
// (bench1, bench2, ...). It takes a gzip body as one member only, as InfluxDB 3.0 to 3.7 do, and
// says what arrived: on GET /report and at the end (SIGTERM). What other agents post elsewhere is
// answered 204 and counted, but not looked into.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <deque>
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

struct Totals {
  std::uint64_t distinct = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t lines = 0;
  std::uint64_t strange = 0;  // without a number, or with one nobody fed
  std::uint64_t wire_bytes = 0;
  std::uint64_t raw_bytes = 0;
  double first_s = 0;  // 0: nothing yet
  double last_s = 0;
};

// What has arrived in one database. Thread-safe.
class Tally {
 public:
  explicit Tally(std::uint64_t expected) : seen_(expected, false) {}

  void take(std::string_view lines, std::size_t wire_bytes) {
    const std::lock_guard lock(mutex_);
    totals_.last_s = wall_s();
    if (totals_.first_s == 0) totals_.first_s = totals_.last_s;
    totals_.wire_bytes += wire_bytes;
    totals_.raw_bytes += lines.size();
    while (!lines.empty()) {
      const std::size_t end = std::min(lines.find('\n'), lines.size() - 1) + 1;
      take_line(lines.substr(0, end));
      lines.remove_prefix(end);
    }
  }
  [[nodiscard]] Totals totals() const {
    const std::lock_guard lock(mutex_);
    return totals_;
  }

 private:
  void take_line(std::string_view line) {
    ++totals_.lines;
    if (seen_.empty()) return;
    const auto number = number_of(line);
    if (!number || *number >= seen_.size()) {
      ++totals_.strange;
    } else if (seen_[*number]) {
      ++totals_.duplicates;
    } else {
      seen_[*number] = true;
      ++totals_.distinct;
    }
  }

  mutable std::mutex mutex_;
  std::vector<bool> seen_;
  Totals totals_;
};

// All databases. Thread-safe.
class Account {
 public:
  Account(std::uint64_t databases, std::uint64_t expected) {
    for (std::uint64_t i = 0; i < databases; ++i) tallies_.emplace_back(expected);
  }

  // Of a request for /write; null if there is no such database. `db=bench` is the first one.
  [[nodiscard]] Tally* tally_of(std::string_view target) {
    constexpr std::string_view kName = "db=bench";
    const std::size_t at = target.find(kName);
    if (at == std::string_view::npos) return nullptr;
    std::size_t number = 1;
    std::from_chars(target.data() + at + kName.size(), target.data() + target.size(), number);
    return number >= 1 && number <= tallies_.size() ? &tallies_[number - 1] : nullptr;
  }
  void refuse() { ++refused_; }
  void take_other(std::size_t bytes) {
    ++other_requests_;
    other_bytes_ += bytes;
  }
  // A line is distinct once every database has it; the rest are sums over the databases.
  [[nodiscard]] std::string report() const {
    Totals all = tallies_.front().totals();
    for (std::size_t i = 1; i < tallies_.size(); ++i) {
      const Totals one = tallies_[i].totals();
      all.distinct = std::min(all.distinct, one.distinct);
      all.duplicates += one.duplicates;
      all.lines += one.lines;
      all.strange += one.strange;
      all.wire_bytes += one.wire_bytes;
      all.raw_bytes += one.raw_bytes;
      if (one.first_s > 0) all.first_s = std::min(all.first_s, one.first_s);
      all.last_s = std::max(all.last_s, one.last_s);
    }
    return fmt::format(
        "distinct {}\nduplicates {}\nlines {}\nstrange {}\nbad_bodies {}\nwire_bytes {}\n"
        "raw_bytes {}\nfirst_s {:.3f}\nlast_s {:.3f}\nother_requests {}\nother_bytes {}\n",
        all.distinct, all.duplicates, all.lines, all.strange, refused_.load(), all.wire_bytes,
        all.raw_bytes, all.first_s, all.last_s, other_requests_.load(), other_bytes_.load());
  }

 private:
  std::deque<Tally> tallies_;  // a Tally cannot be moved
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> other_requests_{0};
  std::atomic<std::uint64_t> other_bytes_{0};
};

// Whether the body of a /write was taken.
bool write(const Message& request, Account& account, Inflater& inflater, std::string& lines) {
  Tally* const tally = account.tally_of(request.second_word());
  if (tally != nullptr && request.header("content-encoding") != "gzip") {
    tally->take(request.body, request.body.size());
    return true;
  }
  if (tally != nullptr && inflater.inflate(request.body, lines)) {
    tally->take(lines, request.body.size());
    return true;
  }
  account.refuse();
  return false;
}

// One connection, until it ends.
void serve(const Socket& socket, Account& account) {
  MessageReader reader(socket);
  Inflater inflater;
  Message request;
  std::string lines;
  while (reader.next(request)) {
    const std::string_view target = request.second_word();
    bool sent = false;
    if (target.starts_with("/report")) {
      const std::string report = account.report();
      sent = socket.send(
          fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", report.size()), report);
    } else if (target.starts_with("/query")) {
      sent = socket.send(kNoResults, {});
    } else if (target.starts_with("/write")) {
      sent = socket.send(write(request, account, inflater, lines) ? kNoContent : kBadRequest, {});
    } else {
      account.take_other(request.body.size());
      sent = socket.send(kNoContent, {});
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
  Account account(std::max<std::uint64_t>(1, arguments.number("databases")),
                  arguments.number("points"));
  std::thread([&] {
    for (;;) {
      Socket socket = accept_from(listener);
      if (!socket.is_open()) continue;
      std::thread([&account, socket = std::move(socket)] { serve(socket, account); }).detach();
    }
  }).detach();
  int signal = 0;
  sigwait(&stop, &signal);
  fmt::print("{}", account.report());
  std::fflush(stdout);
  std::_Exit(0);  // the other threads wait in system calls for ever
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  return holdfast::bench::run({argc, argv, {{"port", "0"}, {"points", "0"}, {"databases", "1"}}});
}

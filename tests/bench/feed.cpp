// bench_feed: posts numbered lines to an agent's listener over kept-alive connections, each body
// until it is answered 2xx, and says how many points the agent accepted, how long it took and what
// it cost here. --first lets several of them feed different lines.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "tests/bench/arguments.h"
#include "tests/bench/net.h"
#include "tests/bench/numbered_lines.h"

namespace holdfast::bench {
namespace {

constexpr auto kPause = std::chrono::milliseconds(20);
constexpr int kMostAttempts = 3000;  // with the pause: a minute for one body

class Feed {
 public:
  explicit Feed(const Arguments& arguments)
      : port_(static_cast<std::uint16_t>(arguments.number("port"))),
        target_(arguments.text("target")),
        end_(arguments.number("first") + arguments.number("points")),
        lines_(std::max<std::uint64_t>(1, arguments.number("lines"))),
        series_(std::clamp<std::uint64_t>(arguments.number("series"), 1, kMostSeries)),
        next_(arguments.number("first")) {}

  // One connection. False if a body was not taken after many attempts.
  bool run() {
    std::unique_ptr<Connection> connection;
    std::string body;
    for (;;) {
      const std::uint64_t first = next_.fetch_add(lines_);
      if (first >= end_) return true;
      const std::uint64_t count = std::min(lines_, end_ - first);
      body.clear();
      append_lines(first, count, body, series_);
      if (!post_until_taken(body, connection)) return false;
      acknowledged_ += count;
    }
  }

  void report(std::chrono::duration<double> elapsed, double started_s) {
    fmt::print("acknowledged {}\nseconds {:.3f}\nstarted_s {:.3f}\ncpu_s {:.3f}\n",
               acknowledged_.load(), elapsed.count(), started_s,
               static_cast<double>(std::clock()) / CLOCKS_PER_SEC);
    for (const auto& [status, count] : statuses_) fmt::print("status_{} {}\n", status, count);
    fmt::print("broken_connections {}\n", broken_.load());
  }

 private:
  struct Connection {
    Socket socket;
    MessageReader reader{socket};
  };

  bool post_until_taken(const std::string& body, std::unique_ptr<Connection>& connection) {
    const std::string head = fmt::format(
        "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: {}\r\n\r\n",
        target_, body.size());
    for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
      if (attempt > 0) std::this_thread::sleep_for(kPause);
      if (connection == nullptr) {
        connection = std::make_unique<Connection>();
        connection->socket = connect_to(port_);
      }
      Message answer;
      if (!connection->socket.is_open() || !connection->socket.send(head, body) ||
          !connection->reader.next(answer)) {
        ++broken_;
        connection.reset();
        continue;
      }
      const std::string status(answer.second_word());
      {
        const std::lock_guard lock(mutex_);
        ++statuses_[status];
      }
      if (status.starts_with('2')) return true;
      if (answer.header("connection") == "close") connection.reset();
    }
    return false;
  }

  const std::uint16_t port_;
  const std::string target_;
  const std::uint64_t end_;  // number of the last line, plus 1
  const std::uint64_t lines_;
  const std::uint64_t series_;
  std::atomic<std::uint64_t> next_;
  std::atomic<std::uint64_t> acknowledged_{0};
  std::atomic<std::uint64_t> broken_{0};
  std::mutex mutex_;
  std::map<std::string, std::uint64_t> statuses_;  // under mutex_
};

int run(const Arguments& arguments) {
  Feed feed(arguments);
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const auto begin = std::chrono::steady_clock::now();
  std::atomic<bool> good = true;
  {
    std::vector<std::jthread> connections;
    for (std::uint64_t i = 0; i < arguments.number("connections"); ++i) {
      connections.emplace_back([&] {
        if (!feed.run()) good = false;
      });
    }
  }
  feed.report(std::chrono::steady_clock::now() - begin,
              std::chrono::duration<double>(wall).count());
  return good ? 0 : 1;
}

}  // namespace
}  // namespace holdfast::bench

int main(int argc, char** argv) {
  return holdfast::bench::run({argc,
                               argv,
                               {{"port", "8186"},
                                {"target", "/write?db=bench"},
                                {"first", "0"},
                                {"points", "2000000"},
                                {"lines", "5000"},
                                {"series", std::to_string(holdfast::bench::kSeries)},
                                {"connections", "4"}}});
}

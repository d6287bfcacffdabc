// A server on an I/O thread with a pool, what arrives at it, and senders.
#pragma once

#include <algorithm>
#include <cstring>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "inputs/sockets/server.h"
#include "inputs/sockets/splitter.h"
#include "tests/http/http_client.h"
#include "tests/support/held_pool.h"
#include "tests/support/temp_dir.h"

namespace holdfast::test {

// A socket that sends datagrams to an address.
class DatagramSender {
 public:
  // 127.0.0.1, or any IPv4 address.
  explicit DatagramSender(std::uint16_t port, std::uint32_t address = INADDR_LOOPBACK)
      : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    auto& name = reinterpret_cast<sockaddr_in&>(to_);
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(address);
    size_ = sizeof(name);
  }
  explicit DatagramSender(const std::string& path)
      : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    auto& name = reinterpret_cast<sockaddr_un&>(to_);
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof(name.sun_path) - 1);
    size_ = sizeof(name);
  }
  ~DatagramSender() { ::close(fd_); }
  DatagramSender(const DatagramSender&) = delete;
  DatagramSender& operator=(const DatagramSender&) = delete;

  bool send(std::string_view bytes, int flags = 0) const {
    return ::sendto(fd_, bytes.data(), bytes.size(), flags, reinterpret_cast<const sockaddr*>(&to_),
                    size_) == static_cast<ssize_t>(bytes.size());
  }
  [[nodiscard]] int descriptor() const { return fd_; }

 private:
  int fd_;
  sockaddr_storage to_{};
  socklen_t size_ = 0;
};

// What has come of a server's work; thread-safe.
class Arrivals {
 public:
  void add(std::string text) {
    const std::lock_guard lock(mutex_);
    texts_.push_back(std::move(text));
  }
  [[nodiscard]] std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return texts_;
  }
  [[nodiscard]] std::size_t count() const { return all().size(); }
  [[nodiscard]] bool has(const std::string& text) const {
    const auto texts = all();
    return std::find(texts.begin(), texts.end(), text) != texts.end();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> texts_;
};

class SocketTest : public ::testing::Test {
 protected:
  void SetUp() override { options_.socket.read_buffer_bytes = std::size_t{200} * 1024; }
  void TearDown() override {
    pool_.release();
    tickets_.clear();
    stop();
  }

  // `address` in full; options_ are set by the test before.
  void start(const std::string& address) {
    auto parsed = sockets::parse_address(address);
    ASSERT_TRUE(parsed) << parsed.error().message;
    options_.address = *parsed;
    thread_.run([&] {
      auto server = sockets::Server::start(thread_.io(), options_, handlers());
      ASSERT_TRUE(server) << server.error().message;
      server_ = std::move(*server);
    });
  }
  void stop() {
    if (server_ == nullptr) return;
    std::promise<void> stopped;
    thread_.run([&] { server_->stop([&] { stopped.set_value(); }); });
    ASSERT_EQ(stopped.get_future().wait_for(kDeadline), std::future_status::ready);
    thread_.run([&] { server_.reset(); });
  }
  [[nodiscard]] TcpClient connect() const { return TcpClient(loopback(server_->port())); }
  [[nodiscard]] const sockets::ServerCounters& counters() const { return server_->counters(); }
  [[nodiscard]] std::uint64_t problems() const { return problem_count_; }

  Arrivals messages_;
  Arrivals errors_;
  Arrivals ends_;
  Arrivals problems_;
  std::mutex ticket_mutex_;
  std::vector<sockets::Ticket> tickets_;  // under ticket_mutex_
  std::atomic<bool> keep_tickets_{false};
  std::atomic<int> pauses_{0};
  std::size_t max_message_bytes_ = 1000;
  TempDir directory_;
  sockets::ServerOptions options_;
  IoThread thread_;
  HeldPool pool_;  // its jobs use all of these: it ends before them
  std::unique_ptr<sockets::Server> server_;

 private:
  class LineReader final : public sockets::StreamReader {
   public:
    explicit LineReader(SocketTest& test)
        : test_(test), splitter_(*test.framing_, test.max_message_bytes_) {}
    sockets::Reading read(std::string_view bytes, const sockets::Ticket& ticket) override {
      if (test_.keep_tickets_) {
        const std::lock_guard lock(test_.ticket_mutex_);
        test_.tickets_.push_back(ticket);
      }
      return splitter_.feed(
          bytes, [this](std::string_view line) { test_.messages_.add(std::string(line)); },
          [this](const base::Error& error) { test_.errors_.add(error.message); });
    }
    void end(sockets::StreamEnd why, const sockets::Ticket&) override {
      splitter_.finish(
          why, [this](std::string_view line) { test_.messages_.add(std::string(line)); },
          [this](const base::Error& error) { test_.errors_.add(error.message); });
      test_.ends_.add(why == sockets::StreamEnd::kClosed ? "closed" : "broken");
    }

   private:
    SocketTest& test_;
    sockets::Splitter splitter_;
  };

  sockets::ServerHandlers handlers() {
    sockets::ServerHandlers handlers;
    handlers.pool = [this](std::function<void()> job) { pool_.run(std::move(job)); };
    handlers.datagrams = [this](std::span<const sockets::Datagram> datagrams) {
      for (const auto& datagram : datagrams) {
        messages_.add(datagram.source.text() + "|" + std::string(datagram.bytes));
      }
    };
    handlers.connected = [this](const sockets::IpAddress&) {
      return std::make_unique<LineReader>(*this);
    };
    handlers.pausing = [this] { ++pauses_; };
    handlers.problem = [this](const sockets::Problem& problem) {
      problem_count_ += problem.count;
      problems_.add(problem.text);
    };
    return handlers;
  }

  std::unique_ptr<sockets::Framing> framing_ = sockets::make_delimiter_framing("\n");
  std::atomic<std::uint64_t> problem_count_{0};
};

}  // namespace holdfast::test

// A client that writes exact bytes and reads exact answers, and a server running beside it.
#pragma once

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <asio/connect.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <asio/read.hpp>
#include <asio/write.hpp>

namespace holdfast::test {

// Longer than anything takes; reached only by a test that fails.
constexpr std::chrono::seconds kDeadline{20};

struct Answer {
  int status = 0;
  std::string head;  // status line and headers
  std::string body;

  // Value of a header, matched as "\r\nName: "; empty if absent.
  [[nodiscard]] std::string header(const std::string& name) const {
    const std::string start = "\r\n" + name + ": ";
    const std::size_t at = head.find(start);
    if (at == std::string::npos) return {};
    const std::size_t value = at + start.size();
    return head.substr(value, head.find("\r\n", value) - value);
  }
};

// One blocking connection. Every operation ends by the deadline.
template <class Socket>
class HttpClient {
 public:
  explicit HttpClient(const typename Socket::endpoint_type& to) : socket_(io_) {
    socket_.connect(to);
    timeval limit{};
    limit.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(kDeadline).count();
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  }

  // False when the server has reset the connection meanwhile.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent =
          ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  // The next answer; status 0 if the connection ends before it is whole.
  Answer read_answer(bool has_body = true) {
    Answer answer;
    std::size_t end = std::string::npos;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more()) return answer;
    }
    answer.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    const std::string length = answer.header("Content-Length");
    const std::size_t size = has_body && !length.empty() ? std::stoul(length) : 0;
    while (buffer_.size() < size) {
      if (!read_more()) return answer;
    }
    answer.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    answer.status = std::stoi(answer.head.substr(answer.head.find(' ') + 1));
    return answer;
  }

  Answer ask(std::string_view request) {
    send(request);
    return read_answer();
  }

  // Of this end of a TCP connection.
  [[nodiscard]] std::uint16_t port() const { return socket_.local_endpoint().port(); }
  // Bytes that have come in and were not read yet.
  std::size_t available() { return buffer_.size() + socket_.available(); }
  // True when the server closes without sending more.
  bool at_end() { return buffer_.empty() && !read_more() && buffer_.empty(); }
  // True when the server closes, whatever it sends before.
  bool ends() {
    char bytes[4096];
    ssize_t got = 0;
    do {
      got = ::recv(socket_.native_handle(), bytes, sizeof(bytes), 0);
    } while (got > 0);
    return got == 0 || errno != EAGAIN;
  }
  void close() { socket_.close(); }
  // Says that nothing more will be sent; answers can still come.
  void finish() { socket_.shutdown(Socket::shutdown_send); }
  // Closes with a reset instead of an orderly end.
  void reset() {
    const linger hard{1, 0};
    setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    socket_.close();
  }

 private:
  bool read_more() {
    char bytes[16384];
    const ssize_t got = ::recv(socket_.native_handle(), bytes, sizeof(bytes), 0);
    if (got <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }

  asio::io_context io_;
  Socket socket_;
  std::string buffer_;
};

using TcpClient = HttpClient<asio::ip::tcp::socket>;
using UnixClient = HttpClient<asio::local::stream_protocol::socket>;

inline asio::ip::tcp::endpoint loopback(std::uint16_t port) {
  return {asio::ip::address_v4::loopback(), port};
}

// An io_context with a thread of its own.
class IoThread {
 public:
  IoThread() : work_(asio::make_work_guard(io_)), thread_([this] { io_.run(); }) {}
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;
  ~IoThread() { stop(); }

  asio::io_context& io() { return io_; }
  // Runs `job` on the thread and waits for it.
  void run(std::function<void()> job) {
    std::promise<void> ran;
    asio::post(io_, [&] {
      job();
      ran.set_value();
    });
    ran.get_future().wait();
  }
  void stop() {
    if (!thread_.joinable()) return;
    work_.reset();
    io_.stop();
    thread_.join();
  }

 private:
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

// Waits until `condition` holds; false at the deadline.
inline bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace holdfast::test

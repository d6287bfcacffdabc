// The lingering end of connections whose request was answered before its body was read.
#include "agent/http/linger.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

namespace holdfast::http {
namespace {

constexpr std::chrono::seconds kLongest{2};
constexpr std::size_t kMostConnections = 64;
constexpr std::size_t kReadBytes = std::size_t{16} * 1024;
constexpr int kReadsATurn = 16;  // then other connections have their turn

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::io_context& io, int fd, std::shared_ptr<std::size_t> open)
      : socket_(io, fd), timer_(io), open_(std::move(open)) {
    ++*open_;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { --*open_; }

  void start() {
    timer_.expires_after(kLongest);
    timer_.async_wait([self = shared_from_this()](const std::error_code&) { self->close(); });
    wait();
  }

 private:
  void wait() {
    socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](const std::error_code& error) {
                         if (!error && self->discard()) {
                           self->wait();
                         } else {
                           self->timer_.cancel();
                         }
                       });
  }

  // False at the end of the connection.
  bool discard() {
    std::array<char, kReadBytes> bytes;
    for (int i = 0; i < kReadsATurn; ++i) {
      const ssize_t got = recv(socket_.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (got == 0) return false;
      if (got < 0) return errno == EAGAIN || errno == EINTR;
    }
    return true;
  }

  void close() {
    std::error_code ignored;
    socket_.close(ignored);
  }

  asio::posix::stream_descriptor socket_;
  asio::steady_timer timer_;
  std::shared_ptr<std::size_t> open_;
};

}  // namespace

void Lingering::add(int socket_fd) {
  if (*open_ >= kMostConnections) return;
  const int copy = fcntl(socket_fd, F_DUPFD_CLOEXEC, 0);
  if (copy >= 0) std::make_shared<Connection>(io_, copy, open_)->start();
}

}  // namespace holdfast::http

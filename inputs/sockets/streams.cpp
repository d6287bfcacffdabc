// Accepting connections.
#include "inputs/sockets/streams.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/post.hpp>

#include "inputs/sockets/channel.h"
#include "inputs/sockets/connection.h"
#include "inputs/sockets/tls_channel.h"

namespace holdfast::sockets {
namespace {

// In a row, before others get their turn on the I/O thread.
constexpr int kAcceptsPerWakeUp = 64;
// Without descriptors or memory there is nothing to do but try again.
constexpr std::chrono::seconds kRetryInterval{1};

void keep_alive(int descriptor, const std::optional<base::Duration>& period) {
  const int on = period && period->count() == 0 ? 0 : 1;
  setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  if (!period || on == 0) return;
  const auto whole = std::chrono::ceil<std::chrono::seconds>(*period).count();
  const int seconds = static_cast<int>(std::min<std::int64_t>(whole, 32767));  // the kernel's limit
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
  setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
}

}  // namespace

StreamListener::StreamListener(asio::io_context& io, BoundSocket socket, ServerOptions options,
                               ServerHandlers handlers, std::shared_ptr<ServerCounters> counters)
    : io_(io),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      counters_(std::move(counters)),
      socket_(std::move(socket)),
      descriptor_(io, socket_.descriptor()),
      retry_timer_(io),
      scratch_(new char[kScratchBytes]) {}

StreamListener::~StreamListener() {
  if (descriptor_.is_open()) descriptor_.release();
}

void StreamListener::wait() {
  descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                         [self = shared_from_this()](const std::error_code& error) {
                           if (!error && !self->stopped_) self->accept_all();
                         });
}

void StreamListener::accept_all() {
  for (int i = 0; i < kAcceptsPerWakeUp; ++i) {
    if (accept_one()) continue;
    if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) break;
    handlers_.problem({1, fmt::format("cannot accept connections: {}", base::errno_text(errno))});
    retry_timer_.expires_after(kRetryInterval);
    return retry_timer_.async_wait([self = shared_from_this()](const std::error_code& error) {
      if (!error && !self->stopped_) self->wait();
    });
  }
  wait();
}

// False with errno set.
bool StreamListener::accept_one() {
  sockaddr_storage name{};
  socklen_t size = sizeof(name);
  const int descriptor = accept4(socket_.descriptor(), reinterpret_cast<sockaddr*>(&name), &size,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) return false;
  const IpAddress source(name);
  if (!options_.allowed_sources.allows(source)) {
    ++counters_->not_allowed;
    ::close(descriptor);
  } else if (options_.max_connections > 0 && connections_.size() >= options_.max_connections) {
    ++counters_->refused;
    handlers_.problem({1, fmt::format("a connection was closed: there are {} already "
                                      "(max_connections)",
                                      connections_.size())});
    ::close(descriptor);
  } else {
    add(descriptor, source);
  }
  return true;
}

void StreamListener::add(int descriptor, const IpAddress& source) {
  if (options_.address.transport == Transport::kTcp) {
    keep_alive(descriptor, options_.keep_alive_period);
  }
  auto channel = make_channel(descriptor);
  if (!channel) {
    handlers_.problem({1, fmt::format("a connection was closed: {}", channel.error().message)});
    ::close(descriptor);
    return;
  }
  ++counters_->accepted;
  const auto connection = std::make_shared<Connection>(
      shared_from_this(), descriptor, std::move(*channel), handlers_.connected(source));
  connections_.insert(connection);
  counters_->connections = connections_.size();
  connection->start();
}

base::Result<std::unique_ptr<Channel>> StreamListener::make_channel(int descriptor) const {
  if (options_.tls == nullptr) return make_plain_channel(descriptor);
  return make_tls_channel(descriptor, *options_.tls);
}

void StreamListener::settled(std::size_t bytes) {
  unsettled_ -= bytes;
  if (starved_.empty() || !has_room()) return;
  for (const auto& connection : std::exchange(starved_, {})) connection->resume();
}

void StreamListener::wait_for_room(std::shared_ptr<Connection> connection) {
  if (starved_.empty() && handlers_.pausing) handlers_.pausing();
  starved_.insert(std::move(connection));
}

void StreamListener::ended(const std::shared_ptr<Connection>& connection) {
  starved_.erase(connection);
  connections_.erase(connection);
  counters_->connections = connections_.size();
  finish_if_done();
}

void StreamListener::finish_if_done() {
  if (stopped_ && connections_.empty()) asio::post(io_, std::exchange(stopped_, [] {}));
}

void StreamListener::stop(std::function<void()> stopped) {
  stopped_ = std::move(stopped);
  retry_timer_.cancel();
  descriptor_.release();  // ends the wait
  socket_.close();
  const auto open = connections_;
  for (const auto& connection : open) connection->close(StreamEnd::kBroken);
  finish_if_done();
}

}  // namespace holdfast::sockets

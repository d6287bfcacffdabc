// Server: takes datagrams or connections on one address and hands what arrives to the worker pool.
// The I/O thread only moves bytes. What waits in between is bounded: datagrams beyond it are thrown
// away and counted, connections are not read from.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <asio/io_context.hpp>

#include "agent/base/clock.h"
#include "agent/base/result.h"
#include "agent/tls/server_context.h"
#include "inputs/sockets/address.h"
#include "inputs/sockets/bound_socket.h"

namespace holdfast::sockets {

struct Datagram {
  std::string_view bytes;  // never empty
  IpAddress source;        // none on a unix socket
};

// Held by whoever still works on what a read has brought, points on their way to the buffer
// included: while too much is held, a connection is not read from. Letting go of the last copy
// (any thread) ends it.
using Ticket = std::shared_ptr<void>;

// What a reader says after each piece.
enum class Reading {
  kProgress,  // a message ended in it, or none is unfinished
  kWaiting,   // the message it is in has not ended: it must, before read_timeout is over
  kMore,      // there is more in what it was given: call again, with no bytes, when there is room
  kBroken,    // nobody knows where the next message begins: close the connection
};

// Why a connection ended.
enum class StreamEnd {
  kClosed,  // by the sender, in good order: what it sent last is whole
  kBroken,  // reset, timed out, closed by us: an unfinished message is lost
};

// What becomes of the bytes of one connection. Made on the I/O thread; called on the pool, never by
// two threads at once.
class StreamReader {
 public:
  virtual ~StreamReader() = default;
  // The next bytes, at least one (but see kMore), as they came. A call may make about 64 KiB of
  // other text of them: bytes that have to be inflated stand for more than they are.
  [[nodiscard]] virtual Reading read(std::string_view bytes, const Ticket& ticket) = 0;
  // Called once, after the last read.
  virtual void end(StreamEnd why, const Ticket& ticket) = 0;
};

// Numbers of one server; read by anybody.
struct ServerCounters {
  std::atomic<std::uint64_t> datagrams{0};     // handed over
  std::atomic<std::uint64_t> kernel_drops{0};  // lost because the kernel's buffer was full
  std::atomic<std::uint64_t> queue_drops{0};   // lost because the pool did not keep up
  std::atomic<std::uint64_t> oversized{0};     // datagrams lost because they did not fit
  std::atomic<std::uint64_t> connections{0};   // open now
  std::atomic<std::uint64_t> accepted{0};      // connections, since the start
  std::atomic<std::uint64_t> refused{0};       // connections beyond max_connections
  std::atomic<std::uint64_t> timed_out{0};     // connections closed after read_timeout
  std::atomic<std::uint64_t> not_allowed{0};   // connections and datagrams of other sources
};

// Something that was lost or went wrong; to be counted as an error and logged now and then.
struct Problem {
  std::uint64_t count = 1;
  std::string text;
};

struct ServerOptions {
  Address address;
  SocketOptions socket{};
  SourceFilter allowed_sources{};
  // Datagrams that wait for the pool; those that a job works on come on top.
  std::size_t max_queued_datagrams = 10'000;
  std::size_t max_queued_bytes = std::size_t{4} * 1024 * 1024;
  // Connections.
  std::size_t max_connections = 0;                  // more are closed at once; 0: no limit
  base::Duration read_timeout{};                    // 0: none
  std::shared_ptr<const tls::ServerContext> tls{};  // connections speak TLS; null: they do not
  // TCP's probes: unset, on with the system's times; 0, off.
  std::optional<base::Duration> keep_alive_period{};
  // Bytes that a connection, and all together, may have in hand before reading pauses.
  std::size_t max_unsettled_bytes = std::size_t{256} * 1024;
  std::size_t max_unsettled_bytes_total = std::size_t{16} * 1024 * 1024;
};

struct ServerHandlers {
  std::function<void(std::function<void()>)> pool;  // runs a job
  // Datagrams in order of arrival; on the pool, one call at a time. Needed for datagram addresses.
  std::function<void(std::span<const Datagram>)> datagrams{};
  // A new connection from there (none: a unix socket). On the I/O thread. Needed for the others.
  std::function<std::unique_ptr<StreamReader>(const IpAddress& source)> connected{};
  // A connection is not read from until something is settled: a good moment to flush the buffer.
  // On the I/O thread.
  std::function<void()> pausing{};
  std::function<void(const Problem&)> problem;  // on the I/O thread
};

// Lives on the I/O thread: all is called there, and destroyed there after stop() has ended.
class Server {
 public:
  // Binds and begins. Errors are those of BoundSocket::open.
  [[nodiscard]] static base::Result<std::unique_ptr<Server>> start(asio::io_context& io,
                                                                   ServerOptions options,
                                                                   ServerHandlers handlers);
  virtual ~Server() = default;
  // Takes nothing new; datagrams that have arrived are still handed over, connections are closed.
  // `stopped` is called on the I/O thread, not from within, when nothing runs any more. Tickets may
  // be held beyond that.
  virtual void stop(std::function<void()> stopped) = 0;
  [[nodiscard]] virtual std::uint16_t port() const = 0;  // 0 for a unix socket
  // Of the kernel's receive buffer, as it was granted. Only for datagrams.
  [[nodiscard]] virtual std::uint64_t read_buffer_bytes() const = 0;
  [[nodiscard]] const ServerCounters& counters() const { return *counters_; }

 protected:
  explicit Server(std::shared_ptr<ServerCounters> counters) : counters_(std::move(counters)) {}

 private:
  std::shared_ptr<ServerCounters> counters_;
};

}  // namespace holdfast::sockets

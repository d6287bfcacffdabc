// StreamListener: accepts connections and reads from them as fast as what they bring is settled.
// Used by server.cpp only.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_set>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

#include "inputs/sockets/channel.h"
#include "inputs/sockets/server.h"

namespace holdfast::sockets {

class Connection;

// I/O thread.
class StreamListener : public std::enable_shared_from_this<StreamListener> {
 public:
  StreamListener(asio::io_context& io, BoundSocket socket, ServerOptions options,
                 ServerHandlers handlers, std::shared_ptr<ServerCounters> counters);
  ~StreamListener();
  StreamListener(const StreamListener&) = delete;
  StreamListener& operator=(const StreamListener&) = delete;

  void start() { wait(); }
  void stop(std::function<void()> stopped);

  // For its connections.
  [[nodiscard]] asio::io_context& io() { return io_; }
  [[nodiscard]] const ServerOptions& options() const { return options_; }
  [[nodiscard]] const ServerHandlers& handlers() const { return handlers_; }
  [[nodiscard]] ServerCounters& counters() { return *counters_; }
  // Bytes are read into this before they go to a job, so a silent connection needs no buffer.
  [[nodiscard]] std::span<char> scratch() { return {scratch_.get(), kScratchBytes}; }
  // Bytes of all connections together.
  [[nodiscard]] bool has_room() const { return unsettled_ < options_.max_unsettled_bytes_total; }
  void add_unsettled(std::size_t bytes) { unsettled_ += bytes; }
  void settled(std::size_t bytes);
  // Goes on with this one once there is room.
  void wait_for_room(std::shared_ptr<Connection> connection);
  void ended(const std::shared_ptr<Connection>& connection);

 private:
  static constexpr std::size_t kScratchBytes = std::size_t{64} * 1024;

  void wait();
  void accept_all();
  [[nodiscard]] bool accept_one();
  void add(int descriptor, const IpAddress& source);
  [[nodiscard]] base::Result<std::unique_ptr<Channel>> make_channel(int descriptor) const;
  void finish_if_done();

  asio::io_context& io_;
  ServerOptions options_;
  ServerHandlers handlers_;
  std::shared_ptr<ServerCounters> counters_;
  BoundSocket socket_;
  asio::posix::stream_descriptor descriptor_;  // socket_'s, for waiting; never closes it
  asio::steady_timer retry_timer_;
  std::unique_ptr<char[]> scratch_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  std::unordered_set<std::shared_ptr<Connection>> starved_;  // there is no room for them
  std::size_t unsettled_ = 0;
  std::function<void()> stopped_;
};

}  // namespace holdfast::sockets

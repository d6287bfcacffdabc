// DatagramReceiver: datagrams of one socket, many at a wake-up, through a bounded queue to the
// pool. Used by server.cpp only.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include "inputs/sockets/server.h"

namespace holdfast::sockets {

// I/O thread.
class DatagramReceiver : public std::enable_shared_from_this<DatagramReceiver> {
 public:
  DatagramReceiver(asio::io_context& io, BoundSocket socket, ServerOptions options,
                   ServerHandlers handlers, std::shared_ptr<ServerCounters> counters);
  ~DatagramReceiver();
  DatagramReceiver(const DatagramReceiver&) = delete;
  DatagramReceiver& operator=(const DatagramReceiver&) = delete;

  void start() { wait(); }
  void stop(std::function<void()> stopped);

 private:
  struct Slots;
  // Datagrams one behind the other.
  struct Batch {
    struct Entry {
      std::size_t offset = 0;
      std::size_t size = 0;
      IpAddress source;
    };
    std::string bytes;
    std::vector<Entry> entries;
  };

  void wait();
  void read_all(int most_rounds);
  [[nodiscard]] bool read_some();
  void take(std::string_view bytes, const IpAddress& source, bool truncated);
  [[nodiscard]] bool full() const;
  [[nodiscard]] bool may_pause() const;
  void work();
  void worked();
  void report();

  asio::io_context& io_;
  ServerOptions options_;
  ServerHandlers handlers_;
  std::shared_ptr<ServerCounters> counters_;
  BoundSocket socket_;
  asio::posix::stream_descriptor descriptor_;  // socket_'s, for waiting; never closes it
  std::unique_ptr<Slots> slots_;
  Batch waiting_;
  bool working_ = false;
  bool paused_ = false;
  std::uint32_t kernel_drops_seen_ = 0;
  std::uint64_t queue_drops_ = 0;  // not reported yet, as the next
  std::uint64_t oversized_ = 0;
  std::function<void()> stopped_;
};

}  // namespace holdfast::sockets

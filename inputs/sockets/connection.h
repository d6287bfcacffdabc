// Connection: one sender. Used by streams.cpp only.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

#include "inputs/sockets/channel.h"
#include "inputs/sockets/server.h"

namespace holdfast::sockets {

class StreamListener;

// I/O thread, but for the reader, which jobs of the pool call one after the other. A read is
// followed by a job, and the next read by the end of that job, so that order needs no queue.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // Owns the descriptor.
  Connection(std::shared_ptr<StreamListener> listener, int descriptor,
             std::unique_ptr<Channel> channel, std::unique_ptr<StreamReader> reader);

  void start();
  // Reads on, if nothing speaks against it.
  void resume();
  // Ends it from our side; the listener hears of it once its last job is done.
  void close(StreamEnd why);

 private:
  using Clock = std::chrono::steady_clock;

  void wait(asio::posix::descriptor_base::wait_type for_what);
  void readable();
  void dispatch(std::string bytes);
  void read_done(Reading result);
  void dispatch_end();
  [[nodiscard]] Ticket ticket(std::size_t bytes);
  void settled(std::size_t bytes);
  void restart_deadline();
  void watch_deadline();
  [[nodiscard]] bool timed() const;

  std::shared_ptr<StreamListener> listener_;
  asio::posix::stream_descriptor descriptor_;
  asio::steady_timer timer_;
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<StreamReader> reader_;
  Clock::time_point deadline_{};
  std::size_t unsettled_ = 0;
  bool waiting_ = false;  // for the socket
  bool working_ = false;  // a job has the reader
  bool ending_ = false;   // closed; its last call to the reader is to come, or under way
  StreamEnd end_ = StreamEnd::kClosed;
};

}  // namespace holdfast::sockets

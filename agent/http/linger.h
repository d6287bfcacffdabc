// Reads off what a client still sends after it was refused early. Used by server.cpp only.
#pragma once

#include <cstddef>
#include <memory>

#include <asio/io_context.hpp>

namespace holdfast::http {

// Closing a socket with unread bytes sends a reset, and a reset overtakes the answer: a client in
// the middle of a large body would see a broken connection and never the 413 or 503. So the
// connection is kept open beside the server, and what arrives is thrown away until the client
// closes, for at most 2 s (RFC 9112 §9.6 describes the problem). I/O thread only.
class Lingering {
 public:
  explicit Lingering(asio::io_context& io) : io_(io), open_(std::make_shared<std::size_t>(0)) {}

  // Keeps a duplicate of `socket_fd`. Does nothing when too many connections linger already.
  void add(int socket_fd);

 private:
  asio::io_context& io_;
  std::shared_ptr<std::size_t> open_;  // shared with the lingering ones, which may outlive this
};

}  // namespace holdfast::http

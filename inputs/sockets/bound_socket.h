// A socket that is bound, ready to take datagrams or connections.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

#include "agent/base/result.h"
#include "inputs/sockets/address.h"

namespace holdfast::sockets {

struct SocketOptions {
  // Permissions of a unix socket; without it read and write for the agent and its group.
  std::optional<mode_t> socket_mode{};
  std::uint64_t read_buffer_bytes = 0;  // the kernel's receive buffer; 0: as the system has it
  IpAddress multicast_source{};         // join a group for this sender only
};

// Non-blocking, close-on-exec; closed on destruction, and a unix socket's file removed.
class BoundSocket {
 public:
  // A unix socket that nobody listens at any more is replaced; any other file is left alone.
  // kInvalid, kBusy (taken), kPermission, kNotFound (host, interface), kIo; messages start with
  // "listen on <address>: ". A host name is resolved, which may block.
  [[nodiscard]] static base::Result<BoundSocket> open(const Address& address,
                                                      const SocketOptions& options);

  BoundSocket(BoundSocket&& other) noexcept;
  BoundSocket& operator=(BoundSocket&& other) noexcept;
  BoundSocket(const BoundSocket&) = delete;
  BoundSocket& operator=(const BoundSocket&) = delete;
  ~BoundSocket();

  [[nodiscard]] int descriptor() const { return fd_; }
  [[nodiscard]] std::uint16_t port() const;  // 0 for a unix socket
  // Of the kernel's receive buffer, in bytes of payload as asked for (the kernel counts double).
  [[nodiscard]] std::uint64_t read_buffer_bytes() const;
  // Datagrams that the kernel threw away since the socket was made, because the receive buffer was
  // full or they were damaged; wraps at 2^32.
  [[nodiscard]] std::uint32_t kernel_drops() const;
  void close();

 private:
  BoundSocket(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  [[nodiscard]] static base::Result<BoundSocket> open_unix(const Address& address,
                                                           const SocketOptions& options);
  [[nodiscard]] static base::Result<BoundSocket> open_ip(const Address& address,
                                                         const SocketOptions& options);

  int fd_ = -1;
  std::string path_;
};

}  // namespace holdfast::sockets

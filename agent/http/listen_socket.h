// A listening socket from an address as people write it. Used by server.cpp only.
#pragma once

#include <cstdint>
#include <string>

#include "agent/base/result.h"

namespace holdfast::http {

// Non-blocking, close-on-exec, listening; closed on destruction unless released.
class ListenSocket {
 public:
  // Addresses as ServerOptions::address has them. kInvalid: not an address; kBusy: taken;
  // kPermission: a port or a path that is not ours. Messages start "listen on <address>: ".
  // A host name is resolved, which may block: meant for the start of the agent.
  [[nodiscard]] static base::Result<ListenSocket> open(const std::string& address);

  ListenSocket(ListenSocket&& other) noexcept;
  ListenSocket& operator=(ListenSocket&& other) noexcept;
  ListenSocket(const ListenSocket&) = delete;
  ListenSocket& operator=(const ListenSocket&) = delete;
  ~ListenSocket();

  // The descriptor, from now on the caller's to close.
  [[nodiscard]] int release();
  // 0 for a unix socket.
  [[nodiscard]] std::uint16_t port() const { return port_; }
  // Path of a unix socket, to be unlinked when it is closed; empty for others.
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  ListenSocket(int fd, std::uint16_t port, std::string path)
      : fd_(fd), port_(port), path_(std::move(path)) {}
  [[nodiscard]] static base::Result<ListenSocket> open_unix(const std::string& address);
  [[nodiscard]] static base::Result<ListenSocket> open_tcp(const std::string& address);

  int fd_ = -1;
  std::uint16_t port_ = 0;
  std::string path_;
};

}  // namespace holdfast::http

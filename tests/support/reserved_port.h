// ReservedPort: a TCP port of loopback that stays free for the program under test. A port that is
// merely looked up may be taken by another test before it is used.
#pragma once

#include <cstdint>
#include <string>

#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace holdfast::test {

// Bound but not listening: connections are refused, the kernel gives the port to nobody who asks
// for any port, and a server with SO_REUSEADDR can still listen on it.
class ReservedPort {
 public:
  explicit ReservedPort(std::uint16_t port = 0)
      : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    ::setsockopt(descriptor_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof name;
    if (::bind(descriptor_, reinterpret_cast<const sockaddr*>(&name), size) != 0) return;
    ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&name), &size);
    port_ = ntohs(name.sin_port);
  }
  ~ReservedPort() { ::close(descriptor_); }
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;

  // Somebody answers there from now on, or rather accepts and says nothing.
  [[nodiscard]] bool listen() const { return ::listen(descriptor_, 1) == 0; }

  [[nodiscard]] std::uint16_t port() const { return port_; }  // 0 if the port could not be had
  [[nodiscard]] std::string address() const { return fmt::format("127.0.0.1:{}", port_); }
  [[nodiscard]] std::string url() const { return "http://" + address(); }

 private:
  int descriptor_;
  std::uint16_t port_ = 0;
};

}  // namespace holdfast::test

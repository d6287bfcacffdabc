// Blocking sockets and as much HTTP as the bench programs need: messages with Content-Length on
// kept-alive connections over loopback.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast::bench {

// Owns a descriptor; closes it. Not thread-safe.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket();

  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

  // Sends both texts; false when the connection is broken.
  [[nodiscard]] bool send(std::string_view head, std::string_view body) const;

 private:
  int descriptor_ = -1;
};

// On 127.0.0.1; not open on failure, with the reason in errno. Port 0: any.
[[nodiscard]] Socket listen_on(std::uint16_t port);
[[nodiscard]] std::uint16_t port_of(const Socket& socket);
[[nodiscard]] Socket connect_to(std::uint16_t port);
[[nodiscard]] Socket accept_from(const Socket& listener);

struct Message {
  std::string head;  // start line and headers, with the CRLFs
  std::string body;

  // Second word of the start line: the target of a request, the status of an answer.
  [[nodiscard]] std::string_view second_word() const;
  // The value of a header, its name given in lower case; empty if absent.
  [[nodiscard]] std::string_view header(std::string_view lower_case_name) const;
};

// Takes one message after the other from a connection. Not thread-safe.
class MessageReader {
 public:
  explicit MessageReader(const Socket& socket) : socket_(socket) {}

  // False at the end of the connection, or when it is broken.
  [[nodiscard]] bool next(Message& message);

 private:
  [[nodiscard]] bool read_more();

  const Socket& socket_;
  std::string bytes_;  // read and not yet taken
};

}  // namespace holdfast::bench

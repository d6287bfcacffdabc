#include "tests/support/http_exchange.h"

#include <charconv>
#include <optional>

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace holdfast::test {
namespace {

constexpr long kPatienceSeconds = 30;
constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kHeadEnd = "\r\n\r\n";

int connect_unix(std::string_view path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof name.sun_path - 1);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) {
    return descriptor;
  }
  ::close(descriptor);
  return -1;
}

int connect_tcp(std::string_view address) {
  const std::string_view port_text = address.substr(address.rfind(':') + 1);
  std::uint16_t port = 0;
  std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) {
    return descriptor;
  }
  ::close(descriptor);
  return -1;
}

bool send_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

// Everything up to the end of the connection; nothing if it ended in a reset or too late.
std::optional<std::string> read_all(int descriptor) {
  std::string all;
  char bytes[16384];
  while (true) {
    const ssize_t got = ::recv(descriptor, bytes, sizeof bytes, 0);
    if (got < 0) return std::nullopt;
    if (got == 0) return all;
    all.append(bytes, static_cast<std::size_t>(got));
  }
}

std::optional<std::size_t> content_length(std::string_view head) {
  constexpr std::string_view kName = "\r\nContent-Length: ";
  const std::size_t at = head.find(kName);
  if (at == std::string_view::npos) return std::nullopt;
  std::size_t length = 0;
  const std::string_view digits = head.substr(at + kName.size());
  std::from_chars(digits.data(), digits.data() + digits.size(), length);
  return length;
}

HttpAnswer parse(std::string_view text) {
  HttpAnswer answer;
  const std::size_t end = text.find(kHeadEnd);
  if (end == std::string_view::npos || !text.starts_with("HTTP/1.")) return answer;
  answer.head = text.substr(0, end + 2);
  answer.body = text.substr(end + kHeadEnd.size());
  if (content_length(answer.head).value_or(answer.body.size()) != answer.body.size()) return answer;
  const std::string_view status = text.substr(text.find(' ') + 1);
  std::from_chars(status.data(), status.data() + status.size(), answer.status);
  return answer;
}

}  // namespace

HttpAnswer http_exchange(const std::string& address, std::string_view method,
                         std::string_view target, std::string_view body, std::string_view headers) {
  const bool unix_socket = address.starts_with(kUnix);
  const int descriptor =
      unix_socket ? connect_unix(address.substr(kUnix.size())) : connect_tcp(address);
  if (descriptor < 0) return {};
  timeval limit{};
  limit.tv_sec = kPatienceSeconds;
  ::setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const std::string head =
      fmt::format("{} {} HTTP/1.0\r\nHost: localhost\r\n{}Content-Length: {}{}", method, target,
                  headers, body.size(), kHeadEnd);
  // An answer may come before the body was taken, so a failed send does not end the exchange.
  (void)(send_all(descriptor, head) && send_all(descriptor, body));
  const auto text = read_all(descriptor);
  ::close(descriptor);
  return text ? parse(*text) : HttpAnswer{};
}

}  // namespace holdfast::test

// The socket calls of the bench programs.
#include "tests/bench/net.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace holdfast::bench {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} * 1024;
constexpr int kBacklog = 64;
constexpr std::string_view kHeadEnd = "\r\n\r\n";

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void switch_on(const Socket& socket, int level, int option) {
  const int on = 1;
  (void)::setsockopt(socket.descriptor(), level, option, &on, sizeof on);
}

bool equal_ignoring_case(std::string_view text, std::string_view lower_case) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(),
                    [&](char a, char b) { return lower(a) == b; });
}

}  // namespace

Socket::~Socket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool Socket::send(std::string_view head, std::string_view body) const {
  while (!head.empty() || !body.empty()) {
    // sendmsg does not write to what it sends, but says so nowhere.
    std::array<iovec, 2> parts{{{const_cast<char*>(head.data()), head.size()},
                                {const_cast<char*>(body.data()), body.size()}}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t sent = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    const auto of_head = std::min(head.size(), static_cast<std::size_t>(sent));
    head.remove_prefix(of_head);
    body.remove_prefix(static_cast<std::size_t>(sent) - of_head);
  }
  return true;
}

Socket listen_on(std::uint16_t port) {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  switch_on(socket, SOL_SOCKET, SO_REUSEADDR);
  const sockaddr_in address = loopback(port);
  if (::bind(socket.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
          0 ||
      ::listen(socket.descriptor(), kBacklog) != 0) {
    return {};
  }
  return socket;
}

std::uint16_t port_of(const Socket& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  (void)::getsockname(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

Socket connect_to(std::uint16_t port) {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(port);
  if (::connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
      0) {
    return {};
  }
  switch_on(socket, IPPROTO_TCP, TCP_NODELAY);
  return socket;
}

Socket accept_from(const Socket& listener) {
  Socket socket(::accept4(listener.descriptor(), nullptr, nullptr, SOCK_CLOEXEC));
  if (socket.is_open()) switch_on(socket, IPPROTO_TCP, TCP_NODELAY);
  return socket;
}

std::string_view Message::second_word() const {
  const std::string_view line = std::string_view(head).substr(0, head.find('\r'));
  const std::size_t begin = std::min(line.find(' '), line.size() - 1) + 1;
  return line.substr(begin, line.find(' ', begin) - begin);
}

std::string_view Message::header(std::string_view lower_case_name) const {
  std::string_view rest(head);
  while (!rest.empty()) {
    const std::size_t end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    if (!equal_ignoring_case(line.substr(0, colon), lower_case_name)) continue;
    const std::size_t value = line.find_first_not_of(" \t", colon + 1);
    return value == std::string_view::npos ? std::string_view() : line.substr(value);
  }
  return {};
}

bool MessageReader::read_more() {
  const std::size_t before = bytes_.size();
  bytes_.resize(before + kReadBytes);
  const ssize_t size = ::recv(socket_.descriptor(), bytes_.data() + before, kReadBytes, 0);
  bytes_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return size > 0;
}

bool MessageReader::next(Message& message) {
  std::size_t head_size = 0;
  while ((head_size = bytes_.find(kHeadEnd)) == std::string::npos) {
    if (!read_more()) return false;
  }
  head_size += kHeadEnd.size();
  message.head.assign(bytes_, 0, head_size);
  const std::string_view length = message.header("content-length");
  std::size_t body_size = 0;
  std::from_chars(length.data(), length.data() + length.size(), body_size);
  while (bytes_.size() < head_size + body_size) {
    if (!read_more()) return false;
  }
  message.body.assign(bytes_, head_size, body_size);
  bytes_.erase(0, head_size + body_size);
  return true;
}

}  // namespace holdfast::bench

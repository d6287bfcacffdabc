// Listening sockets. The server library could open TCP ones by itself; it cannot open unix sockets,
// says too little about why an address does not work, and does not report the port it got.
#include "agent/http/listen_socket.h"

#include <cerrno>
#include <charconv>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace holdfast::http {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";
// Read and write for the agent and its group; the directory guards the rest.
constexpr mode_t kUnixMode = 0660;
constexpr int kSocketFlags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

struct HostPort {
  std::string host;  // empty: all addresses
  std::string port;
};

// "host:port", ":port", "[v6]:port"; nothing if it is none of them.
std::optional<HostPort> split_address(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return std::nullopt;  // an IPv6 address needs brackets
  }
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size()) return std::nullopt;
  return HostPort{std::string(host), std::string(port)};
}

tl::unexpected<base::Error> listen_error(const std::string& address, int error) {
  auto failure = base::fail_errno("listen on " + address, error);
  if (error == EADDRINUSE) failure.value().code = base::ErrorCode::kBusy;
  return failure;
}

// Binds and listens; -1 with errno set if that fails.
int open_listener(int family, const sockaddr* address, socklen_t size, bool dual_stack) {
  const int fd = socket(family, kSocketFlags, 0);
  if (fd < 0) return -1;
  const int on = 1;
  const int v6_only = dual_stack ? 0 : 1;
  // So that a restarted agent gets its port back while old connections are in TIME_WAIT.
  if (family != AF_UNIX) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
  if (bind(fd, address, size) == 0 && listen(fd, SOMAXCONN) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

std::uint16_t bound_port(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  if (bound.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in&>(bound).sin_port);
  if (bound.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6&>(bound).sin6_port);
  return 0;
}

// Nobody listens there any more: left behind by a process that was killed.
bool is_stale(const sockaddr_un& address) {
  const int fd = socket(AF_UNIX, kSocketFlags, 0);
  if (fd < 0) return false;
  const bool refused =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
      errno == ECONNREFUSED;
  close(fd);
  return refused;
}

}  // namespace

ListenSocket::ListenSocket(ListenSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      port_(other.port_),
      path_(std::exchange(other.path_, std::string())) {}

ListenSocket& ListenSocket::operator=(ListenSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(port_, other.port_);
  path_.swap(other.path_);
  return *this;
}

ListenSocket::~ListenSocket() {
  if (fd_ < 0) return;
  close(fd_);
  if (!path_.empty()) unlink(path_.c_str());
}

int ListenSocket::release() { return std::exchange(fd_, -1); }

base::Result<ListenSocket> ListenSocket::open(const std::string& address) {
  return address.starts_with(kUnixPrefix) ? open_unix(address) : open_tcp(address);
}

base::Result<ListenSocket> ListenSocket::open_unix(const std::string& address) {
  const std::string path = address.substr(kUnixPrefix.size());
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(name.sun_path)) {
    return base::fail(base::ErrorCode::kInvalid,
                      "listen on {}: a path of 1 to {} bytes is expected", address,
                      sizeof(name.sun_path) - 1);
  }
  path.copy(name.sun_path, path.size());
  struct stat info {};
  // Only a socket is ever removed: a mistyped path must not cost somebody a file.
  if (lstat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode) && is_stale(name)) {
    unlink(path.c_str());
  }
  const int fd =
      open_listener(AF_UNIX, reinterpret_cast<const sockaddr*>(&name), sizeof(name), false);
  if (fd < 0) return listen_error(address, errno);
  ListenSocket opened(fd, 0, path);
  if (chmod(path.c_str(), kUnixMode) != 0) return listen_error(address, errno);
  return opened;
}

base::Result<ListenSocket> ListenSocket::open_tcp(const std::string& address) {
  const auto parts = split_address(address);
  if (!parts) {
    return base::fail(base::ErrorCode::kInvalid,
                      "listen on {}: host:port, :port, [address]:port or unix:/path is expected",
                      address);
  }
  const bool any = parts->host.empty();
  addrinfo hints{};
  hints.ai_family = any ? AF_INET6 : AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(any ? nullptr : parts->host.c_str(), parts->port.c_str(), &hints, &found);
  if (error != 0) {
    return base::fail(base::ErrorCode::kNotFound, "listen on {}: {}", address, gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(found, freeaddrinfo);
  int fd = open_listener(found->ai_family, found->ai_addr, found->ai_addrlen, any);
  if (fd < 0 && any && errno == EAFNOSUPPORT) {  // a kernel without IPv6
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = reinterpret_cast<sockaddr_in6*>(found->ai_addr)->sin6_port;
    fd = open_listener(AF_INET, reinterpret_cast<const sockaddr*>(&v4), sizeof(v4), false);
  }
  if (fd < 0) return listen_error(address, errno);
  return ListenSocket(fd, bound_port(fd), {});
}

}  // namespace holdfast::http

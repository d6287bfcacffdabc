// Making and binding sockets.
#include "inputs/sockets/bound_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include <linux/sock_diag.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace holdfast::sockets {
namespace {

constexpr mode_t kUnixMode = 0660;

int type_of(const Address& address) {
  return (address.datagrams() ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
}

tl::unexpected<base::Error> listen_error(const Address& address, int error) {
  auto failure = base::fail_errno("listen on " + address.text, error);
  if (error == EADDRINUSE) failure.value().code = base::ErrorCode::kBusy;
  return failure;
}

bool is_multicast(const sockaddr_storage& name) {
  if (name.ss_family == AF_INET) {
    return IN_MULTICAST(ntohl(reinterpret_cast<const sockaddr_in&>(name).sin_addr.s_addr));
  }
  return IN6_IS_ADDR_MULTICAST(&reinterpret_cast<const sockaddr_in6&>(name).sin6_addr);
}

// Nobody listens there any more: left behind by a process that was killed.
bool is_stale(const sockaddr_un& name, int type) {
  const int fd = socket(AF_UNIX, type, 0);
  if (fd < 0) return false;
  const bool refused = connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0 &&
                       errno == ECONNREFUSED;
  ::close(fd);
  return refused;
}

struct Target {
  sockaddr_storage name{};
  socklen_t size = 0;
  bool dual_stack = false;
};

base::Result<Target> resolve(const Address& address) {
  const bool any = address.host.empty();
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  if (any) hints.ai_family = AF_INET6;
  if (address.family == Family::kIpv4) hints.ai_family = AF_INET;
  if (address.family == Family::kIpv6) hints.ai_family = AF_INET6;
  hints.ai_socktype = address.datagrams() ? SOCK_DGRAM : SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(any ? nullptr : address.host.c_str(),
                                std::to_string(address.port).c_str(), &hints, &found);
  if (error != 0) {
    return base::fail(base::ErrorCode::kNotFound, "listen on {}: {}", address.text,
                      gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(found, freeaddrinfo);
  Target target;
  std::memcpy(&target.name, found->ai_addr, found->ai_addrlen);
  target.size = found->ai_addrlen;
  target.dual_stack = any && address.family == Family::kAny;
  return target;
}

// The same for a kernel without IPv6.
void use_ipv4(Target& target) {
  const in_port_t port = reinterpret_cast<const sockaddr_in6&>(target.name).sin6_port;
  target.name = {};
  auto& v4 = reinterpret_cast<sockaddr_in&>(target.name);
  v4.sin_family = AF_INET;
  v4.sin_port = port;
  target.size = sizeof(v4);
}

bool join(int fd, const Target& group, unsigned interface, const IpAddress& source) {
  const int level = group.name.ss_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
  if (!source.known()) {
    group_req request{};
    request.gr_interface = interface;
    request.gr_group = group.name;
    return setsockopt(fd, level, MCAST_JOIN_GROUP, &request, sizeof(request)) == 0;
  }
  group_source_req request{};
  request.gsr_interface = interface;
  request.gsr_group = group.name;
  request.gsr_source.ss_family = group.name.ss_family;
  void* place =
      group.name.ss_family == AF_INET
          ? static_cast<void*>(&reinterpret_cast<sockaddr_in&>(request.gsr_source).sin_addr)
          : &reinterpret_cast<sockaddr_in6&>(request.gsr_source).sin6_addr;
  std::memcpy(place, source.bytes().data(), source.size());
  return setsockopt(fd, level, MCAST_JOIN_SOURCE_GROUP, &request, sizeof(request)) == 0;
}

void set_read_buffer(int fd, std::uint64_t bytes) {
  if (bytes == 0) return;
  const int size = static_cast<int>(std::min<std::uint64_t>(bytes, INT32_MAX / 2));
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

// Binds, joins, listens; false with errno set if that fails.
bool set_up(int fd, const Address& address, Target& target, unsigned interface,
            const SocketOptions& options) {
  const int on = 1;
  const int v6_only = target.dual_stack ? 0 : 1;
  const bool multicast = address.datagrams() && is_multicast(target.name);
  // TCP: a restarted agent gets its port back while old connections are in TIME_WAIT. Groups:
  // several programs may join one. Plain UDP must not share: each datagram goes to one of them.
  if (!address.datagrams() || multicast) {
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  }
  if (target.name.ss_family == AF_INET6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
    reinterpret_cast<sockaddr_in6&>(target.name).sin6_scope_id = interface;
  }
  set_read_buffer(fd, options.read_buffer_bytes);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&target.name), target.size) != 0) return false;
  if (multicast && !join(fd, target, interface, options.multicast_source)) return false;
  return address.datagrams() || listen(fd, SOMAXCONN) == 0;
}

}  // namespace

BoundSocket::BoundSocket(BoundSocket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::exchange(other.path_, std::string())) {}

BoundSocket& BoundSocket::operator=(BoundSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  path_.swap(other.path_);
  return *this;
}

BoundSocket::~BoundSocket() { close(); }

void BoundSocket::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  if (!path_.empty()) unlink(std::exchange(path_, std::string()).c_str());
}

base::Result<BoundSocket> BoundSocket::open(const Address& address, const SocketOptions& options) {
  return address.path.empty() ? open_ip(address, options) : open_unix(address, options);
}

base::Result<BoundSocket> BoundSocket::open_unix(const Address& address,
                                                 const SocketOptions& options) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (address.path.size() >= sizeof(name.sun_path)) {
    return base::fail(base::ErrorCode::kInvalid,
                      "listen on {}: a path of at most {} bytes is expected", address.text,
                      sizeof(name.sun_path) - 1);
  }
  address.path.copy(name.sun_path, address.path.size());
  const int type = type_of(address);
  struct stat info {};
  // Only a socket is ever removed: a mistyped path must not cost somebody a file.
  if (lstat(address.path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode) && is_stale(name, type)) {
    unlink(address.path.c_str());
  }
  BoundSocket opened(socket(AF_UNIX, type, 0), {});
  if (opened.fd_ < 0) return listen_error(address, errno);
  set_read_buffer(opened.fd_, options.read_buffer_bytes);
  if (bind(opened.fd_, reinterpret_cast<const sockaddr*>(&name), sizeof(name)) != 0) {
    return listen_error(address, errno);
  }
  opened.path_ = address.path;
  if (chmod(address.path.c_str(), options.socket_mode.value_or(kUnixMode)) != 0 ||
      (!address.datagrams() && listen(opened.fd_, SOMAXCONN) != 0)) {
    return listen_error(address, errno);
  }
  return opened;
}

base::Result<BoundSocket> BoundSocket::open_ip(const Address& address,
                                               const SocketOptions& options) {
  auto target = resolve(address);
  if (!target) return tl::unexpected(target.error());
  const unsigned interface =
      address.interface.empty() ? 0 : if_nametoindex(address.interface.c_str());
  if (interface == 0 && !address.interface.empty()) {
    return base::fail(base::ErrorCode::kNotFound, "listen on {}: no interface named {}",
                      address.text, address.interface);
  }
  BoundSocket opened(socket(target->name.ss_family, type_of(address), 0), {});
  if (opened.fd_ < 0 && target->dual_stack && errno == EAFNOSUPPORT) {
    use_ipv4(*target);
    opened.fd_ = socket(AF_INET, type_of(address), 0);
  }
  if (opened.fd_ < 0 || !set_up(opened.fd_, address, *target, interface, options)) {
    return listen_error(address, errno);
  }
  return opened;
}

std::uint16_t BoundSocket::port() const {
  sockaddr_storage bound{};
  socklen_t size = sizeof(bound);
  if (getsockname(fd_, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
  if (bound.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in&>(bound).sin_port);
  if (bound.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6&>(bound).sin6_port);
  return 0;
}

std::uint64_t BoundSocket::read_buffer_bytes() const {
  int bytes = 0;
  socklen_t size = sizeof(bytes);
  getsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, &size);
  return static_cast<std::uint64_t>(bytes) / 2;
}

std::uint32_t BoundSocket::kernel_drops() const {
  // The number that SO_RXQ_OVFL puts beside a datagram; but that one comes only with the next one
  // that is taken, which after a burst may be never.
  std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t size = sizeof(info);
  if (getsockopt(fd_, SOL_SOCKET, SO_MEMINFO, info.data(), &size) != 0) return 0;
  return info[SK_MEMINFO_DROPS];
}

}  // namespace holdfast::sockets

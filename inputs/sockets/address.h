// Addresses of sockets as people write them, and IP addresses of those who send.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>

#include "agent/base/result.h"

namespace holdfast::sockets {

enum class Transport { kTcp, kUdp, kUnix, kUnixgram };
enum class Family { kAny, kIpv4, kIpv6 };

struct Address {
  std::string text;  // as it was written, for messages
  Transport transport = Transport::kTcp;
  Family family = Family::kAny;
  std::string host;        // without brackets; empty: all addresses
  std::uint16_t port = 0;  // 0: any that is free
  std::string interface;   // to join a multicast group on, or the scope of a link-local address
  std::string path;        // unix sockets

  [[nodiscard]] bool datagrams() const {
    return transport == Transport::kUdp || transport == Transport::kUnixgram;
  }
};

// `tcp://`, `tcp4://`, `tcp6://`, `udp://`, `udp4://`, `udp6://` with `host:port`, `:port` or
// `[address]:port`, and an interface as `%name` behind the host; `unix://`, `unixgram://` with a
// path. `default_port` is for addresses without one; 0: they need one. kInvalid, or kUnsupported
// for `vsock://` and abstract unix sockets. Messages name what was found and what is expected.
[[nodiscard]] base::Result<Address> parse_address(std::string_view text,
                                                  std::uint16_t default_port = 0);

// An IP address, or none (a peer on a unix socket). IPv4 in IPv6 is IPv4.
class IpAddress {
 public:
  IpAddress() = default;
  explicit IpAddress(const sockaddr_storage& from);
  // Nothing but an address: no port, no brackets, no scope. kInvalid.
  [[nodiscard]] static base::Result<IpAddress> parse(const std::string& text);

  [[nodiscard]] bool known() const { return size_ > 0; }
  // "192.0.2.1", "2001:db8::1"; empty if there is none.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::size_t size() const { return size_; }  // 0, 4 or 16 bytes
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  std::uint8_t size_ = 0;
};

// Who may send: addresses and networks ("192.0.2.0/24"). Immutable.
class SourceFilter {
 public:
  SourceFilter() = default;  // everybody may
  // kInvalid names the entry that is neither.
  [[nodiscard]] static base::Result<SourceFilter> parse(const std::vector<std::string>& entries);
  // Peers on unix sockets always may.
  [[nodiscard]] bool allows(const IpAddress& source) const;

 private:
  struct Network {
    IpAddress address;
    unsigned prefix_bits = 0;
  };
  std::vector<Network> networks_;
};

}  // namespace holdfast::sockets

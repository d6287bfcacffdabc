// Reading addresses. Nothing is resolved here: that is done where a socket is bound.
#include "inputs/sockets/address.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace holdfast::sockets {
namespace {

constexpr std::string_view kExpected =
    "expected tcp://host:port, udp://host:port (with 4 or 6 behind tcp and udp to choose), "
    "unix:///path or unixgram:///path";

struct Scheme {
  std::string_view name;
  Transport transport;
  Family family;
};
constexpr std::array kSchemes = {
    Scheme{"tcp", Transport::kTcp, Family::kAny},
    Scheme{"tcp4", Transport::kTcp, Family::kIpv4},
    Scheme{"tcp6", Transport::kTcp, Family::kIpv6},
    Scheme{"udp", Transport::kUdp, Family::kAny},
    Scheme{"udp4", Transport::kUdp, Family::kIpv4},
    Scheme{"udp6", Transport::kUdp, Family::kIpv6},
    Scheme{"unix", Transport::kUnix, Family::kAny},
    Scheme{"unixgram", Transport::kUnixgram, Family::kAny},
};

tl::unexpected<base::Error> bad_address(std::string_view text) {
  return base::fail(base::ErrorCode::kInvalid, "found `{}`, {}", text, kExpected);
}

bool is_interface_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

// Takes "%name" out of the text; the name without the sign, empty if there is none.
std::string take_interface(std::string& text) {
  const std::size_t begin = text.find('%');
  if (begin == std::string::npos) return {};
  const auto end = std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(begin) + 1,
                                    text.end(), is_interface_char);
  std::string name(text.begin() + static_cast<std::ptrdiff_t>(begin) + 1, end);
  text.erase(text.begin() + static_cast<std::ptrdiff_t>(begin), end);
  return name;
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "host:port" into its parts; false if it is none.
bool split_host(std::string_view text, std::uint16_t default_port, Address& out) {
  std::string_view host = text;
  std::string_view port;
  const bool bracket = text.starts_with('[');
  const std::size_t bracket_end = text.find(']');
  if (bracket && bracket_end == std::string_view::npos) return false;
  const std::size_t colon = text.find(':', bracket ? bracket_end : 0);
  if (colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (bracket) {
    if (host.size() != bracket_end + 1) return false;
    host = host.substr(1, bracket_end - 1);
    if (host.empty()) return false;
  }
  out.host = host;
  out.port = default_port;
  if (port.empty()) return default_port != 0 && !host.empty();
  const auto number = number_of<std::uint16_t>(port);
  out.port = number.value_or(0);
  return number.has_value();
}

base::Result<Address> parse_path(Address address, std::string_view path) {
  if (path.empty()) return bad_address(address.text);
  if (path.front() == '@') {
    return base::fail(base::ErrorCode::kUnsupported,
                      "`{}`: abstract unix sockets are not supported, expected a path",
                      address.text);
  }
  address.path = path;
  return address;
}

}  // namespace

base::Result<Address> parse_address(std::string_view text, std::uint16_t default_port) {
  Address address;
  address.text = text;
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return bad_address(text);
  const std::string_view scheme = text.substr(0, colon);
  std::string rest(text.substr(colon + 3));
  if (scheme == "vsock") {
    return base::fail(base::ErrorCode::kUnsupported,
                      "`{}`: sockets between virtual machines (vsock) are not supported, {}", text,
                      kExpected);
  }
  const auto found = std::find_if(kSchemes.begin(), kSchemes.end(),
                                  [&](const Scheme& s) { return s.name == scheme; });
  if (found == kSchemes.end()) return bad_address(text);
  address.transport = found->transport;
  address.family = found->family;
  if (address.transport == Transport::kUnix || address.transport == Transport::kUnixgram) {
    return parse_path(std::move(address), rest);
  }
  const bool has_interface = rest.find('%') != std::string::npos;
  address.interface = take_interface(rest);
  if (has_interface && address.interface.empty()) return bad_address(text);
  if (!split_host(rest, default_port, address)) return bad_address(text);
  return address;
}

IpAddress::IpAddress(const sockaddr_storage& from) {
  if (from.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    size_ = sizeof(v4.sin_addr);
    std::memcpy(bytes_.data(), &v4.sin_addr, size_);
  } else if (from.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
    size_ = mapped ? 4 : 16;
    std::memcpy(bytes_.data(), v6.sin6_addr.s6_addr + (mapped ? 12 : 0), size_);
  }
}

base::Result<IpAddress> IpAddress::parse(const std::string& text) {
  sockaddr_storage name{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(name);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(name);
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    name.ss_family = AF_INET;
  } else if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    name.ss_family = AF_INET6;
  } else {
    return base::fail(base::ErrorCode::kInvalid, "found `{}`, expected an IP address", text);
  }
  return IpAddress(name);
}

std::string IpAddress::text() const {
  if (!known()) return {};
  std::array<char, INET6_ADDRSTRLEN> out{};
  inet_ntop(size_ == 4 ? AF_INET : AF_INET6, bytes_.data(), out.data(), out.size());
  return out.data();
}

base::Result<SourceFilter> SourceFilter::parse(const std::vector<std::string>& entries) {
  SourceFilter filter;
  for (const std::string& entry : entries) {
    const std::size_t slash = entry.find('/');
    const auto address = IpAddress::parse(entry.substr(0, slash));
    const auto most = static_cast<unsigned>(address ? address->size() * 8 : 0);
    const auto bits = slash == std::string::npos
                          ? std::optional(most)
                          : number_of<unsigned>(std::string_view(entry).substr(slash + 1));
    if (!address || !bits || *bits > most) {
      return base::fail(base::ErrorCode::kInvalid,
                        "found `{}`, expected an IP address or a network such as 192.0.2.0/24",
                        entry);
    }
    filter.networks_.push_back({*address, *bits});
  }
  return filter;
}

bool SourceFilter::allows(const IpAddress& source) const {
  if (networks_.empty() || !source.known()) return true;
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    if (network.address.size() != source.size()) return false;
    const auto& ours = network.address.bytes();
    const std::size_t whole = network.prefix_bits / 8;
    if (!std::equal(ours.begin(), ours.begin() + static_cast<std::ptrdiff_t>(whole),
                    source.bytes().begin())) {
      return false;
    }
    const unsigned rest = network.prefix_bits % 8;
    return rest == 0 || (ours.at(whole) ^ source.bytes().at(whole)) >> (8 - rest) == 0;
  });
}

}  // namespace holdfast::sockets

// Addresses and source filters as text.
#include "inputs/sockets/address.h"

#include <gtest/gtest.h>

namespace holdfast::test {
namespace {

using sockets::Family;
using sockets::parse_address;
using sockets::SourceFilter;
using sockets::Transport;

sockets::Address good(std::string_view text, std::uint16_t default_port = 0) {
  const auto address = parse_address(text, default_port);
  EXPECT_TRUE(address) << text << ": " << address.error().message;
  return address ? *address : sockets::Address{};
}

base::ErrorCode code_of(std::string_view text) {
  const auto address = parse_address(text);
  EXPECT_FALSE(address) << text;
  return address ? base::ErrorCode::kIo : address.error().code;
}

TEST(SocketAddress, Schemes) {
  EXPECT_EQ(good("tcp://:1").transport, Transport::kTcp);
  EXPECT_EQ(good("tcp6://:1").family, Family::kIpv6);
  EXPECT_EQ(good("udp://:1").transport, Transport::kUdp);
  EXPECT_EQ(good("udp4://:1").family, Family::kIpv4);
  EXPECT_EQ(good("unix:///run/x.sock").path, "/run/x.sock");
  EXPECT_EQ(good("unixgram://x").transport, Transport::kUnixgram);
  EXPECT_TRUE(good("unixgram://x").datagrams());
  EXPECT_FALSE(good("unix://x").datagrams());
}

TEST(SocketAddress, HostsAndPorts) {
  EXPECT_EQ(good("udp://:8094").host, "");
  EXPECT_EQ(good("udp://:8094").port, 8094);
  EXPECT_EQ(good("tcp://localhost:65535").host, "localhost");
  EXPECT_EQ(good("tcp://[::1]:80").host, "::1");
  EXPECT_EQ(good("tcp://[::1]:80").port, 80);
  EXPECT_EQ(good("tcp://127.0.0.1", 6514).port, 6514);
  EXPECT_EQ(good("tcp://[::1]", 6514).host, "::1");
  EXPECT_EQ(good("tcp://127.0.0.1:1", 6514).port, 1);
}

TEST(SocketAddress, Interfaces) {
  const auto group = good("udp://224.0.0.1%br-lan.5:8094");
  EXPECT_EQ(group.host, "224.0.0.1");
  EXPECT_EQ(group.interface, "br-lan.5");
  EXPECT_EQ(group.port, 8094);
  EXPECT_EQ(good("udp://[ff02::1%eth0]:1").interface, "eth0");
  EXPECT_EQ(good("udp://[ff02::1]:1%eth0").host, "ff02::1");
}

TEST(SocketAddress, WhatIsNone) {
  for (const char* text :
       {"", "8094", ":8094", "localhost:80", "http://x:1", "tcp://", "tcp://x",
        "tcp://x:", "tcp://x:y", "tcp://x:65536", "tcp://x:-1", "tcp://::1:80", "tcp://[::1",
        "tcp://[]:1", "tcp://[::1]x:1", "udp://:1%", "unix://", "unixgram://"}) {
    EXPECT_EQ(code_of(text), base::ErrorCode::kInvalid) << text;
  }
  EXPECT_EQ(code_of("vsock://2:1"), base::ErrorCode::kUnsupported);
  EXPECT_EQ(code_of("unix://@abstract"), base::ErrorCode::kUnsupported);
}

bool allows(const std::vector<std::string>& entries, const std::string& source) {
  const auto filter = SourceFilter::parse(entries);
  const auto address = sockets::IpAddress::parse(source);
  EXPECT_TRUE(filter && address);
  return filter && address && filter->allows(*address);
}

TEST(SourceFilter, AddressesAndNetworks) {
  EXPECT_TRUE(allows({}, "192.0.2.1"));
  EXPECT_TRUE(allows({"192.0.2.1"}, "192.0.2.1"));
  EXPECT_FALSE(allows({"192.0.2.1"}, "192.0.2.2"));
  EXPECT_TRUE(allows({"198.51.100.1", "192.0.2.0/25"}, "192.0.2.127"));
  EXPECT_FALSE(allows({"192.0.2.0/25"}, "192.0.2.128"));
  EXPECT_TRUE(allows({"2001:db8::/32"}, "2001:db8:1::1"));
  EXPECT_FALSE(allows({"2001:db8::/32"}, "2001:db9::1"));
  EXPECT_TRUE(allows({"0.0.0.0/0"}, "203.0.113.5"));
  EXPECT_FALSE(allows({"0.0.0.0/0"}, "::1"));
  EXPECT_TRUE(allows({"192.0.2.1"}, "::ffff:192.0.2.1"));
  EXPECT_TRUE(SourceFilter::parse({"192.0.2.1"})->allows({}));
}

TEST(SourceFilter, WhatIsNoSource) {
  for (const char* text : {"", "x", "192.0.2.1/33", "192.0.2.1/", "192.0.2.1/x", "::1/129"}) {
    EXPECT_FALSE(SourceFilter::parse({text})) << text;
  }
}

}  // namespace
}  // namespace holdfast::test

// Datagrams over real sockets: what arrives, what is lost, and that both are counted.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <net/if.h>

#include "socket_fixture.h"

namespace holdfast::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Datagrams = SocketTest;

TEST_F(Datagrams, ArriveInOrderWithTheirSource) {
  start("udp://127.0.0.1:0");
  const DatagramSender sender(server_->port());
  for (const char* text : {"one", "two", "", "three\n"}) ASSERT_TRUE(sender.send(text));
  ASSERT_TRUE(eventually([&] { return counters().datagrams == 4U && messages_.count() == 3; }));
  EXPECT_THAT(messages_.all(), ElementsAre("127.0.0.1|one", "127.0.0.1|two", "127.0.0.1|three\n"));
}

TEST_F(Datagrams, WithoutAHostBothFamiliesAreHeard) {
  start("udp://:0");
  ASSERT_TRUE(DatagramSender(server_->port()).send("four"));
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_addr = in6addr_loopback;
  name.sin6_port = htons(server_->port());
  const int six = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::sendto(six, "six", 3, 0, reinterpret_cast<sockaddr*>(&name), sizeof name), 3);
  ::close(six);
  ASSERT_TRUE(eventually([&] { return messages_.count() == 2; }));
  EXPECT_TRUE(messages_.has("127.0.0.1|four"));
  EXPECT_TRUE(messages_.has("::1|six"));
}

TEST_F(Datagrams, OfOtherSourcesAreLeftOut) {
  options_.allowed_sources = *sockets::SourceFilter::parse({"192.0.2.0/24", "::1"});
  start("udp://127.0.0.1:0");
  ASSERT_TRUE(DatagramSender(server_->port()).send("x"));
  ASSERT_TRUE(eventually([&] { return counters().not_allowed == 1U; }));
  stop();
  EXPECT_EQ(messages_.count(), 0U);
  EXPECT_EQ(problems(), 0U);
}

// Far more than the kernel's buffer and the queue hold together, while the pool does nothing: each
// one is handed over or counted in one of two ways.
TEST_F(Datagrams, EachOneIsHandedOverOrCountedAsLost) {
  options_.socket.read_buffer_bytes = 4096;
  options_.max_queued_datagrams = 50;
  pool_.hold();
  start("udp://127.0.0.1:0");
  const DatagramSender sender(server_->port());
  constexpr std::uint64_t kSent = 20'000;
  for (std::uint64_t i = 0; i < kSent; ++i) {
    ASSERT_TRUE(sender.send(fmt::format("{:0>100}", i)));
    // Now and then the I/O thread gets far enough to fill the queue, too.
    if (i < 300) thread_.run([] {});
  }
  // While the I/O thread is away only the kernel can keep datagrams.
  thread_.run([&] {
    for (int i = 0; i < 1000; ++i) (void)sender.send(std::string(100, 'x'));
  });
  pool_.release();
  const auto& numbers = counters();
  const auto accounted = [&] {
    return numbers.datagrams + numbers.kernel_drops + numbers.queue_drops;
  };
  EXPECT_TRUE(eventually([&] { return accounted() == kSent + 1000; })) << accounted();
  EXPECT_TRUE(eventually([&] { return messages_.count() == numbers.datagrams; }));
  EXPECT_GT(numbers.kernel_drops, 0U);
  EXPECT_GT(numbers.queue_drops, 0U);
  EXPECT_EQ(problems(), numbers.kernel_drops + numbers.queue_drops);
  EXPECT_THAT(problems_.all(), ::testing::Contains(HasSubstr("read_buffer_size")));
  EXPECT_THAT(problems_.all(), ::testing::Contains(HasSubstr("faster than they could be parsed")));
}

TEST_F(Datagrams, TheQueueIsBoundedInBytesToo) {
  options_.max_queued_bytes = 10'000;
  pool_.hold();
  start("udp://127.0.0.1:0");
  const DatagramSender sender(server_->port());
  for (std::uint64_t i = 0; i < 40; ++i) {
    ASSERT_TRUE(sender.send(std::string(1000, 'x')));
    ASSERT_TRUE(eventually([&] { return counters().datagrams + counters().queue_drops == i + 1; }));
  }
  // The first one is with the job; of the others ten fill the queue.
  EXPECT_EQ(counters().datagrams, 11U);
  EXPECT_EQ(counters().queue_drops, 29U);
  EXPECT_EQ(pool_.waiting(), 1U);
}

TEST_F(Datagrams, UnixSendersWaitInsteadOfLosingAny) {
  options_.max_queued_datagrams = 10;
  pool_.hold();
  start("unixgram://" + directory_.path("socket"));
  const DatagramSender sender(directory_.path("socket"));
  int sent = 0;
  while (sent < 100'000 && sender.send(std::to_string(sent), MSG_DONTWAIT)) {
    ++sent;
    thread_.run([] {});
  }
  ASSERT_LT(sent, 100'000) << "the sender should have had to wait";
  pool_.release();
  ASSERT_TRUE(eventually([&] { return messages_.count() == static_cast<std::size_t>(sent); }));
  ASSERT_TRUE(sender.send("last"));
  ASSERT_TRUE(eventually([&] { return messages_.has("|last"); }));
  EXPECT_EQ(messages_.all()[1], "|1");
  EXPECT_EQ(problems(), 0U);
}

TEST_F(Datagrams, TooLargeForAReadIsCountedAndNotCut) {
  start("unixgram://" + directory_.path("socket"));
  const DatagramSender sender(directory_.path("socket"));
  ASSERT_TRUE(sender.send(std::string(65'536, 'a')));
  ASSERT_TRUE(sender.send(std::string(65'537, 'b')));
  ASSERT_TRUE(sender.send("c"));
  ASSERT_TRUE(eventually([&] { return messages_.count() == 2; }));
  EXPECT_EQ(messages_.all()[0].size(), 65'537U);
  EXPECT_EQ(messages_.all()[1], "|c");
  ASSERT_TRUE(eventually([&] { return problems() == 1; }));
  EXPECT_THAT(problems_.all(), ElementsAre(HasSubstr("larger than 65536 bytes")));
}

TEST_F(Datagrams, StopHandsOverWhatHasArrived) {
  pool_.hold();
  start("udp://127.0.0.1:0");
  const DatagramSender sender(server_->port());
  std::promise<void> stopped;
  auto stop = stopped.get_future();
  thread_.run([&] {
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(sender.send(std::to_string(i)));
    server_->stop([&] { stopped.set_value(); });
  });
  EXPECT_EQ(stop.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  pool_.release();
  ASSERT_EQ(stop.wait_for(kDeadline), std::future_status::ready);
  EXPECT_EQ(messages_.count(), 100U);
  thread_.run([&] { server_.reset(); });
}

TEST_F(Datagrams, AMulticastGroupIsJoined) {
  start("udp://239.255.77.77%lo:0");
  const DatagramSender sender(server_->port(), (239U << 24) | (255U << 16) | (77U << 8) | 77U);
  ip_mreqn out{};
  out.imr_ifindex = static_cast<int>(if_nametoindex("lo"));
  ASSERT_EQ(::setsockopt(sender.descriptor(), IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out), 0);
  ASSERT_TRUE(sender.send("to all"));
  ASSERT_TRUE(eventually([&] { return messages_.count() == 1; }));
  EXPECT_TRUE(messages_.all()[0].ends_with("|to all"));
}

TEST_F(Datagrams, AGroupMayBeJoinedForOneSourceOnly) {
  options_.socket.multicast_source = *sockets::IpAddress::parse("192.0.2.1");
  start("udp://239.255.77.78%lo:0");
  const DatagramSender other(server_->port(), (239U << 24) | (255U << 16) | (77U << 8) | 78U);
  ip_mreqn out{};
  out.imr_ifindex = static_cast<int>(if_nametoindex("lo"));
  out.imr_address.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::setsockopt(other.descriptor(), IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out), 0);
  (void)other.send("not from 192.0.2.1");
  stop();
  EXPECT_EQ(messages_.count(), 0U);
}

}  // namespace
}  // namespace holdfast::test

// socket_listener over real sockets into a sink that records.
#include <filesystem>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "service_fixture.h"
#include "tests/support/gzip.h"

namespace holdfast::test {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;

class SocketListener : public ServiceTest {
 protected:
  SocketListener() : ServiceTest("socket_listener") {}
  [[nodiscard]] std::string path() const { return directory_.path("socket"); }
};

TEST_F(SocketListener, TakesDatagrams) {
  start("service_address = \"udp://127.0.0.1:0\"");
  const DatagramSender sender(port());
  ASSERT_TRUE(sender.send("cpu,host=a v=1 1000"));
  ASSERT_TRUE(sender.send("mem v=2i 2000\nmem v=3i 3000\n"));
  ASSERT_TRUE(wait_points(3));
  EXPECT_EQ(sink_.text(), "cpu,host=a v=1 1000\nmem v=2i 2000\nmem v=3i 3000\n");
  EXPECT_EQ(counters_.gathered, 3U);
  EXPECT_EQ(counters_.errors, 0U);
  EXPECT_THAT(sink_.origins(), Each(buffer::Origin::kGathered));
}

TEST_F(SocketListener, APointWithoutTimeGetsThatOfArrival) {
  start("service_address = \"tcp://127.0.0.1:0\"");
  auto client = connect();
  ASSERT_TRUE(client.send("cpu v=1\n"));
  ASSERT_TRUE(wait_points(1));
  EXPECT_EQ(sink_.text(), fmt::format("cpu v=1 {}\n", clock_.wall_ns()));
}

TEST_F(SocketListener, AParseErrorIsCountedAndTheConnectionStays) {
  start("service_address = \"unix://" + path() + "\"");
  UnixClient client(path());
  ASSERT_TRUE(client.send("cpu v=1 1\nbad\ncpu v=2 2\n"));
  ASSERT_TRUE(wait_points(2));
  ASSERT_TRUE(client.send("cpu v=3 3\n"));
  ASSERT_TRUE(wait_points(3));
  EXPECT_EQ(counters_.errors, 1U);
  EXPECT_THAT(counters_.last_error(), HasSubstr("`bad`"));
}

TEST_F(SocketListener, BadDatagramsAreCounted) {
  start("service_address = \"unixgram://" + path() + "\"");
  const DatagramSender sender(path());
  for (const char* text : {"bad", "cpu v=1 1", "worse"}) ASSERT_TRUE(sender.send(text));
  ASSERT_TRUE(wait_points(1));
  ASSERT_TRUE(eventually([&] { return counters_.errors == 2U; }));
}

TEST_F(SocketListener, SplitsByNull) {
  start("service_address = \"tcp://127.0.0.1:0\"\nsplitting_strategy = \"null\"");
  auto client = connect();
  ASSERT_TRUE(client.send(std::string_view("a v=1 1\nb v=1 1\0c v=1 1\0d v=1", 29)));
  ASSERT_TRUE(wait_points(3));
  client.close();
  ASSERT_TRUE(wait_points(4));
}

TEST_F(SocketListener, SplitsByADelimiter) {
  for (const char* delimiter : {"0x3b3B", "x3b3b", "3B3b"}) {
    start(
        fmt::format("service_address = \"tcp://127.0.0.1:0\"\nsplitting_strategy = \"delimiter\""
                    "\nsplitting_delimiter = \"{}\"",
                    delimiter));
    auto client = connect();
    const std::uint64_t before = sink_.points();
    ASSERT_TRUE(client.send("a v=1 1;;b v=1 1;;"));
    ASSERT_TRUE(wait_points(before + 2)) << delimiter;
    stop();
  }
}

TEST_F(SocketListener, SplitsByAFixedLength) {
  start(
      "service_address = \"tcp://127.0.0.1:0\"\nsplitting_strategy = \"fixed length\"\n"
      "splitting_length = 8");
  auto client = connect();
  ASSERT_TRUE(client.send("a v=1 1\nb v=1 12c v=1"));
  ASSERT_TRUE(wait_points(2));
  EXPECT_EQ(sink_.text(), "a v=1 1\nb v=1 12\n");
}

TEST_F(SocketListener, SplitsByALengthField) {
  start(
      "service_address = \"tcp://127.0.0.1:0\"\nsplitting_strategy = \"variable length\"\n"
      "splitting_length_field = {offset = 1, bytes = 2, endianness = \"le\", header_length = 4}");
  auto client = connect();
  ASSERT_TRUE(client.send(std::string_view("#\7\0#a v=1 1#\7\0#b v=1 1", 22)));
  ASSERT_TRUE(wait_points(2));
}

TEST_F(SocketListener, TakesOtherFormats) {
  start("service_address = \"udp://127.0.0.1:0\"\ndata_format = \"value\"\ndata_type = \"float\"");
  ASSERT_TRUE(DatagramSender(port()).send("1.5"));
  ASSERT_TRUE(wait_points(1));
  EXPECT_EQ(sink_.text(), fmt::format("socket_listener value=1.5 {}\n", clock_.wall_ns()));
}

TEST_F(SocketListener, InflatesDatagrams) {
  start(
      "service_address = \"udp://127.0.0.1:0\"\ncontent_encoding = \"gzip\"\n"
      "max_decompression_size = 1000");
  const DatagramSender sender(port());
  ASSERT_TRUE(sender.send(gzip("a v=1 1\nb v=1 1\n")));
  ASSERT_TRUE(wait_points(2));
  ASSERT_TRUE(sender.send(gzip("#" + std::string(999, 'x'))));
  ASSERT_TRUE(sender.send(gzip("#" + std::string(1000, 'x'))));
  ASSERT_TRUE(eventually([&] { return counters_.errors == 1U; }));
  EXPECT_THAT(counters_.last_error(), HasSubstr("more than 1000 bytes"));
  for (const std::string& bad : {std::string("a v=1 1\n"), gzip("a v=1 1\n").substr(0, 20)}) {
    ASSERT_TRUE(sender.send(bad));
  }
  ASSERT_TRUE(eventually([&] { return counters_.errors == 3U; }));
  ASSERT_TRUE(sender.send(gzip("c v=1 1")));
  ASSERT_TRUE(wait_points(3));
}

TEST_F(SocketListener, InflatesConnectionsPieceByPiece) {
  start("service_address = \"unix://" + path() + "\"\ncontent_encoding = \"gzip\"");
  // Inflated, it is far more than what one connection may have in hand.
  std::string lines;
  constexpr std::size_t kLines = 100'000;
  for (std::size_t i = 0; i < kLines; ++i) lines += fmt::format("m v=1 {}\n", 1'000'000 + i);
  const std::string packed = gzip(lines) + gzip("last v=1 1");
  UnixClient client(path());
  ASSERT_TRUE(client.send(packed));
  client.close();
  ASSERT_TRUE(wait_points(kLines + 1)) << sink_.points();
  EXPECT_TRUE(sink_.text() == lines + "last v=1 1\n");
  EXPECT_EQ(counters_.errors, 0U);
}

TEST_F(SocketListener, ADamagedPackedConnectionIsClosed) {
  start("service_address = \"unix://" + path() + "\"\ncontent_encoding = \"gzip\"");
  UnixClient plain(path());
  ASSERT_TRUE(plain.send("a v=1 1\n"));
  EXPECT_TRUE(plain.at_end());
  EXPECT_EQ(counters_.errors, 1U);
  EXPECT_THAT(counters_.last_error(), HasSubstr("gzip"));
  UnixClient cut(path());
  const std::string packed = gzip("a v=1 1\nb v=1 1");
  ASSERT_TRUE(cut.send(packed.substr(0, packed.size() - 4)));
  cut.close();
  ASSERT_TRUE(eventually([&] { return counters_.errors == 2U; }));
  EXPECT_EQ(sink_.text(), "a v=1 1\n") << "of a cut stream only whole messages are taken";
}

TEST_F(SocketListener, TheLongestMessageFollowsTheReadBuffer) {
  const std::string longer =
      "m s=\"" + std::string(64'000, 'x') + "\",t=\"" + std::string(2'000, 'y') + "\" 1\n";
  start("service_address = \"tcp://127.0.0.1:0\"");
  ASSERT_TRUE(connect().send(longer));
  ASSERT_TRUE(eventually([&] { return counters_.errors == 1U; }));
  EXPECT_THAT(counters_.last_error(), HasSubstr("more than 65536 bytes was left out"));
  stop();
  start("service_address = \"tcp://127.0.0.1:0\"\nread_buffer_size = \"100KiB\"");
  auto client = connect();
  ASSERT_TRUE(client.send(longer));
  ASSERT_TRUE(wait_points(1));
  EXPECT_EQ(sink_.text(), longer);
}

TEST_F(SocketListener, LimitsReachTheServer) {
  start(
      "service_address = \"tcp://127.0.0.1:0\"\nmax_connections = 1\nread_timeout = \"50ms\"\n"
      "allowed_sources = [\"127.0.0.0/8\"]");
  auto first = connect();
  EXPECT_TRUE(first.at_end()) << "after the timeout";
  EXPECT_EQ(server().counters().timed_out, 1U);
  EXPECT_EQ(counters_.errors, 0U);
  ASSERT_TRUE(eventually([&] { return server().counters().connections == 0U; }));
  stop();
  start("service_address = \"tcp://127.0.0.1:0\"\nmax_connections = 1");
  auto one = connect();
  auto two = connect();
  EXPECT_TRUE(two.at_end());
  EXPECT_EQ(counters_.errors, 1U);
  EXPECT_THAT(counters_.last_error(), HasSubstr("max_connections"));
  stop();
  start("service_address = \"tcp://127.0.0.1:0\"\nallowed_sources = [\"192.0.2.1\"]");
  auto other = connect();
  EXPECT_TRUE(other.at_end());
  EXPECT_EQ(server().counters().not_allowed, 1U);
}

// The other end, in this process, of the connection whose own end has this port.
int accepted_from(std::uint16_t port) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int descriptor = std::stoi(entry.path().filename());
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    if (getpeername(descriptor, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
        peer.sin_family == AF_INET && ntohs(peer.sin_port) == port) {
      return descriptor;
    }
  }
  return -1;
}

TEST_F(SocketListener, SilentConnectionsAreProbedAsOftenAsIsSaid) {
  const std::pair<const char*, int> cases[] = {{"7s", 7}, {"0s", 0}};
  for (const auto& [period, seconds] : cases) {
    start(
        fmt::format("service_address = \"tcp://127.0.0.1:0\"\nkeep_alive_period = \"{}\"", period));
    auto client = connect();
    ASSERT_TRUE(client.send("m v=1 1\n"));
    ASSERT_TRUE(eventually([&] { return counters_.gathered > 0; }));
    const int descriptor = accepted_from(client.port());
    ASSERT_GE(descriptor, 0);
    int on = -1;
    int idle = -1;
    socklen_t size = sizeof(int);
    getsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, &size);
    getsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &size);
    EXPECT_EQ(on, seconds > 0 ? 1 : 0);
    if (seconds > 0) {
      EXPECT_EQ(idle, seconds);
    }
    stop();
    counters_.gathered = 0;
  }
}

TEST_F(SocketListener, TheReadBufferIsSet) {
  start("service_address = \"udp://127.0.0.1:0\"\nread_buffer_size = \"20KiB\"");
  EXPECT_EQ(server().read_buffer_bytes(), 20'480U);
}

TEST_F(SocketListener, UnixSocketsHaveTheirModeAndGoAtTheEnd) {
  struct stat info {};
  start("service_address = \"unix://" + path() + "\"");
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0660U);
  stop();
  EXPECT_NE(::stat(path().c_str(), &info), 0);
  start("service_address = \"unixgram://" + path() + "\"\nsocket_mode = \"0622\"");
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0622U);
}

TEST_F(SocketListener, AStaleSocketIsReplacedAndALiveOneIsNot) {
  {
    asio::io_context io;
    // Bound and closed without being removed, as by a process that was killed.
    asio::local::stream_protocol::acceptor left(io, asio::local::stream_protocol::endpoint(path()));
  }
  start("service_address = \"unix://" + path() + "\"");
  std::vector<std::string> errors;
  const auto second = make_input(
      "socket_listener", "[[inputs.socket_listener]]\nservice_address = \"unix://" + path() + "\"",
      host_, clock_, errors);
  thread_.run([&] {
    const auto started = dynamic_cast<inputs::ServiceInput&>(*second).start(
        {thread_.io(), [](const std::function<void()>&) {}, sink_, rules_, counters_});
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, base::ErrorCode::kBusy);
  });
  UnixClient client(path());
  ASSERT_TRUE(client.send("a v=1 1\n"));
  ASSERT_TRUE(wait_points(1));
}

TEST_F(SocketListener, StartsAgainAfterStop) {
  start("service_address = \"unix://" + path() + "\"");
  stop();
  restart();
  UnixClient client(path());
  ASSERT_TRUE(client.send("a v=1 1\n"));
  ASSERT_TRUE(wait_points(1));
}

// The ring refuses: a connection waits, its sender too; nothing is lost.
TEST_F(SocketListener, AConnectionWaitsForTheBuffer) {
  start("service_address = \"unix://" + path() + "\"");
  sink_.fail_with(base::Error{base::ErrorCode::kFull, "full"});
  UnixClient client(path());
  ASSERT_TRUE(client.send("a v=1 1\n"));
  ASSERT_TRUE(eventually([&] { return sink_.origins().size() == 1; }));
  sink_.fail_with(std::nullopt);
  ASSERT_TRUE(wait_points(1));
  EXPECT_EQ(counters_.not_accepted, 0U);
}

TEST_F(SocketListener, DatagramsThatTheBufferRefusesAreCounted) {
  start("service_address = \"unixgram://" + path() + "\"");
  sink_.fail_with(base::Error{base::ErrorCode::kFull, "full"});
  ASSERT_TRUE(DatagramSender(path()).send("a v=1 1\nb v=1 1"));
  ASSERT_TRUE(eventually([&] { return counters_.not_accepted == 2U; }));
}

TEST_F(SocketListener, PointsOfAFastSenderNeedNoSecondEach) {
  start("service_address = \"unix://" + path() + "\"");
  std::string lines;
  constexpr std::size_t kLines = 200'000;
  for (std::size_t i = 0; i < kLines; ++i) lines += fmt::format("m v=1 {}\n", 1'000'000 + i);
  UnixClient client(path());
  ASSERT_TRUE(client.send(lines));
  ASSERT_TRUE(wait_points(kLines));
  EXPECT_TRUE(sink_.text() == lines);
}

TEST_F(SocketListener, LostDatagramsAreErrors) {
  pool_.hold();
  start("service_address = \"udp://127.0.0.1:0\"\nread_buffer_size = \"4KiB\"");
  const DatagramSender sender(port());
  constexpr std::uint64_t kSent = 1000;
  thread_.run([&] {
    for (std::uint64_t i = 0; i < kSent; ++i) ASSERT_TRUE(sender.send("a v=1 1"));
  });
  pool_.release();
  ASSERT_TRUE(eventually([&] { return counters_.gathered + counters_.errors == kSent; }));
  EXPECT_GT(counters_.errors, 0U);
  EXPECT_EQ(counters_.errors, server().counters().kernel_drops);
  EXPECT_THAT(counters_.last_error(), HasSubstr("read_buffer_size"));
}

TEST_F(SocketListener, WrongOptionsAreNamed) {
  const std::string good = "service_address = \"tcp://:0\"\n";
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "service_address"},
      {"service_address = \":8094\"", "expected tcp://host:port"},
      {"service_address = \"vsock://2:8094\"", "vsock"},
      {good + "socket_mode = \"8\"", "octal"},
      {good + "allowed_sources = [\"host\"]", "IP address or a network"},
      {good + "multicast_source = \"host\"", "multicast_source"},
      {good + "splitting_strategy = \"tab\"", "splitting_strategy"},
      {good + "splitting_strategy = \"delimiter\"", "splitting_delimiter"},
      {good + "splitting_strategy = \"delimiter\"\nsplitting_delimiter = \"0xg0\"", "0xg0"},
      {good + "splitting_strategy = \"fixed length\"", "splitting_length"},
      {good + "splitting_strategy = \"variable length\"", "splitting_length_field"},
      {good + "splitting_strategy = \"variable length\"\nsplitting_length_field = {offset = 1}",
       "bytes"},
      {good + "splitting_strategy = \"variable length\"\nsplitting_length_field = {bytes = 9}",
       "bytes"},
      {good + "splitting_strategy = \"variable length\"\nsplitting_length_field = "
              "{bytes = 2, header_length = 1}",
       "header_length is 1"},
      {good + "splitting_strategy = \"variable length\"\nsplitting_length_field = "
              "{bytes = 2, size = 1}",
       "size"},
      {good + "content_encoding = \"br\"", "content_encoding"},
      {good + "data_format = \"xml\"", "data_format"},
  };
  for (const auto& [options, expected] : cases) {
    EXPECT_THAT(configure(options), Contains(HasSubstr(expected))) << options;
  }
}

}  // namespace
}  // namespace holdfast::test

// Connections over real sockets: limits, back-pressure, timeouts, ends.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <netinet/tcp.h>

#include "socket_fixture.h"

namespace holdfast::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Streams = SocketTest;

TEST_F(Streams, LinesArriveInOrderInWhateverPieces) {
  start("tcp://127.0.0.1:0");
  auto client = connect();
  ASSERT_TRUE(client.send("one\ntw"));
  ASSERT_TRUE(eventually([&] { return messages_.count() == 1; }));
  ASSERT_TRUE(client.send("o\r\nthree"));
  ASSERT_TRUE(eventually([&] { return messages_.count() == 2; }));
  client.close();
  ASSERT_TRUE(eventually([&] { return ends_.count() == 1; }));
  EXPECT_THAT(messages_.all(), ElementsAre("one", "two", "three"));
  EXPECT_THAT(ends_.all(), ElementsAre("closed"));
  ASSERT_TRUE(eventually([&] { return counters().connections == 0U; }));
}

TEST_F(Streams, AResetLosesWhatIsUnfinished) {
  start("tcp://127.0.0.1:0");
  auto client = connect();
  ASSERT_TRUE(client.send("one\ntw"));
  ASSERT_TRUE(eventually([&] { return messages_.count() == 1; }));
  client.reset();
  ASSERT_TRUE(eventually([&] { return ends_.count() == 1; }));
  EXPECT_THAT(messages_.all(), ElementsAre("one"));
  EXPECT_THAT(ends_.all(), ElementsAre("broken"));
  EXPECT_THAT(errors_.all(), ElementsAre(HasSubstr("within a message, of which 2 bytes")));
  EXPECT_EQ(problems(), 1U);
}

TEST_F(Streams, AMessageThatIsTooLongIsLeftOutAndTheConnectionStays) {
  start("unix://" + directory_.path("socket"));
  UnixClient client(directory_.path("socket"));
  ASSERT_TRUE(client.send("a\n" + std::string(500'000, 'x') + "\nb\n"));
  ASSERT_TRUE(eventually([&] { return messages_.count() == 2; }));
  EXPECT_THAT(messages_.all(), ElementsAre("a", "b"));
  EXPECT_THAT(errors_.all(), ElementsAre(HasSubstr("more than 1000 bytes")));
}

TEST_F(Streams, MoreThanMaxConnectionsAreClosed) {
  options_.max_connections = 2;
  start("tcp://127.0.0.1:0");
  auto one = connect();
  auto two = connect();
  auto three = connect();
  EXPECT_TRUE(three.at_end());
  EXPECT_EQ(counters().refused, 1U);
  EXPECT_THAT(problems_.all(), ElementsAre(HasSubstr("max_connections")));
  one.close();
  ASSERT_TRUE(eventually([&] { return counters().connections == 1U; }));
  auto four = connect();
  ASSERT_TRUE(four.send("four\n") && two.send("two\n"));
  ASSERT_TRUE(eventually([&] { return messages_.count() == 2; }));
}

TEST_F(Streams, OtherSourcesAreClosed) {
  options_.allowed_sources = *sockets::SourceFilter::parse({"192.0.2.1"});
  start("tcp://127.0.0.1:0");
  auto client = connect();
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(counters().not_allowed, 1U);
  EXPECT_EQ(problems(), 0U);
}

// What is read and not settled is bounded, and the rest waits at the sender.
TEST_F(Streams, ReadingPausesUntilItsPointsAreSettled) {
  options_.max_unsettled_bytes = 10'000;
  start("tcp://127.0.0.1:0");
  keep_tickets_ = true;
  constexpr std::size_t kLines = 200'000;
  std::thread sender([this] {
    auto client = connect();
    std::string text;
    for (std::size_t i = 0; i < kLines; ++i) text += fmt::format("{:0>49}\n", i);
    EXPECT_TRUE(client.send(text));
  });
  ASSERT_TRUE(eventually([&] { return pauses_ > 0; }));
  // One read may go beyond the limit, but no second one.
  const std::size_t before = messages_.count();
  EXPECT_LE(before, (10'000 + 65'536) / 50U);
  thread_.run([] {});
  thread_.run([] {});
  EXPECT_EQ(messages_.count(), before);
  keep_tickets_ = false;
  {
    const std::lock_guard lock(ticket_mutex_);
    tickets_.clear();
  }
  sender.join();
  EXPECT_TRUE(eventually([&] { return messages_.count() == kLines; }));
}

TEST_F(Streams, AllConnectionsTogetherAreBounded) {
  options_.max_unsettled_bytes_total = 100;
  start("tcp://127.0.0.1:0");
  keep_tickets_ = true;
  auto one = connect();
  ASSERT_TRUE(one.send(std::string(150, 'a') + "\n"));
  ASSERT_TRUE(eventually([&] { return messages_.count() == 1; }));
  auto two = connect();
  ASSERT_TRUE(two.send("b\n"));
  ASSERT_TRUE(eventually([&] { return pauses_ > 0 && counters().connections == 2U; }));
  EXPECT_EQ(messages_.count(), 1U);
  keep_tickets_ = false;
  {
    const std::lock_guard lock(ticket_mutex_);
    tickets_.clear();
  }
  ASSERT_TRUE(eventually([&] { return messages_.has("b"); }));
  ASSERT_TRUE(one.send("c\n"));
  ASSERT_TRUE(eventually([&] { return messages_.has("c"); }));
}

TEST_F(Streams, ASilentConnectionIsClosedAfterReadTimeout) {
  options_.read_timeout = std::chrono::milliseconds(50);
  start("tcp://127.0.0.1:0");
  auto client = connect();
  EXPECT_TRUE(client.at_end());
  ASSERT_TRUE(eventually([&] { return ends_.count() == 1; }));
  EXPECT_EQ(counters().timed_out, 1U);
  EXPECT_EQ(errors_.count(), 0U) << "nothing was lost";
}

// Slow loris: bytes keep coming, but no message ends.
TEST_F(Streams, AMessageMustEndWithinReadTimeout) {
  options_.read_timeout = std::chrono::milliseconds(100);
  start("tcp://127.0.0.1:0");
  auto client = connect();
  int sent = 0;
  EXPECT_TRUE(eventually([&] {
    if (sent < 900 && client.send("x")) ++sent;
    return counters().timed_out == 1U;
  }));
  ASSERT_TRUE(eventually([&] { return ends_.count() == 1; }));
  EXPECT_EQ(messages_.count(), 0U);
  EXPECT_THAT(errors_.all(), ElementsAre(HasSubstr("within a message")));
}

TEST_F(Streams, MessagesKeepAConnectionOpen) {
  options_.read_timeout = std::chrono::milliseconds(300);
  start("tcp://127.0.0.1:0");
  auto client = connect();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  std::size_t sent = 0;
  while (std::chrono::steady_clock::now() < end) {
    ASSERT_TRUE(client.send("x\n"));
    ++sent;
    ASSERT_TRUE(eventually([&] { return messages_.count() == sent; }));
  }
  EXPECT_EQ(counters().timed_out, 0U);
}

TEST_F(Streams, StopEndsAllConnections) {
  start("tcp://127.0.0.1:0");
  auto one = connect();
  auto two = connect();
  ASSERT_TRUE(two.send("whole\nhalf"));
  ASSERT_TRUE(eventually([&] { return messages_.count() == 1 && counters().accepted == 2U; }));
  stop();
  EXPECT_THAT(ends_.all(), ElementsAre("broken", "broken"));
  EXPECT_THAT(errors_.all(), ElementsAre(HasSubstr("of which 4 bytes")));
  EXPECT_TRUE(one.at_end());
}

TEST_F(Streams, StopWaitsForTheJobThatRuns) {
  start("tcp://127.0.0.1:0");
  pool_.hold();
  auto client = connect();
  ASSERT_TRUE(client.send("late\n"));
  ASSERT_TRUE(eventually([&] { return pool_.waiting() == 1; }));
  std::promise<void> stopped;
  auto stop = stopped.get_future();
  thread_.run([&] { server_->stop([&] { stopped.set_value(); }); });
  EXPECT_EQ(stop.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  pool_.release();
  ASSERT_EQ(stop.wait_for(kDeadline), std::future_status::ready);
  EXPECT_THAT(messages_.all(), ElementsAre("late"));
  thread_.run([&] { server_.reset(); });
}

TEST_F(Streams, HundredsOfConnectionsAtOnce) {
  start("unix://" + directory_.path("socket"));
  std::vector<std::unique_ptr<UnixClient>> clients;
  constexpr std::size_t kClients = 400;  // each costs this process two descriptors and more
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<UnixClient>(directory_.path("socket")));
  }
  for (auto& client : clients) ASSERT_TRUE(client->send("x\ny\n"));
  ASSERT_TRUE(eventually([&] { return messages_.count() == 2 * kClients; }));
  EXPECT_EQ(counters().accepted, kClients);
  clients.clear();
  ASSERT_TRUE(eventually([&] { return counters().connections == 0U; }));
}

}  // namespace
}  // namespace holdfast::test

// statsd over real sockets, fed by datagrams, connections, and the client of Debian.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/ip/tcp.hpp>
#include <asio/ip/udp.hpp>
#include <asio/write.hpp>

#include "service_harness.h"
#include "tests/support/agent_process.h"

namespace holdfast::test {
namespace {

using ::testing::HasSubstr;

// A port that is free at this moment, for both protocols.
std::uint16_t free_port() {
  asio::io_context io;
  const asio::ip::udp::socket socket(io,
                                     asio::ip::udp::endpoint(asio::ip::address_v4::loopback(), 0));
  return socket.local_endpoint().port();
}

class StatsdTest : public ServiceHarness {
 protected:
  void listen(const std::string& more = "") {
    // Somebody else may take a port between its choice and its use.
    for (int attempt = 0; attempt < 20 && !running_; ++attempt) {
      port_ = free_port();
      const std::string problems =
          configure("statsd", fmt::format("service_address = \"127.0.0.1:{}\"\n{}", port_, more));
      ASSERT_EQ(problems, "");
      base::Status started;
      thread_.run([&] { started = service().start(service_context()); });
      running_ = started.has_value();
    }
    ASSERT_TRUE(running_);
  }
  void send(std::string_view datagram) {
    asio::io_context io;
    asio::ip::udp::socket socket(io, asio::ip::udp::v4());
    socket.send_to(asio::buffer(datagram.data(), datagram.size()),
                   {asio::ip::address_v4::loopback(), port_});
  }
  // What gathers bring until there are so many lines, each without its time.
  std::string gather_lines(int count) {
    EXPECT_TRUE(eventually([&] {
      rest_ += gather();
      return std::count(rest_.begin(), rest_.end(), '\n') >= count;
    }));
    std::string out;
    for (std::size_t at = 0; at < rest_.size();) {
      const std::size_t end = rest_.find('\n', at);
      out += rest_.substr(at, rest_.rfind(' ', end) - at) + "\n";
      at = end + 1;
    }
    rest_.clear();
    return out;
  }

  std::uint16_t port_ = 0;
  std::string rest_;
};

TEST_F(StatsdTest, DatagramsBecomeOnePointAnInterval) {
  listen("percentiles = [90, 99.9]\n");
  send("hits,site=a:1|c\nhits,site=a:2|c\r\n\nload:0.5|g\nwho:a|s:b|s:a|s\n");
  EXPECT_EQ(gather_lines(3),
            "hits,metric_type=counter,site=a value=3i\n"
            "load,metric_type=gauge value=0.5\n"
            "who,metric_type=set value=2i\n");
  send("t:1|ms:3|ms");
  EXPECT_THAT(gather_lines(1), HasSubstr("99.9_percentile=3,"));
  EXPECT_EQ(counters_.errors, 0U);
}

TEST_F(StatsdTest, PointsHaveTheTimeOfTheGatherRounded) {
  rules_.precision = std::chrono::seconds(10);
  listen();
  send("a:1|c");
  std::string text;
  ASSERT_TRUE(eventually([&] { return !(text = gather()).empty(); }));
  EXPECT_EQ(text, "a,metric_type=counter value=1i 1760000000000000000\n");
}

TEST_F(StatsdTest, BadLinesAreCountedAndTheOthersTaken) {
  listen();
  send("a:1|c\nnonsense\nb:x|g\n:1|c\nc:2|c:3\n_e{1,1}:t|x\nd:1|c");
  EXPECT_EQ(gather_lines(3),
            "a,metric_type=counter value=1i\nc,metric_type=counter value=2i\n"
            "d,metric_type=counter value=1i\n");
  EXPECT_EQ(counters_.errors, 5U);
}

TEST_F(StatsdTest, DatadogsMessagesAreTakenWhereTheyAreWanted) {
  listen("datadog_extensions = true\ndatadog_distributions = true\n");
  send("_e{1,1}:t|x|#a:b\n_sc|db|1\nd:1|d|#a:b,c");
  EXPECT_EQ(
      gather_lines(3),
      "t,a=b,source=127.0.0.1 alert_type=\"info\",priority=\"normal\",text=\"x\"\n"
      "statsd_service_check,check_name=db,source=127.0.0.1 status=1i,status_text=\"warning\"\n"
      "d,a=b,c=true,metric_type=distribution value=1\n");
  EXPECT_EQ(counters_.errors, 0U);
}

TEST_F(StatsdTest, TheContainerIsKeptWhereItIsWanted) {
  listen("datadog_extensions = true\n");
  send("a:1|c|c:in-123");
  EXPECT_EQ(gather_lines(1), "a,metric_type=counter value=1i\n");
  stop();
  running_ = false;
  listen("datadog_extensions = true\ndatadog_keep_container_tag = true\n");
  send("a:1|c|c:in-123");
  EXPECT_EQ(gather_lines(1), "a,container=in-123,metric_type=counter value=1i\n");
}

TEST_F(StatsdTest, TemporalityIsToldWhereItIsWanted) {
  listen("enable_aggregation_temporality = true\n");
  send("a:1|c");
  EXPECT_THAT(gather_lines(1), HasSubstr("a,metric_type=counter,temporality=delta start_time="));
}

TEST_F(StatsdTest, TheOptionsOfNamesCount) {
  listen(
      "metric_separator = \".\"\ntemplates = [\"*.m measurement.field\"]\nconvert_names = true\n"
      "sanitize_name_method = \"upstream\"\n");
  send("a.m:1|c\nb c/d-e:1|c\n");
  EXPECT_EQ(gather_lines(2),
            "a,metric_type=counter m=1i\nb_c__d__e,metric_type=counter value=1i\n");
}

TEST_F(StatsdTest, TheOldNameOfAnOptionCounts) {
  const std::string problems =
      configure("statsd", "service_address = \"127.0.0.1:1\"\nparse_data_dog_tags = true\n");
  EXPECT_THAT(problems, HasSubstr("warning"));
  EXPECT_THAT(problems, HasSubstr("datadog_extensions"));
}

TEST_F(StatsdTest, ConnectionsBringLinesToo) {
  listen(
      "protocol = \"tcp\"\nmax_tcp_connections = 1\ntcp_keep_alive = true\n"
      "tcp_keep_alive_period = \"1m\"\n");
  TcpClient client(loopback(port_));
  ASSERT_TRUE(client.send("a:1|c\nb:"));
  EXPECT_EQ(gather_lines(1), "a,metric_type=counter value=1i\n");
  TcpClient refused(loopback(port_));
  EXPECT_TRUE(refused.at_end());
  ASSERT_TRUE(client.send("2|c\nc:3|c"));
  client.close();
  EXPECT_EQ(gather_lines(2), "b,metric_type=counter value=2i\nc,metric_type=counter value=3i\n");
  EXPECT_TRUE(eventually([&] { return counters_.errors == 1U; }));
}

TEST_F(StatsdTest, ALongLineOnAConnectionIsLeftOut) {
  listen("protocol = \"tcp\"\n");
  TcpClient client(loopback(port_));
  ASSERT_TRUE(client.send(std::string(70'000, 'x') + ":1|c\na:1|c\n"));
  EXPECT_EQ(gather_lines(1), "a,metric_type=counter value=1i\n");
  EXPECT_EQ(counters_.errors, 1U);
}

TEST_F(StatsdTest, DatagramsBeyondTheQueueAreCounted) {
  // One datagram may wait: the pool is kept busy meanwhile.
  listen("allowed_pending_messages = 1\nread_buffer_size = \"1MiB\"\n");
  std::promise<void> release;
  const auto held = release.get_future().share();
  for (int i = 0; i < 2; ++i) asio::post(pool_, [held] { held.wait(); });
  constexpr std::uint64_t kSent = 50;
  for (std::uint64_t i = 0; i < kSent; ++i) send("a:1|c");
  // All of them have been read, and what has no room is lost.
  ASSERT_TRUE(eventually([&] {
    thread_.run([] {});
    return counters_.errors >= kSent - 2;
  }));
  release.set_value();
  std::uint64_t taken = 0;
  ASSERT_TRUE(eventually([&] {
    const std::string text = gather();
    const std::size_t at = text.find("value=");
    if (at != std::string::npos) taken += std::stoull(text.substr(at + 6));
    return taken + counters_.errors == kSent;
  }));
  EXPECT_GT(taken, 0U);
}

TEST_F(StatsdTest, WhatCameSinceTheLastGatherIsStoredAtTheStop) {
  listen();
  send("a:1|c");
  EXPECT_EQ(gather_lines(1), "a,metric_type=counter value=1i\n");
  send("a:2|c");
  send("b:1|g");
  // Both have been read once a third one has been noticed.
  send("nonsense");
  ASSERT_TRUE(eventually([&] { return counters_.errors == 1U; }));
  stop();
  EXPECT_THAT(sink_.text(), HasSubstr("a,metric_type=counter value=2i "));
  EXPECT_THAT(sink_.text(), HasSubstr("b,metric_type=gauge value=1 "));
  EXPECT_EQ(sink_.lines(), 2U);
}

TEST_F(StatsdTest, APortInUseIsReported) {
  listen();
  auto first = std::move(input_);
  ASSERT_EQ(configure("statsd", fmt::format("service_address = \"127.0.0.1:{}\"\n", port_)), "");
  base::Status started;
  thread_.run([&] { started = service().start(service_context()); });
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr(std::to_string(port_)));
  input_ = std::move(first);
}

// Debian's client, as programs use it.
TEST_F(StatsdTest, ThePythonClientIsUnderstood) {
  listen(
      "delete_gauges = false\ndelete_counters = false\ndelete_sets = false\n"
      "delete_timings = false\n");
  const std::string script = fmt::format(R"(
import statsd
c = statsd.StatsClient('127.0.0.1', {}, prefix='app')
c.incr('requests')
c.incr('requests', 4)
c.decr('requests', 2)
c.gauge('depth', 7)
c.gauge('depth', -3, delta=True)
c.gauge('cold', -5)
c.set('users', 'ann')
c.set('users', 'bob')
c.set('users', 'ann')
c.timing('took', 320)
with c.pipeline() as p:
    p.timing('took', 80)
    p.incr('batched', 10)
)",
                                         port_);
  const Ended ended = run_program({{"/usr/bin/python3", "-c", script}, {}});
  ASSERT_EQ(ended.status, 0) << ended.err;
  std::string text;
  // What was sent last has come: so has everything before it.
  ASSERT_TRUE(eventually([&] {
    text = gather();
    return text.find("app_batched") != std::string::npos;
  }));
  EXPECT_THAT(text, HasSubstr("app_batched,metric_type=counter value=10i "));
  EXPECT_THAT(text, HasSubstr("app_requests,metric_type=counter value=3i "));
  EXPECT_THAT(text, HasSubstr("app_depth,metric_type=gauge value=4 "));
  EXPECT_THAT(text, HasSubstr("app_cold,metric_type=gauge value=-5 "));
  EXPECT_THAT(text, HasSubstr("app_users,metric_type=set value=2i "));
  EXPECT_THAT(text,
              HasSubstr("app_took,metric_type=timing count=2i,lower=80,mean=200,median=200,"));
  EXPECT_EQ(counters_.errors, 0U);
}

TEST_F(StatsdTest, MistakesOfTheConfigurationAreReported) {
  const auto problems = [&](const std::string& toml) { return configure("statsd", toml); };
  EXPECT_EQ(problems("percentiles = [50, 99.9]\n"), "");
  EXPECT_THAT(problems("percentiles = [101.0]"), HasSubstr("percentiles"));
  EXPECT_THAT(problems("percentiles = 50"), HasSubstr("a list such as"));
  EXPECT_THAT(problems("percentiles = [\"x\"]"), HasSubstr("percentiles"));
  EXPECT_THAT(problems("templates = [\"a b c d e\"]"), HasSubstr("a b c d e"));
  EXPECT_THAT(problems("protocol = \"sctp\""), HasSubstr("udp4"));
  EXPECT_THAT(problems("service_address = \"127.0.0.1\""), HasSubstr("service_address"));
  EXPECT_THAT(problems("number_workers_threads = 9"), HasSubstr("worker pool parses"));
  EXPECT_THAT(problems("udp_packet_size = 9"), HasSubstr("any size"));
  EXPECT_THAT(problems("sanitize_name_method = \"x\""), HasSubstr("upstream"));
}

}  // namespace
}  // namespace holdfast::test

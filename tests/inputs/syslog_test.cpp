// syslog over real sockets into a sink that records.
#include <fmt/core.h>
#include <gmock/gmock.h>

#include "service_fixture.h"

namespace holdfast::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class Syslog : public ServiceTest {
 protected:
  Syslog() : ServiceTest("syslog") {}
  [[nodiscard]] std::string path() const { return directory_.path("socket"); }
  // The time of the n-th point, from 0, at a clock that stands still.
  [[nodiscard]] std::int64_t time(int n) const { return clock_.wall_ns() + n; }
};

TEST_F(Syslog, MakesAPointOfEachMessage) {
  start("server = \"udp://127.0.0.1:0\"");
  ASSERT_TRUE(DatagramSender(port()).send(
      "<165>1 2003-10-11T22:14:15.003Z host app 42 ID47 [a@1 b=\"c\" d=\"e\"][f] Hello \t\n"));
  ASSERT_TRUE(wait_points(1));
  EXPECT_EQ(sink_.text(),
            fmt::format("syslog,appname=app,facility=local4,hostname=host,severity=notice,"
                        "source=127.0.0.1 a@1_b=\"c\",a@1_d=\"e\",f=true,facility_code=20i,"
                        "message=\"Hello\",msgid=\"ID47\",procid=\"42\",severity_code=5i,"
                        "timestamp=1065910455003000000i,version=1u {}\n",
                        time(0)));
  EXPECT_EQ(counters_.errors, 0U);
}

TEST_F(Syslog, WhatAMessageLacksThePointLacks) {
  start("server = \"unixgram://" + path() + "\"");
  ASSERT_TRUE(DatagramSender(path()).send("<0>1 - - - - - -"));
  ASSERT_TRUE(wait_points(1));
  EXPECT_EQ(sink_.text(),
            fmt::format("syslog,facility=kern,severity=emerg facility_code=0i,severity_code=0i,"
                        "version=1u {}\n",
                        time(0)));
}

TEST_F(Syslog, MessagesOfOneMomentAreDifferentPoints) {
  start("server = \"udp://127.0.0.1:0\"");
  const DatagramSender sender(port());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(sender.send("<1>1 - - - - - - same"));
  ASSERT_TRUE(wait_points(3));
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(sink_.lines(), Contains(HasSubstr(fmt::format(" {}", time(i)))));
  }
}

TEST_F(Syslog, TakesOctetCounting) {
  start("server = \"tcp://127.0.0.1:0\"");
  auto client = connect();
  ASSERT_TRUE(client.send("21 <1>1 - - - - - - a\nb\n\n22 <1>1 - - - - - - again"));
  ASSERT_TRUE(wait_points(2));
  EXPECT_THAT(sink_.text(), HasSubstr("message=\"a\nb\""));
  // Nothing that follows can be understood.
  ASSERT_TRUE(client.send("<1>1 - - - - - - x"));
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(counters_.errors, 1U);
  EXPECT_THAT(counters_.last_error(), HasSubstr("octet-counting"));
}

TEST_F(Syslog, TakesTrailers) {
  start("server = \"tcp://127.0.0.1:0\"\nframing = \"non-transparent\"");
  auto client = connect();
  ASSERT_TRUE(client.send("<1>1 - - - - - - a\n<1>1 - - - - - - b\n"));
  ASSERT_TRUE(wait_points(2));
  stop();
  start("server = \"tcp://127.0.0.1:0\"\nframing = \"non-transparent\"\ntrailer = \"NUL\"");
  auto other = connect();
  ASSERT_TRUE(other.send(std::string_view("<1>1 - - - - - - c\nd\0", 21)));
  ASSERT_TRUE(wait_points(3));
  EXPECT_THAT(sink_.text(), HasSubstr("message=\"c\nd\""));
}

TEST_F(Syslog, ABadMessageIsCountedAndTheConnectionStays) {
  start("server = \"unix://" + path() + "\"\nframing = \"non-transparent\"");
  UnixClient client(path());
  ASSERT_TRUE(client.send("hello\n<1>1 - - - - - - a\n<1>1 - host app\n<1>1 - - - - - - b\n"));
  ASSERT_TRUE(wait_points(2));
  EXPECT_EQ(counters_.errors, 2U);
  EXPECT_THAT(counters_.last_error(), HasSubstr("syslog message: column 16"));
}

TEST_F(Syslog, BestEffortTakesWhatItCan) {
  start("server = \"udp://127.0.0.1:0\"\nbest_effort = true");
  const DatagramSender sender(port());
  ASSERT_TRUE(sender.send("hello"));
  ASSERT_TRUE(sender.send("<34>1 - host app"));
  ASSERT_TRUE(wait_points(1));
  EXPECT_THAT(sink_.text(), HasSubstr("syslog,appname=app,facility=auth,hostname=host"));
  EXPECT_EQ(counters_.errors, 2U);
}

TEST_F(Syslog, TakesTheOlderStandardFromAllTransports) {
  clock_.set_wall(base::WallTime(std::chrono::seconds(1'767'323'045)));
  start(
      "server = \"tcp://127.0.0.1:0\"\nsyslog_standard = \"RFC3164\"\n"
      "framing = \"non-transparent\"");
  auto client = connect();
  ASSERT_TRUE(client.send("<34>Jan  1 22:14:15 host su[230]: failed\n"));
  ASSERT_TRUE(wait_points(1));
  EXPECT_EQ(sink_.text(),
            fmt::format("syslog,appname=su,facility=auth,hostname=host,severity=crit,"
                        "source=127.0.0.1 facility_code=4i,message=\"failed\",procid=\"230\","
                        "severity_code=2i,timestamp=1767305655000000000i {}\n",
                        time(0)));
}

TEST_F(Syslog, SeparatorAndLongestMessageCanBeSet) {
  start(
      "server = \"tcp://127.0.0.1:0\"\nsdparam_separator = \".\"\nmax_message_length = 40\n"
      "framing = \"non-transparent\"");
  auto client = connect();
  ASSERT_TRUE(client.send("<1>1 - - - - - [a b=\"c\"]\n<1>1 - - - - - - " + std::string(40, 'x') +
                          "\n<1>1 - - - - - - ok\n"));
  ASSERT_TRUE(wait_points(2));
  EXPECT_THAT(sink_.text(), HasSubstr("a.b=\"c\""));
  EXPECT_THAT(sink_.text(), HasSubstr("message=\"ok\""));
  EXPECT_EQ(counters_.errors, 1U);
  EXPECT_THAT(counters_.last_error(), HasSubstr("more than 40 bytes"));
}

TEST_F(Syslog, WrongOptionsAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"server = \"localhost:6514\"", "expected tcp://"},
      {"framing = \"lines\"", "octet-counting"},
      {"trailer = \"CR\"", "NUL"},
      {"syslog_standard = \"RFC1\"", "RFC3164"},
      {"max_message_length = 0", "max_message_length"},
  };
  for (const auto& [options, expected] : cases) {
    EXPECT_THAT(configure(options), Contains(HasSubstr(expected))) << options;
  }
  EXPECT_TRUE(configure("").empty());
  EXPECT_TRUE(configure("server = \"udp://localhost\"").empty()) << "the port has a default";
}

}  // namespace
}  // namespace holdfast::test

// net: how often the speed of an interface is read. The rest is in golden files.
#include <gtest/gtest.h>

#include "cases.h"
#include "map_host.h"
#include "tests/support/fake_clock.h"

namespace holdfast::test {
namespace {

std::string net_dev(const std::vector<std::string>& interfaces) {
  std::string text = "Inter-|   Receive  |  Transmit\n face |bytes |bytes\n";
  for (const std::string& name : interfaces) text += name + ": 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n";
  return text;
}

class NetSpeed : public testing::Test {
 protected:
  // "eth0=1000 wwan0=-1"
  std::string speeds() {
    Outcome outcome;
    gather_once(*input_, clock_, outcome);
    EXPECT_TRUE(outcome.errors.empty());
    std::string out;
    for (std::size_t at = 0; (at = outcome.lines.find("interface=", at)) != std::string::npos;) {
      at += 10;
      const std::string name = outcome.lines.substr(at, outcome.lines.find(' ', at) - at);
      const std::size_t speed = outcome.lines.find("speed=", at) + 6;
      const std::size_t end = outcome.lines.find('i', speed);
      out += (out.empty() ? "" : " ") + name + "=" + outcome.lines.substr(speed, end - speed);
    }
    return out;
  }

  FakeClock clock_;
  MapHost host_{{{"/proc/net/dev", net_dev({"eth0", "wwan0"})},
                 {"/sys/class/net/eth0/flags", "0x1003\n"},
                 {"/sys/class/net/wwan0/flags", "0x1003\n"},
                 {"/sys/class/net/eth0/speed", "1000\n"}}};
  std::vector<std::string> errors_;
  std::unique_ptr<inputs::Input> input_ =
      make_input("net", "[[inputs.net]]\n", host_, clock_, errors_);
};

TEST_F(NetSpeed, IsReadAtMostEveryNineSeconds) {
  EXPECT_EQ(speeds(), "eth0=1000 wwan0=-1");
  host_.set("/sys/class/net/eth0/speed", "100\n");
  host_.set("/sys/class/net/wwan0/speed", "10\n");
  clock_.advance(std::chrono::milliseconds(8999));
  EXPECT_EQ(speeds(), "eth0=1000 wwan0=-1");
  clock_.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(speeds(), "eth0=100 wwan0=10");
}

TEST_F(NetSpeed, IsReadEachTimeAtUsualIntervals) {
  for (const std::string speed : {"10", "100", "1000"}) {
    host_.set("/sys/class/net/eth0/speed", speed + "\n");
    EXPECT_EQ(speeds(), "eth0=" + speed + " wwan0=-1");
    clock_.advance(std::chrono::seconds(10));
  }
}

}  // namespace
}  // namespace holdfast::test

// Programs that are started, and what remains of them.
#include "inputs/child_process.h"

#include <csignal>
#include <string>

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "tests/support/eventually.h"

namespace holdfast::test {
namespace {

using inputs::ChildOptions;
using inputs::ChildProcess;

ChildOptions shell(const std::string& script) { return {{"/bin/sh", "-c", script}, {}, false}; }

// All there is to read, to the end.
std::string read_all(const base::Descriptor& from) {
  std::string text;
  while (true) {
    pollfd ready{from.get(), POLLIN, 0};
    if (::poll(&ready, 1, 30'000) <= 0) return text + "(nothing more came)";
    char piece[512];
    const ssize_t got = ::read(from.get(), piece, sizeof piece);
    if (got <= 0) return text;
    text.append(piece, static_cast<std::size_t>(got));
  }
}

inputs::ChildEnd await_end(ChildProcess& child) {
  std::optional<inputs::ChildEnd> end;
  EXPECT_TRUE(eventually([&] { return (end = child.reap()).has_value(); }));
  return end.value_or(inputs::ChildEnd{});
}

TEST(ChildProcess, ItsOutputAndEndAreSeen) {
  auto child = ChildProcess::start(shell("echo out; echo err >&2; exit 3"));
  ASSERT_TRUE(child);
  EXPECT_EQ(read_all(child->out()), "out\n");
  EXPECT_EQ(read_all(child->error()), "err\n");
  const auto end = await_end(*child);
  EXPECT_EQ(end.status, 3);
  EXPECT_FALSE(end.good());
  EXPECT_EQ(end.text(), "exit status 3");
  EXPECT_TRUE(child->has_ended());
}

TEST(ChildProcess, ASignalIsToldByItsNumberAndName) {
  auto child = ChildProcess::start(shell("kill -9 $$"));
  ASSERT_TRUE(child);
  EXPECT_EQ(await_end(*child).text(), "signal 9 (Killed)");
}

TEST(ChildProcess, AProgramIsLookedForInPath) {
  auto child = ChildProcess::start({{"echo", "x y"}, {}, false});
  ASSERT_TRUE(child);
  EXPECT_EQ(read_all(child->out()), "x y\n");
}

TEST(ChildProcess, OneThatIsNotThereIsAnErrorAtOnce) {
  const auto child = ChildProcess::start({{"/no/such/program"}, {}, false});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, base::ErrorCode::kNotFound);
  EXPECT_EQ(child.error().message, "start /no/such/program: No such file or directory");
  EXPECT_EQ(ChildProcess::start({{"/etc/passwd"}, {}, false}).error().code,
            base::ErrorCode::kPermission);
  EXPECT_FALSE(ChildProcess::start({}));
}

TEST(ChildProcess, VariablesAreAddedAndReplaced) {
  ::setenv("HOLDFAST_TEST_KEPT", "kept", 1);
  ::setenv("HOLDFAST_TEST_OURS", "ours", 1);
  auto options = shell("echo $HOLDFAST_TEST_KEPT $HOLDFAST_TEST_OURS $HOLDFAST_TEST_MORE");
  options.environment = {"HOLDFAST_TEST_OURS=theirs", "HOLDFAST_TEST_MORE=a=b"};
  auto child = ChildProcess::start(options);
  ASSERT_TRUE(child);
  EXPECT_EQ(read_all(child->out()), "kept theirs a=b\n");
}

TEST(ChildProcess, ItsInputIsEmptyOrOurs) {
  auto empty = ChildProcess::start({{"cat"}, {}, false});
  ASSERT_TRUE(empty);
  EXPECT_EQ(read_all(empty->out()), "");
  EXPECT_FALSE(empty->in().valid());
  auto fed = ChildProcess::start({{"cat"}, {}, true});
  ASSERT_TRUE(fed);
  ASSERT_EQ(::write(fed->in().get(), "hello", 5), 5);
  fed->in().reset();
  EXPECT_EQ(read_all(fed->out()), "hello");
  EXPECT_TRUE(await_end(*fed).good());
}

TEST(ChildProcess, NoDescriptorOfOursReachesIt) {
  auto other = ChildProcess::start({{"cat"}, {}, true});
  auto child = ChildProcess::start({{"/bin/ls", "/proc/self/fd"}, {}, true});
  ASSERT_TRUE(other && child);
  EXPECT_EQ(read_all(child->out()), "0\n1\n2\n3\n");  // the last one is ls's own
}

TEST(ChildProcess, SignalsThatWeIgnoreEndIt) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  auto child = ChildProcess::start(shell("kill -PIPE $$; echo still here"));
  ASSERT_TRUE(child);
  EXPECT_EQ(await_end(*child).signal, SIGPIPE);
  std::signal(SIGPIPE, before);
}

TEST(ChildProcess, WhetherItCatchesASignalIsKnown) {
  auto child = ChildProcess::start(shell("trap : USR1; trap '' USR2; echo ready; read x"));
  ASSERT_TRUE(child);
  pollfd ready{child->out().get(), POLLIN, 0};
  ASSERT_EQ(::poll(&ready, 1, 30'000), 1);
  EXPECT_TRUE(child->catches(SIGUSR1));
  EXPECT_TRUE(child->catches(SIGUSR2));
  EXPECT_FALSE(child->catches(SIGHUP));
}

TEST(ChildProcess, AllOfItGoesWithItsOwner) {
  std::string pid;
  {
    auto child = ChildProcess::start(shell("trap '' TERM; sleep 1000 & echo $!; wait"));
    ASSERT_TRUE(child);
    pollfd ready{child->out().get(), POLLIN, 0};
    ASSERT_EQ(::poll(&ready, 1, 30'000), 1);
    char digits[16];
    const ssize_t got = ::read(child->out().get(), digits, sizeof digits);
    ASSERT_GT(got, 1);
    pid.assign(digits, static_cast<std::size_t>(got - 1));
    ASSERT_EQ(::kill(std::stoi(pid), 0), 0) << pid;
  }
  EXPECT_TRUE(eventually([&] {
    // Dead is also one that nobody waits for, as the first process of a container may not.
    const auto state = ChildProcess::start({{"cat", "/proc/" + pid + "/stat"}, {}, false});
    const std::string line = read_all(const_cast<ChildProcess&>(*state).out());
    return line.empty() || line.find(") Z ") != std::string::npos;
  }));
}

}  // namespace
}  // namespace holdfast::test

// Restarts: with another [buffer] size, and with the agent before still there.
#include <csignal>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>

#include "agent/base/random.h"
#include "tests/integration/agent_test.h"
#include "tests/support/fault_server.h"
#include "tests/support/reserved_port.h"

namespace holdfast::test {
namespace {

using ::testing::IsEmpty;

constexpr std::uint64_t kMebibyte = 1U << 20U;
constexpr std::uint64_t kPoints = 14'000;  // well over 1 MiB of the ring
constexpr std::uint64_t kPerPost = 1000;

// As numbered_feed(), with a field of chance that no compressor makes shorter than 100 bytes.
std::string bulky_feed(std::uint64_t first, std::uint64_t count) {
  base::Random random(first);
  std::string lines;
  for (std::uint64_t n = first; n < first + count; ++n) {
    std::string noise;
    for (int i = 0; i < 13; ++i) noise += fmt::format("{:016x}", random.next());
    lines += fmt::format("feed,src=test seq={}i,noise=\"{}\" {}\n", n, noise,
                         1'700'000'000'000'000'000 + static_cast<std::int64_t>(n));
  }
  return lines;
}

class Resizing : public AgentTest {
 protected:
  void configure_size(const std::string& size, const std::string& url) {
    Settings settings;
    settings.ring_size = size;
    configure(listener_section() + output_section(url), settings);
  }

  void start_with_backlog() {
    configure_size("2MiB", down_.url());
    start_agent();
    for (std::uint64_t first = 0; first < kPoints; first += kPerPost) {
      ASSERT_EQ(feed(bulky_feed(first, kPerPost)), 204);
    }
  }

  // A start and a stop with this size, the server still down; what the ring file says then.
  RingState restart_with(const std::string& size) {
    configure_size(size, down_.url());
    start_agent();
    EXPECT_EQ(stop_agent(SIGTERM).status, 0);
    EXPECT_FALSE(std::filesystem::exists(ring() + ".new"));
    return ring_state();
  }

  // Delivers everything: these numbers and no others.
  void expect_delivered(const std::string& size, std::uint64_t first) {
    FaultServer server;
    configure_size(size, server.url());
    start_agent();
    ASSERT_TRUE(wait_drained());
    EXPECT_EQ(stop_agent(SIGTERM).status, 0);
    EXPECT_EQ(server.numbers(0, first).stored, 0U);
    const NumbersReport rest = server.numbers(first, kPoints - first);
    EXPECT_THAT(rest.lost, IsEmpty());
    EXPECT_THAT(rest.duplicates, IsEmpty());
    const LedgerState ledger = ring_state().reader(kReader);
    EXPECT_EQ(ledger.delivered, kPoints - first);
    EXPECT_EQ(ledger.buffered, 0U);
    EXPECT_TRUE(ledger.balanced());
  }

  ReservedPort down_;
};

TEST_F(Resizing, ALargerRingHasTheWholeBacklog) {
  start_with_backlog();
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  const RingState before = ring_state();
  ASSERT_EQ(before.size_bytes, 2 * kMebibyte);
  ASSERT_EQ(before.reader(kReader).buffered, kPoints) << "it fits, and more than 1 MiB of it";
  const RingState after = restart_with("8MiB");
  EXPECT_EQ(after.size_bytes, 8 * kMebibyte);
  EXPECT_EQ(std::filesystem::file_size(ring()), 8 * kMebibyte);
  EXPECT_EQ(after.accepted, before.accepted);
  EXPECT_EQ(after.reader(kReader), before.reader(kReader));
  expect_delivered("8MiB", 0);
}

TEST_F(Resizing, ASmallerRingHasTheNewestAndCountsTheRest) {
  start_with_backlog();
  ASSERT_EQ(stop_agent(SIGKILL).signal, SIGKILL);
  const RingState before = ring_state();
  const RingState after = restart_with("1MiB");
  EXPECT_EQ(after.size_bytes, kMebibyte);
  EXPECT_EQ(after.accepted, before.accepted);
  const LedgerState ledger = after.reader(kReader);
  EXPECT_EQ(ledger.accepted, kPoints);
  EXPECT_EQ(ledger.overflow + ledger.buffered, kPoints);
  EXPECT_GT(ledger.overflow, 0U);
  EXPECT_GT(ledger.buffered, kPoints / 3);
  const RingState grown = restart_with("2MiB");
  EXPECT_EQ(grown.reader(kReader), ledger);
  expect_delivered("2MiB", ledger.overflow);
}

using Overlap = AgentTest;

TEST_F(Overlap, AStartWaitsForTheAgentBeforeToLetGoOfTheRing) {
  const ReservedPort down;
  configure(listener_section() + output_section(down.url()));
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, 10)), 204);
  const auto next = launch_agent();
  ASSERT_TRUE(eventually([&] { return next->log().find("in use") != std::string::npos; }));
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  ASSERT_TRUE(next->wait_ready()) << next->log();
  EXPECT_EQ(status().output(kReader).ledger.buffered, 10U);
}

}  // namespace
}  // namespace holdfast::test

// Against a real InfluxDB: what the commands print and deliver is what the database takes.
#include <csignal>
#include <map>
#include <string>

#include <gmock/gmock.h>

#include "tests/integration/agent_test.h"
#include "tests/support/influxdb_server.h"

namespace holdfast::test {
namespace {

// A field that each point of the measurement has.
const std::map<std::string, std::string>& host_measurements() {
  static const std::map<std::string, std::string> kFields{
      {"cpu", "usage_idle"},   {"disk", "total"}, {"diskio", "reads"},
      {"kernel", "boot_time"}, {"mem", "total"},  {"net", "bytes_recv"},
      {"processes", "total"},  {"swap", "total"}, {"system", "load1"}};
  return kFields;
}

std::string host_inputs() {
  std::string sections;
  for (const auto& [name, field] : host_measurements()) sections += "[[inputs." + name + "]]\n";
  return sections;
}

class RealInfluxdb : public AgentTest {
 protected:
  void SetUp() override {
    const base::Status started = server_.start();
    ASSERT_TRUE(started) << started.error().message;
  }

  [[nodiscard]] std::uint64_t count(const std::string& measurement,
                                    const std::string& field) const {
    const auto found = server_.count("it", measurement, field);
    EXPECT_TRUE(found) << measurement;
    return found.value_or(0);
  }

  // All points of the nine inputs; a failed test for each input without any.
  [[nodiscard]] std::uint64_t host_points() const {
    std::uint64_t all = 0;
    for (const auto& [measurement, field] : host_measurements()) {
      const std::uint64_t points = count(measurement, field);
      EXPECT_GT(points, 0U) << measurement;
      all += points;
    }
    return all;
  }

  InfluxdbServer server_;
};

TEST_F(RealInfluxdb, TakesWhatTestPrints) {
  ASSERT_TRUE(server_.query("", "CREATE DATABASE it"));
  configure(host_inputs());
  const Ended ended = run_command({"test"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  const std::string address = "127.0.0.1:" + std::to_string(server_.port());
  const HttpAnswer answer = http_exchange(address, "POST", "/write?db=it", ended.out);
  EXPECT_EQ(answer.status, 204) << answer.body;
  EXPECT_EQ(host_points(),
            static_cast<std::uint64_t>(std::count(ended.out.begin(), ended.out.end(), '\n')));
}

TEST_F(RealInfluxdb, HasEveryPointWhenOnceEndsWell) {
  configure(host_inputs() + output_section(server_.url()));
  const Ended ended = run_command({"once"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  const LedgerState ledger = ring_state().reader(kReader);
  EXPECT_EQ(ledger.delivered, ledger.accepted);
  EXPECT_EQ(host_points(), ledger.accepted);
}

TEST_F(RealInfluxdb, GetsWithTheNextOnceWhatWasLeftWhileItWasDown) {
  server_.stop(SIGTERM);
  configure(host_inputs() + output_section(server_.url()));
  EXPECT_EQ(run_command({"once"}).status, 1);
  const LedgerState kept = ring_state().reader(kReader);
  EXPECT_GT(kept.accepted, 0U);
  EXPECT_EQ(kept.buffered, kept.accepted);
  ASSERT_TRUE(server_.start());
  const Ended ended = run_command({"once"});
  EXPECT_EQ(ended.status, 0) << ended.err;
  const LedgerState ledger = ring_state().reader(kReader);
  EXPECT_GT(ledger.accepted, kept.accepted);
  EXPECT_EQ(ledger.delivered, ledger.accepted);
  EXPECT_EQ(host_points(), ledger.accepted);
}

}  // namespace
}  // namespace holdfast::test

// A client that people have feeds the agent, which is killed again and again. What the client saw
// answered 204 is in a real InfluxDB in the end: the judges are the client's own notes and the
// database, never the agent.
#include <csignal>
#include <fstream>
#include <random>
#include <set>
#include <string>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/agent_test.h"
#include "tests/support/influxdb_server.h"
#include "tests/support/reserved_port.h"

namespace holdfast::test {
namespace {

using ::testing::IsEmpty;

constexpr int kKills = 8;
constexpr std::uint64_t kPointsPerPost = 50;  // as in the program below

// Posts numbered points until the file `stop` is there, each post until it is answered 204; then
// notes how many points were. Everything else, a refused connection or a reset, is tried again.
constexpr std::string_view kClient = R"(
import os, sys
from influxdb import InfluxDBClient
port, notes, stop = int(sys.argv[1]), open(sys.argv[2], 'w'), sys.argv[3]
client = InfluxDBClient('127.0.0.1', port, database='db', retries=1, timeout=20, gzip=True)
done, failed = 0, 0
while not os.path.exists(stop):
    points = [{'measurement': 'fed', 'time': 1700000000000 + n, 'fields': {'seq': n}}
              for n in range(done, done + 50)]
    try:
        client.write_points(points, time_precision='ms')
    except Exception:
        failed += 1
        continue
    done += 50
    notes.write('%d %d\n' % (done, failed))
    notes.flush()
)";

class SlowListenerKills : public AgentTest {
 protected:
  void SetUp() override {
    const base::Status started = server_.start();
    ASSERT_TRUE(started) << started.error().message;
    configure(fmt::format("[[inputs.influxdb_listener]]\nservice_address = \"127.0.0.1:{}\"\n",
                          port_.port()) +
              output_section(server_.url()));
    std::ofstream(path("client.py")) << kClient;
  }

  struct Notes {
    std::uint64_t acknowledged = 0;
    std::uint64_t failed = 0;
  };
  // The client's last line that is whole.
  [[nodiscard]] Notes notes() const {
    std::ifstream file(path("notes"));
    Notes last;
    std::string line;
    while (std::getline(file, line) && !file.eof()) {
      std::istringstream(line) >> last.acknowledged >> last.failed;
    }
    return last;
  }
  [[nodiscard]] bool wait_fed(std::uint64_t more) const {
    const std::uint64_t wanted = notes().acknowledged + more;
    return eventually([&] { return notes().acknowledged >= wanted; });
  }

  // Every number the database has.
  [[nodiscard]] std::set<std::uint64_t> numbers() const {
    const auto answer = server_.query("it", "SELECT seq FROM fed");
    EXPECT_TRUE(answer);
    const auto json = nlohmann::json::parse(answer.value_or(""), nullptr, false);
    const nlohmann::json::json_pointer place("/results/0/series/0/values");
    std::set<std::uint64_t> found;
    if (!json.contains(place)) return found;
    for (const auto& row : json.at(place)) found.insert(row.at(1).get<std::uint64_t>());
    return found;
  }

  ReservedPort port_;
  InfluxdbServer server_;
};

TEST_F(SlowListenerKills, LoseNothingThatAClientSawAnswered204) {
  start_agent();
  AgentProcess client({{"/usr/bin/env", "PATH=/usr/bin:/bin", "python3", path("client.py"),
                        std::to_string(port_.port()), path("notes"), path("stop")}});
  std::mt19937_64 random(17);
  for (int kill = 0; kill < kKills; ++kill) {
    ASSERT_TRUE(wait_fed(1 + random() % 2000)) << client.log() << agent().log();
    ASSERT_EQ(stop_agent(SIGKILL).signal, SIGKILL);
    start_agent();
  }
  ASSERT_TRUE(wait_fed(1000));
  std::ofstream(path("stop")) << "stop";
  const auto ended = client.wait();
  ASSERT_TRUE(ended && ended->status == 0) << client.log();
  ASSERT_TRUE(wait_drained(std::chrono::seconds(60)));
  ASSERT_EQ(stop_agent(SIGTERM).status, 0);

  const Notes last = notes();
  const LedgerState ledger = ring_state().reader(kReader);
  EXPECT_EQ(ledger.accepted, ledger.delivered) << "nothing buffered, nothing dropped";
  const std::set<std::uint64_t> stored = numbers();
  std::vector<std::uint64_t> missing;
  for (std::uint64_t n = 0; n < last.acknowledged; ++n) {
    if (!stored.contains(n)) missing.push_back(n);
  }
  EXPECT_THAT(missing, IsEmpty());
  // A post a kill may be in the ring without its answer having come back; it was sent again.
  const std::uint64_t twice = ledger.accepted - stored.size();
  EXPECT_LE(twice, kKills * kPointsPerPost);
  EXPECT_GT(last.failed, 0U) << "no kill was felt by the client";
  fmt::print("{} kills: {} points acknowledged, {} stored, {} taken twice, {} posts failed\n",
             kKills, last.acknowledged, stored.size(), twice, last.failed);
}

}  // namespace
}  // namespace holdfast::test

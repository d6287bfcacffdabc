// The life of an agent: start, status, trouble, stop.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "tests/integration/agent_test.h"
#include "tests/support/fault_server.h"
#include "tests/support/reserved_port.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kPoints = 10;

using Stopping = AgentTest;

TEST_F(Stopping, TheLastFlushDeliversWhatWasNotDueYet) {
  FaultServer server;
  Settings settings;
  settings.agent = "flush_interval = \"1h\"";
  configure(listener_section() + output_section(server.url()), settings);
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, kPoints)), 204);
  EXPECT_EQ(status().output(kReader).ledger.buffered, kPoints);
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  EXPECT_THAT(server.numbers(0, kPoints).lost, IsEmpty());
  const LedgerState ledger = ring_state().reader(kReader);
  EXPECT_EQ(ledger.delivered, kPoints);
  EXPECT_EQ(ledger.buffered, 0U);
}

TEST_F(Stopping, SigUsr1SendsWhatIsNotDueYet) {
  FaultServer server;
  configure(listener_section() + output_section(server.url(), "flush_interval = \"1h\"\n"));
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, 10)), 204);
  for (std::uint64_t i = 0; i < 2; ++i) {
    agent().signal(SIGUSR1);
    ASSERT_TRUE(server.wait_stored(10 * (i + 1)));
    ASSERT_EQ(feed(numbered_feed(10 * (i + 1), 10)), 204);
  }
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
}

TEST_F(Stopping, WithTheServerDownThePointsStayAndTheNextStartDeliversThem) {
  const ReservedPort down;
  configure(listener_section() + output_section(down.url()));
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, kPoints)), 204);
  EXPECT_EQ(stop_agent(SIGINT).status, 0);
  const LedgerState kept = ring_state().reader(kReader);
  EXPECT_EQ(kept.buffered, kPoints);
  EXPECT_EQ(kept.accepted, kPoints);

  FaultServer server;
  configure(listener_section() + output_section(server.url()));
  start_agent();
  ASSERT_TRUE(server.wait_stored(kPoints));
  ASSERT_TRUE(wait_drained());
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  EXPECT_THAT(server.numbers(0, kPoints).lost, IsEmpty());
  EXPECT_THAT(server.numbers(0, kPoints).duplicates, IsEmpty());
  const LedgerState ledger = ring_state().reader(kReader);
  EXPECT_EQ(ledger.delivered, kPoints);
  EXPECT_EQ(ledger.accepted, kPoints);
}

// A server that never answers must not hold up a stop for longer than shutdown_timeout; that it
// ends at all is what is judged.
TEST_F(Stopping, AServerThatHangsDoesNotKeepTheAgentAlive) {
  FaultServer server;
  server.script(std::vector<Step>(100, Step{.fault = Fault::kHang}));
  Settings settings;
  settings.agent = "flush_interval = \"100ms\"\nshutdown_timeout = \"1s\"";
  configure(listener_section() + output_section(server.url(), "timeout = \"1h\""), settings);
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, kPoints)), 204);
  ASSERT_TRUE(server.wait_requests(1));
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  EXPECT_EQ(ring_state().reader(kReader).buffered, kPoints);
}

TEST_F(Stopping, AKillLosesNoAcceptedPoint) {
  const ReservedPort down;
  configure(listener_section() + output_section(down.url()));
  start_agent();
  for (std::uint64_t request = 0; request < 20; ++request) {
    ASSERT_EQ(feed(numbered_feed(request * kPoints, kPoints)), 204);
  }
  ASSERT_EQ(stop_agent(SIGKILL).signal, SIGKILL);
  const LedgerState ledger = ring_state().reader(kReader);
  EXPECT_EQ(ledger.accepted, 20 * kPoints);
  EXPECT_EQ(ledger.buffered, 20 * kPoints);
}

using Systemd = AgentTest;

TEST_F(Systemd, IsToldWhenTheAgentIsReadyAndWhenItStops) {
  const ReservedPort down;
  configure("[[inputs.mem]]\n" + output_section(down.url()));
  start_agent();
  EXPECT_THAT(agent().notifications(), ElementsAre("READY=1"));
  agent().signal(SIGTERM);
  const auto ended = agent().wait();
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->status, 0);
  EXPECT_THAT(agent().notifications(), ElementsAre("READY=1", "STOPPING=1"));
}

using Status = AgentTest;

TEST_F(Status, IsTheSameOverHttpTheSocketAndTheCommand) {
  const ReservedPort http;
  FaultServer server;
  Settings settings;
  settings.status_listen = http.address();
  configure(listener_section() + output_section(server.url()), settings);
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, kPoints)), 204);
  ASSERT_TRUE(wait_drained());
  const HttpAnswer page = http_exchange(http.address(), "GET", "/status.json");
  const Ended command = run_command({"status", "--json"});
  ASSERT_EQ(page.status, 200);
  ASSERT_EQ(command.status, 0) << command.err;
  for (const AgentState& state : {status(), parse_status(page.body), parse_status(command.out)}) {
    EXPECT_TRUE(state.healthy);
    EXPECT_FALSE(state.degraded);
    EXPECT_EQ(state.hostname, "edge");
    EXPECT_EQ("holdfast " + state.version + "\n", run_bare({"--version"}).out);
    EXPECT_EQ(state.input("influxdb_listener").gathered, kPoints);
    EXPECT_EQ(state.output(kReader).state, "ok");
    EXPECT_EQ(state.output(kReader).ledger.delivered, kPoints);
    EXPECT_TRUE(state.output(kReader).ledger.balanced());
  }
  const Ended summary = run_command({"status"});
  EXPECT_EQ(summary.status, 0);
  EXPECT_THAT(summary.out, HasSubstr("delivered 10 "));
}

TEST_F(Status, AnswersHealthAndRefusesTheRest) {
  const ReservedPort http;
  FaultServer server;
  Settings settings;
  settings.status_listen = http.address();
  configure(listener_section() + output_section(server.url()), settings);
  start_agent();
  EXPECT_EQ(http_exchange(http.address(), "GET", "/health").status, 200);
  EXPECT_EQ(http_exchange(http.address(), "GET", "/nothing").status, 404);
  EXPECT_EQ(http_exchange(http.address(), "POST", "/status.json").status, 405);
}

TEST_F(Status, IsUnhealthyWhilePointsDoNotMoveAndHealthyAgainAfterwards) {
  FaultServer server;
  server.script(std::vector<Step>(100, Step{.fault = Fault::kHang}));
  configure(listener_section() + output_section(server.url()));
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, kPoints)), 204);
  const auto health = [this] {
    return http_exchange("unix:" + path("status"), "GET", "/health").status;
  };
  EXPECT_TRUE(eventually([&] { return health() == 503; }));
  EXPECT_FALSE(status().healthy);
  server.release();
  EXPECT_TRUE(eventually([&] { return health() == 200; }));
}

// Its reader was last looked at many flush intervals ago, but nothing waits there.
TEST_F(Status, OfAnIdleAgentIsHealthy) {
  FaultServer server;
  Settings settings;
  settings.agent = "flush_interval = \"1ms\"\nflush_jitter = \"1h\"";
  configure(listener_section() + output_section(server.url()), settings);
  start_agent();
  ASSERT_TRUE(eventually([this] { return status().uptime_s > 1; }));
  EXPECT_TRUE(status().healthy);
}

TEST_F(Status, ThatWaitsAsItWasToldIsHealthy) {
  FaultServer server;
  server.script({{.status = 503, .headers = {{"Retry-After", "300"}}}});
  configure(listener_section() + output_section(server.url()));
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, kPoints)), 204);
  ASSERT_TRUE(eventually([this] { return status().output(kReader).state == "waiting"; }));
  EXPECT_TRUE(status().healthy);
}

using Ports = AgentTest;

TEST_F(Ports, AStatusPortInUseCostsOnlyThatStatus) {
  const ReservedPort taken;
  ASSERT_TRUE(taken.listen());
  FaultServer server;
  Settings settings;
  settings.status_listen = taken.address();
  configure(listener_section() + output_section(server.url()), settings);
  start_agent();
  EXPECT_TRUE(status().answered);
  ASSERT_EQ(feed(numbered_feed(0, kPoints)), 204);
  EXPECT_TRUE(server.wait_stored(kPoints));
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
}

TEST_F(Ports, AListenerPortInUseEndsTheAgent) {
  const ReservedPort taken;
  ASSERT_TRUE(taken.listen());
  FaultServer server;
  configure("[[inputs.influxdb_listener]]\nservice_address = \"" + taken.address() + "\"\n" +
            output_section(server.url()));
  const Ended ended = run_command({"run"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr(taken.address()));
}

using Trouble = AgentTest;

// A directory on a memory file system, which knows at once that it has no room for a file; a disk
// would have to be filled first.
class SmallDevice {
 public:
  SmallDevice() {
    std::string pattern = "/dev/shm/holdfast-XXXXXX";
    if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~SmallDevice() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  SmallDevice(const SmallDevice&) = delete;
  SmallDevice& operator=(const SmallDevice&) = delete;

  [[nodiscard]] bool usable() const {
    struct statfs info {};
    return !path_.empty() && statfs(path_.c_str(), &info) == 0 && info.f_type == TMPFS_MAGIC;
  }
  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

TEST_F(Trouble, WithADiskTooSmallForTheRingItCollectsInMemorySaysSoAndStillDelivers) {
  const SmallDevice device;
  ASSERT_TRUE(device.usable()) << "/dev/shm is no tmpfs";
  FaultServer server;
  Settings settings;
  settings.ring_path = device.path("ring");
  settings.ring_size = "8TiB";
  const std::string gathers = "[[inputs.mem]]\n  interval = \"100ms\"\n";
  configure(gathers + listener_section() + output_section(server.url()), settings);
  start_agent();
  const AgentState state = status();
  EXPECT_TRUE(state.degraded);
  EXPECT_FALSE(state.healthy);
  EXPECT_EQ(http_exchange("unix:" + path("status"), "GET", "/health").status, 503);
  EXPECT_EQ(feed(numbered_feed(0, kPoints)), 503) << "nothing that a restart would lose";
  EXPECT_TRUE(eventually([this] { return status().output(kReader).ledger.delivered > 2; }));
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);

  settings.ring_size = "1MiB";
  configure(listener_section() + output_section(server.url()), settings);
  start_agent();
  EXPECT_FALSE(status().degraded) << "once there is room for it";
  ASSERT_EQ(feed(numbered_feed(0, kPoints)), 204);
  EXPECT_TRUE(server.wait_stored(kPoints));
  EXPECT_THAT(server.numbers(0, kPoints).lost, IsEmpty());
}

// The host's files, some of them missing or damaged.
TEST_F(Trouble, ABrokenCollectorDoesNotStopTheOthers) {
  fs::create_directories(path("proc"));
  for (const char* name : {"stat", "cpuinfo", "uptime", "vmstat", "net", "sys"}) {
    fs::create_symlink(std::string("/proc/") + name, path("proc/") + name);
  }
  std::ofstream(path("proc/loadavg")) << "one two three\n";
  FaultServer server;
  configure(
      "[[inputs.mem]]\n[[inputs.cpu]]\n[[inputs.system]]\n[[inputs.kernel]]\n[[inputs.net]]\n" +
      output_section(server.url()));
  start_agent({{"HOST_PROC", path("proc")}});
  ASSERT_TRUE(eventually([this] {
    const AgentState state = status();
    return state.input("cpu").gathered > 0 && state.input("mem").gathers > 1 &&
           state.input("system").gathers > 1 && state.input("kernel").gathers > 1 &&
           state.input("net").gathers > 1;
  }));
  const AgentState state = status();
  for (const char* broken : {"mem", "system"}) {
    EXPECT_GE(state.input(broken).errors, 2U) << broken;
    EXPECT_FALSE(state.input(broken).last_error.empty()) << broken;
  }
  EXPECT_THAT(state.input("mem").last_error, HasSubstr(path("proc/meminfo")));
  EXPECT_EQ(state.input("mem").gathered, 0U);
  for (const char* sound : {"cpu", "kernel", "net"}) {
    EXPECT_EQ(state.input(sound).errors, 0U) << sound << ": " << state.input(sound).last_error;
    EXPECT_GT(state.input(sound).gathered, 0U) << sound;
  }
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
}

}  // namespace
}  // namespace holdfast::test

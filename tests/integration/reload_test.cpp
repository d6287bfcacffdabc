// A new configuration for the running program: by SIGHUP and by watching the files. The servers are
// emulated (FaultServer).
#include <algorithm>
#include <csignal>
#include <fstream>

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/integration/agent_test.h"
#include "tests/integration/feeder.h"
#include "tests/support/fault_server.h"
#include "tests/support/reserved_port.h"

namespace holdfast::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// A connection to a unix socket that stays open between requests.
class KeptConnection {
 public:
  explicit KeptConnection(const std::string& path)
      : descriptor_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const timeval patience{30, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  ~KeptConnection() { ::close(descriptor_); }
  KeptConnection(const KeptConnection&) = delete;
  KeptConnection& operator=(const KeptConnection&) = delete;

  // The first line of the answer; empty if the connection is gone. Only for answers without a body.
  [[nodiscard]] std::string post(const std::string& lines) const {
    const std::string request = "POST /write?db=any HTTP/1.1\r\nHost: agent\r\nContent-Length: " +
                                std::to_string(lines.size()) + "\r\n\r\n" + lines;
    (void)::send(descriptor_, request.data(), request.size(), MSG_NOSIGNAL);
    std::string answer;
    char byte = 0;
    while (!answer.ends_with("\r\n\r\n") && ::recv(descriptor_, &byte, 1, 0) == 1) answer += byte;
    return answer.substr(0, answer.find("\r\n"));
  }

 private:
  int descriptor_;
};

std::string mem_section() { return "[[inputs.mem]]\n"; }

// A second output, with a place in the ring of its own.
std::string second_output(const std::string& url, const std::string& more = "") {
  return "[[outputs.influxdb]]\nalias = \"second\"\nurls = [\"" + url + "\"]\n" + more + "\n";
}

class Reload : public AgentTest {
 protected:
  [[nodiscard]] static std::size_t count_of(AgentProcess& process, const std::string& message) {
    const auto& all = process.notifications();
    return static_cast<std::size_t>(std::count(all.begin(), all.end(), message));
  }
  // Until the agent has said that it is ready again; false after a while.
  [[nodiscard]] bool reload() {
    const std::size_t before = count_of(agent(), "READY=1");
    agent().signal(SIGHUP);
    return eventually([&] { return count_of(agent(), "READY=1") > before; });
  }
  // A reload that waits for an output's request; its time is half a second.
  void begin_reload_while_a_request_hangs() {
    server_.script({{.fault = Fault::kHang}});
    configure(listener_section() + output_section(server_.url()), {.agent = kSlowStop});
    start_agent();
    ASSERT_EQ(feed(numbered_feed(0, 5)), 204);
    ASSERT_TRUE(server_.wait_requests(2));  // the first one makes the database
    configure(listener_section() + output_section(server_.url(), "metric_batch_size = 3"),
              {.agent = kSlowStop});
    agent().signal(SIGHUP);
  }

  static constexpr const char* kSlowStop =
      "flush_interval = \"100ms\"\nshutdown_timeout = \"500ms\"";
  FaultServer server_;
  FaultServer second_;
};

TEST_F(Reload, AddsAnInputAndAnOutput) {
  configure(listener_section() + output_section(server_.url()));
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, 10)), 204);
  ASSERT_TRUE(server_.wait_stored(10));
  configure(mem_section() + listener_section() + second_output(second_.url()) +
            output_section(server_.url()));
  ASSERT_TRUE(reload());
  ASSERT_EQ(feed(numbered_feed(10, 10)), 204);
  ASSERT_TRUE(eventually([this] {
    return server_.numbers(0, 20).stored == 20 && second_.numbers(10, 10).stored == 10 &&
           second_.distinct_points().others > 0;  // memory
  }));
  const AgentState state = status();
  EXPECT_EQ(state.configuration.reloads, 1U);
  EXPECT_EQ(state.input("influxdb_listener").gathered, 20U) << "its counters went on";
  EXPECT_EQ(state.outputs.size(), 2U);
  EXPECT_TRUE(state.output(kReader).ledger.balanced());
  EXPECT_TRUE(state.output("second").ledger.balanced());
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  EXPECT_THAT(server_.numbers(0, 20).duplicates, IsEmpty());
}

TEST_F(Reload, TellsSystemdBeforeAndAfter) {
  configure(listener_section() + output_section(server_.url()));
  start_agent();
  ASSERT_TRUE(reload());
  const auto& said = agent().notifications();
  ASSERT_EQ(said.size(), 3U);
  EXPECT_THAT(said[1], StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_EQ(said[2], "READY=1");
}

TEST_F(Reload, ABadConfigurationLeavesTheOldOneAndShows) {
  configure(listener_section() + output_section(server_.url()));
  start_agent();
  configure(listener_section() + "nonsense = 1\n[[inputs.none]]\n");
  ASSERT_TRUE(reload());
  AgentState state = status();
  EXPECT_EQ(state.configuration.failed_reloads, 1U);
  EXPECT_THAT(state.configuration.failing_since, HasSubstr("Z"));
  EXPECT_THAT(state.configuration.last_error, HasSubstr("nonsense"));
  EXPECT_THAT(state.configuration.last_error, HasSubstr("and 1 more"));
  EXPECT_TRUE(state.healthy);
  ASSERT_EQ(feed(numbered_feed(0, 10)), 204);
  EXPECT_TRUE(server_.wait_stored(10));

  configure(listener_section() + output_section(server_.url()));
  EXPECT_THAT(run_command({"status"}).out, HasSubstr("NOT RELOADED since"));
  ASSERT_TRUE(reload());
  state = status();
  EXPECT_EQ(state.configuration.failing_since, "");
  EXPECT_EQ(state.configuration.reloads, 1U);
  const Ended ended = stop_agent(SIGTERM);
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.err, HasSubstr("nonsense"));
  EXPECT_THAT(ended.err, HasSubstr("inputs.none"));
}

TEST_F(Reload, AnUnchangedListenerKeepsItsConnections) {
  configure(listener_section() + output_section(server_.url()));
  start_agent();
  const KeptConnection client(path("listen"));
  ASSERT_THAT(client.post(numbered_feed(0, 5)), HasSubstr("204"));
  configure(mem_section() + listener_section() + output_section(server_.url()),
            {.agent = "interval = \"2s\"\nflush_interval = \"50ms\""});
  ASSERT_TRUE(reload());
  EXPECT_THAT(client.post(numbered_feed(5, 5)), HasSubstr("204"));
  EXPECT_TRUE(server_.wait_stored(10));
  // With other tags it is another listener.
  configure("[global_tags]\nsite = \"x\"\n" + listener_section() + output_section(server_.url()));
  ASSERT_TRUE(reload());
  EXPECT_EQ(client.post(numbered_feed(10, 5)), "");
  EXPECT_EQ(feed(numbered_feed(10, 5)), 204);
}

TEST_F(Reload, AListenersAddressMoves) {
  configure(listener_section() + output_section(server_.url()));
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, 5)), 204);
  const std::string there = "unix:" + path("there");
  configure("[[inputs.influxdb_listener]]\nservice_address = \"" + there + "\"\n" +
            output_section(server_.url()));
  ASSERT_TRUE(reload());
  EXPECT_EQ(feed(numbered_feed(5, 5)), 0) << "nobody is there any more";
  EXPECT_EQ(http_exchange(there, "POST", "/write?db=any", numbered_feed(5, 5)).status, 204);
  EXPECT_TRUE(server_.wait_stored(10));
}

TEST_F(Reload, AnAddressInUseIsABadConfiguration) {
  configure(listener_section() + output_section(server_.url()));
  start_agent();
  const ReservedPort taken;
  ASSERT_TRUE(taken.listen());
  configure("[[inputs.influxdb_listener]]\nservice_address = \"" + taken.address() + "\"\n" +
            output_section(server_.url()));
  ASSERT_TRUE(reload());
  EXPECT_THAT(status().configuration.last_error, HasSubstr(taken.address()));
  EXPECT_EQ(feed(numbered_feed(0, 5)), 204) << "the old listener is back";
  EXPECT_TRUE(server_.wait_stored(5));
}

TEST_F(Reload, AnUnchangedOutputKeepsItsConnectionAndItsWait) {
  server_.script({{}, {.status = 429, .headers = {{"Retry-After", "3600"}}}});
  configure(listener_section() + output_section(server_.url()));
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, 5)), 204);
  ASSERT_TRUE(server_.wait_stored(5));
  ASSERT_EQ(feed(numbered_feed(5, 5)), 204);
  ASSERT_TRUE(eventually([this] { return status().output(kReader).state == "waiting"; }));
  const std::size_t requests = server_.requests().size();
  configure(mem_section() + listener_section() + output_section(server_.url()) +
            second_output(second_.url()));
  ASSERT_TRUE(reload());
  ASSERT_TRUE(second_.wait_stored(5));
  EXPECT_EQ(status().output(kReader).state, "waiting");
  EXPECT_EQ(status().output(kReader).by_status.at(429), 1U) << "its counters went on";
  // A changed one has no memory of its own, but the wait is in the ring.
  configure(listener_section() + output_section(server_.url(), "metric_batch_size = 3"));
  ASSERT_TRUE(reload());
  const OutputState changed = status().output(kReader);
  EXPECT_EQ(changed.state, "waiting");
  EXPECT_EQ(changed.ledger.buffered, changed.ledger.accepted - 5);
  EXPECT_EQ(server_.requests().size(), requests);
}

TEST_F(Reload, ARequestThatHangsIsGivenUpAndSentAgain) {
  server_.script({{.fault = Fault::kHang}});
  const std::string agent_options =
      "flush_interval = \"100ms\"\nshutdown_timeout = \"300ms\"\ninterval = \"1s\"";
  configure(listener_section() + output_section(server_.url()), {.agent = agent_options});
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, 5)), 204);
  ASSERT_TRUE(server_.wait_requests(2));  // the first one makes the database
  configure(listener_section() + output_section(server_.url(), "metric_batch_size = 3"),
            {.agent = agent_options});
  ASSERT_TRUE(reload());
  EXPECT_TRUE(eventually([this] { return server_.numbers(0, 5).stored == 5; }));
  EXPECT_TRUE(wait_drained());
}

TEST_F(Reload, ASignalDuringAReloadIsAnotherReload) {
  ASSERT_NO_FATAL_FAILURE(begin_reload_while_a_request_hangs());
  ASSERT_TRUE(eventually([this] { return agent().notifications().size() >= 2; }));  // RELOADING
  configure(mem_section() + listener_section() + output_section(server_.url()),
            {.agent = kSlowStop});
  agent().signal(SIGHUP);
  EXPECT_TRUE(eventually([this] { return count_of(agent(), "READY=1") == 3; })) << agent().log();
  EXPECT_EQ(status().configuration.reloads, 2U);
  EXPECT_TRUE(status().inputs.contains("mem"));
}

TEST_F(Reload, AStopDuringAReloadIsHeeded) {
  ASSERT_NO_FATAL_FAILURE(begin_reload_while_a_request_hangs());
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
}

TEST_F(Reload, AnotherSecretInTheSameFileIsAChange) {
  const auto write_secret = [this](const std::string& secret) {
    std::ofstream(path("secret")) << secret << "\n";
  };
  const auto last_authorization = [this] {
    const auto writes = server_.writes();
    return writes.empty() ? std::string() : writes.back().headers.at("authorization");
  };
  write_secret("first");
  configure(listener_section() +
            output_section(server_.url(), "token = \"@file:" + path("secret") + "\""));
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, 5)), 204);
  ASSERT_TRUE(server_.wait_stored(5));
  EXPECT_THAT(last_authorization(), HasSubstr("first"));
  write_secret("second");
  ASSERT_TRUE(reload());
  ASSERT_EQ(feed(numbered_feed(5, 5)), 204);
  ASSERT_TRUE(server_.wait_stored(10));
  EXPECT_THAT(last_authorization(), HasSubstr("second"));
}

TEST_F(Reload, TheLevelOfTheLogFollows) {
  const auto with = [](const std::string& more) {
    return Settings{.agent = "interval = \"1s\"\nflush_interval = \"100ms\"\n" + more};
  };
  configure(listener_section() + output_section(server_.url()), with("quiet = true"));
  start_agent();
  EXPECT_EQ(agent().log(), "");
  configure(listener_section() + output_section(server_.url()), with(""));
  ASSERT_TRUE(reload());
  EXPECT_THAT(agent().log(), HasSubstr("reloaded"));
}

class WatchedReload : public Reload, public ::testing::WithParamInterface<const char*> {};

TEST_P(WatchedReload, FollowsTheFile) {
  configure(listener_section() + output_section(server_.url()));
  AgentProcess process(
      {{HOLDFAST_BINARY, "run", "--config", path("holdfast.toml"), "--watch-config", GetParam(),
        "--watch-interval", "20ms", "--watch-debounce-interval", "20ms"}});
  ASSERT_TRUE(process.wait_ready()) << process.log();
  configure(mem_section() + listener_section() + output_section(server_.url()));
  EXPECT_TRUE(eventually([this] {
    const AgentState state = status();
    return state.answered && state.inputs.contains("mem");
  })) << process.log();
  configure("nonsense");
  EXPECT_TRUE(eventually([this] { return status().configuration.failing_since != ""; }));
  EXPECT_EQ(feed(numbered_feed(0, 5)), 204);
  process.signal(SIGTERM);
  const auto ended = process.wait();
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->status, 0);
}

INSTANTIATE_TEST_SUITE_P(Ways, WatchedReload, ::testing::Values("notify", "poll"),
                         [](const auto& way) { return std::string(way.param); });

// Good and bad files in turn, under a feed. What was answered 204 arrives, once.
TEST_F(Reload, AHundredReloadsLoseNothing) {
  constexpr int kReloads = 100;
  server_.forget_bodies();
  second_.forget_bodies();
  server_.answer_with([] { return Step{.delay = std::chrono::milliseconds(3)}; });
  const auto main_output = [&](int i) {
    return output_section(server_.url(), "metric_batch_size = " + std::to_string(50 + i % 7));
  };
  configure(listener_section() + main_output(0));
  start_agent();
  Feeder feeder(listener_address());
  int bad = 0;
  for (int i = 1; i <= kReloads; ++i) {
    const std::string listener =
        listener_section() + "read_timeout = \"" + std::to_string(10 + i / 8) + "s\"\n";
    switch (i % 4) {
      case 0:
        configure(listener + "unknown = 1\n" + main_output(i));
        ++bad;
        break;
      case 1:
        configure(listener + main_output(i));
        break;
      case 2:
        configure(mem_section() + listener + main_output(i) + second_output(second_.url()));
        break;
      default:
        configure(listener + main_output(i) +
                  second_output(second_.url(), "metric_batch_size = " + std::to_string(i)));
        break;
    }
    const std::uint64_t before = feeder.acknowledged();
    ASSERT_TRUE(reload()) << i << agent().log();
    ASSERT_TRUE(eventually([&] { return feeder.acknowledged() > before; })) << i << agent().log();
  }
  feeder.stop();
  configure(listener_section() + main_output(0) + second_output(second_.url()));
  ASSERT_TRUE(reload());
  ASSERT_TRUE(wait_drained());
  ASSERT_TRUE(eventually([this] { return status().output("second").ledger.buffered == 0; }));
  const AgentState state = status();
  EXPECT_EQ(state.configuration.reloads, static_cast<std::uint64_t>(kReloads - bad + 1));
  EXPECT_EQ(state.configuration.failed_reloads, static_cast<std::uint64_t>(bad));
  const NumbersReport report = server_.numbers(0, feeder.acknowledged());
  EXPECT_THAT(report.lost, IsEmpty());
  for (const char* reader : {kReader, "second"}) {
    const LedgerState ledger = state.output(reader).ledger;
    EXPECT_TRUE(ledger.balanced()) << reader;
    EXPECT_EQ(ledger.dropped(), 0U) << reader;
    EXPECT_EQ(ledger.delivered, ledger.accepted) << reader;
  }
  EXPECT_EQ(server_.stored_points(), state.output(kReader).ledger.delivered);
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  EXPECT_TRUE(ring_state().reader(kReader).balanced());
  RecordProperty("points", std::to_string(feeder.acknowledged()));
  RecordProperty("failures", std::to_string(feeder.failures()));
}

}  // namespace
}  // namespace holdfast::test

// exec, execd and file in the real program: what other programs say arrives in a real InfluxDB, and
// nothing of them is left.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "tests/integration/agent_test.h"
#include "tests/support/influxdb_server.h"

namespace holdfast::test {
namespace {

using ::testing::HasSubstr;

class Programs : public AgentTest {
 protected:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
  }
  // The first word of a file, once there is one.
  [[nodiscard]] std::string await_word(const std::string& name) const {
    std::string word;
    EXPECT_TRUE(eventually([&] {
      std::ifstream file(path(name));
      return std::getline(file, word) && !file.eof();
    })) << name;
    return word;
  }
  // Whether there is such a process; one that nobody waits for does not count.
  [[nodiscard]] static bool is_alive(const std::string& pid) {
    std::ifstream status("/proc/" + pid + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("State:")) return line.find('Z') == std::string::npos;
    }
    return false;
  }
  [[nodiscard]] std::string counting_execd() const {
    write("count.py",
          "import os, sys\nopen('" + path("pid") +
              "', 'w').write('%d\\n' % os.getpid())\nn = 0\nfor line in sys.stdin:\n  n += 1\n"
              "  print('asked n=%di' % n, flush=True)\n");
    return "[[inputs.execd]]\ncommand = [\"python3\", \"" + path("count.py") +
           "\"]\nsignal = \"STDIN\"\n";
  }
  [[nodiscard]] std::string exec_and_file() const {
    write("state.json", R"([{"room": "attic", "t": 30.5}, {"room": "cellar", "t": 12}])");
    return "[[inputs.exec]]\ncommands = [[\"sh\", \"-c\", \"echo '{\\\"n\\\": 5}'\"]]\n"
           "name_override = \"run\"\n"
           "[[inputs.file]]\nfiles = [\"" +
           path("*.json") +
           "\"]\ndata_format = \"json\"\ntag_keys = [\"room\"]\nname_override = \"state\"\n";
  }
};

TEST_F(Programs, PointsOfAllThreeArriveInARealInfluxdb) {
  InfluxdbServer server;
  const base::Status started = server.start();
  ASSERT_TRUE(started) << started.error().message;
  configure(exec_and_file() + counting_execd() + output_section(server.url()));
  start_agent();
  const auto count = [&](const char* measurement, const char* field) {
    return server.count("it", measurement, field).value_or(0);
  };
  EXPECT_TRUE(eventually([&] {
    return count("run", "n") >= 2 && count("state", "t") >= 4 && count("asked", "n") >= 2;
  })) << agent().log();
  const auto rooms = server.query("it", "SELECT LAST(t) FROM state WHERE room = 'attic'");
  ASSERT_TRUE(rooms);
  EXPECT_THAT(*rooms, HasSubstr("30.5"));
  const std::string pid = await_word("pid");
  EXPECT_TRUE(is_alive(pid));
  const Ended ended = stop_agent(SIGTERM);
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_TRUE(eventually([&] { return !is_alive(pid); }));
  const LedgerState ledger = ring_state().reader(kReader);
  EXPECT_EQ(ledger.delivered, ledger.accepted);
}

TEST_F(Programs, TestAndOnceRunCommandsToo) {
  InfluxdbServer server;
  ASSERT_TRUE(server.start());
  configure(exec_and_file() + output_section(server.url()));
  const Ended tested = run_command({"test"});
  EXPECT_EQ(tested.status, 0) << tested.err;
  EXPECT_THAT(tested.out, HasSubstr("run,host=edge n=5 "));
  EXPECT_THAT(tested.out, HasSubstr("state,host=edge,room=attic t=30.5 "));
  const Ended once = run_command({"once"});
  EXPECT_EQ(once.status, 0) << once.err;
  EXPECT_EQ(server.count("it", "run", "n").value_or(0), 1U);
  EXPECT_EQ(server.count("it", "state", "t").value_or(0), 2U);
  EXPECT_THAT(run_command({"check"}).out, HasSubstr("inputs.exec, every 1s"));
}

TEST_F(Programs, ACommandThatFailsFailsTheTest) {
  configure("[[inputs.exec]]\ncommands = [[\"sh\", \"-c\", \"echo broken >&2; exit 7\"]]\n");
  const Ended ended = run_command({"test"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("command 1 (`sh`): exit status 7: broken"));
}

TEST_F(Programs, AStopDoesNotWaitForACommandThatHangs) {
  configure(
      "[[inputs.exec]]\ntimeout = \"1h\"\ncommands = [[\"sh\", \"-c\", \"sleep 1000 & echo $! > " +
      path("pid") + "; wait\"]]\n" + output_section("http://127.0.0.1:1"));
  start_agent();
  const std::string pid = await_word("pid");
  const Ended ended = stop_agent(SIGTERM);
  EXPECT_EQ(ended.status, 0) << ended.err;
  EXPECT_TRUE(eventually([&] { return !is_alive(pid); }));
  EXPECT_THAT(ended.err, ::testing::Not(HasSubstr("a gather is still hanging")));
}

TEST_F(Programs, AReloadReplacesAProgramThatRuns) {
  configure(counting_execd() + output_section("http://127.0.0.1:1"));
  start_agent();
  const std::string before = await_word("pid");
  std::filesystem::remove(path("pid"));
  configure(counting_execd() + "environment = [\"MORE=1\"]\n" +
            output_section("http://127.0.0.1:1"));
  agent().signal(SIGHUP);
  const std::string after = await_word("pid");
  EXPECT_NE(before, after);
  EXPECT_FALSE(is_alive(before));
  EXPECT_TRUE(is_alive(after));
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  EXPECT_TRUE(eventually([&] { return !is_alive(after); }));
}

}  // namespace
}  // namespace holdfast::test

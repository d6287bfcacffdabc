// Programs that people have, writing to the real agent: the shell of InfluxDB 1, its Python
// library, and curl. What they sent is what a server gets in the end.
#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "tests/integration/agent_test.h"
#include "tests/support/certificates.h"
#include "tests/support/fault_server.h"
#include "tests/support/gzip.h"
#include "tests/support/reserved_port.h"
#include "tests/support/run_tool.h"

namespace holdfast::test {
namespace {

using ::testing::HasSubstr;

class ListenerClients : public AgentTest {
 protected:
  // The listener `plugin` on a TCP port; `options` is TOML.
  void start(const std::string& plugin, const std::string& options = "",
             const std::string& buffer = "") {
    Settings settings;
    settings.ring_size = "1MiB";
    settings.buffer = buffer;
    configure(fmt::format("[[inputs.{}]]\nservice_address = \"127.0.0.1:{}\"\n{}\n", plugin,
                          port_.port(), options) +
                  output_section(server_.url()),
              settings);
    start_agent();
  }
  [[nodiscard]] std::string port() const { return std::to_string(port_.port()); }
  [[nodiscard]] std::string url(const std::string& target) const {
    return fmt::format("http://127.0.0.1:{}{}", port(), target);
  }
  // Everything the server has, once it has so many points.
  std::string received(std::uint64_t points) {
    EXPECT_TRUE(server_.wait_stored(points)) << agent().log();
    std::string lines;
    for (const auto& request : server_.writes()) lines += request.lines;
    return lines;
  }
  std::string file_with(const std::string& name, const std::string& content) {
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }
  // "<status> <body>" of the last answer.
  static std::string curl(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{"curl", "--silent",    "--show-error",          "--max-time",
                                 "30",   "--write-out", "%{stderr}%{http_code} "};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Ended ended = run_tool(std::move(all));
    return ended.err + ended.out;
  }

  ReservedPort port_;
  FaultServer server_;
};

TEST_F(ListenerClients, TheShellOfInfluxdbInsertsAndImports) {
  start("influxdb_listener",
        "database_tag = \"db\"\nbasic_username = \"u\"\nbasic_password = \"p w\"");
  const auto influx = [&](std::vector<std::string> more) {
    std::vector<std::string> all{"influx",    "-host", "127.0.0.1", "-port", port(),
                                 "-username", "u",     "-password", "p w"};
    all.insert(all.end(), more.begin(), more.end());
    return run_tool(std::move(all));
  };
  const Ended inserted =
      influx({"-database", "first", "-execute", "INSERT cpu,host=a\\ b value=1.5,s=\"x y\" 1000"});
  EXPECT_EQ(inserted.status, 0) << inserted.out << inserted.err;
  const std::string dump = file_with(
      "dump",
      "# DDL\nCREATE DATABASE second\n# DML\n# CONTEXT-DATABASE: second\nmem v=1i 2\nmem v=2i 3\n");
  const Ended imported = influx({"-import", "-path", dump, "-precision", "s"});
  EXPECT_EQ(imported.status, 0) << imported.out << imported.err;
  EXPECT_THAT(imported.err + imported.out, HasSubstr("Processed 2 inserts"));
  const std::string lines = received(3);
  EXPECT_THAT(lines, HasSubstr("cpu,host=a\\ b,db=first value=1.5,s=\"x y\" 1000\n"));
  EXPECT_THAT(lines, HasSubstr("mem,host=edge,db=second v=1i 2000000000\n"));
  EXPECT_THAT(lines, HasSubstr("mem,host=edge,db=second v=2i 3000000000\n"));
  const Ended refused =
      influx({"-password", "wrong", "-database", "first", "-execute", "INSERT a v=1"});
  EXPECT_THAT(refused.out + refused.err, HasSubstr("authorization failed"));
}

TEST_F(ListenerClients, ThePythonLibraryOfInfluxdbWrites) {
  start("influxdb_listener", "basic_username = \"u\"\nbasic_password = \"p\"");
  const std::string program = file_with("client.py", R"(
import sys
from influxdb import InfluxDBClient
from influxdb.exceptions import InfluxDBClientError
port = int(sys.argv[1])
for gzip in (False, True):
    client = InfluxDBClient('127.0.0.1', port, 'u', 'p', 'db', gzip=gzip)
    assert client.ping() == '1.0'
    client.create_database('db')
    points = [{'measurement': 'room 1', 'tags': {'gzip': str(gzip)}, 'time': 1000 + n,
               'fields': {'v': n, 'ok': True, 's': 'a "b"\n'}} for n in range(250)]
    assert client.write_points(points, time_precision='ms', batch_size=100)
try:
    client.write(['fine v=1 1', 'bad'], {'db': 'db'}, 204, 'line')
    sys.exit('a bad line was taken')
except InfluxDBClientError as error:
    assert error.code == 400 and 'line 2: ' in str(error), error
try:
    InfluxDBClient('127.0.0.1', port, 'u', 'x', 'db').write_points(points)
    sys.exit('a wrong password was taken')
except InfluxDBClientError as error:
    assert error.code == 401, error
)");
  const Ended ended = run_tool({"python3", program, port()});
  EXPECT_EQ(ended.status, 0) << ended.out << ended.err;
  const std::string lines = received(501);
  EXPECT_THAT(lines, HasSubstr("room\\ 1,gzip=False"));
  EXPECT_THAT(lines, HasSubstr("room\\ 1,gzip=True"));
  EXPECT_THAT(lines, HasSubstr(" 1249000000\n"));
  EXPECT_THAT(lines, HasSubstr("fine,host=edge v=1 1\n"));
}

TEST_F(ListenerClients, CurlWritesInEveryWayOfHttp) {
  start("influxdb_v2_listener", "token = \"t0k\"");
  const std::string target = url("/api/v2/write?bucket=b&precision=s");
  const std::string plain = file_with("plain", numbered_feed(0, 2000));
  const std::string zipped = file_with("zipped", gzip("a v=1 1\n"));
  const std::string token = "Authorization: Token t0k";
  const auto write = [&](const std::string& file, std::vector<std::string> more) {
    more.insert(more.end(), {"-H", token, "--data-binary", "@" + file, target});
    return curl(more);
  };
  EXPECT_EQ(write(zipped, {"-H", "Content-Encoding: gzip"}), "204 ");
  EXPECT_EQ(curl({"-H", token, "--data-binary", "@" + plain, "-H", "Transfer-Encoding: chunked",
                  url("/api/v2/write?bucket=b")}),
            "204 ");
  EXPECT_EQ(curl({"-H", token, "--data-binary", "@" + plain, "-H", "Expect: 100-continue",
                  "--expect100-timeout", "20", url("/api/v2/write?bucket=b&precision=ns")}),
            "204 ");
  EXPECT_THAT(curl({"--data-binary", "@" + plain, target}),
              HasSubstr("401 {\"code\":\"unauthorized\""));
  EXPECT_THAT(curl({url("/health")}), HasSubstr("200 {\"name\":\"influxdb\""));
  EXPECT_THAT(received(4001), HasSubstr("a,host=edge v=1 1000000000\n"));
  const auto numbers = server_.numbers(0, 2000);
  EXPECT_EQ(numbers.stored, 2000U);
  EXPECT_EQ(numbers.duplicates.size(), 2000U);  // sent twice
}

TEST_F(ListenerClients, CurlWritesOverTlsWithACertificate) {
  const auto made = make_certificates(path(), "localhost");
  ASSERT_TRUE(made) << made.error().message;
  const auto client = make_client_certificate(path(), "sensor");
  const auto other = make_client_certificate(path(), "other");
  ASSERT_TRUE(client && other);
  start("influxdb_listener",
        fmt::format("tls_cert = \"{}\"\ntls_key = \"{}\"\ntls_allowed_cacerts = [\"{}\"]\n"
                    "tls_allowed_dns_names = [\"sensor\"]",
                    made->cert, made->key, made->ca));
  const auto write = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all{"--cacert", made->ca, "--data-binary", "a v=1 1"};
    all.insert(all.end(), more.begin(), more.end());
    all.push_back(fmt::format("https://localhost:{}/write", port()));
    return curl(all);
  };
  EXPECT_EQ(write({"--cert", client->cert, "--key", client->key}), "204 ");
  EXPECT_THAT(write({"--cert", other->cert, "--key", other->key}), HasSubstr("403 {\"error\":"));
  EXPECT_THAT(write({}), HasSubstr("403 {\"error\":\"the client showed no certificate\"}"));
  EXPECT_EQ(received(1), "a,host=edge v=1 1\n");
}

// The server does not answer, so the ring fills up; told to refuse, it says so to clients, and what
// it refused is not counted as taken.
TEST_F(ListenerClients, AFullRingThatRefusesIsAnswered503UntilThereIsRoom) {
  server_.answer_with([] { return Step{.status = 503, .headers = {{"Retry-After", "1"}}}; });
  start("influxdb_listener", "", "overflow = \"refuse_new\"");
  std::uint64_t next = 0;
  std::string refused;
  for (int i = 0; i < 2000 && refused.empty(); ++i) {
    const auto answer =
        http_exchange("127.0.0.1:" + port(), "POST", "/write", numbered_feed(next, 2000));
    if (answer.status == 204) {
      next += 2000;
    } else {
      EXPECT_EQ(answer.status, 503) << answer.body;
      EXPECT_THAT(answer.head, HasSubstr("Retry-After: 1"));
      refused = answer.body;
    }
  }
  EXPECT_THAT(refused, HasSubstr("{\"error\":\""));
  EXPECT_EQ(status().output(kReader).ledger.dropped(), 0U);
  EXPECT_GE(status().input("influxdb_listener").not_accepted, 1U);
  server_.answer_with([] { return Step{}; });
  ASSERT_TRUE(wait_drained());
  EXPECT_EQ(http_exchange("127.0.0.1:" + port(), "POST", "/write", numbered_feed(next, 1)).status,
            204);
  ASSERT_TRUE(wait_drained());
  EXPECT_TRUE(server_.numbers(0, next + 1).lost.empty());
}

}  // namespace
}  // namespace holdfast::test

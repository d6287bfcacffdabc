// socket_listener and syslog with the programs that people send with: logger, rsyslog, socat, bash,
// openssl.
#include <fstream>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "service_fixture.h"
#include "tests/support/agent_process.h"
#include "tests/support/certificates.h"
#include "tests/support/server_process.h"

namespace holdfast::test {
namespace {

using ::testing::Contains;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

// Runs a command line of bash to its end.
Ended run_shell(const std::string& command) {
  return run_program({.arguments = {"/bin/bash", "-c", "set -o pipefail; " + command}});
}

void expect_success(const std::string& command) {
  const Ended ended = run_shell(command);
  EXPECT_EQ(ended.status, 0) << command << ": " << ended.err;
}

class SocketListenerPeers : public ServiceTest {
 protected:
  SocketListenerPeers() : ServiceTest("socket_listener") {}
  [[nodiscard]] std::string path() const { return directory_.path("socket"); }
};

TEST_F(SocketListenerPeers, BashSendsADatagram) {
  start("service_address = \"udp://:0\"");
  expect_success(fmt::format("printf 'a v=1 1' > /dev/udp/127.0.0.1/{}", port()));
  ASSERT_TRUE(wait_points(1));
  EXPECT_EQ(sink_.text(), "a v=1 1\n");
}

TEST_F(SocketListenerPeers, SocatSendsOverUnixSockets) {
  start("service_address = \"unix://" + path() + "\"");
  expect_success("printf 'a v=1 1\\nb v=1 1' | socat -u - UNIX-CONNECT:" + path());
  ASSERT_TRUE(wait_points(2));
  stop();
  start("service_address = \"unixgram://" + path() + "\"");
  expect_success("printf 'c v=1 1' | socat -u - UNIX-SENDTO:" + path());
  ASSERT_TRUE(wait_points(3));
  EXPECT_EQ(sink_.text(), "a v=1 1\nb v=1 1\nc v=1 1\n");
}

TEST_F(SocketListenerPeers, GzipPacksDatagramsAndConnections) {
  start("service_address = \"udp://127.0.0.1:0\"\ncontent_encoding = \"gzip\"");
  expect_success(fmt::format(
      "printf 'a v=1 1\\nb v=1 1\\n' | gzip | socat -u - UDP4-SENDTO:127.0.0.1:{}", port()));
  ASSERT_TRUE(wait_points(2));
  stop();
  start("service_address = \"tcp://127.0.0.1:0\"\ncontent_encoding = \"gzip\"");
  expect_success(fmt::format(
      "seq 1 20000 | sed 's/.*/c v=1 &/' | gzip | socat -u - TCP4:127.0.0.1:{}", port()));
  ASSERT_TRUE(wait_points(20'002));
  EXPECT_EQ(counters_.errors, 0U);
}

class TlsPeers : public SocketListenerPeers {
 protected:
  void SetUp() override {
    const auto made = make_certificates(directory_.path(), "localhost");
    ASSERT_TRUE(made) << made.error().message;
    files_ = *made;
  }
  [[nodiscard]] std::string options() const {
    return fmt::format(
        "service_address = \"tcp://127.0.0.1:0\"\ntls_cert = \"{}\"\ntls_key = \"{}\"\n",
        files_.cert, files_.key);
  }
  // The end of the input of s_client ends the connection, with TLS's farewell.
  [[nodiscard]] std::string client(const std::string& more) const {
    return fmt::format(
        "openssl s_client -connect 127.0.0.1:{} -CAfile {} -verify_return_error -quiet -no_ign_eof "
        "{}",
        port(), files_.ca, more);
  }
  Certificates files_;
};

TEST_F(TlsPeers, OpensslSendsLines) {
  start(options());
  expect_success("(printf 'a v=1 1\\nb v=1 1') | " + client(""));
  ASSERT_TRUE(wait_points(2)) << counters_.last_error();
  EXPECT_EQ(counters_.errors, 0U);
}

TEST_F(TlsPeers, ALargeStreamArrivesWhole) {
  start(options());
  constexpr std::uint64_t kLines = 100'000;
  expect_success(fmt::format("seq 1 {} | sed 's/.*/c v=1 &/' | {}", kLines, client("-tls1_2")));
  ASSERT_TRUE(wait_points(kLines)) << counters_.last_error();
  EXPECT_EQ(counters_.errors, 0U);
}

TEST_F(TlsPeers, PlainTextIsNoHandshake) {
  start(options());
  auto plain = connect();
  ASSERT_TRUE(plain.send("a v=1 1\na v=1 1\n"));
  ASSERT_TRUE(eventually([&] { return counters_.errors == 1U; }));
  EXPECT_THAT(counters_.last_error(), HasSubstr("TLS handshake failed"));
  EXPECT_EQ(sink_.points(), 0U);
}

TEST_F(TlsPeers, ClientsMustShowACertificateIfAuthoritiesAreGiven) {
  const auto own = make_client_certificate(directory_.path(), "sensor1");
  ASSERT_TRUE(own) << own.error().message;
  start(options() + fmt::format("tls_allowed_cacerts = [\"{}\"]\n", files_.ca));
  (void)run_shell("printf 'a v=1 1\\n' | " + client(""));
  ASSERT_TRUE(eventually([&] { return counters_.errors == 1U; }));
  EXPECT_EQ(sink_.points(), 0U);
  expect_success("printf 'a v=1 1\\n' | " +
                 client(fmt::format("-cert {} -key {}", own->cert, own->key)));
  ASSERT_TRUE(wait_points(1));
}

TEST_F(TlsPeers, AConnectionThatIsCutLosesWhatIsUnfinished) {
  start(options());
  ASSERT_EQ(::mkfifo(directory_.path("go").c_str(), 0600), 0);
  // Killed within a message, so without a farewell.
  AgentProcess shell(
      {.arguments = {"/bin/bash", "-c",
                     fmt::format("coproc C {{ exec {}; }}; printf 'a v=1 1\\nb v=' >&${{C[1]}};"
                                 "read < {}; kill -KILL $C_PID",
                                 client(""), directory_.path("go"))}});
  ASSERT_TRUE(wait_points(1)) << shell.log();
  std::ofstream(directory_.path("go")) << "now\n";
  ASSERT_TRUE(eventually([&] { return counters_.errors == 2U; })) << counters_.errors;
  EXPECT_THAT(counters_.last_error(), HasSubstr("within a message"));
}

TEST_F(TlsPeers, WrongFilesFailTheStart) {
  std::vector<std::string> errors = configure(
      "service_address = \"tcp://127.0.0.1:0\"\ntls_cert = \"/none\"\ntls_key = \"/none\"");
  ASSERT_TRUE(errors.empty()) << errors.front();
  thread_.run([&] {
    const auto started = service().start(
        {thread_.io(), [](const std::function<void()>&) {}, sink_, rules_, counters_});
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().message, HasSubstr("/none"));
  });
  EXPECT_THAT(configure("service_address = \"udp://:0\"\ntls_cert = \"/c\"\ntls_key = \"/k\""),
              Contains(HasSubstr("datagrams cannot be protected")));
}

class SyslogPeers : public ServiceTest {
 protected:
  SyslogPeers() : ServiceTest("syslog") {
    clock_.set_wall(base::SystemClock().wall());  // logger takes the real time
  }
  [[nodiscard]] std::string path() const { return directory_.path("socket"); }
  void logger(const std::string& arguments) const {
    expect_success(
        fmt::format("logger --tag app --priority local4.err {} -- 'the text'", arguments));
  }
  [[nodiscard]] std::string to_port() const {
    return fmt::format("--server 127.0.0.1 --port {}", port());
  }
  void expect_the_text() const {
    EXPECT_THAT(sink_.text(), HasSubstr("appname=app,facility=local4"));
    EXPECT_THAT(sink_.text(), HasSubstr("severity=err"));
    EXPECT_THAT(sink_.text(), ContainsRegex("message=\" ?the text\""));  // rsyslog adds a blank
    EXPECT_EQ(counters_.errors, 0U) << counters_.last_error();
  }
};

TEST_F(SyslogPeers, LoggerRfc5424OverUdp) {
  start("server = \"udp://127.0.0.1:0\"");
  logger("--rfc5424 --udp --id=42 --msgid ID47 --sd-id a@1 --sd-param 'b=\"c\"' " + to_port());
  ASSERT_TRUE(wait_points(1)) << counters_.last_error();
  expect_the_text();
  for (const char* part : {"a@1_b=\"c\"", "msgid=\"ID47\"", "procid=\"42\"", "version=1u",
                           "source=127.0.0.1", "timestamp=", "timeQuality_tzKnown=\"1\""}) {
    EXPECT_THAT(sink_.text(), HasSubstr(part));
  }
}

TEST_F(SyslogPeers, LoggerRfc5424OctetCountedOverTcp) {
  start("server = \"tcp://127.0.0.1:0\"");
  logger("--rfc5424 --tcp --octet-count " + to_port());
  ASSERT_TRUE(wait_points(1)) << counters_.last_error();
  expect_the_text();
}

TEST_F(SyslogPeers, LoggerRfc5424LinesOverTcp) {
  start("server = \"tcp://127.0.0.1:0\"\nframing = \"non-transparent\"");
  logger("--rfc5424 --tcp " + to_port());
  ASSERT_TRUE(wait_points(1)) << counters_.last_error();
  expect_the_text();
}

TEST_F(SyslogPeers, LoggerRfc3164) {
  start("server = \"udp://127.0.0.1:0\"\nsyslog_standard = \"RFC3164\"");
  logger("--rfc3164 --udp --id=42 " + to_port());
  ASSERT_TRUE(wait_points(1)) << counters_.last_error();
  expect_the_text();
  EXPECT_THAT(sink_.text(), HasSubstr("procid=\"42\""));
  EXPECT_THAT(sink_.text(), HasSubstr("hostname="));
}

TEST_F(SyslogPeers, LoggerOverUnixSockets) {
  start("server = \"unixgram://" + path() + "\"\nsyslog_standard = \"RFC3164\"");
  logger("--socket " + path());
  ASSERT_TRUE(wait_points(1)) << counters_.last_error();
  expect_the_text();
  stop();
  start("server = \"unix://" + path() +
        "\"\nframing = \"non-transparent\"\ntrailer = \"NUL\"\n"
        "syslog_standard = \"RFC3164\"");
  logger("--socket " + path());
  ASSERT_TRUE(wait_points(2)) << counters_.last_error();
  expect_the_text();
}

// An rsyslogd of our own that takes messages on a socket and forwards them.
class Rsyslog : public SyslogPeers {
 protected:
  void forward(const std::string& framing, const std::string& format) {
    std::ofstream(directory_.path("rsyslog.conf"))
        << fmt::format(R"(global(workDirectory="{0}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{0}/log")
action(type="omfwd" target="127.0.0.1" port="{1}" protocol="tcp" TCP_Framing="{2}"
       template="{3}")
)",
                       directory_.path(), port(), framing, format);
    const auto started =
        rsyslog_.start({"-n", "-f", directory_.path("rsyslog.conf"), "-i", directory_.path("pid")},
                       [&] { return std::ifstream(directory_.path("pid")).good(); });
    ASSERT_TRUE(started) << started.error().message;
    for (int i = 0; i < 3; ++i) logger("--socket " + directory_.path("log"));
    ASSERT_TRUE(wait_points(3)) << counters_.last_error() << rsyslog_.log();
    expect_the_text();
    EXPECT_THAT(sink_.text(), HasSubstr("hostname="));
  }
  ServerProcess rsyslog_{"rsyslogd", "rsyslog", directory_.path("rsyslog.log")};
};

TEST_F(Rsyslog, ForwardsOctetCounted) {
  start("server = \"tcp://127.0.0.1:0\"");
  forward("octet-counted", "RSYSLOG_SyslogProtocol23Format");
}

TEST_F(Rsyslog, ForwardsLines) {
  start("server = \"tcp://127.0.0.1:0\"\nframing = \"non-transparent\"");
  forward("traditional", "RSYSLOG_SyslogProtocol23Format");
}

TEST_F(Rsyslog, ForwardsTheOlderStandard) {
  start("server = \"tcp://127.0.0.1:0\"\nsyslog_standard = \"RFC3164\"");
  forward("octet-counted", "RSYSLOG_TraditionalForwardFormat");
}

TEST_F(Rsyslog, ForwardsTheOlderStandardWithExactTimes) {
  start(
      "server = \"tcp://127.0.0.1:0\"\nsyslog_standard = \"RFC3164\"\n"
      "framing = \"non-transparent\"");
  forward("traditional", "RSYSLOG_ForwardFormat");
}

}  // namespace
}  // namespace holdfast::test

// The libcurl client against the fault server.
#include "outputs/http_client.h"

#include <array>
#include <thread>

#include <gtest/gtest.h>

#include <asio.hpp>

#include "outputs/answer_reader.h"
#include "tests/outputs/counted_lookups.h"
#include "tests/support/fault_server.h"
#include "tests/support/temp_dir.h"

namespace holdfast::outputs {
namespace {

using std::chrono::milliseconds;
using test::Fault;
using test::FaultServer;
using test::Step;

class HttpClientTest : public testing::Test {
 protected:
  void SetUp() override { make_client({}); }

  void make_client(const HttpClientOptions& options) {
    auto client = make_http_client(options, clock_);
    ASSERT_TRUE(client) << client.error().message;
    client_ = std::move(*client);
  }

  HttpResult post(std::string_view body = "m v=1i 1\n", std::vector<HttpHeader> headers = {}) {
    return client_->send({server_.url() + "/write?db=x", std::move(headers), body}, stop_);
  }

  base::SystemClock clock_;
  StopSignal stop_;
  FaultServer server_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientTest, SendsOneOrdinaryPost) {
  const HttpResult result = post("m v=1i 1\n", {{"Content-Type", "text/plain; charset=utf-8"}});
  EXPECT_EQ(result.status, 204);
  EXPECT_EQ(result.error, TransportError::kNone);
  EXPECT_EQ(result.bytes_sent, 9U);
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 1U);
  const auto& request = requests[0];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.target, "/write?db=x");
  EXPECT_EQ(request.body, "m v=1i 1\n");
  EXPECT_EQ(request.headers.at("content-length"), "9");
  EXPECT_EQ(request.headers.at("content-type"), "text/plain; charset=utf-8");
  EXPECT_TRUE(request.headers.at("user-agent").starts_with("holdfast/"));
  EXPECT_EQ(request.headers.count("expect"), 0U);
  EXPECT_EQ(request.headers.count("transfer-encoding"), 0U);
  EXPECT_EQ(request.headers.count("authorization"), 0U);
}

TEST_F(HttpClientTest, BasicAuthenticationIsSentAtOnce) {
  make_client({.user_agent = "probe", .username = "Aladdin", .password = "open sesame"});
  EXPECT_EQ(post().status, 204);
  EXPECT_EQ(server_.requests()[0].headers.at("authorization"),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(server_.requests()[0].headers.at("user-agent"), "probe");
}

TEST_F(HttpClientTest, ManyRequestsShareOneConnection) {
  server_.script({{.status = 400, .body = R"({"error":"no"})"}, {.status = 503}});
  for (int i = 0; i < 50; ++i) EXPECT_GT(post().status, 0);
  EXPECT_EQ(server_.requests().size(), 50U);
  EXPECT_EQ(server_.connections(), 1U);
}

TEST_F(HttpClientTest, LargeBodiesGoOutWithoutWaitingForA100) {
  const std::string body(3'000'000, 'x');
  EXPECT_EQ(post(body).status, 204);
  EXPECT_EQ(server_.requests()[0].body.size(), body.size());
}

TEST_F(HttpClientTest, AStaleConnectionIsReplacedUnnoticed) {
  // The server closes each connection behind its answer: now and then the client only finds out
  // when it has sent the next request.
  server_.script(std::vector<Step>(30, {.fault = Fault::kAnswerThenClose}));
  for (int i = 0; i < 30; ++i) {
    const HttpResult result = post();
    EXPECT_EQ(result.status, 204) << result.error_text;
  }
  EXPECT_EQ(server_.connections(), 30U);
}

TEST_F(HttpClientTest, AResetOfAReusedConnectionIsRetriedOnceOnAFreshOne) {
  for (const Fault fault :
       {Fault::kResetBeforeBody, Fault::kResetWhileReading, Fault::kResetAfterBody}) {
    FaultServer server;
    const HttpRequest request{server.url() + "/write", {}, "m v=1i 1\n"};
    ASSERT_EQ(client_->send(request, stop_).status, 204);
    server.script({{.fault = fault}});
    EXPECT_EQ(client_->send(request, stop_).status, 204);
    EXPECT_EQ(server.requests().size(), 3U);
    EXPECT_EQ(server.connections(), 2U);
    // The fresh one is reset too: that counts.
    server.script({{.fault = fault}, {.fault = fault}, {.fault = fault}});
    const HttpResult result = client_->send(request, stop_);
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.error, TransportError::kReset);
    EXPECT_EQ(server.requests().size(), 5U);
  }
}

TEST_F(HttpClientTest, LargeBodiesSurviveAStaleConnectionToo) {
  const std::string body(3'000'000, 'x');
  ASSERT_EQ(post(body).status, 204);
  server_.script({{.fault = Fault::kResetBeforeBody}, {}, {.fault = Fault::kResetWhileReading}});
  EXPECT_EQ(post(body).status, 204);
  EXPECT_EQ(post(body).status, 204);
}

TEST_F(HttpClientTest, AResetOfAFreshConnectionIsAFailure) {
  server_.script({{.fault = Fault::kResetAfterBody}});
  const HttpResult result = post();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.error, TransportError::kReset);
  EXPECT_FALSE(result.error_text.empty());
  EXPECT_EQ(server_.requests().size(), 1U);
}

TEST_F(HttpClientTest, AHangEndsAtTheTimeout) {
  make_client({.timeout = milliseconds(200)});
  server_.script({{.fault = Fault::kHang}});
  const HttpResult result = post();
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.error, TransportError::kTimeout);
  EXPECT_EQ(server_.requests().size(), 1U);
  // And the connection is not used again, where the answer might still come.
  EXPECT_EQ(post().status, 204);
  EXPECT_EQ(server_.connections(), 2U);
}

TEST_F(HttpClientTest, AHangEndsWithTheStop) {
  server_.script({{.fault = Fault::kHang}});
  std::jthread stopper([this] {
    EXPECT_TRUE(server_.wait_requests(1));
    stop_.request(clock_.boot());
  });
  const HttpResult result = post();  // the timeout is 15 s
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.error, TransportError::kAborted);
}

TEST_F(HttpClientTest, NothingIsSentAfterTheStop) {
  stop_.request(clock_.boot());
  EXPECT_EQ(post().error, TransportError::kAborted);
  EXPECT_EQ(server_.requests().size(), 0U);
}

TEST_F(HttpClientTest, NobodyListens) {
  std::string url;
  {
    FaultServer gone;
    url = gone.url();
  }
  const HttpResult result = client_->send({url + "/write", {}, "m v=1i 1\n"}, stop_);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.error, TransportError::kConnect);
}

TEST_F(HttpClientTest, AfterAFailureTheNameIsLookedUpAgain) {
  const std::string url = fmt::format("http://{}:{}/write", test::kCountedName, server_.port());
  const std::uint64_t before = test::counted_lookups();
  ASSERT_EQ(client_->send({url, {}, "m v=1i 1\n"}, stop_).status, 204);
  EXPECT_EQ(test::counted_lookups(), before + 1);
  // A new connection while all is well: the address is remembered.
  server_.script({{.fault = Fault::kAnswerThenClose}});
  ASSERT_EQ(client_->send({url, {}, "m v=1i 1\n"}, stop_).status, 204);
  ASSERT_EQ(client_->send({url, {}, "m v=1i 1\n"}, stop_).status, 204);
  EXPECT_EQ(server_.connections(), 2U);
  EXPECT_EQ(test::counted_lookups(), before + 1);
  server_.script({{.fault = Fault::kGarbage, .raw = "?"}, {}});
  EXPECT_EQ(client_->send({url, {}, "m v=1i 1\n"}, stop_).status, 0);
  EXPECT_EQ(client_->send({url, {}, "m v=1i 1\n"}, stop_).status, 204);
  EXPECT_EQ(test::counted_lookups(), before + 2);
}

TEST_F(HttpClientTest, AnAddressToSendFrom) {
  make_client({.local_address = "127.0.0.9"});
  asio::io_context io;
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  std::string peer;
  std::jthread server([&] {
    asio::ip::tcp::socket socket = acceptor.accept();
    peer = socket.remote_endpoint().address().to_string();
  });
  const std::string port = std::to_string(acceptor.local_endpoint().port());
  (void)client_->send({"http://127.0.0.1:" + port + "/write", {}, "x"}, stop_);
  server.join();
  EXPECT_EQ(peer, "127.0.0.9");
}

TEST_F(HttpClientTest, AnAddressThatIsNotOurs) {
  make_client({.local_address = "192.0.2.7"});
  const HttpResult result = post();
  EXPECT_EQ(result.error, TransportError::kConnect) << result.error_text;
  EXPECT_EQ(server_.requests().size(), 0U);
}

TEST_F(HttpClientTest, AUnixSocketNeedsNeitherNameNorProxy) {
  const test::TempDir dir;
  asio::io_context io;
  asio::local::stream_protocol::acceptor acceptor(io, {dir.path("s")});
  std::string request;
  std::jthread server([&] {
    auto socket = acceptor.accept();
    asio::read_until(socket, asio::dynamic_buffer(request), "m v=1i 1\n");
    asio::write(socket, asio::buffer(std::string("HTTP/1.1 204 No Content\r\n\r\n")));
  });
  make_client({.proxy = "http://127.0.0.1:1", .unix_socket = dir.path("s")});
  const HttpResult result = client_->send({"http://localhost/write?db=x", {}, "m v=1i 1\n"}, stop_);
  server.join();
  EXPECT_EQ(result.status, 204) << result.error_text;
  EXPECT_TRUE(request.starts_with("POST /write?db=x HTTP/1.1\r\nHost: localhost\r\n")) << request;
}

TEST_F(HttpClientTest, ARequestThatIsTooSlowIsGivenUp) {
  make_client({.low_speed_limit = 1000, .low_speed_time = std::chrono::seconds(1)});
  server_.script({{.fault = Fault::kHang}});
  const HttpResult result = post();  // the timeout is 15 s
  EXPECT_EQ(result.error, TransportError::kTimeout);
  EXPECT_NE(result.error_text.find("too slow"), std::string::npos) << result.error_text;
}

TEST_F(HttpClientTest, ANameWithoutAddress) {
  // A label of more than 63 characters is refused without asking anybody.
  const std::string url = "http://" + std::string(70, 'a') + ".invalid/write";
  const HttpResult result = client_->send({url, {}, "x"}, stop_);
  EXPECT_EQ(result.error, TransportError::kResolve);
}

TEST_F(HttpClientTest, AServerThatDoesNotSpeakTls) {
  asio::io_context io;
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
  std::jthread server([&] {
    asio::ip::tcp::socket socket = acceptor.accept();
    asio::write(socket, asio::buffer("no TLS here\r\n", 13));
    std::error_code end;
    std::array<char, 1024> rest{};
    while (!end) (void)socket.read_some(asio::buffer(rest), end);
  });
  const std::string port = std::to_string(acceptor.local_endpoint().port());
  const HttpResult result = client_->send({"https://127.0.0.1:" + port + "/write", {}, "x"}, stop_);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.error, TransportError::kTls);
}

TEST_F(HttpClientTest, RedirectsAreNotFollowed) {
  server_.script({{.status = 307, .headers = {{"Location", server_.url() + "/other"}}}});
  const HttpResult result = post();
  EXPECT_EQ(result.status, 307);
  EXPECT_EQ(server_.requests().size(), 1U);
}

TEST_F(HttpClientTest, HeadersAndBodyComeBack) {
  server_.script({{.status = 503,
                   .headers = {{"Retry-After", "  17 "}, {"X-Odd", "\xff\xfe"}},
                   .body = "busy"}});
  const HttpResult result = post();
  EXPECT_EQ(result.status, 503);
  EXPECT_EQ(result.body, "busy");
  ASSERT_NE(result.header("retry-after"), nullptr);
  EXPECT_EQ(*result.header("retry-after"), "17");
  EXPECT_EQ(*result.header("x-odd"), "\xff\xfe");
  EXPECT_EQ(result.header("absent"), nullptr);
}

TEST_F(HttpClientTest, AnInterimAnswerIsNotTheAnswer) {
  server_.script({{.fault = Fault::kGarbage,
                   .raw = "HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"
                          "HTTP/1.1 204 No Content\r\nA: b\r\n\r\n"}});
  const HttpResult result = post();
  EXPECT_EQ(result.status, 204);
  EXPECT_EQ(result.header("Retry-After"), nullptr);
  EXPECT_NE(result.header("A"), nullptr);
}

TEST_F(HttpClientTest, OfABigErrorBodyOnlyTheStartIsKept) {
  server_.script({{.status = 400, .body = std::string(949'000, 'e')}});
  const HttpResult result = post();
  EXPECT_EQ(result.status, 400);
  EXPECT_EQ(result.error, TransportError::kNone);
  EXPECT_EQ(result.body, std::string(AnswerReader::kMaxBody, 'e'));
  EXPECT_EQ(post().status, 204);
  EXPECT_EQ(server_.connections(), 1U);  // read to its end: the connection is good
}

TEST_F(HttpClientTest, AnEndlessErrorBodyCostsTheConnectionNotTheStatus) {
  server_.script({{.status = 400, .body = std::string(4'000'000, 'e')}});
  const HttpResult result = post();
  EXPECT_EQ(result.status, 400);
  EXPECT_EQ(result.error, TransportError::kNone);
  EXPECT_EQ(result.body.size(), AnswerReader::kMaxBody);
  EXPECT_EQ(post().status, 204);
  EXPECT_EQ(server_.connections(), 2U);
}

TEST_F(HttpClientTest, ANulInAHeaderDoesNotHideTheStatus) {
  using namespace std::string_literals;
  server_.script({{.fault = Fault::kGarbage,
                   .raw = "HTTP/1.1 400 Bad Request\r\nX-Influxdb-Error: unable to parse '\0'\r\n"
                          "Content-Length: 0\r\n\r\n"s}});
  const HttpResult result = post();
  EXPECT_EQ(result.status, 400);
  EXPECT_NE(result.error, TransportError::kNone);
}

TEST_F(HttpClientTest, AnswersThatAreNotHttp) {
  using namespace std::string_literals;
  for (const std::string& raw :
       {"SSH-2.0-OpenSSH_9.2\r\n"s, "\0\0\0\0"s, "HTTP/1.1 2"s, "HTTP/1.1 204 No Content\r\nA: "s,
        "HTTP/1.1 204 No Content\r\nA: \0\r\n\r\n"s}) {
    make_client({});
    server_.script({{.fault = Fault::kGarbage, .raw = raw}});
    const HttpResult result = post();
    EXPECT_EQ(result.status, 0) << raw;
    EXPECT_NE(result.error, TransportError::kNone) << raw;
  }
}

TEST_F(HttpClientTest, AnAnswerCutInItsBodyStillCounts) {
  server_.script({{.fault = Fault::kGarbage,
                   .raw = "HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 900\r\n\r\nbu"}});
  const HttpResult result = post();
  EXPECT_EQ(result.status, 503);
  EXPECT_EQ(result.error, TransportError::kReset);
  EXPECT_EQ(*result.header("Retry-After"), "3");
}

TEST_F(HttpClientTest, AnAnswerBeforeTheBodyIsReadIsSeen) {
  // The server refuses from the header alone and closes with most of the body unread. In about one
  // of 200 requests the client is in the middle of a send just then.
  const std::string body(6'000'000, 'x');
  for (int i = 0; i < 800; ++i) {
    server_.script({{.status = 413, .body = "too large", .fault = Fault::kAnswerBeforeBody}});
    const HttpResult result = post(body);
    ASSERT_EQ(result.status, 413) << result.error_text;
  }
}

TEST(AnswerReader, TakesARawAnswerApart) {
  AnswerReader reader;
  reader.raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 Too Large\r\nA: b\r\n\r\nwhy");
  EXPECT_TRUE(reader.status_counts());
  const HttpResult result = reader.take();
  EXPECT_EQ(result.status, 413);
  EXPECT_EQ(result.body, "why");
  ASSERT_NE(result.header("a"), nullptr);
}

TEST(AnswerReader, KeepsNoMoreThanItsLimits) {
  AnswerReader reader;
  reader.header_line("HTTP/1.1 500 X\r\n");
  for (int i = 0; i < 1000; ++i) reader.header_line("N: " + std::string(10'000, 'v') + "\r\n");
  reader.header_line("\r\n");
  bool more = true;
  for (int i = 0; i < 1024 && more; ++i) more = reader.body(std::string(2048, 'b'));
  EXPECT_FALSE(more);
  const HttpResult result = reader.take();
  EXPECT_EQ(result.headers.size(), AnswerReader::kMaxHeaders);
  EXPECT_EQ(result.headers[0].value.size(), AnswerReader::kMaxHeaderBytes);
  EXPECT_EQ(result.body.size(), AnswerReader::kMaxBody);
}

TEST(AnswerReader, HalfAnAnswerCountsOnlyWhenItIsARefusal) {
  AnswerReader good;
  good.raw("HTTP/1.1 204 No Content\r\nA: b\r\n");
  EXPECT_FALSE(good.status_counts());
  AnswerReader bad;
  bad.raw("HTTP/1.1 401 Unauthorized\r\nA: b\r\n");
  EXPECT_TRUE(bad.status_counts());
  AnswerReader other;
  other.raw("SSH-2.0\r\n\r\n");
  EXPECT_FALSE(other.saw_anything());
}

}  // namespace
}  // namespace holdfast::outputs

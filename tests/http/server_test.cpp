// The HTTP server over real sockets on loopback.
#include "agent/http/server.h"

#include <algorithm>
#include <fstream>
#include <vector>

#include <fmt/core.h>

#include "tests/http/http_client.h"
#include "tests/support/temp_dir.h"

namespace holdfast::http {
namespace {

using test::Answer;
using test::eventually;
using test::TcpClient;

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = 1024 * kKiB;

std::string post(std::string_view path, std::string_view body, std::string_view headers = "") {
  return fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{}\r\n{}", path,
                     body.size(), headers, body);
}

std::string get(std::string_view path, std::string_view headers = "") {
  return fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n{}\r\n", path, headers);
}

// Answers 200 with the request's body.
void echo(const Request& request, Responder responder) {
  responder.respond(
      {200, request.method + " " + request.path + " " + request.body, "text/plain", {}});
}

// Keeps requests until the test answers them.
struct Shelf {
  void put(Request request, Responder responder) {
    const std::lock_guard lock(mutex);
    requests.push_back(std::move(request));
    responders.push_back(std::move(responder));
  }
  std::size_t size() {
    const std::lock_guard lock(mutex);
    return responders.size();
  }
  Responder take() {
    const std::lock_guard lock(mutex);
    Responder first = std::move(responders.front());
    responders.erase(responders.begin());
    return first;
  }
  std::mutex mutex;
  std::vector<Request> requests;
  std::vector<Responder> responders;
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() { options_.address = "127.0.0.1:0"; }
  void TearDown() override { stop(); }

  void start(Server::Handler handler) {
    thread_.run([&] {
      auto started = Server::start(thread_.io(), options_, std::move(handler), base::Logger());
      ASSERT_TRUE(started) << started.error().message;
      server_ = std::move(*started);
    });
  }
  void start_with_shelf() {
    start([this](Request request, Responder responder) {
      shelf_.put(std::move(request), std::move(responder));
    });
  }
  void stop() {
    thread_.run([&] { server_.reset(); });
  }
  [[nodiscard]] asio::ip::tcp::endpoint address() const { return test::loopback(server_->port()); }
  bool shelf_has(std::size_t count) {
    return eventually([&] { return shelf_.size() == count; });
  }

  Shelf shelf_;
  test::IoThread thread_;
  ServerOptions options_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AConnectionIsKeptForManyRequests) {
  start(echo);
  TcpClient client(address());
  for (int i = 0; i < 20; ++i) {
    const std::string body(static_cast<std::size_t>(i) * 700, 'x');
    const Answer answer = client.ask(post("/a", body));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "POST /a " + body);
  }
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  start(echo);
  TcpClient client(address());
  client.send(post("/first", "1") + post("/second", "2") + get("/third"));
  EXPECT_EQ(client.read_answer().body, "POST /first 1");
  EXPECT_EQ(client.read_answer().body, "POST /second 2");
  EXPECT_EQ(client.read_answer().body, "GET /third ");
}

TEST_F(ServerTest, PipelinedRequestsWaitForLateAnswers) {
  start_with_shelf();
  TcpClient client(address());
  client.send(post("/first", "1") + post("/second", "2"));
  ASSERT_TRUE(shelf_has(1));
  shelf_.take().respond({200, "one", "text/plain", {}});
  EXPECT_EQ(client.read_answer().body, "one");
  ASSERT_TRUE(shelf_has(1));
  shelf_.take().respond({200, "two", "text/plain", {}});
  EXPECT_EQ(client.read_answer().body, "two");
}

TEST_F(ServerTest, RequestsArriveWithPathQueryAndHeaders) {
  start_with_shelf();
  TcpClient client(address());
  client.send(
      "POST /a%20b?db=my+db&x=%26&db=second&flag HTTP/1.1\r\nHost: h\r\nX-Twice: 1\r\n"
      "x-twice: 2\r\nContent-Length: 3\r\n\r\nabc");
  ASSERT_TRUE(shelf_has(1));
  const Request& request = shelf_.requests.front();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.path, "/a b");
  EXPECT_EQ(request.parameter("db"), "my db");
  EXPECT_EQ(request.parameter("x"), "&");
  EXPECT_EQ(request.query.count("flag"), 1U);
  EXPECT_EQ(request.header("x-twice"), "1, 2");
  EXPECT_EQ(request.header("absent"), "");
  EXPECT_EQ(request.body, "abc");
  EXPECT_TRUE(request.remote.starts_with("127.0.0.1:")) << request.remote;
}

TEST_F(ServerTest, AChunkedBodyIsPutTogether) {
  start(echo);
  TcpClient client(address());
  const Answer answer = client.ask(
      "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5\r\nhello\r\n1\r\n \r\n5;ext=1\r\nworld\r\n0\r\n\r\n");
  EXPECT_EQ(answer.body, "POST /c hello world");
}

TEST_F(ServerTest, ALargeBodyArrivesWhole) {
  start_with_shelf();
  std::string body(9 * kMiB, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 + i / 251);
  TcpClient client(address());
  ASSERT_TRUE(client.send(post("/large", body)));
  ASSERT_TRUE(shelf_has(1));
  EXPECT_TRUE(shelf_.requests.front().body == body);
}

TEST_F(ServerTest, ExpectContinueIsAnsweredBeforeTheBody) {
  start(echo);
  TcpClient client(address());
  client.send("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 100);
  EXPECT_EQ(client.ask("ok").body, "POST /e ok");
}

TEST_F(ServerTest, ATooLongContentLengthIsRefusedWithoutItsBody) {
  options_.max_body_bytes = 10;
  start(echo);
  TcpClient client(address());
  const Answer answer = client.ask("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n");
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_EQ(answer.body, R"({"error":"the body is larger than 10 bytes"})");
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(TcpClient(address()).ask(post("/e", "0123456789")).status, 200);
}

TEST_F(ServerTest, NoContinueIsSentForABodyThatIsRefused) {
  options_.max_body_bytes = 10;
  start(echo);
  TcpClient client(address());
  client.send("POST /e HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 413);
}

TEST_F(ServerTest, AClientThatSendsAllOfATooLargeBodyStillReadsTheAnswer) {
  options_.max_body_bytes = 1024;
  start(echo);
  for (int i = 0; i < 5; ++i) {
    TcpClient client(address());
    EXPECT_TRUE(client.send(post("/large", std::string(16 * kMiB, 'x'))));
    EXPECT_EQ(client.read_answer().status, 413);
  }
}

TEST_F(ServerTest, AChunkedBodyThatGrowsTooLargeIsRefusedAtItsEnd) {
  options_.max_body_bytes = 10;
  start(echo);
  TcpClient client(address());
  const Answer answer = client.ask(
      "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "6\r\nabcdef\r\n6\r\nabcdef\r\n1\r\nx\r\n0\r\n\r\n");
  EXPECT_EQ(answer.status, 413);
  EXPECT_EQ(client.ask(post("/next", "1")).body, "POST /next 1");
}

TEST_F(ServerTest, AnEndlessChunkedBodyIsCutOff) {
  options_.max_body_bytes = 64 * kKiB;
  start(echo);
  TcpClient client(address());
  const std::string chunk = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
  ASSERT_TRUE(client.send("POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
  int sent = 0;
  while (sent < 10'000 && client.send(chunk)) ++sent;
  EXPECT_LT(sent, 10'000);
  EXPECT_EQ(server_->pending(), 0U);
}

TEST_F(ServerTest, MoreThanThePendingBytesIsRefusedUntilAnAnswerFreesThem) {
  options_.max_pending_bytes = 100;
  start_with_shelf();
  TcpClient first(address());
  TcpClient second(address());
  first.send(post("/a", std::string(60, 'x')));
  ASSERT_TRUE(shelf_has(1));
  const Answer refused = second.ask("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 41\r\n\r\n");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  TcpClient third(address());
  const Answer chunked = third.ask(fmt::format(
      "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n29\r\n{}\r\n0\r\n\r\n",
      std::string(0x29, 'x')));
  EXPECT_EQ(chunked.status, 503);
  shelf_.take().respond({});
  EXPECT_EQ(first.read_answer().status, 204);
  third.send(post("/d", std::string(100, 'x')));
  ASSERT_TRUE(shelf_has(1));
  shelf_.take().respond({});
  EXPECT_EQ(third.read_answer().status, 204);
}

TEST_F(ServerTest, AnAbandonedBodyGivesItsBytesBack) {
  options_.max_pending_bytes = 100;
  start(echo);
  for (int i = 0; i < 3; ++i) {
    TcpClient client(address());
    client.send("POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
    client.reset();
  }
  EXPECT_TRUE(eventually(
      [&] { return TcpClient(address()).ask(post("/e", std::string(100, 'x'))).status == 200; }));
}

TEST_F(ServerTest, AnAnswerMayComeLateFromAnotherThread) {
  start_with_shelf();
  TcpClient client(address());
  for (int i = 0; i < 50; ++i) {
    client.send(post("/late", "x"));
    ASSERT_TRUE(shelf_has(1));
    std::thread([responder = shelf_.take(), i]() mutable {
      responder.respond({200, std::to_string(i), "text/plain", {{"X-Extra", "yes"}}});
    }).join();
    const Answer answer = client.read_answer();
    EXPECT_EQ(answer.body, std::to_string(i));
    EXPECT_EQ(answer.header("X-Extra"), "yes");
  }
  EXPECT_TRUE(eventually([&] { return server_->pending() == 0; }));
}

TEST_F(ServerTest, AnAnswerMayComeWhileTheHandlerStillRuns) {
  std::vector<std::thread> threads;
  start([&](const Request&, Responder responder) {
    threads.emplace_back([responder = std::move(responder)]() mutable { responder.respond({}); });
  });
  TcpClient client(address());
  for (int i = 0; i < 200; ++i) EXPECT_EQ(client.ask(get("/")).status, 204);
  for (auto& thread : threads) thread.join();
}

TEST_F(ServerTest, AForgottenRequestIsAnswered500) {
  start([](const Request&, const Responder&) {});
  TcpClient client(address());
  EXPECT_EQ(client.ask(get("/")).status, 500);
  EXPECT_EQ(client.ask(get("/")).status, 500);
}

TEST_F(ServerTest, AResponderAnsweredTwiceCountsOnce) {
  start([](const Request&, Responder responder) {
    responder.respond({200, "first", "text/plain", {}});
    responder.respond({200, "second", "text/plain", {}});
  });
  EXPECT_EQ(TcpClient(address()).ask(get("/")).body, "first");
}

TEST_F(ServerTest, UnansweredRequestsGet503WhenTheServerGoes) {
  start_with_shelf();
  TcpClient first(address());
  TcpClient second(address());
  first.send(get("/1"));
  second.send(get("/2"));
  ASSERT_TRUE(shelf_has(2));
  stop();
  EXPECT_EQ(first.read_answer().status, 503);
  EXPECT_EQ(second.read_answer().status, 503);
  EXPECT_TRUE(first.at_end());
  shelf_.take().respond({200, "too late", "text/plain", {}});  // one answered, one dropped
  shelf_.responders.clear();
}

TEST_F(ServerTest, ManyConnectionsAtOnceAreAllAnswered) {
  start_with_shelf();
  constexpr std::size_t kConnections = 200;
  std::vector<std::unique_ptr<TcpClient>> clients;
  clients.reserve(kConnections);
  for (std::size_t i = 0; i < kConnections; ++i) {
    clients.push_back(std::make_unique<TcpClient>(address()));
    clients.back()->send(post("/many", std::to_string(i)));
  }
  ASSERT_TRUE(shelf_has(kConnections));
  EXPECT_EQ(server_->pending(), kConnections);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < kConnections / 4; ++i) shelf_.take().respond({});
    });
  }
  for (auto& thread : threads) thread.join();
  for (auto& client : clients) EXPECT_EQ(client->read_answer().status, 204);
}

TEST_F(ServerTest, ConnectionsOverTheLimitWaitForOthersToGo) {
  options_.max_connections = 2;
  start(echo);
  auto first = std::make_unique<TcpClient>(address());
  TcpClient second(address());
  EXPECT_EQ(first->ask(get("/1")).status, 200);
  EXPECT_EQ(second.ask(get("/2")).status, 200);
  first.reset();
  EXPECT_TRUE(eventually([&] { return TcpClient(address()).ask(get("/3")).status == 200; }));
}

TEST_F(ServerTest, HalfARequestIsForgottenWhenTheClientGoes) {
  start(echo);
  {
    TcpClient client(address());
    client.send("POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this");
    client.close();
  }
  EXPECT_EQ(TcpClient(address()).ask(get("/")).status, 200);
  EXPECT_TRUE(eventually([&] { return server_->pending() == 0; }));
}

TEST_F(ServerTest, AClientThatGoesBeforeItsAnswerHarmsNobody) {
  start_with_shelf();
  {
    TcpClient client(address());
    client.send(post("/gone", "x"));
    ASSERT_TRUE(shelf_has(1));
    client.reset();
  }
  shelf_.take().respond({200, std::string(kMiB, 'x'), "text/plain", {}});
  EXPECT_TRUE(eventually([&] { return server_->pending() == 0; }));
}

TEST_F(ServerTest, AnIdleConnectionIsClosed) {
  options_.idle_timeout = std::chrono::seconds(1);
  start(echo);
  TcpClient client(address());
  EXPECT_EQ(client.ask(get("/")).status, 200);
  EXPECT_TRUE(client.at_end());
}

TEST_F(ServerTest, GarbageIsAnswered400) {
  start(echo);
  EXPECT_EQ(TcpClient(address()).ask("\x16\x03\x01 garbage\r\n\r\n").status, 400);
  EXPECT_EQ(
      TcpClient(address()).ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n").status,
      400);
}

TEST_F(ServerTest, ARequestWithoutHostIsAnswered400) {
  start(echo);
  EXPECT_EQ(TcpClient(address()).ask("GET / HTTP/1.1\r\n\r\n").status, 400);
  EXPECT_EQ(TcpClient(address()).ask("GET / HTTP/1.0\r\n\r\n").status, 200);
}

TEST_F(ServerTest, TooLongAHeaderIsRefused) {
  start(echo);
  const Answer answer =
      TcpClient(address()).ask(get("/", "X-Long: " + std::string(256 * kKiB, 'x') + "\r\n"));
  EXPECT_TRUE(answer.status == 431 || answer.status == 413) << answer.status;
}

TEST_F(ServerTest, HeadIsAnsweredWithoutABody) {
  start(echo);
  TcpClient client(address());
  client.send("HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n");
  const Answer answer = client.read_answer(false);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("Content-Length"), "8");
  EXPECT_EQ(client.ask(get("/g")).body, "GET /g ");
}

TEST_F(ServerTest, QuiesceAnswersWhatIsPendingAndTakesNoConnections) {
  start_with_shelf();
  TcpClient client(address());
  client.send(post("/pending", "x"));
  ASSERT_TRUE(shelf_has(1));
  const auto endpoint = address();
  std::promise<void> drained;
  auto drain = drained.get_future();
  thread_.run([&] { server_->quiesce([&] { drained.set_value(); }); });
  EXPECT_THROW(TcpClient{endpoint}, std::system_error);
  EXPECT_EQ(drain.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  shelf_.take().respond({200, "done", "text/plain", {}});
  EXPECT_EQ(client.read_answer().body, "done");
  EXPECT_EQ(drain.wait_for(test::kDeadline), std::future_status::ready);
}

TEST_F(ServerTest, QuiesceWithNothingPendingIsDrainedAtOnce) {
  start(echo);
  std::promise<void> drained;
  thread_.run([&] { server_->quiesce([&] { drained.set_value(); }); });
  EXPECT_EQ(drained.get_future().wait_for(test::kDeadline), std::future_status::ready);
}

TEST_F(ServerTest, AllAddressesMeansIpv4AndIpv6) {
  options_.address = ":0";
  start(echo);
  EXPECT_EQ(TcpClient(address()).ask(get("/4")).status, 200);
  try {
    TcpClient v6({asio::ip::address_v6::loopback(), server_->port()});
    EXPECT_EQ(v6.ask(get("/6")).status, 200);
  } catch (const std::system_error& error) {
    // A machine without IPv6 has no ::1 to connect to.
    EXPECT_EQ(error.code(), std::errc::address_not_available);
  }
}

TEST_F(ServerTest, ListensOnAUnixSocketInPlaceOfAStaleOne) {
  const test::TempDir directory;
  options_.address = "unix:" + directory.path("socket");
  {  // what a killed process leaves behind
    asio::io_context io;
    asio::local::stream_protocol::acceptor stale(io, directory.path("socket"));
  }
  ASSERT_EQ(access(directory.path("socket").c_str(), F_OK), 0);
  start_with_shelf();
  EXPECT_EQ(server_->port(), 0);
  test::UnixClient client(directory.path("socket"));
  client.send(get("/unix"));
  ASSERT_TRUE(shelf_has(1));
  EXPECT_EQ(shelf_.requests.front().remote, "unix");
  shelf_.take().respond({});
  EXPECT_EQ(client.read_answer().status, 204);
  stop();
  EXPECT_NE(access(directory.path("socket").c_str(), F_OK), 0);
}

TEST_F(ServerTest, AUnixSocketInUseIsLeftAlone) {
  const test::TempDir directory;
  options_.address = "unix:" + directory.path("socket");
  start(echo);
  thread_.run([&] {
    const auto second = Server::start(thread_.io(), options_, echo, base::Logger());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, base::ErrorCode::kBusy);
  });
  EXPECT_EQ(test::UnixClient(directory.path("socket")).ask(get("/")).status, 200);
}

TEST_F(ServerTest, AFileInTheWayOfAUnixSocketIsNotRemoved) {
  const test::TempDir directory;
  options_.address = "unix:" + directory.path("socket");
  std::ofstream(directory.path("socket")) << "precious";
  thread_.run([&] { EXPECT_FALSE(Server::start(thread_.io(), options_, echo, base::Logger())); });
  EXPECT_EQ(access(directory.path("socket").c_str(), F_OK), 0);
}

TEST_F(ServerTest, AnAddressInUseIsSaidSo) {
  start(echo);
  thread_.run([&] {
    ServerOptions again;
    again.address = fmt::format("127.0.0.1:{}", server_->port());
    const auto second = Server::start(thread_.io(), again, echo, base::Logger());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, base::ErrorCode::kBusy);
    EXPECT_EQ(second.error().message, "listen on " + again.address + ": Address already in use");
  });
}

TEST_F(ServerTest, AWrongAddressIsRefused) {
  for (const char* address : {"", "8186", "localhost", "127.0.0.1:x", "127.0.0.1:70000", "::1:80",
                              "unix:", "127.0.0.1:"}) {
    thread_.run([&] {
      options_.address = address;
      const auto started = Server::start(thread_.io(), options_, echo, base::Logger());
      ASSERT_FALSE(started) << address;
      EXPECT_EQ(started.error().code, base::ErrorCode::kInvalid) << address;
    });
  }
}

}  // namespace
}  // namespace holdfast::http

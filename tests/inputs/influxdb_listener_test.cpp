// influxdb_listener, and what it shares with other listeners for line protocol.
#include <gmock/gmock.h>

#include "tests/inputs/listener_fixture.h"

namespace holdfast::inputs {

const InputPlugin& influxdb_listener_plugin();

namespace {

using ::testing::HasSubstr;

class InfluxdbListenerTest : public ListenerTest {
 protected:
  InfluxdbListenerTest() : ListenerTest(influxdb_listener_plugin()) {}

  Answer write(std::string_view body, std::string_view query = "?db=x") {
    return ask(post(fmt::format("/write{}", query), body));
  }
  Answer write_gzip(std::string_view body) { return ask(post("/write?db=x", body, kGzipHeader)); }
};

TEST_F(InfluxdbListenerTest, GoodLinesAreAnswered204AndEmpty) {
  start();
  const Answer answer = write("cpu,host=a v=1 1000\nmem v=2i 2000\n");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.header("Content-Length"), "");
  EXPECT_EQ(sink_.text(), "cpu,host=a v=1 1000\nmem v=2i 2000\n");
  EXPECT_EQ(counters_.gathered, 2U);
  EXPECT_EQ(counters_.not_accepted, 0U);
  EXPECT_EQ(counters_.errors, 0U);
}

TEST_F(InfluxdbListenerTest, TheAnswerWaitsForTheSink) {
  start();
  sink_.hold();
  auto client = connect();
  client.send(post("/write", "cpu v=1 1\n") + get("/ping"));
  ASSERT_TRUE(eventually([&] { return sink_.waiting() == 1 && sink_.flushes() == 1; }));
  // The server is alive, and has nothing to say to the first client yet.
  EXPECT_EQ(ask(get("/ping")).status, 204);
  EXPECT_EQ(client.available(), 0U);
  sink_.answer_all();
  EXPECT_EQ(client.read_answer().header("X-Influxdb-Version"), "");
  EXPECT_EQ(client.read_answer().header("X-Influxdb-Version"), "1.0");
}

TEST_F(InfluxdbListenerTest, ManySmallRequestsShareAFlushAndAreAnsweredTogether) {
  start();
  pool_.hold();
  constexpr int kRequests = 50;
  std::vector<std::unique_ptr<UnixClient>> clients;
  for (int i = 0; i < kRequests; ++i) {
    clients.push_back(std::make_unique<UnixClient>(directory_.path("socket")));
    clients.back()->send(post("/write", fmt::format("m v={}i {}\n", i, i)));
  }
  // Connections are accepted, and their requests read, in order: when later ones have their answer,
  // all of the above are in the queue.
  EXPECT_EQ(ask(get("/ping")).status, 204);
  EXPECT_EQ(ask(get("/ping")).status, 204);
  pool_.release();
  for (auto& client : clients) EXPECT_EQ(client->read_answer().status, 204);
  EXPECT_EQ(sink_.flushes(), 1);
  EXPECT_EQ(pool_.jobs(), 1);
  EXPECT_EQ(counters_.gathered, static_cast<std::uint64_t>(kRequests));
}

TEST_F(InfluxdbListenerTest, LargeBodiesUseASecondJobAndNoThird) {
  start();
  pool_.hold();
  std::string body;
  for (int i = 0; body.size() < 300 * kKiB; ++i) body += fmt::format("m,t=a v={}i {}\n", i, i);
  std::vector<std::unique_ptr<UnixClient>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<UnixClient>(directory_.path("socket")));
    ASSERT_TRUE(clients.back()->send(post("/write", body)));
  }
  ASSERT_TRUE(eventually([&] { return pool_.jobs() == 2; }));
  pool_.release();
  for (auto& client : clients) EXPECT_EQ(client->read_answer().status, 204);
  EXPECT_EQ(sink_.text().size(), 4 * body.size());
  EXPECT_LE(pool_.jobs(), 4);
}

TEST_F(InfluxdbListenerTest, AGzipBodyIsInflated) {
  start();
  EXPECT_EQ(write_gzip(gzip("cpu v=1 1\ncpu v=2 2")).status, 204);
  EXPECT_EQ(sink_.text(), "cpu v=1 1\ncpu v=2 2\n");
}

TEST_F(InfluxdbListenerTest, AllMembersOfAGzipBodyAreRead) {
  start();
  EXPECT_EQ(write_gzip(gzip("cpu v=1 1\ncp") + gzip("u v=2 2\n") + gzip("")).status, 204);
  EXPECT_EQ(sink_.text(), "cpu v=1 1\ncpu v=2 2\n");
}

TEST_F(InfluxdbListenerTest, DamagedGzipIsAnswered400AndNothingOfItTaken) {
  start();
  std::string large;
  for (int i = 0; large.size() < 3 * kMiB; ++i) large += fmt::format("m v={}i {}\n", i, i);
  for (const std::string& good : {gzip("cpu v=1 1\n"), gzip(large)}) {
    std::string wrong_sum = good;
    wrong_sum[wrong_sum.size() - 6] = static_cast<char>(wrong_sum[wrong_sum.size() - 6] ^ 1);
    EXPECT_EQ(write_gzip(good.substr(0, good.size() - 1)).status, 400);
    EXPECT_EQ(write_gzip(good.substr(0, good.size() / 2)).status, 400);
    EXPECT_EQ(write_gzip(good + "junk").status, 400);
    EXPECT_EQ(write_gzip(wrong_sum).status, 400);
  }
  EXPECT_EQ(write_gzip("cpu v=1 1\n").status, 400);
  EXPECT_EQ(write_gzip("").status, 400);
  EXPECT_EQ(sink_.adds(), 0U);
  EXPECT_EQ(counters_.errors, 10U);
  EXPECT_EQ(counters_.gathered, 0U);
}

TEST_F(InfluxdbListenerTest, ALargeGzipBodyKeepsEveryLineAndItsNumber) {
  start();
  sink_.allow_quoted_newlines();
  std::string lines;
  std::string expected;
  for (int i = 0; lines.size() < 3 * kMiB; ++i) {
    // Strings with line ends in them may not be cut apart.
    const std::string line = fmt::format("m,t=a v={}i,s=\"a\nb \\\" c\" {}\n", i, i);
    lines += line;
    expected += line;
    if (i == 60'000) lines += "bad\n";
  }
  const Answer answer = write_gzip(gzip(lines));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("line 120003: "));
  EXPECT_TRUE(sink_.text() == expected);
}

TEST_F(InfluxdbListenerTest, ALineLongerThanAPieceStaysWhole) {
  start();
  std::string line = "m ";
  for (int i = 0; i < 18; ++i) line += fmt::format("f{}=\"{}\",", i, std::string(50'000, 'x'));
  line += "last=1 1\n";
  EXPECT_EQ(write("a v=1 1\n" + line + "b v=1 1\n").status, 204);
  EXPECT_EQ(write_gzip(gzip(line + line + line)).status, 204);
  EXPECT_TRUE(sink_.text() == "a v=1 1\n" + line + "b v=1 1\n" + line + line + line);
}

TEST_F(InfluxdbListenerTest, BothSizeLimitsAreAnswered413) {
  start("max_body_size = 1000");
  const std::string fits = "m s=\"" + std::string(990, 'x') + "\"\n";
  EXPECT_EQ(write(fits).status, 204);
  EXPECT_EQ(ask("POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n").status, 413);
  EXPECT_EQ(write_gzip(gzip(fits)).status, 204);
  EXPECT_EQ(write_gzip(gzip(fits + "#")).status, 204);
  const Answer answer = write_gzip(gzip(fits + "# 4567890"));
  EXPECT_EQ(answer.status, 413);
  EXPECT_THAT(answer.body, HasSubstr("larger than 1000 bytes"));
  // More than any piece, from very little.
  EXPECT_EQ(write_gzip(gzip(std::string(400'000, '\n'))).status, 413);
  EXPECT_EQ(sink_.adds(), 3U);
}

TEST_F(InfluxdbListenerTest, BadLinesAreNamedAndGoodOnesTaken) {
  start();
  const Answer answer = write("cpu v=1 1\n\nno\"fields\ncpu v=2 2\ncpu v=x 3\ncpu v=4 4\n");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.header("Content-Type"), "application/json");
  EXPECT_TRUE(answer.body.starts_with("{\"error\":\"line 3: ")) << answer.body;
  EXPECT_THAT(answer.body, HasSubstr("no\\\"fields"));
  EXPECT_THAT(answer.body, HasSubstr("(and 1 more bad lines)"));
  EXPECT_THAT(answer.header("X-Influxdb-Error"), HasSubstr("line 3: "));
  EXPECT_EQ(sink_.text(), "cpu v=1 1\ncpu v=2 2\ncpu v=4 4\n");
  EXPECT_EQ(counters_.gathered, 3U);
  EXPECT_EQ(counters_.errors, 1U);
  EXPECT_THAT(counters_.last_error(), HasSubstr("line 3"));
}

TEST_F(InfluxdbListenerTest, OnlyBadLinesAreAnsweredWithoutTheSink) {
  start();
  const Answer answer = write("b\x01\xff\td\n");
  EXPECT_EQ(answer.status, 400);
  for (const char c : answer.header("X-Influxdb-Error")) EXPECT_TRUE(c >= ' ' && c < 0x7f);
  EXPECT_EQ(sink_.adds(), 0U);
}

TEST_F(InfluxdbListenerTest, AnEmptyBodyIsFine) {
  start();
  EXPECT_EQ(write("").status, 204);
  EXPECT_EQ(write("# only a comment\n\n").status, 204);
  EXPECT_EQ(sink_.adds(), 0U);
}

TEST_F(InfluxdbListenerTest, PrecisionIsConverted) {
  start();
  for (const char* unit : {"", "n", "ns", "u", "us", "ms", "s", "m", "h"}) {
    EXPECT_EQ(write("a v=1 7", fmt::format("?precision={}", unit)).status, 204);
  }
  EXPECT_EQ(sink_.text(),
            "a v=1 7\na v=1 7\na v=1 7\na v=1 7000\na v=1 7000\na v=1 7000000\na v=1 7000000000\n"
            "a v=1 420000000000\na v=1 25200000000000\n");
  const Answer answer = write("a v=1 7", "?precision=d");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("precision `d`"));
}

TEST_F(InfluxdbListenerTest, AMissingTimestampIsTheTimeOfArrival) {
  start();
  EXPECT_EQ(write("a v=1\n", "?precision=s").status, 204);
  EXPECT_EQ(sink_.text(), fmt::format("a v=1 {}\n", clock_.wall_ns()));
}

TEST_F(InfluxdbListenerTest, TagsAreAddedWhereTheLineHasNone) {
  rules_.extra_tags = {{"dc", "eu"}, {"host", "agent"}};
  start();
  EXPECT_EQ(write("a v=1 1\nb,host=own,z=1 v=2 2\n").status, 204);
  EXPECT_THAT(sink_.text(), HasSubstr("host=own"));
  EXPECT_THAT(sink_.text(), HasSubstr("a,dc=eu,host=agent v=1 1\n"));
  EXPECT_EQ(sink_.text().find("host=agent", sink_.text().find("b,")), std::string::npos);
}

TEST_F(InfluxdbListenerTest, DatabaseAndRetentionPolicyOverwriteTheirTags) {
  start("database_tag = \"database\"\nretention_policy_tag = \"r p\"");
  EXPECT_EQ(write("a v=1 1\nb,c=d,database=old,e=f v=1 2\n", "?db=my+db&rp=week").status, 204);
  EXPECT_EQ(write("a v=1 1\n", "").status, 204);
  EXPECT_EQ(sink_.text(),
            "a,database=my\\ db,r\\ p=week v=1 1\nb,c=d,e=f,database=my\\ db,r\\ p=week v=1 2\n"
            "a v=1 1\n");
}

TEST_F(InfluxdbListenerTest, NamesAreChangedAsTheRulesSay) {
  rules_.names.prefix = "my ";
  rules_.names.suffix = "_x";
  start();
  EXPECT_EQ(write("a\\ b,t=1 v=\"q w\" 1\n").status, 204);
  EXPECT_EQ(sink_.text(), "my\\ a\\ b_x,t=1 v=\"q w\" 1\n");
}

TEST_F(InfluxdbListenerTest, PingNeedsNoCredentials) {
  start("basic_username = \"u\"\nbasic_password = \"p\"");
  const Answer answer = ask(get("/ping"));
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.header("X-Influxdb-Version"), "1.0");
  EXPECT_EQ(ask("HEAD /ping HTTP/1.1\r\nHost: x\r\n\r\n").status, 204);
  for (const char* verbose : {"1", "true"}) {
    const Answer told = ask(get(fmt::format("/ping?verbose={}", verbose)));
    EXPECT_EQ(told.status, 200);
    EXPECT_EQ(told.body, "{\"version\":\"1.0\"}\n");
  }
  EXPECT_EQ(ask(post("/ping", "")).status, 405);
}

TEST_F(InfluxdbListenerTest, CredentialsAreChecked) {
  start("basic_username = \"user\"\nbasic_password = \"pa:ss\"");
  const auto with = [&](std::string_view authorization) {
    return ask(post("/write", "a v=1 1\n", fmt::format("Authorization: {}\r\n", authorization)))
        .status;
  };
  EXPECT_EQ(with("Basic dXNlcjpwYTpzcw=="), 204);
  EXPECT_EQ(with("basic  dXNlcjpwYTpzcw=="), 204);
  EXPECT_EQ(with("Token user:pa:ss"), 204);
  EXPECT_EQ(sink_.adds(), 3U);
  EXPECT_EQ(with("Basic dXNlcjpwYTpzcg=="), 401);
  EXPECT_EQ(with("Token user:pa:s"), 401);
  EXPECT_EQ(with("Token user:pa:sss"), 401);
  EXPECT_EQ(with("Token"), 401);
  EXPECT_EQ(with("Bearer user:pa:ss"), 401);
  EXPECT_EQ(write("a v=1 1\n").header("WWW-Authenticate"), "Basic realm=\"holdfast\"");
  EXPECT_EQ(ask(get("/query")).status, 401);
  EXPECT_EQ(sink_.adds(), 3U);
}

// The token is that of json_web_token_test.cpp: its user is "sensor", its end 2000000000.
constexpr std::string_view kToken =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VybmFtZSI6InNlbnNvciIsImV4cCI6MjAwMDAwMDAwMH0"
    ".NlLps_HrLI0HObsPGgpKb8pfxVKgYS_qPn1aQId1J8g";

TEST_F(InfluxdbListenerTest, AJsonWebTokenIsChecked) {
  start("token_shared_secret = \"top secret\"\ntoken_username = \"sensor\"");
  const auto with = [&](std::string_view scheme, std::string_view token) {
    return ask(post("/write", "a v=1 1\n", fmt::format("Authorization: {} {}\r\n", scheme, token)));
  };
  EXPECT_EQ(with("Bearer", kToken).status, 204);
  EXPECT_EQ(sink_.adds(), 1U);
  EXPECT_EQ(with("Token", kToken).status, 401);
  EXPECT_EQ(with("Bearer", kToken.substr(1)).status, 401);
  EXPECT_EQ(with("Basic", "dXNlcjpwYTpzcw==").header("WWW-Authenticate"),
            "Bearer realm=\"holdfast\"");
  clock_.set_wall(base::WallTime(std::chrono::seconds(2'000'000'000)));
  EXPECT_EQ(with("Bearer", kToken).status, 401);
  EXPECT_EQ(sink_.adds(), 1U);
  EXPECT_EQ(counters_.errors, 4U);
}

TEST_F(InfluxdbListenerTest, TheUserOfAJsonWebTokenIsChecked) {
  start("token_shared_secret = \"top secret\"\ntoken_username = \"other\"");
  const auto header = fmt::format("Authorization: Bearer {}\r\n", kToken);
  EXPECT_EQ(ask(post("/write", "a v=1 1\n", header)).status, 401);
}

TEST_F(InfluxdbListenerTest, OptionsThatExcludeEachOtherAreNamed) {
  EXPECT_THAT(problems("token_shared_secret = \"s\"\nbasic_username = \"u\""),
              HasSubstr("test.toml:3:1: error: token_shared_secret excludes basic_username"));
  EXPECT_THAT(problems("token_username = \"u\""),
              HasSubstr("token_username needs token_shared_secret"));
}

TEST_F(InfluxdbListenerTest, OtherRequestsGetTheirAnswers) {
  start();
  EXPECT_EQ(ask(get("/query?q=CREATE+DATABASE+x")).body, "{\"results\":[{\"statement_id\":0}]}\n");
  EXPECT_EQ(ask(post("/query", "q=SHOW+DATABASES")).status, 200);
  EXPECT_EQ(ask(get("/")).status, 404);
  EXPECT_EQ(ask(post("/api/v2/write", "a v=1 1\n")).status, 404);
  const Answer wrong_method = ask(get("/write"));
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_EQ(wrong_method.header("Allow"), "POST");
  const Answer wrong_coding = ask(post("/write", "a v=1 1\n", "Content-Encoding: br\r\n"));
  EXPECT_EQ(wrong_coding.status, 400);
  EXPECT_EQ(ask(post("/write", "a v=1 1\n", "Content-Encoding: identity\r\n")).status, 204);
}

TEST_F(InfluxdbListenerTest, AFailingRingIsAnswered503) {
  start();
  sink_.fail_with(base::ErrorCode::kNoSpace);
  const Answer answer = write("a v=1 1\nb v=1 1\nbad\n");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("Retry-After"), "1");
  EXPECT_EQ(answer.body, "{\"error\":\"the \\\"ring\\\" is full\"}\n");
  EXPECT_EQ(counters_.gathered, 2U);
  EXPECT_EQ(counters_.not_accepted, 2U);
}

TEST_F(InfluxdbListenerTest, ALineThatFitsNoBlockIsAnswered413) {
  start();
  sink_.fail_with(base::ErrorCode::kTooLarge);
  EXPECT_EQ(write("a v=1 1\n").status, 413);
  EXPECT_EQ(counters_.not_accepted, 1U);
}

TEST_F(InfluxdbListenerTest, WaitingBodiesAreBounded) {
  start("max_body_size = \"5MiB\"");
  sink_.hold();
  // The bound is twice the largest body: two are held, for a third there is no room.
  const std::string body = "a v=1 1\n#" + std::string(5 * kMiB - 9, 'x');
  auto first = connect();
  auto second = connect();
  ASSERT_TRUE(first.send(post("/write", body)));
  ASSERT_TRUE(second.send(post("/write", body)));
  ASSERT_TRUE(eventually([&] { return sink_.waiting() == 2; }));
  const Answer refused = write("a v=1 1\n");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  sink_.answer_all();
  EXPECT_EQ(first.read_answer().status, 204);
  EXPECT_EQ(second.read_answer().status, 204);
}

TEST_F(InfluxdbListenerTest, StopAnswersWhatIsInHand) {
  start();
  sink_.hold();
  auto waiting = connect();
  auto later = connect();
  EXPECT_EQ(later.ask(get("/ping")).status, 204);
  waiting.send(post("/write", "a v=1 1\n"));
  ASSERT_TRUE(eventually([&] { return sink_.waiting() == 1; }));
  std::promise<void> stopped;
  auto stop = stopped.get_future();
  thread_.run([&] { listener().stop([&] { stopped.set_value(); }); });
  EXPECT_EQ(later.ask(post("/write", "a v=2 2\n")).status, 503);
  EXPECT_THROW(connect(), std::system_error);
  EXPECT_EQ(stop.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  sink_.answer_all();
  EXPECT_EQ(waiting.read_answer().status, 204);
  EXPECT_EQ(stop.wait_for(test::kDeadline), std::future_status::ready);
  EXPECT_EQ(sink_.text(), "a v=1 1\n");
}

TEST_F(InfluxdbListenerTest, AnAddressInUseFailsTheStart) {
  start();
  config::Table table;
  table.add("service_address", {}, config::Value{"unix:" + directory_.path("socket"), {}});
  config::Diagnostics diagnostics;
  auto second =
      influxdb_listener_plugin().create(table, diagnostics, {host_, clock_, base::Logger()});
  thread_.run([&] {
    const auto started = dynamic_cast<ServiceInput&>(*second).start(
        {thread_.io(), [](const std::function<void()>&) {}, sink_, rules_, counters_});
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, base::ErrorCode::kBusy);
  });
}

}  // namespace
}  // namespace holdfast::inputs

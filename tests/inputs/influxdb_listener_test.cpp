// influxdb_listener through its real HTTP server (on a unix socket, so that no port is needed) and
// into a sink that records, refuses or delays.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/thread_pool.hpp>

#include "config/loader.h"
#include "inputs/registry.h"
#include "tests/http/http_client.h"
#include "tests/support/fake_clock.h"
#include "tests/support/gzip.h"
#include "tests/support/temp_dir.h"

namespace holdfast::inputs {

const InputPlugin& influxdb_listener_plugin();

namespace {

using test::Answer;
using test::eventually;
using test::gzip;
using test::UnixClient;
using ::testing::HasSubstr;

std::string post(std::string_view target, std::string_view body, std::string_view headers = "") {
  return fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{}\r\n{}", target,
                     body.size(), headers, body);
}

std::string get(std::string_view target, std::string_view headers = "") {
  return fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n{}\r\n", target, headers);
}

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kMiB = 1024 * kKiB;
constexpr std::string_view kGzipHeader = "Content-Encoding: gzip\r\n";

// Records what is added. Answers at the next flush, or when the test says so, or with a failure.
class FakeSink final : public buffer::BlockSink {
 public:
  [[nodiscard]] buffer::BlockLimits limits() const override { return limits_; }

  void add(std::span<const buffer::Lines> pieces, buffer::Origin origin, Done done) override {
    EXPECT_EQ(origin, buffer::Origin::kReceived);
    const std::lock_guard lock(mutex_);
    Added added{std::move(done), 0};
    for (const buffer::Lines& piece : pieces) {
      EXPECT_TRUE(piece.bytes.size() <= limits_.raw_bytes || piece.points == 1);
      EXPECT_LE(piece.points, limits_.points);
      EXPECT_LE(piece.oldest_ns, piece.newest_ns);
      const auto lines = std::count(piece.bytes.begin(), piece.bytes.end(), '\n');
      EXPECT_TRUE(quoted_newlines_ || lines == piece.points);
      text_ += piece.bytes;
      largest_ = std::max(largest_, piece.bytes.size());
      added.points += piece.points;
    }
    ++adds_;
    waiting_.push_back(std::move(added));
  }

  void flush() override {
    {
      const std::lock_guard lock(mutex_);
      ++flushes_;
      if (held_) return;
    }
    answer_all();
  }

  // From now on answers come from answer_all() only.
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void fail_with(base::ErrorCode code) {
    const std::lock_guard lock(mutex_);
    failure_ = base::Error{code, "the \"ring\" is\nfull"};
  }
  void answer_all() {
    std::vector<Added> ready;
    base::Status status;
    {
      const std::lock_guard lock(mutex_);
      ready.swap(waiting_);
      if (failure_) status = tl::unexpected(*failure_);
    }
    for (const Added& added : ready) added.done(status, status ? 0 : added.points);
  }

  std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
  }
  int flushes() {
    const std::lock_guard lock(mutex_);
    return flushes_;
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  std::size_t largest() {
    const std::lock_guard lock(mutex_);
    return largest_;
  }
  std::size_t adds() {
    const std::lock_guard lock(mutex_);
    return adds_;
  }
  void allow_quoted_newlines() { quoted_newlines_ = true; }

 private:
  struct Added {
    Done done;
    std::uint64_t points;
  };
  const buffer::BlockLimits limits_{};
  std::mutex mutex_;
  std::vector<Added> waiting_;
  std::string text_;
  std::size_t largest_ = 0;
  std::size_t adds_ = 0;
  int flushes_ = 0;
  bool held_ = false;
  bool quoted_newlines_ = false;
  std::optional<base::Error> failure_;
};

// Two threads; jobs can be held back.
class Pool {
 public:
  Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() { threads_.join(); }

  void run(std::function<void()> job) {
    const std::lock_guard lock(mutex_);
    ++jobs_;
    if (held_) {
      waiting_.push_back(std::move(job));
    } else {
      asio::post(threads_, std::move(job));
    }
  }
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    for (auto& job : waiting_) asio::post(threads_, std::move(job));
    waiting_.clear();
  }
  int jobs() {
    const std::lock_guard lock(mutex_);
    return jobs_;
  }

 private:
  std::mutex mutex_;
  bool held_ = false;
  int jobs_ = 0;
  std::vector<std::function<void()>> waiting_;
  asio::thread_pool threads_{2};
};

class InfluxdbListenerTest : public ::testing::Test {
 protected:
  void TearDown() override {
    // What is still held back is answered, as the buffer would before it goes.
    sink_.answer_all();
    thread_.run([&] { input_.reset(); });
  }

  // `options` is TOML.
  void start(const std::string& options = "") {
    const InputPlugin& plugin = influxdb_listener_plugin();
    config::Diagnostics diagnostics;
    config::Document document;
    config::load_text(
        "[[inputs.influxdb_listener]]\nservice_address = \"unix:" + directory_.path("socket") +
            "\"\n" + options,
        "test.toml", [](const std::string&) { return std::nullopt; }, diagnostics, document);
    ASSERT_EQ(document.inputs.size(), 1U);
    const InputContext context{host_, clock_, base::Logger()};
    input_ = plugin.create(document.inputs.front().table, diagnostics, context);
    ASSERT_FALSE(diagnostics.has_errors()) << diagnostics.sorted().front().text();
    thread_.run([&] {
      const auto started = listener().start(
          {thread_.io(), [this](std::function<void()> job) { pool_.run(std::move(job)); }, sink_,
           rules_, counters_});
      ASSERT_TRUE(started) << started.error().message;
    });
  }
  ServiceInput& listener() { return dynamic_cast<ServiceInput&>(*input_); }
  UnixClient connect() { return UnixClient(directory_.path("socket")); }
  Answer ask(std::string_view request) { return connect().ask(request); }
  Answer write(std::string_view body, std::string_view query = "?db=x") {
    return ask(post(fmt::format("/write{}", query), body));
  }
  Answer write_gzip(std::string_view body) { return ask(post("/write?db=x", body, kGzipHeader)); }

  const HostFs host_{HostRoots{}};
  test::FakeClock clock_;
  test::TempDir directory_;
  PointRules rules_;
  InputCounters counters_;
  FakeSink sink_;
  test::IoThread thread_;
  Pool pool_;
  std::unique_ptr<Input> input_;
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

// What the listeners on HTTP count of requests and answers.
#include <map>

#include "tests/inputs/listener_fixture.h"

namespace holdfast::inputs {

const InputPlugin& influxdb_listener_plugin();
const InputPlugin& influxdb_v2_listener_plugin();

namespace {

constexpr std::string_view kLine = "cpu v=1 1\n";

// Fields that are not 0.
std::map<std::string, std::uint64_t> counted(const PluginCounts& counts) {
  std::map<std::string, std::uint64_t> fields;
  for (const auto& [name, count] : counts.fields) {
    if (count > 0) fields.emplace(name, count);
  }
  return fields;
}

class RequestCountersTest : public ListenerTest {
 protected:
  RequestCountersTest() : ListenerTest(influxdb_listener_plugin()) {}
};

class RequestCountersV2Test : public ListenerTest {
 protected:
  RequestCountersV2Test() : ListenerTest(influxdb_v2_listener_plugin()) {}
};

TEST_F(RequestCountersTest, EachKindOfRequestIsCountedWithItsAnswer) {
  start("basic_username = \"u\"\nbasic_password = \"p\"\nmax_body_size = 100\n");
  const std::string header = "Authorization: Token u:p\r\n";
  EXPECT_EQ(ask(post("/write", kLine, header)).status, 204);
  EXPECT_EQ(ask(post("/write", "cpu v=", header)).status, 400);
  EXPECT_EQ(ask(post("/write?precision=y", kLine, header)).status, 400);
  EXPECT_EQ(ask(get("/write", header)).status, 405);
  EXPECT_EQ(ask(get("/query", header)).status, 200);
  EXPECT_EQ(ask(get("/elsewhere", header)).status, 404);
  EXPECT_EQ(ask(get("/ping")).status, 204);
  EXPECT_EQ(ask(post("/write", kLine)).status, 401);
  EXPECT_EQ(ask(post("/write", std::string(101, 'x'), header)).status, 413);
  const PluginCounts counts = listener().counts();
  EXPECT_EQ(counts.tags, (std::vector<std::pair<std::string, std::string>>{
                             {"address", "unix:" + directory_.path("socket")}}));
  EXPECT_EQ(counted(counts), (std::map<std::string, std::uint64_t>{{"auth_failures", 1},
                                                                   {"bytes_received", 16},
                                                                   {"not_founds_served", 1},
                                                                   {"pings_served", 1},
                                                                   {"queries_served", 1},
                                                                   {"requests_received", 9},
                                                                   {"requests_served", 9},
                                                                   {"writes_served", 4}}));
}

TEST_F(RequestCountersTest, BytesAreThoseOfInflatedLinesThatWereLookedAt) {
  start();
  std::string body;
  for (int i = 0; i < 1000; ++i) body += fmt::format("m v={}i {}\n", i, i);
  EXPECT_EQ(ask(post("/write", gzip(body), kGzipHeader)).status, 204);
  EXPECT_EQ(counted(listener().counts())["bytes_received"], body.size());
}

TEST_F(RequestCountersTest, AWriteThatWaitsIsReceivedAndNotServed) {
  start();
  sink_.hold();
  auto client = connect();
  client.send(post("/write", kLine));
  ASSERT_TRUE(eventually([&] { return sink_.waiting() == 1; }));
  EXPECT_EQ(counted(listener().counts()),
            (std::map<std::string, std::uint64_t>{{"requests_received", 1}}));
  sink_.answer_all();
  EXPECT_EQ(client.read_answer().status, 204);
  EXPECT_EQ(counted(listener().counts()),
            (std::map<std::string, std::uint64_t>{{"bytes_received", kLine.size()},
                                                  {"requests_received", 1},
                                                  {"requests_served", 1},
                                                  {"writes_served", 1}}));
}

TEST_F(RequestCountersV2Test, EachKindOfRequestIsCountedWithItsAnswer) {
  start("token = \"t\"\n");
  const std::string header = "Authorization: Token t\r\n";
  EXPECT_EQ(ask(post("/api/v2/write", kLine, header)).status, 204);
  EXPECT_EQ(ask(get("/api/v2/write", header)).status, 405);
  EXPECT_EQ(ask(get("/api/v2/ready")).status, 200);
  EXPECT_EQ(ask(get("/ready")).status, 200);
  EXPECT_EQ(ask(get("/health")).status, 200);
  EXPECT_EQ(ask(get("/ping")).status, 204);
  EXPECT_EQ(ask(get("/write", header)).status, 404);
  EXPECT_EQ(ask(post("/api/v2/write", kLine)).status, 401);
  EXPECT_EQ(counted(listener().counts()),
            (std::map<std::string, std::uint64_t>{{"auth_failures", 1},
                                                  {"bytes_received", kLine.size()},
                                                  {"not_founds_served", 1},
                                                  {"pings_served", 2},
                                                  {"readys_served", 2},
                                                  {"requests_received", 8},
                                                  {"requests_served", 8},
                                                  {"writes_served", 2}}));
}

}  // namespace
}  // namespace holdfast::inputs

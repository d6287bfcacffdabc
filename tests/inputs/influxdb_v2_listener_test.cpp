// influxdb_v2_listener: its paths, its token, its errors. What becomes of the lines is tested with
// influxdb_listener, which shares that.
#include <gmock/gmock.h>

#include "tests/inputs/listener_fixture.h"

namespace holdfast::inputs {

const InputPlugin& influxdb_v2_listener_plugin();

namespace {

using ::testing::HasSubstr;

constexpr std::string_view kWrite = "/api/v2/write?org=o&bucket=b";

class InfluxdbV2ListenerTest : public ListenerTest {
 protected:
  InfluxdbV2ListenerTest() : ListenerTest(influxdb_v2_listener_plugin()) {}

  Answer write(std::string_view body, std::string_view more = "", std::string_view headers = "") {
    return ask(post(fmt::format("{}{}", kWrite, more), body, headers));
  }
};

TEST_F(InfluxdbV2ListenerTest, GoodLinesAreAnswered204AndEmpty) {
  start();
  const Answer answer = write("cpu,host=a v=1 1000\n");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(write(gzip("mem v=2i 2000\n"), "", kGzipHeader).status, 204);
  EXPECT_EQ(sink_.text(), "cpu,host=a v=1 1000\nmem v=2i 2000\n");
}

TEST_F(InfluxdbV2ListenerTest, PrecisionIsThatOfInfluxdb2) {
  start();
  for (const char* unit : {"", "ns", "us", "ms", "s"}) {
    EXPECT_EQ(write("a v=1 7", fmt::format("&precision={}", unit)).status, 204);
  }
  EXPECT_EQ(sink_.text(), "a v=1 7\na v=1 7\na v=1 7000\na v=1 7000000\na v=1 7000000000\n");
  for (const char* unit : {"n", "u", "m", "h", "d"}) {
    const Answer answer = write("a v=1 7", fmt::format("&precision={}", unit));
    EXPECT_EQ(answer.status, 400) << unit;
    EXPECT_THAT(answer.body, HasSubstr("is none of ns, us, ms, s"));
  }
}

TEST_F(InfluxdbV2ListenerTest, TheBucketBecomesATag) {
  start("bucket_tag = \"bucket\"");
  EXPECT_EQ(write("a v=1 1\nb,bucket=old v=1 2\n").status, 204);
  EXPECT_EQ(ask(post("/api/v2/write", "c v=1 1\n")).status, 204);
  EXPECT_EQ(sink_.text(), "a,bucket=b v=1 1\nb,bucket=b v=1 2\nc v=1 1\n");
}

TEST_F(InfluxdbV2ListenerTest, BadLinesAreNamedAndGoodOnesTaken) {
  start();
  const Answer answer = write("cpu v=1 1\nno\"fields\ncpu v=2 2\n");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.header("Content-Type"), "application/json; charset=utf-8");
  EXPECT_EQ(answer.header("X-Platform-Error-Code"), "invalid");
  EXPECT_TRUE(answer.body.starts_with("{\"code\":\"invalid\",\"message\":\"line 2: "))
      << answer.body;
  EXPECT_THAT(answer.body, HasSubstr("no\\\"fields"));
  EXPECT_EQ(sink_.text(), "cpu v=1 1\ncpu v=2 2\n");
}

TEST_F(InfluxdbV2ListenerTest, ATokenIsChecked) {
  start("token = \"s3cret==\"");
  const auto with = [&](std::string_view authorization) {
    return write("a v=1 1\n", "", fmt::format("Authorization: {}\r\n", authorization)).status;
  };
  EXPECT_EQ(with("Token s3cret=="), 204);
  EXPECT_EQ(with("token  s3cret=="), 204);
  EXPECT_EQ(with("Bearer s3cret=="), 204);
  EXPECT_EQ(sink_.adds(), 3U);
  EXPECT_EQ(with("Token s3cret="), 401);
  EXPECT_EQ(with("Token s3cret==="), 401);
  EXPECT_EQ(with("Token"), 401);
  EXPECT_EQ(with("Basic s3cret=="), 401);
  EXPECT_EQ(with("s3cret=="), 401);
  const Answer answer = write("a v=1 1\n");
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.header("WWW-Authenticate"), "Token realm=\"holdfast\"");
  EXPECT_EQ(answer.body, "{\"code\":\"unauthorized\",\"message\":\"authorization failed\"}\n");
  EXPECT_EQ(sink_.adds(), 3U);
  EXPECT_EQ(counters_.errors, 6U);
}

TEST_F(InfluxdbV2ListenerTest, TheStateIsToldWithoutAToken) {
  start("token = \"t\"");
  for (const char* prefix : {"", "/api/v2"}) {
    const Answer ping = ask(get(fmt::format("{}/ping", prefix)));
    EXPECT_EQ(ping.status, 204);
    EXPECT_EQ(ping.header("X-Influxdb-Version"), "2.0");
    const Answer health = ask(get(fmt::format("{}/health", prefix)));
    EXPECT_EQ(health.status, 200);
    EXPECT_THAT(health.body, HasSubstr("\"status\":\"pass\""));
    const Answer ready = ask(get(fmt::format("{}/ready", prefix)));
    EXPECT_EQ(ready.status, 200);
    EXPECT_THAT(ready.body,
                ::testing::MatchesRegex("\\{\"status\":\"ready\",\"started\":\"[0-9]+-[0-9]+-"
                                        "[0-9]+T[0-9:]+Z\",\"up\":\"[0-9]+s\"\\}\n"));
  }
  EXPECT_EQ(ask(post("/health", "")).status, 405);
  EXPECT_EQ(ask("HEAD /ping HTTP/1.1\r\nHost: x\r\n\r\n").status, 204);
}

TEST_F(InfluxdbV2ListenerTest, OtherRequestsGetTheirAnswers) {
  start();
  const Answer wrong_path = ask(post("/write", "a v=1 1\n"));
  EXPECT_EQ(wrong_path.status, 404);
  EXPECT_EQ(wrong_path.body, "{\"code\":\"not found\",\"message\":\"path not found\"}\n");
  EXPECT_EQ(ask(get("/api/v2/buckets")).status, 404);
  const Answer wrong_method = ask(get(kWrite));
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_EQ(wrong_method.header("Allow"), "POST");
  EXPECT_EQ(sink_.adds(), 0U);
}

TEST_F(InfluxdbV2ListenerTest, TheServersOwnErrorsHaveThisFormToo) {
  start("max_body_size = 1000");
  for (const std::size_t size : {1001UL, 5000UL}) {
    const Answer answer = write(std::string(size, '#'));
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.body,
              "{\"code\":\"request too large\",\"message\":\"the body is larger than 1000 "
              "bytes\"}\n");
  }
  EXPECT_EQ(write(gzip(std::string(5000, '#')), "", kGzipHeader).status, 413);
  EXPECT_EQ(counters_.errors, 3U);
  EXPECT_THAT(counters_.last_error(), HasSubstr("larger than 1000 bytes"));
}

TEST_F(InfluxdbV2ListenerTest, AFailingRingIsAnswered503) {
  start();
  sink_.fail_with(base::ErrorCode::kFull);
  const Answer answer = write("a v=1 1\n");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("Retry-After"), "1");
  EXPECT_THAT(answer.body, HasSubstr("\"code\":\"unavailable\""));
  EXPECT_EQ(counters_.not_accepted, 1U);
}

TEST_F(InfluxdbV2ListenerTest, OptionsWithoutEffectSaySo) {
  const std::string said = problems(
      "max_undelivered_metrics = 10\nuse_internal_statistics = true\nparser_type = \"upstream\"");
  EXPECT_EQ(said.find("error: "), std::string::npos) << said;
  for (const char* option : {"max_undelivered_metrics", "use_internal_statistics", "parser_type"}) {
    EXPECT_THAT(said, HasSubstr(option));
  }
}

}  // namespace
}  // namespace holdfast::inputs

// The answer table: one row for each case of a server's answer.
#include "outputs/answer.h"

#include <gtest/gtest.h>

namespace holdfast::outputs {

// Shown by GoogleTest when a row fails.
void PrintTo(Action action, std::ostream* out) {
  constexpr const char* kNames[] = {"delivered", "rejected", "retry", "wait", "misconfigured"};
  *out << kNames[static_cast<int>(action)];
}

namespace {

using std::chrono::seconds;

constexpr std::uint64_t kPoints = 100;

HttpResult answer(int status, std::string body = "", std::vector<HttpHeader> headers = {}) {
  HttpResult result;
  result.status = status;
  result.body = std::move(body);
  result.headers = std::move(headers);
  return result;
}

HttpResult failure(TransportError error, int status = 0) {
  HttpResult result;
  result.status = status;
  result.error = error;
  result.error_text = "the system's words";
  return result;
}

Decision decided(const HttpResult& result) {
  return decide(result,
                {.points = kPoints, .now = std::chrono::sys_seconds(seconds(1'760'000'000))});
}

struct Row {
  const char* name;
  HttpResult answer;
  Action action = Action::kRetry;
  std::uint64_t rejected = 0;
  bool may_be_stored = false;
  bool lower_batch_size = false;
  bool database_missing = false;
  base::Duration wait{};
};

void check(const Row& row) {
  SCOPED_TRACE(row.name);
  const Decision decision = decided(row.answer);
  EXPECT_EQ(decision.action, row.action);
  EXPECT_EQ(decision.rejected, row.rejected);
  EXPECT_EQ(decision.may_be_stored, row.may_be_stored);
  EXPECT_EQ(decision.lower_batch_size, row.lower_batch_size);
  EXPECT_EQ(decision.database_missing, row.database_missing);
  EXPECT_EQ(decision.wait, row.wait);
  EXPECT_EQ(decision.status, row.answer.status);
  const bool clean = row.action == Action::kDelivered && row.rejected == 0;
  EXPECT_EQ(decision.reason.empty(), clean) << decision.reason;
}

constexpr auto kDelivered = Action::kDelivered;
constexpr auto kRejected = Action::kRejected;
constexpr auto kRetry = Action::kRetry;
constexpr auto kWait = Action::kWait;
constexpr auto kMisconfigured = Action::kMisconfigured;

const char kHtml413[] =
    "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n"
    "<center><h1>413 Request Entity Too Large</h1></center>\r\n</body>\r\n</html>\r\n";

TEST(Answer, Success) {
  const Row rows[] = {
      {"204", answer(204), kDelivered},
      {"200", answer(200, "ok"), kDelivered},
      {"202 with words that mean nothing here", answer(202, "partial write"), kDelivered},
      {"204 whose connection broke behind the headers", failure(TransportError::kReset, 204),
       kDelivered},
  };
  for (const Row& row : rows) check(row);
}

TEST(Answer, PointsRefusedForGood) {
  const Row rows[] = {
      {"1.x: all lines malformed",
       answer(400, R"({"error":"unable to parse 'x': missing fields"})"), kRejected},
      {"1.x: some lines malformed",
       answer(400, R"({"error":"partial write: unable to parse 'x': missing fields dropped=0"})"),
       kRejected, 0, true},
      {"1.x: field type conflict",
       answer(400, R"({"error":"partial write: field type conflict: input field \"v\" on )"
                   R"(measurement \"m\" is type string, already exists as type float dropped=2"})"),
       kDelivered, 2},
      {"1.x: beyond retention",
       answer(400, R"({"error":"partial write: points beyond retention policy dropped=1"})"),
       kDelivered, 1},
      {"1.x: series limit, everything dropped",
       answer(400, R"({"error":"partial write: max-series-per-database limit exceeded: (1000) )"
                   R"(dropped=1100"})"),
       kDelivered, kPoints},
      {"1.x: a tag named time",
       answer(400, R"({"error":"partial write: invalid tag key: input tag \"time\" dropped=3"})"),
       kDelivered, 3},
      {"a refused line that contains the same words",
       answer(400, R"({"error":"partial write: unable to parse 'm dropped=77 x': bad dropped=0"})"),
       kRejected, 0, true},
      {"a count too large for a number",
       answer(400, R"({"error":"partial write: dropped=99999999999999999999999"})"), kRejected, 0,
       true},
      {"1.x: only the header has the words",
       answer(400, "", {{"X-Influxdb-Error", "partial write: series limit dropped=4"}}), kDelivered,
       4},
      {"2.x: field type conflict",
       answer(422, R"({"code":"unprocessable entity","message":"failure writing points to )"
                   R"(database: partial write: field type conflict: x dropped=5"})"),
       kDelivered, 5},
      {"2.x: outside retention",
       answer(422, R"({"code":"unprocessable entity","message":"failure writing points to )"
                   R"(database: partial write: dropped 7 points outside retention policy of )"
                   R"(duration 1h - oldest m at t, newest m at t dropped=7 for database: 0f for )"
                   R"(retention policy: autogen"})"),
       kDelivered, 7},
      {"2.9: 422 that dropped nothing",
       answer(422, R"({"code":"x","message":"partial write: invalid field name: time dropped=0"})"),
       kRejected, 0, true},
      {"2.x: parse error", answer(400, R"({"code":"invalid","message":"unable to parse 'x'"})"),
       kRejected},
      {"3.x: parse error",
       answer(400, R"({"error":"parsing failed for write_lp endpoint","data":{"error_message":)"
                   R"("No fields","line_number":2,"original_line":"cpu"}})"),
       kRejected},
      {"3.x: empty write", answer(400, R"({"error":"empty write"})"), kRejected},
      {"VictoriaMetrics: bad gzip",
       answer(400, "remoteAddr: \"127.0.0.1:1\"; requestURI: /write?db=x; cannot read gzip"),
       kRejected},
      {"400 without a word", answer(400), kRejected},
      {"400 whose words were lost to a NUL in a header", failure(TransportError::kMalformed, 400),
       kRejected, 0, true},
      {"422 of another kind", answer(422, R"({"error":"too many columns"})"), kRejected},
      {"413 of 1.x", answer(413, R"({"error":"Request Entity Too Large"})"), kRejected, 0, false,
       true},
      {"413 of a proxy", answer(413, kHtml413), kRejected, 0, false, true},
      {"2.x: 500 with a partial write",
       answer(500, R"({"code":"internal error","message":"unexpected error writing points to )"
                   R"(database: partial write: x dropped=9"})"),
       kDelivered, 9},
      {"500 that could not parse", answer(500, R"({"error":"unable to parse 'x': bad"})"),
       kRejected},
      {"500 beyond retention", answer(500, R"({"error":"points beyond retention policy"})"),
       kRejected},
      {"503 beyond retention, without a wait",
       answer(503, R"({"error":"points beyond retention policy"})"), kRejected},
  };
  for (const Row& row : rows) check(row);
}

TEST(Answer, APersonMustAct) {
  const Row rows[] = {
      {"1.x: database unknown", answer(404, R"({"error":"database not found: \"nope\""})"),
       kMisconfigured, 0, false, false, true},
      {"2.x: bucket unknown",
       answer(404, R"({"code":"not found","message":"no dbrp mapping found"})"), kMisconfigured},
      {"a wrong path behind a proxy", answer(404, "<html><h1>404 Not Found</h1></html>"),
       kMisconfigured},
      {"1.x: retention policy unknown",
       answer(500, R"({"error":"retention policy not found: nope"})"), kMisconfigured},
      {"1.x: no credentials",
       answer(401, R"({"error":"unable to parse authentication credentials"})",
              {{"WWW-Authenticate", "Basic realm=\"InfluxDB\""}}),
       kMisconfigured},
      {"VictoriaMetrics: 401 with a bare newline", answer(401, "\n"), kMisconfigured},
      {"403", answer(403, R"({"error":"\"r\" user is not authorized to write to database \"t\""})"),
       kMisconfigured},
      {"405", answer(405, "Method Not Allowed"), kMisconfigured},
      {"406", answer(406), kMisconfigured},
      {"409", answer(409), kMisconfigured},
      {"415", answer(415), kMisconfigured},
      {"499", answer(499), kMisconfigured},
      {"301", answer(301, "", {{"Location", "https://elsewhere/write"}}), kMisconfigured},
      {"302 with a wait that does not count", answer(302, "", {{"Retry-After", "5"}}),
       kMisconfigured},
      {"304", answer(304), kMisconfigured},
      {"307", answer(307, "", {{"Location", "/other"}}), kMisconfigured},
      {"401 with a wait that does not count", answer(401, "", {{"Retry-After", "5"}}),
       kMisconfigured},
  };
  for (const Row& row : rows) check(row);
}

TEST(Answer, TheServerAsksForAWait) {
  const std::vector<HttpHeader> dated{{"Date", "Thu, 09 Oct 2025 10:00:00 GMT"},
                                      {"Retry-After", "Thu, 09 Oct 2025 10:00:30 GMT"}};
  const Row rows[] = {
      {"429", answer(429, "", {{"Retry-After", "7"}}), kWait, 0, false, false, false, seconds(7)},
      {"429, name in lower case", answer(429, "", {{"retry-after", "7"}}), kWait, 0, false, false,
       false, seconds(7)},
      {"503", answer(503, "busy", {{"Retry-After", "120"}}), kWait, 0, false, false, false,
       seconds(120)},
      {"503, as a date", answer(503, "", dated), kWait, 0, false, false, false, seconds(30)},
      {"429, as a date", answer(429, "", dated), kWait, 0, false, false, false, seconds(30)},
      {"503, as a date without a Date",
       answer(503, "", {{"Retry-After", "Thu, 09 Oct 2025 08:53:30 GMT"}}), kWait, 0, false, false,
       false, seconds(10)},
      {"408", answer(408, "", {{"Retry-After", "1"}}), kWait, 0, false, false, false, seconds(1)},
      {"425", answer(425, "", {{"Retry-After", "1"}}), kWait, 0, false, false, false, seconds(1)},
      {"502", answer(502, "", {{"Retry-After", "1"}}), kWait, 0, false, false, false, seconds(1)},
      {"504", answer(504, "", {{"Retry-After", "1"}}), kWait, 0, false, false, false, seconds(1)},
      {"503 that also blames the points",
       answer(503, R"({"error":"partial write: x dropped=1"})", {{"Retry-After", "3"}}), kWait, 0,
       false, false, false, seconds(3)},
      {"a date in the past", answer(503, "", {{"Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT"}}),
       kWait},
      {"longer than anybody waits: the worker caps it", answer(429, "", {{"Retry-After", "86400"}}),
       kWait, 0, false, false, false, seconds(86'400)},
      {"the answer broke off behind the headers",
       [] {
         HttpResult result = failure(TransportError::kReset, 503);
         result.headers = {{"Retry-After", "9"}};
         return result;
       }(),
       kWait, 0, false, false, false, seconds(9)},
  };
  for (const Row& row : rows) check(row);
}

TEST(Answer, TryAgain) {
  const Row rows[] = {
      {"429 without a wait", answer(429)},
      {"429 with rubbish", answer(429, "", {{"Retry-After", "soon"}})},
      {"503 with a negative wait", answer(503, "", {{"Retry-After", "-5"}})},
      {"503 with too many digits", answer(503, "", {{"Retry-After", "99999999999999999999"}})},
      {"408 without a wait", answer(408)},
      {"425 without a wait", answer(425)},
      {"503: throttled", answer(503, "request throttled, queue full")},
      {"503: stopping", answer(503)},
      {"500: cache full",
       answer(500, R"({"error":"engine: cache-max-memory-size exceeded: 2/1"})")},
      {"500: timeout", answer(500, R"({"error":"timeout"})")},
      {"500: stopping", answer(500, R"({"error":"write failed"})")},
      {"500 with a wait that does not count", answer(500, "", {{"Retry-After", "5"}})},
      {"2.x: bad gzip header", answer(500, R"({"code":"internal error","message":"An internal )"
                                           R"(error has occurred - check server logs"})")},
      {"502 of a proxy", answer(502, "<html><h1>502 Bad Gateway</h1></html>")},
      {"504 of a proxy", answer(504, "<html><h1>504 Gateway Time-out</h1></html>")},
      {"501", answer(501)},
      {"599", answer(599)},
      {"101", answer(101)},
      {"refused", failure(TransportError::kConnect)},
      {"no address", failure(TransportError::kResolve)},
      {"TLS", failure(TransportError::kTls)},
      {"timeout", failure(TransportError::kTimeout)},
      {"reset", failure(TransportError::kReset)},
      {"no HTTP", failure(TransportError::kMalformed)},
      {"given up", failure(TransportError::kAborted)},
  };
  for (const Row& row : rows) check(row);
}

TEST(Answer, NoStatusIsOutsideTheTable) {
  for (int status = 0; status < 1000; ++status) {
    const Decision decision = decided(answer(status));
    if (status >= 200 && status < 300) {
      EXPECT_EQ(decision.action, kDelivered) << status;
    } else {
      EXPECT_NE(decision.action, kDelivered) << status;
      // Points are only given up where the table says so.
      const bool refusal = status == 400 || status == 413 || status == 422;
      EXPECT_EQ(decision.action == kRejected, refusal) << status;
    }
  }
}

TEST(ServerMessage, IsFoundWhereverTheServerPutsIt) {
  EXPECT_EQ(server_message(answer(400, R"({"error":"bad line"})")), "bad line");
  EXPECT_EQ(server_message(answer(400, R"({"code":"invalid","message":"bad line"})")), "bad line");
  EXPECT_EQ(
      server_message(answer(400, R"({"error":"failed","data":{"error_message":"No fields"}})")),
      "failed: No fields");
  EXPECT_EQ(
      server_message(answer(400, R"({"error":"failed","data":[{"error_message":"No fields"}]})")),
      "failed: No fields");
  EXPECT_EQ(server_message(answer(400, R"({"error":)", {{"X-Influxdb-Error", "from header"}})),
            "from header");
  EXPECT_EQ(server_message(answer(503, "request throttled\n")), "request throttled");
  EXPECT_EQ(server_message(answer(413, kHtml413)),
            "413 Request Entity Too Large 413 Request Entity Too Large");
  EXPECT_EQ(server_message(answer(500, "<html><style>h1{color:red}</style><p>No</p></html>")),
            "No");
  EXPECT_EQ(server_message(answer(500, "<unfinished")), "");
  EXPECT_EQ(server_message(answer(401, "\n")), "");
}

TEST(ServerMessage, CannotForgeALogLineOrFillTheLog) {
  EXPECT_EQ(server_message(answer(400, "{\"error\":\"a\\nERROR b\\u0000\\u001b[31m\"}")),
            "a ERROR b [31m");
  EXPECT_LE(server_message(answer(400, std::string(8192, 'x'))).size(), 512U);
  EXPECT_EQ(server_message(answer(400, "\xff\xfe bad")), "?? bad");
  // Deep nesting and odd types are no reason to fall over.
  EXPECT_FALSE(server_message(answer(400, std::string(8000, '['))).empty());
  EXPECT_FALSE(server_message(answer(400, R"({"error":{"a":1},"message":5})")).empty());
  EXPECT_FALSE(server_message(answer(400, R"([1,2])")).empty());
}

TEST(Answer, ReasonNamesTheStatusOrTheSystemsWords) {
  EXPECT_EQ(decided(answer(401)).reason, "HTTP 401");
  EXPECT_EQ(decided(answer(403, R"({"error":"no"})")).reason, "HTTP 403: no");
  EXPECT_EQ(decided(failure(TransportError::kConnect)).reason, "the system's words");
}

TEST(Answer, NamesTheBadLineWhereTheServerDoes) {
  const auto line = [](std::string body) { return decided(answer(400, std::move(body))).bad_line; };
  EXPECT_EQ(line(R"({"code":"invalid","message":"bad","op":"x","err":"y","line":17})"), 17U);
  EXPECT_EQ(line(R"({"error":"parsing failed","data":{"line_number":2,"original_line":"cpu"}})"),
            2U);
  EXPECT_EQ(line(R"({"error":"parsing failed","data":[{"line_number":3},{"line_number":9}]})"), 3U);
  for (const char* none : {"", "line 5", R"({"line":"5"})", R"({"line":-5})", R"({"line":1.5})",
                           R"([{"line":5}])", R"({"data":5})", R"({"data":[]})"}) {
    EXPECT_EQ(line(none), 0U) << none;
  }
}

TEST(Answer, A413SaysHowLargeARequestMayBe) {
  const auto size = [](std::string body) {
    const Decision decision = decided(answer(413, std::move(body)));
    EXPECT_TRUE(decision.lower_batch_size);
    return decision.max_body_bytes;
  };
  EXPECT_EQ(size(R"({"code":"invalid","message":"at most 50000000 bytes, got 60 lines"})"),
            50'000'000U);
  EXPECT_EQ(size(R"({"code":"request too large","message":"no","maxLength":25000})"), 25'000U);
  EXPECT_EQ(size(kHtml413), 0U) << "413 is no size";
  EXPECT_EQ(size(R"({"error":"Request Entity Too Large"})"), 0U);
  EXPECT_EQ(size("99999999999999999999999999 bytes"), 0U);
}

TEST(Answer, TheDocumentedBodyIsRead) {
  const auto words = [](std::string body) { return server_message(answer(400, std::move(body))); };
  EXPECT_EQ(words(R"({"code":"invalid","message":"m","op":"o","err":"e"})"), "m");
  EXPECT_EQ(words(R"({"code":"invalid","op":"o","err":"e"})"), "e");
  EXPECT_EQ(words(R"({"code":"empty value"})"), "empty value");
}

TEST(Answer, OnlyA500MayBeMeantForTheBatch) {
  EXPECT_TRUE(decided(answer(500, "internal error")).ambiguous);
  for (const int status : {0, 408, 429, 502, 503, 504, 507}) {
    EXPECT_FALSE(decided(answer(status)).ambiguous) << status;
  }
  EXPECT_FALSE(decided(answer(500, "retention policy not found: x")).ambiguous);
}

}  // namespace
}  // namespace holdfast::outputs

// Every answer and every broken connection, for each encoding and order: what was accepted is
// delivered, or dropped with its reason, and what was refused is what is missing. Prints the
// account. The servers are emulated.
#include <algorithm>
#include <csignal>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/integration/agent_test.h"
#include "tests/support/fault_server.h"

namespace holdfast::test {
namespace {

constexpr std::uint64_t kPoints = 200;
constexpr std::uint64_t kPointsOfAPost = 20;

enum class Fate { kKept, kRefused, kStoredTwice };

struct FaultCase {
  std::string name;
  std::vector<Step> steps{};  // of the first writes; all later ones are answered 204
  Fate fate = Fate::kKept;
  std::uint64_t dropped = 0;  // of a partial write; else what the refused requests held
};

void PrintTo(const FaultCase& which, std::ostream* out) { *out << which.name; }

struct Variant {
  std::string name;
  std::string encoding;
  std::string drain;
};

const std::vector<Variant>& variants() {
  static const std::vector<Variant> all{{"gzip-oldest", "gzip", "oldest_first"},
                                        {"gzip-live", "gzip", "live_first"},
                                        {"identity-oldest", "identity", "oldest_first"},
                                        {"identity-live", "identity", "live_first"}};
  return all;
}

std::set<std::uint64_t> numbers_in(const RecordedRequest& request) {
  std::set<std::uint64_t> numbers;
  const std::string& lines = request.lines;
  for (auto at = lines.find("seq="); at != std::string::npos; at = lines.find("seq=", at + 1)) {
    numbers.insert(std::stoull(lines.substr(at + 4, 20)));
  }
  return numbers;
}

class FaultMatrix : public AgentTest, public ::testing::WithParamInterface<FaultCase> {
 protected:
  // One agent with an output of each variant, each with a server of its own.
  void run() {
    std::string outputs;
    for (const Variant& variant : variants()) {
      FaultServer& server = servers_.emplace_back();
      server.script(GetParam().steps);
      outputs += "[[outputs.influxdb]]\nalias = \"" + variant.name + "\"\nurls = [\"" +
                 server.url() + "\"]\nskip_database_creation = true\ntimeout = \"1s\"\n" +
                 "metric_batch_size = 40\ncontent_encoding = \"" + variant.encoding +
                 "\"\ndrain = \"" + variant.drain + "\"\n";
    }
    configure(listener_section() + outputs);
    start_agent();
    for (std::uint64_t first = 0; first < kPoints; first += kPointsOfAPost) {
      ASSERT_EQ(feed(numbered_feed(first, kPointsOfAPost)), 204);
    }
    EXPECT_TRUE(eventually([this] { return at_rest(); }));
    // Whoever waits for a person tries once more in the last flush.
    EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  }

  [[nodiscard]] bool at_rest() const {
    const AgentState state = status();
    return std::all_of(variants().begin(), variants().end(), [&](const Variant& variant) {
      const OutputState& output = state.output(variant.name);
      return output.ledger.accepted == kPoints &&
             (output.ledger.buffered == 0 || output.state == "misconfigured");
    });
  }

  void judge(const Variant& variant, const FaultServer& server) {
    SCOPED_TRACE(variant.name);
    const FaultCase& which = GetParam();
    const LedgerState ledger = ring_state().reader(variant.name);
    const auto writes = server.writes();
    const NumbersReport numbers = server.numbers(0, kPoints);
    std::printf("%-28s %-16s %8zu %9llu %7llu %10zu\n", which.name.c_str(), variant.name.c_str(),
                writes.size(), static_cast<unsigned long long>(ledger.delivered),
                static_cast<unsigned long long>(ledger.dropped()), numbers.duplicates.size());

    EXPECT_EQ(ledger.accepted, kPoints);
    EXPECT_EQ(ledger.buffered, 0U);
    EXPECT_TRUE(ledger.balanced());
    EXPECT_EQ(ledger.dropped(), ledger.rejected);
    EXPECT_EQ(numbers.duplicates.empty(), which.fate != Fate::kStoredTwice);
    std::set<std::uint64_t> refused;
    if (which.fate == Fate::kRefused) {
      for (std::size_t i = 0; i < which.steps.size(); ++i) refused.merge(numbers_in(writes[i]));
    }
    EXPECT_EQ(std::set(numbers.lost.begin(), numbers.lost.end()), refused);
    EXPECT_EQ(ledger.rejected, which.dropped > 0 ? which.dropped : refused.size());
    if (variant.drain == "oldest_first") expect_order(writes);
    for (std::size_t i = 0; i < which.steps.size(); ++i) expect_wait(which.steps[i], writes, i);
  }

  static void expect_order(const std::vector<RecordedRequest>& writes) {
    std::uint64_t next = 0;
    for (const RecordedRequest& request : writes) {
      const auto numbers = numbers_in(request);
      if (numbers.empty()) continue;  // its body did not arrive
      EXPECT_LE(*numbers.begin(), next);
      next = std::max(next, *numbers.rbegin() + 1);
    }
  }

  // Nothing comes before the end of an announced wait.
  static void expect_wait(const Step& step, const std::vector<RecordedRequest>& writes,
                          std::size_t i) {
    for (const auto& [name, value] : step.headers) {
      if (name != "Retry-After" || i + 1 >= writes.size()) continue;
      EXPECT_GE(writes[i + 1].time - writes[i].time, std::chrono::seconds(std::stoi(value)));
    }
  }

  std::deque<FaultServer> servers_;
};

TEST_P(FaultMatrix, AddsUp) {
  run();
  std::printf("%-28s %-16s %8s %9s %7s %10s\n", "case", "output", "requests", "delivered",
              "dropped", "duplicates");
  for (std::size_t i = 0; i < variants().size(); ++i) judge(variants()[i], servers_[i]);
}

Step answer(int status, std::string body = {}) {
  return {.status = status, .body = std::move(body)};
}
Step wait(int status, const std::string& seconds) {
  return {.status = status, .headers = {{"Retry-After", seconds}}};
}
Step broken(Fault fault, std::string raw = {}) { return {.fault = fault, .raw = std::move(raw)}; }

std::vector<FaultCase> cases() {
  const std::string html = "<html><body><h1>502 Bad Gateway</h1></body></html>";
  const std::string partial = R"({"error":"partial write: field type conflict dropped=3"})";
  return {
      {"Delivered204", {}},
      {"Delivered200", {answer(200, "ok")}},
      {"Redirect302", {{.status = 302, .headers = {{"Location", "http://127.0.0.1:1/"}}}}},
      {"Malformed400", {answer(400, R"({"error":"unable to parse"})")}, Fate::kRefused},
      {"TwiceMalformed400", {answer(400), answer(400)}, Fate::kRefused},
      {"PartialWrite400", {answer(400, partial)}, Fate::kRefused, 3},
      {"Unauthorized401", {answer(401, R"({"code":"unauthorized","message":"no"})")}},
      {"Forbidden403", {answer(403)}},
      {"NotFound404", {answer(404, "<html>nginx</html>")}},
      {"TooLarge413", {answer(413, "<html>413</html>")}, Fate::kRefused},
      {"Unprocessable422", {answer(422, R"({"code":"x","message":"no"})")}, Fate::kRefused},
      {"TooMany429", {answer(429)}},
      {"TooMany429Seconds", {wait(429, "1")}},
      {"Unavailable503", {answer(503), answer(503)}},
      {"Unavailable503Seconds", {wait(503, "1"), wait(503, "1")}},
      {"Unavailable503Garbage", {{.status = 503, .headers = {{"Retry-After", "0x10"}}}}},
      {"BadGateway502Html", {answer(502, html)}},
      {"GatewayTimeout504", {answer(504)}},
      {"Error500", {answer(500, R"({"error":"engine: cache-max-memory-size exceeded"})")}},
      {"Error500Binary", {answer(500, std::string("\0\x01\xff\xfe", 4))}},
      {"RefusedAs500",
       {answer(500, R"({"error":"partial write: unable to parse"})")},
       Fate::kRefused},
      {"ResetBeforeBody", {broken(Fault::kResetBeforeBody)}},
      {"ResetWhileReading", {broken(Fault::kResetWhileReading)}},
      {"ResetAfterBody", {broken(Fault::kResetAfterBody)}},
      {"AnswerLost", {broken(Fault::kLoseAnswer)}, Fate::kStoredTwice},
      {"AnswerBeforeBody", {{.status = 503, .fault = Fault::kAnswerBeforeBody}}},
      {"ClosedUnannounced", {broken(Fault::kAnswerThenClose)}},
      {"NotHttp", {broken(Fault::kGarbage, "SSH-2.0-OpenSSH_9.2\r\n")}},
      {"Hang", {broken(Fault::kHang)}},
  };
}

INSTANTIATE_TEST_SUITE_P(Slow, FaultMatrix, ::testing::ValuesIn(cases()),
                         [](const auto& which) { return which.param.name; });

}  // namespace
}  // namespace holdfast::test

// What a server refuses: kept, listed, shown, sent again, removed. Through the real program, beside
// a running agent and without one.
#include <csignal>
#include <filesystem>
#include <fstream>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/agent_test.h"
#include "tests/support/fault_server.h"
#include "tests/support/influxdb_server.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Json = nlohmann::json;

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr std::uint64_t kPoints = 10;

// What the agent makes of a feed: its own tag is added.
std::string stored_feed(std::uint64_t first, std::uint64_t count) {
  std::string lines;
  for (std::uint64_t n = first; n < first + count; ++n) {
    std::string line = numbered_feed(n, 1);
    lines += line.insert(line.find(' '), ",host=edge");
  }
  return lines;
}

class Rejected : public AgentTest {
 protected:
  [[nodiscard]] std::string directory() const { return path("rejected"); }

  [[nodiscard]] std::string keeping_output(const std::string& url,
                                           const std::string& more = {}) const {
    return output_section(url, fmt::format("rejected_directory = \"{}\"\n{}", directory(), more));
  }
  [[nodiscard]] std::string strict_output() const {
    return keeping_output(server_.url(), "skip_database_creation = true\n");
  }

  // An agent that has had `batches` of ten points each refused, and goes on running.
  void start_refused(std::uint64_t batches) {
    server_.script(std::vector<Step>(
        batches, Step{.status = 400, .body = R"({"error":"unable to parse 'feed': so it says"})"}));
    configure(listener_section() + strict_output());
    start_agent();
    for (std::uint64_t n = 0; n < batches; ++n) {
      ASSERT_EQ(feed(numbered_feed(n * kPoints, kPoints)), 204);
      ASSERT_TRUE(server_.wait_requests(n + 1));
      ASSERT_TRUE(wait_drained());
    }
  }

  [[nodiscard]] Ended rejected(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "rejected");
    return run_command(arguments);
  }
  [[nodiscard]] std::vector<Json> list() const {
    const Ended ended = rejected({"list", "--json"});
    EXPECT_EQ(ended.status, 0) << ended.err;
    const Json json = Json::parse(ended.out, nullptr, false);
    EXPECT_TRUE(json.is_object()) << ended.out;
    return json.is_object() ? json.at("batches").get<std::vector<Json>>() : std::vector<Json>{};
  }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(directory()), fs::directory_iterator()));
  }
  [[nodiscard]] Json store_status() const {
    const HttpAnswer answer = http_exchange("unix:" + path("status"), "GET", "/status.json");
    const Json json = Json::parse(answer.body, nullptr, false);
    EXPECT_TRUE(json.is_object());
    return json.is_object() ? json.at("outputs").at(0).at("rejected_store") : Json();
  }

  FaultServer server_;
};

TEST_F(Rejected, IsKeptShownAndDeliveredOnceTheServerIsGoodAgain) {
  start_refused(2);
  EXPECT_EQ(files(), 4U);
  const Json status = store_status();
  EXPECT_EQ(status.at("directory"), directory());
  EXPECT_EQ(status.at("files"), 2);
  EXPECT_GT(status.at("bytes"), 0);
  EXPECT_EQ(status.at("kept"), 2);
  EXPECT_EQ(status.at("failed"), 0);
  EXPECT_THAT(run_command({"status"}).out, HasSubstr("2 refused batches kept"));

  const auto batches = list();
  ASSERT_THAT(batches, SizeIs(2));
  EXPECT_EQ(batches[0].at("status"), 400);
  EXPECT_EQ(batches[0].at("reason"), "HTTP 400: unable to parse 'feed': so it says");
  EXPECT_EQ(batches[0].at("url"), server_.url() + "/write?db=it");
  EXPECT_EQ(batches[0].at("output"), "outputs.influxdb::main");
  EXPECT_EQ(batches[0].at("points"), kPoints);
  const std::string first = batches[0].at("id");
  const Ended table = rejected({"list"});
  EXPECT_EQ(table.status, 0);
  EXPECT_THAT(table.out, StartsWith("id "));
  EXPECT_THAT(table.out, HasSubstr(first));
  EXPECT_THAT(table.out, HasSubstr("unable to parse"));

  const Ended shown = rejected({"show", first});
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_THAT(shown.out, HasSubstr("# status: 400\n"));
  const auto lines = shown.out.find("feed,");
  ASSERT_NE(lines, std::string::npos);
  EXPECT_EQ(shown.out.substr(lines), stored_feed(0, kPoints));
  const Ended three = rejected({"show", first, "--lines", "3"});
  EXPECT_EQ(three.out.substr(three.out.find("feed,")), stored_feed(0, 3));
  EXPECT_THAT(rejected({"show", first, "--lines", "0"}).out, Not(HasSubstr("feed,")));

  // The script is over: from now on it takes everything.
  EXPECT_EQ(server_.numbers(0, 2 * kPoints).stored, 0U);
  const Ended retried = rejected({"retry", "--all"});
  EXPECT_EQ(retried.status, 0) << retried.err;
  EXPECT_THAT(retried.out, HasSubstr(first + ": delivered, 10 points\n"));
  const NumbersReport numbers = server_.numbers(0, 2 * kPoints);
  EXPECT_THAT(numbers.lost, IsEmpty());
  EXPECT_THAT(numbers.duplicates, IsEmpty());
  const auto writes = server_.writes();
  ASSERT_THAT(writes, SizeIs(4));
  EXPECT_EQ(writes[2].body, writes[0].body);
  EXPECT_EQ(writes[3].body, writes[1].body);
  EXPECT_EQ(files(), 0U);
  EXPECT_THAT(list(), IsEmpty());
  EXPECT_TRUE(eventually([&] { return store_status().at("files") == 0; }));
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
}

TEST_F(Rejected, WhatIsRefusedAgainStaysWithTheNewReason) {
  start_refused(3);
  const auto before = list();
  ASSERT_THAT(before, SizeIs(3));
  server_.script({{.status = 204},
                  {.status = 422, .body = R"({"error":"another reason"})"},
                  {.status = 400, .body = R"({"error":"partial write: x dropped=4"})"}});
  const Ended retried = rejected({"retry", "--all"});
  EXPECT_EQ(retried.status, kFailed);
  EXPECT_THAT(retried.out, HasSubstr("but for 4 of 10 points"));
  EXPECT_THAT(retried.err, HasSubstr("2 batches delivered, 1 refused again, 0 left"));
  const auto after = list();
  ASSERT_THAT(after, SizeIs(1));
  EXPECT_EQ(after[0].at("id"), before[1].at("id"));
  EXPECT_EQ(after[0].at("status"), 422);
  EXPECT_EQ(after[0].at("reason"), "HTTP 422: another reason");
  EXPECT_EQ(after[0].at("time"), before[1].at("time"));
  EXPECT_TRUE(before[1].at("retried_at").is_null());
  EXPECT_TRUE(after[0].at("retried_at").is_string());
  EXPECT_EQ(files(), 2U);
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
}

TEST_F(Rejected, RetryEndsAtTheFirstAnswerThatAsksForPatience) {
  start_refused(4);
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  server_.script({{.status = 204},
                  {.status = 503, .headers = {{"Retry-After", "30"}}},
                  {.status = 500},
                  {.status = 401}});
  const Ended waiting = rejected({"retry", "--all"});
  EXPECT_EQ(waiting.status, kFailed);
  EXPECT_THAT(waiting.err, HasSubstr("a wait of 30s"));
  EXPECT_THAT(waiting.err, HasSubstr("1 batches delivered, 0 refused again, 3 left"));
  EXPECT_THAT(server_.writes(), SizeIs(6));
  for (std::size_t writes = 7; writes <= 8; ++writes) {
    const Ended failing = rejected({"retry", "--all"});
    EXPECT_EQ(failing.status, kFailed);
    EXPECT_THAT(failing.err, HasSubstr("0 batches delivered, 0 refused again, 3 left"));
    EXPECT_THAT(server_.writes(), SizeIs(writes));
  }
  EXPECT_THAT(list(), SizeIs(3));
  EXPECT_EQ(rejected({"retry", "--all"}).status, 0);
  EXPECT_THAT(server_.numbers(0, 4 * kPoints).lost, IsEmpty());
}

TEST_F(Rejected, SomeBatchesAreSentOrRemovedByName) {
  start_refused(4);
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  const auto all = list();
  const auto id = [&](std::size_t n) { return all.at(n).at("id").get<std::string>(); };
  // The younger is named first: age decides all the same.
  EXPECT_EQ(rejected({"retry", id(2), id(0)}).status, 0);
  const auto writes = server_.writes();
  ASSERT_THAT(writes, SizeIs(6));
  EXPECT_EQ(writes[4].lines, stored_feed(0, kPoints));
  EXPECT_EQ(writes[5].lines, stored_feed(2 * kPoints, kPoints));

  const Ended gone = rejected({"purge", id(0), id(1)});
  EXPECT_EQ(gone.status, kFailed) << "one is not there any more";
  EXPECT_THAT(gone.err, HasSubstr(id(0) + ": no such batch"));
  EXPECT_THAT(gone.out, HasSubstr("removed 1 batches"));
  EXPECT_THAT(list(), SizeIs(1));
  EXPECT_EQ(rejected({"purge", "--older-than", "1h"}).status, 0);
  EXPECT_THAT(list(), SizeIs(1));
  EXPECT_EQ(rejected({"purge", "--older-than", "1ns"}).status, 0);
  EXPECT_EQ(files(), 0U);
  EXPECT_THAT(rejected({"list"}).out, HasSubstr("nothing"));
  EXPECT_EQ(rejected({"purge", "--all"}).status, 0);
  EXPECT_THAT(server_.writes(), SizeIs(6));
}

TEST_F(Rejected, BatchesOfSeveralOutputsGoToTheirOwn) {
  FaultServer other;
  server_.script({{.status = 400, .body = "no"}});
  other.script({{.status = 422, .body = "never"}});
  std::string second = keeping_output(other.url(), "skip_database_creation = true\n");
  second.replace(second.find("\"main\""), 6, "\"the other\"");
  configure(listener_section() + strict_output() + second);
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, kPoints)), 204);
  ASSERT_TRUE(eventually([&] { return server_.requests().size() + other.requests().size() == 2; }));
  ASSERT_TRUE(wait_drained());
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  EXPECT_THAT(list(), SizeIs(2));
  const Ended one = rejected({"list", "--output", "the other", "--json"});
  const Json json = Json::parse(one.out);
  ASSERT_THAT(json.at("batches"), SizeIs(1));
  EXPECT_EQ(json.at("batches")[0].at("reader"), "the other");
  EXPECT_EQ(json.at("batches")[0].at("status"), 422);
  EXPECT_EQ(rejected({"retry", "--all", "--output", "the other"}).status, 0);
  EXPECT_THAT(server_.writes(), SizeIs(1));
  EXPECT_THAT(other.writes(), SizeIs(2));
  EXPECT_THAT(list(), SizeIs(1));
  // An output that is gone leaves its batches behind: they are not forgotten.
  configure(listener_section() + second);
  const Ended rest = rejected({"list"});
  EXPECT_EQ(rest.status, 0);
  EXPECT_THAT(rest.err, HasSubstr("1 more"));
  EXPECT_THAT(rest.err, HasSubstr("reader main"));
}

TEST_F(Rejected, DamagedFilesAreNamedAndNeverSent) {
  start_refused(3);
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  const auto all = list();
  ASSERT_THAT(all, SizeIs(3));
  const auto file = [&](std::size_t n) {
    return directory() + "/" + all[n].at("id").get<std::string>();
  };
  fs::resize_file(file(0) + ".lp.gz", fs::file_size(file(0) + ".lp.gz") - 3);
  std::ofstream(file(1) + ".json") << "no JSON";
  fs::remove(file(2) + ".json");
  const auto after = list();
  ASSERT_THAT(after, SizeIs(3));
  EXPECT_THAT(after[1].at("reason").get<std::string>(), HasSubstr("not a JSON object"));
  EXPECT_THAT(after[2].at("reason").get<std::string>(), HasSubstr(".json"));
  EXPECT_EQ(rejected({"show", all[0].at("id")}).status, kFailed);
  EXPECT_EQ(rejected({"show", all[2].at("id")}).status, 0);
  const Ended retried = rejected({"retry", "--all"});
  EXPECT_EQ(retried.status, kFailed);
  EXPECT_THAT(retried.err, HasSubstr("2 batches delivered, 0 refused again, 1 left"));
  EXPECT_THAT(server_.writes(), SizeIs(5));
  EXPECT_THAT(list(), SizeIs(1));
}

TEST_F(Rejected, AnAgentThatIsKilledHasTheBatchInTheStoreOrInTheRing) {
  // The answer is on its way, and the agent dies: one of the two knows the points.
  configure(listener_section() + strict_output());
  for (std::uint64_t round = 0; round < 10; ++round) {
    server_.script({{.status = 400, .body = "no"}});
    start_agent();
    ASSERT_EQ(feed(numbered_feed(round * kPoints, kPoints)), 204);
    ASSERT_TRUE(server_.wait_requests(round + 1));
    (void)stop_agent(SIGKILL);
    const std::uint64_t buffered = ring_state().reader(kReader).buffered;
    EXPECT_GE(buffered + list().size() * kPoints, kPoints) << round;
    ASSERT_EQ(rejected({"purge", "--all"}).status, 0);
    fs::remove(ring());
  }
}

TEST_F(Rejected, ADiskThatTakesNothingCostsTheCopyOnly) {
  server_.script({{.status = 400, .body = "no"}});
  std::ofstream(directory()) << "a file is in the way";
  configure(listener_section() + strict_output());
  start_agent();
  ASSERT_EQ(feed(numbered_feed(0, kPoints)), 204);
  ASSERT_TRUE(server_.wait_requests(1));
  ASSERT_TRUE(wait_drained());
  ASSERT_EQ(feed(numbered_feed(kPoints, kPoints)), 204);
  ASSERT_TRUE(server_.wait_stored(kPoints));
  ASSERT_TRUE(wait_drained());
  EXPECT_EQ(store_status().at("failed"), 1);
  EXPECT_EQ(status().output(kReader).ledger.rejected, kPoints);
  EXPECT_EQ(status().output(kReader).ledger.delivered, kPoints);
  const Ended ended = stop_agent(SIGTERM);
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.err, HasSubstr("what the server refuses cannot be kept"));
  EXPECT_THAT(ended.err, HasSubstr("a refused batch of 10 points is not kept"));
  EXPECT_THAT(ended.err, HasSubstr(directory()));
  EXPECT_EQ(rejected({"list"}).status, kFailed);
}

TEST_F(Rejected, WithoutADirectoryThereIsNothingToWorkOn) {
  configure(listener_section() + output_section(server_.url()));
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"list"}, {"show", "x"}, {"retry", "--all"}, {"purge", "--all"}}) {
    const Ended ended = rejected(arguments);
    EXPECT_EQ(ended.status, kFailed) << arguments[0];
    EXPECT_THAT(ended.err, HasSubstr("rejected_directory")) << arguments[0];
    EXPECT_THAT(ended.out, IsEmpty()) << arguments[0];
  }
  configure(listener_section() + strict_output());
  const Ended unknown = rejected({"list", "--output", "nobody"});
  EXPECT_EQ(unknown.status, kFailed);
  EXPECT_THAT(unknown.err, HasSubstr("no output is called nobody; there are: main"));
  EXPECT_EQ(rejected({"list"}).status, 0) << "a directory that is not made yet is an empty one";
  EXPECT_EQ(rejected({"show", "x"}).status, kFailed);
}

TEST_F(Rejected, WrongUsageIsToldBeforeAnythingIsDone) {
  configure(listener_section() + strict_output());
  const std::vector<std::vector<std::string>> wrong{{},
                                                    {"show"},
                                                    {"show", "a", "b"},
                                                    {"show", "a", "--lines", "some"},
                                                    {"retry"},
                                                    {"retry", "a", "--all"},
                                                    {"purge"},
                                                    {"purge", "a", "--older-than", "7d"},
                                                    {"purge", "--all", "--older-than", "7d"},
                                                    {"purge", "--older-than", "long"}};
  for (const auto& arguments : wrong) {
    const Ended ended = rejected(arguments);
    EXPECT_EQ(ended.status, kWrongUsage) << ::testing::PrintToString(arguments);
    EXPECT_FALSE(ended.err.empty()) << ::testing::PrintToString(arguments);
  }
  for (const char* command : {"list", "show", "retry", "purge"}) {
    const Ended ended = run_bare({"rejected", command, "--help"});
    EXPECT_EQ(ended.status, 0) << command;
    EXPECT_THAT(ended.out, HasSubstr("--output")) << command;
  }
}

TEST_F(Rejected, AConflictOfTypesIsHealedInARealInfluxdb) {
  InfluxdbServer influxdb;
  const base::Status started = influxdb.start();
  ASSERT_TRUE(started) << started.error().message;
  ASSERT_TRUE(influxdb.query("", "CREATE DATABASE it"));
  const std::string address = "127.0.0.1:" + std::to_string(influxdb.port());
  ASSERT_EQ(http_exchange(address, "POST", "/write?db=it", "feed seq=\"text\" 1700000000500000000")
                .status,
            204);
  configure(listener_section() + keeping_output(influxdb.url()));
  start_agent();
  ASSERT_EQ(feed("feed seq=1i 1700000000000000000\nfeed seq=2i 1700000001000000000\n"), 204);
  ASSERT_TRUE(eventually([&] { return status().output(kReader).ledger.rejected == 2; }));
  const auto kept = list();
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].at("points"), 2);
  EXPECT_THAT(kept[0].at("reason").get<std::string>(), HasSubstr("field type conflict"));
  EXPECT_EQ(rejected({"retry", "--all"}).status, kFailed) << "nothing has changed yet";
  EXPECT_THAT(list(), SizeIs(1));
  ASSERT_TRUE(influxdb.query("it", "DROP MEASUREMENT feed"));
  const Ended retried = rejected({"retry", "--all"});
  EXPECT_EQ(retried.status, 0) << retried.out << retried.err;
  EXPECT_EQ(influxdb.count("it", "feed", "seq").value_or(0), 2U);
  EXPECT_THAT(list(), IsEmpty());
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
}

}  // namespace
}  // namespace holdfast::test

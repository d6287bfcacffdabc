// Batches that go to several databases, from the ring to the ledger: what is refused, split, kept.
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include "buffer/memory_file.h"
#include "outputs/delivery.h"
#include "outputs/write_output.h"
#include "tests/outputs/delivery_fixture.h"

namespace holdfast::outputs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Numbers = std::vector<std::uint64_t>;

// Takes a whole request or nothing, as InfluxDB 2 does (emulated).
class Databases {
 public:
  Numbers bad;  // numbers of lines that it refuses

  HttpResult take(const HttpRequest& request) {
    const std::string lines = test::gunzip_single_member(request.body).value_or("");
    ++requests_;
    for (const std::uint64_t number : test::numbers_in(lines)) {
      if (std::find(bad.begin(), bad.end(), number) != bad.end()) {
        return test::http_answer(400, R"({"code":"invalid","message":"unable to parse"})");
      }
    }
    auto& stored = stored_[request.url.substr(request.url.find("db=") + 3)];
    for (const std::uint64_t number : test::numbers_in(lines)) stored.push_back(number);
    return test::http_answer(204);
  }
  const Numbers& stored(const std::string& database) { return stored_[database]; }
  [[nodiscard]] int requests() const { return requests_; }

 private:
  std::map<std::string, Numbers> stored_;
  int requests_ = 0;
};

class DatabasesClient final : public HttpClient {
 public:
  explicit DatabasesClient(Databases& databases) : databases_(databases) {}
  [[nodiscard]] HttpResult send(const HttpRequest& request, const StopSignal& /*stop*/) override {
    return databases_.take(request);
  }

 private:
  Databases& databases_;
};

class GroupsDeliveryTest : public testing::Test {
 protected:
  // Four points for each of the databases a and b, in turn.
  void deliver(const WorkerOptions& options) {
    ring_ = std::move(buffer::Ring::open(std::make_unique<buffer::MemoryFile>(), {.size = 1U << 20},
                                         clock_, base::Random(3))
                          .value());
    const auto reader = ring_->attach("out").value();
    std::string lines;
    for (int n = 0; n < 8; ++n) {
      lines += fmt::format("m,to={} seq={}i {}\n", n % 2 == 0 ? "a" : "b", n, 1000 + n);
    }
    buffer::Block block = test::make_block(lines, 8);
    ASSERT_TRUE(ring_->append(block));
    WriteTarget target;
    target.servers = {{"http://h", "http://h/write", "http://h/query", {}, {}}};
    target.parameters = {{"db", "other"}};
    target.rules.routes = {{"db", "to", false}};
    const auto client = [this](const WriteServer&) {
      return std::make_unique<DatabasesClient>(databases_);
    };
    Delivery delivery(make_write_output(std::move(target), client, {clock_, {}}).value(), options,
                      DeliveryContext{*ring_, reader, "out", clock_, base::Random(7), {}});
    for (int i = 0; i < 50 && ring_->pending_points(reader) > 0; ++i) {
      const base::BootTime due = delivery.step(stop_);
      clock_.advance(std::max(base::Duration::zero(), base::Duration(due - clock_.boot())));
    }
    EXPECT_EQ(ring_->pending_points(reader), 0U);
    counters_ = ring_->info().readers.at(0).ledger.counters;
  }

  test::FakeClock clock_;
  StopSignal stop_;
  Databases databases_;
  std::unique_ptr<buffer::Ring> ring_;
  buffer::LedgerCounters counters_;
};

TEST_F(GroupsDeliveryTest, EachDatabaseGetsItsOwn) {
  deliver({});
  EXPECT_THAT(databases_.stored("a"), ElementsAre(0, 2, 4, 6));
  EXPECT_THAT(databases_.stored("b"), ElementsAre(1, 3, 5, 7));
  EXPECT_EQ(databases_.requests(), 2);
  EXPECT_EQ(counters_.delivered, 8U);
}

TEST_F(GroupsDeliveryTest, OfARefusedGroupOnlyItsOwnPointsCount) {
  databases_.bad = {2};
  deliver({});
  EXPECT_THAT(databases_.stored("a"), IsEmpty());
  EXPECT_THAT(databases_.stored("b"), ElementsAre(1, 3, 5, 7));
  EXPECT_EQ(counters_.delivered, 4U);
  EXPECT_EQ(counters_.rejected, 4U);
}

TEST_F(GroupsDeliveryTest, SplittingSavesItsGoodLinesAndSendsNothingTwice) {
  databases_.bad = {2};
  deliver({.on_rejected = "split"});
  EXPECT_THAT(databases_.stored("a"), ElementsAre(0, 4, 6));
  EXPECT_THAT(databases_.stored("b"), ElementsAre(1, 3, 5, 7));
  EXPECT_EQ(counters_.delivered, 7U);
  EXPECT_EQ(counters_.rejected, 1U);
}

TEST_F(GroupsDeliveryTest, BadLinesInBothDatabases) {
  databases_.bad = {0, 7};
  deliver({.on_rejected = "split"});
  EXPECT_THAT(databases_.stored("a"), ElementsAre(2, 4, 6));
  EXPECT_THAT(databases_.stored("b"), ElementsAre(1, 3, 5));
  EXPECT_EQ(counters_.delivered, 6U);
  EXPECT_EQ(counters_.rejected, 2U);
}

TEST_F(GroupsDeliveryTest, AllOfThemBad) {
  databases_.bad = {0, 1, 2, 3, 4, 5, 6, 7};
  deliver({.on_rejected = "split"});
  EXPECT_EQ(counters_.rejected, 8U);
  EXPECT_THAT(databases_.stored("a"), IsEmpty());
  EXPECT_THAT(databases_.stored("b"), IsEmpty());
}

}  // namespace
}  // namespace holdfast::outputs

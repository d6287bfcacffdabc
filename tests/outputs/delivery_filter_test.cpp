// An output's own filter and names: what is sent, what is counted as filtered, and how both go with
// refusals.
#include <optional>

#include <gmock/gmock.h>

#include "config/loader.h"
#include "tests/outputs/delivery_fixture.h"

namespace holdfast::outputs {
namespace {

using std::chrono::seconds;
using test::DeliveryTest;
using test::http_answer;
using testing::ElementsAre;
using testing::IsEmpty;
using Numbers = std::vector<std::uint64_t>;

constexpr base::Duration kFlush = seconds(10);

line::MetricFilter filter_of(const std::string& options) {
  config::Diagnostics diagnostics;
  config::Document document;
  config::load_text(
      "[[outputs.file]]\n" + options, "test.toml", [](const std::string&) { return std::nullopt; },
      diagnostics, document);
  config::Table& table = document.outputs.at(0).table;
  auto filter = line::MetricFilter::compile(line::filter_schema().parse(table, diagnostics), table,
                                            diagnostics);
  EXPECT_FALSE(diagnostics.has_errors());
  return filter;
}

class DeliveryFilterTest : public DeliveryTest {
 protected:
  // Points of which only the even ones are for this output.
  void append_mixed(std::uint32_t points) {
    std::string lines;
    for (std::uint32_t i = 0; i < points; ++i, ++next_) {
      lines += fmt::format("m,for={} seq={}i,extra=1i {}\n", next_ % 2 == 0 ? "us" : "them", next_,
                           1'000 + next_);
    }
    auto block = test::make_block(lines, points);
    ASSERT_TRUE(ring_->append(block));
  }
  static WorkerOptions options() {
    WorkerOptions options;
    options.filter = filter_of("tagpass = { for = ['us'] }");
    return options;
  }
};

TEST_F(DeliveryFilterTest, WhatIsNotForItCountsAsFiltered) {
  start(options());
  append_mixed(10);
  append_mixed(10);
  pass(kFlush);
  ASSERT_EQ(requests_.size(), 1U);
  EXPECT_THAT(requests_[0].numbers, ElementsAre(0, 2, 4, 6, 8, 10, 12, 14, 16, 18));
  EXPECT_EQ(ledger().counters.delivered, 10U);
  EXPECT_EQ(ledger().counters.filtered, 10U);
  EXPECT_EQ(ledger().buffered, 0U);
}

TEST_F(DeliveryFilterTest, NothingIsSentIfNothingIsForIt) {
  WorkerOptions none;
  none.filter = filter_of("namepass = ['other']");
  start(none);
  for (int i = 0; i < 20; ++i) append_mixed(1000);
  pass(kFlush);
  EXPECT_THAT(requests_, IsEmpty());
  EXPECT_EQ(ledger().counters.filtered, 20'000U);
  EXPECT_EQ(delivery_->status().requests, 0U);
}

TEST_F(DeliveryFilterTest, OfARefusedBatchOnlyWhatWasSentIsRejected) {
  server_ = [](const Numbers&) { return http_answer(400); };
  start(options());
  append_mixed(10);
  pass(kFlush);
  EXPECT_EQ(ledger().counters.rejected, 5U);
  EXPECT_EQ(ledger().counters.filtered, 5U);
  EXPECT_EQ(ledger().counters.delivered, 0U);
}

TEST_F(DeliveryFilterTest, APartialWriteCountsOnWhatWasSent) {
  server_ = [](const Numbers&) {
    return http_answer(400,
                       R"({"error":"partial write: points beyond retention policy dropped=2"})");
  };
  start(options());
  append_mixed(10);
  pass(kFlush);
  EXPECT_EQ(ledger().counters.rejected, 2U);
  EXPECT_EQ(ledger().counters.delivered, 3U);
  EXPECT_EQ(ledger().counters.filtered, 5U);
}

TEST_F(DeliveryFilterTest, SplittingFindsTheBadLine) {
  server_ = [](const Numbers& n) {
    const auto bad = std::find(n.begin(), n.end(), 42U);
    if (bad == n.end()) return http_answer(204);
    // The line's number in the body, which is not its place in the ring.
    return http_answer(
        400, fmt::format(R"({{"code":"invalid","message":"bad","line":{}}})", bad - n.begin() + 1));
  };
  WorkerOptions split = options();
  split.on_rejected = "split";
  start(split);
  append_mixed(100);
  pass(kFlush);
  EXPECT_EQ(ledger().counters.rejected, 1U);
  EXPECT_EQ(ledger().counters.delivered, 49U);
  EXPECT_EQ(ledger().counters.filtered, 50U);
  EXPECT_EQ(stored().size(), 49U);
  EXPECT_FALSE(stored().contains(42));
}

TEST_F(DeliveryFilterTest, AnOutageChangesNothing) {
  bool down = true;
  server_ = [&](const Numbers&) { return http_answer(down ? 503 : 204); };
  start(options());
  append_mixed(10);
  pass(kFlush);
  EXPECT_EQ(ledger().counters.filtered, 0U);
  EXPECT_EQ(ledger().buffered, 10U);
  down = false;
  pass(seconds(600));
  EXPECT_EQ(stored().size(), 5U);
  EXPECT_EQ(ledger().counters.filtered, 5U);
}

TEST_F(DeliveryFilterTest, NamesAndFieldsAreChangedInTheBody) {
  WorkerOptions edit;
  edit.name_override = "n";
  edit.name_prefix = "a_";
  edit.filter = filter_of("tagexclude = ['for']\nfieldexclude = ['extra']");
  start(edit);
  append_mixed(2);
  pass(kFlush);
  EXPECT_EQ(lines_, "a_n seq=0i 1000\na_n seq=1i 1001\n");
  EXPECT_EQ(ledger().counters.delivered, 2U);
}

}  // namespace
}  // namespace holdfast::outputs

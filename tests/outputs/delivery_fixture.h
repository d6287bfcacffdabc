// A Delivery on a real ring in memory; the server is a function of the lines it gets, time stands
// still but for what the test lets pass.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "buffer/memory_file.h"
#include "outputs/answer.h"
#include "outputs/delivery.h"
#include "tests/outputs/scripted_client.h"
#include "tests/support/fake_ring.h"

namespace holdfast::test {

// The numbers of the lines that numbered_lines() made.
inline std::vector<std::uint64_t> numbers_in(std::string_view lines) {
  std::vector<std::uint64_t> numbers;
  for (auto at = lines.find("seq="); at != std::string_view::npos;
       at = lines.find("seq=", at + 1)) {
    numbers.push_back(std::stoull(std::string(lines.substr(at + 4, 20))));
  }
  return numbers;
}

struct Request {
  base::BootTime at;
  std::vector<std::uint64_t> numbers;
  std::size_t bytes = 0;
  int status = 0;
};

class DeliveryTest : public testing::Test {
 protected:
  using Server = std::function<outputs::HttpResult(const std::vector<std::uint64_t>& numbers)>;

  void start(outputs::WorkerOptions options = {}, std::uint64_t ring_bytes = 8U << 20U) {
    if (!ring_) {
      auto file = std::make_unique<buffer::MemoryFile>();
      ring_ = std::move(
          buffer::Ring::open(std::move(file), {.size = ring_bytes}, clock_, base::Random(3))
              .value());
    }
    const auto reader = ring_->attach("out").value();
    delivery_ = std::make_unique<outputs::Delivery>(
        std::make_unique<FunctionOutput>(*this), options,
        outputs::DeliveryContext{*ring_, reader, "out", clock_, base::Random(7), {}});
    due_ = delivery_->step(stop_);
  }

  // One block of numbered points.
  void append(std::uint32_t points) {
    auto block = make_block(numbered_lines(next_, points), points);
    ASSERT_TRUE(ring_->append(block));
    next_ += points;
    if (delivery_ && delivery_->wants_waking()) due_ = delivery_->step(stop_);
  }
  // Time passes; the output steps whenever it is due.
  void pass(base::Duration time) {
    const base::BootTime end = clock_.boot() + time;
    for (int steps = 0; due_ <= end; ++steps) {
      ASSERT_LT(steps, 100'000) << "it does not come to rest";
      if (due_ > clock_.boot()) clock_.advance(due_ - clock_.boot());
      due_ = delivery_->step(stop_);
    }
    if (end > clock_.boot()) clock_.advance(end - clock_.boot());
  }
  [[nodiscard]] buffer::Ledger ledger() const { return ring_->info().readers.front().ledger; }
  // Numbers stored by the server, and how often.
  [[nodiscard]] const std::multiset<std::uint64_t>& stored() const { return stored_; }

  FakeClock clock_;
  std::unique_ptr<buffer::Ring> ring_;
  outputs::StopSignal stop_;
  Server server_ = [](const auto&) { return http_answer(204); };
  std::vector<Request> requests_;
  std::string lines_;  // of the last request
  std::unique_ptr<outputs::Delivery> delivery_;
  std::uint64_t next_ = 0;

 private:
  class FunctionOutput final : public outputs::Output {
   public:
    explicit FunctionOutput(DeliveryTest& test) : test_(test) {}
    [[nodiscard]] outputs::Attempt deliver(outputs::Batch& batch,
                                           const outputs::StopSignal&) override {
      return test_.deliver(batch);
    }

    [[nodiscard]] std::string destination() const override { return "a test"; }

   private:
    DeliveryTest& test_;
  };

  outputs::Attempt deliver(outputs::Batch& batch) {
    lines_ = batch.lines().value();
    const auto numbers = numbers_in(lines_);
    const base::BootTime at = clock_.boot();
    const outputs::HttpResult answer = server_(numbers);
    if (answer.status == 204) stored_.insert(numbers.begin(), numbers.end());
    requests_.push_back({at, numbers, batch.gzip().size(), answer.status});
    outputs::Attempt attempt;
    attempt.decision =
        outputs::decide(answer, {.points = batch.sent_points(), .now = clock_.wall()});
    attempt.statuses.push_back(answer.status);
    attempt.bytes_sent = batch.gzip().size();
    return attempt;
  }

  std::multiset<std::uint64_t> stored_;
  base::BootTime due_{};
};

}  // namespace holdfast::test

#include "tests/kills/delivery.h"

#include <utility>

#include <fmt/core.h>

namespace holdfast::kills {
namespace {

using test::Fault;
using test::LedgerState;
using test::Step;

}  // namespace

Step Faults::next() {
  const std::lock_guard lock(mutex_);
  if (over_) return {};
  const auto dice = static_cast<int>(random_() % 100);
  if (dice < 2) return {.status = 503};
  if (dice < 3) return {.status = 503, .headers = {{"Retry-After", "1"}}};
  if (dice < 5) return {.status = 500, .body = R"({"error":"timeout"})"};
  if (dice < 6) return {.fault = Fault::kHang};
  if (dice < 9) return {.fault = Fault::kLoseAnswer};
  if (dice < 10) return {.fault = Fault::kResetAfterBody};
  if (dice < 11) return {.fault = Fault::kResetWhileReading};
  if (dice < 13) return {.fault = Fault::kAnswerThenClose};
  if (dice < 13 + slow_percent_) {
    return {.delay = std::chrono::milliseconds(1 + random_() % 100)};
  }
  return {};
}

void Faults::end() {
  const std::lock_guard lock(mutex_);
  over_ = true;
}

Delivery::Delivery(std::string reader, std::uint64_t seed, int slow_percent)
    : reader_(std::move(reader)), faults_(std::make_shared<Faults>(seed, slow_percent)) {
  server_.forget_bodies();
  server_.answer_with([faults = faults_] { return faults->next(); });
}

std::string Delivery::section() const {
  return fmt::format(
      "[[outputs.influxdb]]\nalias = \"{}\"\nurls = [\"{}\"]\ndatabase = \"kills\"\n"
      "skip_database_creation = true\n",
      reader_, server_.url());
}

// Batches go out in order, one at a time, so of those stored in a life the ring has acknowledged
// all but the last, or all.
std::vector<std::string> Delivery::end_life(const LedgerState& ledger, bool torn) {
  std::uint64_t answered = 0;  // points of requests stored whose answer was not lost on purpose
  std::uint64_t last = 0;      // ... of the last of them
  for (const test::RecordedRequest& request : server_.requests(seen_)) {
    ++seen_;
    if (request.method != "POST") continue;
    if (!request.stored) {
      ++failed_;
      continue;
    }
    stored_ += request.points;
    repeats_ += request.repeats;
    last = 0;
    if (request.fault == Fault::kLoseAnswer) {
      ++doubtful_.lost_answers;
      doubtful_.lost_answer_points += request.points;
    } else {
      answered += last = request.points;
    }
  }
  std::vector<std::string> wrong;
  const std::uint64_t acknowledged = ledger.delivered - ledger_.delivered;
  if (ledger.delivered < ledger_.delivered || acknowledged > answered) {
    wrong.push_back(fmt::format("{}: {} delivered, after {}; the server stored {} since", reader_,
                                ledger.delivered, ledger_.delivered, answered));
  } else if (const std::uint64_t open = answered - acknowledged; torn) {
    doubtful_.torn_slot_points += open;
  } else if (open > 0) {
    ++doubtful_.in_flight_batches;
    doubtful_.in_flight_points += open;
    if (open != last) {
      wrong.push_back(fmt::format(
          "{}: {} points stored are not acknowledged in the ring; the batch in flight had {}",
          reader_, open, last));
    }
  }
  ledger_ = ledger;
  return wrong;
}

}  // namespace holdfast::kills

// Delivery: one output of the agent, the server it sends to, and what both say of the points.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "tests/support/agent_state.h"
#include "tests/support/fault_server.h"

namespace holdfast::kills {

// What a server meets a request with: mostly an answer, now and then a slow one, a 5xx, a reset, a
// hang, or points stored and the answer lost. Any thread.
class Faults {
 public:
  Faults(std::uint64_t seed, int slow_percent) : random_(seed), slow_percent_(slow_percent) {}
  [[nodiscard]] test::Step next();
  // From now on every answer is a 204.
  void end();

 private:
  std::mutex mutex_;
  std::mt19937_64 random_;
  int slow_percent_;
  bool over_ = false;
};

class Delivery {
 public:
  Delivery(std::string reader, std::uint64_t seed, int slow_percent);

  [[nodiscard]] const std::string& reader() const { return reader_; }
  [[nodiscard]] test::FaultServer& server() { return server_; }
  [[nodiscard]] const test::FaultServer& server() const { return server_; }
  [[nodiscard]] std::string section() const;  // of the configuration
  void calm() { faults_->end(); }

  // After each life: what the ring says of this reader and what the server got must agree. `torn`:
  // the newest slot was cut in half, so acknowledgements since the last sync are forgotten. Returns
  // what is wrong, in words.
  [[nodiscard]] std::vector<std::string> end_life(const test::LedgerState& ledger, bool torn);

  [[nodiscard]] const test::LedgerState& ledger() const { return ledger_; }
  // Points that may come twice: stored, but their acknowledgement not in the ring, because the
  // agent was killed first (a batch a kill at most) or its slot was torn; or because the answer was
  // lost.
  struct Doubtful {
    std::uint64_t in_flight_batches = 0, in_flight_points = 0;
    std::uint64_t torn_slot_points = 0;
    std::uint64_t lost_answers = 0, lost_answer_points = 0;
    [[nodiscard]] std::uint64_t points() const {
      return in_flight_points + torn_slot_points + lost_answer_points;
    }
  };
  [[nodiscard]] const Doubtful& doubtful() const { return doubtful_; }
  [[nodiscard]] std::uint64_t stored() const { return stored_; }    // points, repeats included
  [[nodiscard]] std::uint64_t repeats() const { return repeats_; }  // points that came again
  [[nodiscard]] std::uint64_t failed_requests() const { return failed_; }

 private:
  std::string reader_;
  std::shared_ptr<Faults> faults_;
  test::FaultServer server_;
  std::size_t seen_ = 0;  // requests
  test::LedgerState ledger_;
  Doubtful doubtful_;
  std::uint64_t stored_ = 0, repeats_ = 0, failed_ = 0;
};

}  // namespace holdfast::kills

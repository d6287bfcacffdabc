// Trial: one ring, lived in by one agent after the other, each killed; and in the end the account.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/kills/deck.h"
#include "tests/kills/delivery.h"
#include "tests/kills/kill_page.h"
#include "tests/kills/load.h"
#include "tests/support/agent_process.h"
#include "tests/support/agent_state.h"
#include "tests/support/temp_dir.h"

namespace holdfast::kills {

enum class Room {
  kEnough,  // clients wait before the ring overflows: nothing may be lost
  kScarce,  // they do not, and the oldest points go
};

struct Settings {
  std::uint64_t kills = 20;
  std::uint64_t seed = 1;
  std::string mode = "durable";
  std::string sync = "interval";
  Room room = Room::kEnough;
};

// What one output came to.
struct Account {
  std::string reader;
  test::LedgerState ledger;
  std::uint64_t stored = 0;    // by the server, repeats included
  std::uint64_t distinct = 0;  // points it has
  std::uint64_t gathered = 0;  // of them
  std::uint64_t repeats = 0;
  std::uint64_t failed_requests = 0;
  Delivery::Doubtful doubtful;
  std::uint64_t missing = 0;  // answered 204 and not at the server
};

struct Report {
  // Kills by what the agent was doing, and where in it: by Phase, kNone being a kill from outside.
  std::map<std::string, std::array<std::uint64_t, 4>> moments;
  std::uint64_t kills = 0;
  std::uint64_t posts = 0, posts_acknowledged = 0, posts_unanswered = 0;
  std::uint64_t points_posted = 0, points_acknowledged = 0;
  std::uint64_t bytes_appended = 0;
  std::uint64_t ring_bytes = 0;
  std::uint64_t torn_points = 0;  // at most: of blocks that were being written at a kill
  std::vector<Account> accounts;
  std::vector<std::string> violations;
};

class Trial {
 public:
  explicit Trial(const Settings& settings);
  ~Trial();
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  [[nodiscard]] const Report& run();

 private:
  using Process = test::AgentProcess;
  // When and how a life ended.
  struct Death {
    bool recovering = false;
    Call in = Call::kNone;
    Phase at = Phase::kNone;  // kNone: killed from outside
  };

  void configure() const;
  void live(const Plan& plan);
  void run_to_death(Process& agent, const Plan& plan);
  void wait_for_own_death(Process& agent);
  [[nodiscard]] std::unique_ptr<Process> start(const Plan& plan);
  void arm(const Plan& plan);
  void open_load();
  [[nodiscard]] bool may_post() const;

  [[nodiscard]] bool met(const char* moment) const;
  [[nodiscard]] Death autopsy() const;
  void note_moment(const Death& death);
  void inquire(const Death& death);
  void check_ledger(const test::RingState& ring, const test::LedgerState& ledger,
                    const std::string& reader);
  [[nodiscard]] std::uint64_t gathered_points() const;
  [[nodiscard]] test::RingState ring_state();

  void drain();
  void settle_accounts();
  [[nodiscard]] Account account_of(Delivery& delivery, const std::vector<Post>& posts);
  void check(const Account& account);
  void violation(const std::string& text);

  const Settings settings_;
  test::TempDir dir_;
  std::string ring_;
  KillPage* page_ = nullptr;
  Deck deck_;
  std::array<Delivery, 2> deliveries_;
  bool ring_made_ = false;      // an agent was ready once
  bool was_ready_ = false;      // the agent of this life was
  std::uint64_t accepted_ = 0;  // as the ring said last
  // For each delivery: what was buffered when the load was opened, less what was acknowledged
  // until then, plus what its server had.
  std::array<std::atomic<std::int64_t>, 2> backlog_base_{};
  Report report_;
  std::unique_ptr<Load> load_;
};

}  // namespace holdfast::kills

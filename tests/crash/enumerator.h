// The enumerator: workloads from rising seeds, each cut at every place of its log, each cut in many
// ways; recovery is judged, and goes on to be cut once more.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "tests/crash/history.h"
#include "tests/crash/observation.h"
#include "tests/crash/workload.h"

namespace holdfast::crash {

struct Settings {
  std::uint64_t states = 50'000;  // stop after so many
  std::uint64_t seed = 1;         // of the first workload; the next one has the next seed
  bool lying = false;
  bool trace = false;               // a violation tells all steps and operations of its history
  std::size_t most_violations = 5;  // stop after so many
  // Called at once for each: the ring may crash before the end.
  std::function<void(const std::string&)> on_violation = {};
};

struct Report {
  std::uint64_t states = 0;
  std::uint64_t kills = 0;  // of them, of level 1
  std::uint64_t power_cuts = 0;
  std::uint64_t second_level = 0;
  std::uint64_t second_workloads = 0;
  std::uint64_t seeds = 0;
  // How much of what makes recovery hard was met.
  std::uint64_t full_scans = 0, holes = 0, ghosts = 0, with_loss = 0, lenient = 0;
  // States in which blocks waited in memory, or after blocks were refused, a sync had failed, the
  // ring had healed, blocks had been written out of memory for their age.
  std::uint64_t held = 0, refused = 0, failed_syncs = 0, healed = 0, spilled = 0;
  // States in which a reader had a backlog set apart from what is live, or after points expired.
  std::uint64_t apart = 0, expired = 0;
  std::vector<std::string> violations;
};

// Where the enumerator is: for whoever finds it dead. Plain numbers, so that it may lie in memory
// shared between processes.
struct Place {
  std::uint64_t seed = 0;
  std::uint64_t cut[2] = {0, 0};    // of level 1 and 2
  std::uint64_t state[2] = {0, 0};  // the how-manieth state at this cut
  std::uint64_t level = 0;          // 0: in the workload
};

class Enumerator {
 public:
  Enumerator(const Settings& settings, Place& place) : settings_(settings), place_(place) {}

  [[nodiscard]] const Report& run();

 private:
  struct Cut {
    const History& history;
    std::size_t position;
    base::Random random;
  };

  void try_seed(std::uint64_t seed);
  void walk(const History& history);
  void kill_at(Cut& cut, const DiskStates& disk);
  void power_cuts_at(Cut& cut, const DiskStates& disk);
  void lies_at(Cut& cut, const DiskStates& disk);
  // Judges one state. `what` says in words which one.
  template <class Words>
  bool try_state(Cut& cut, Bytes image, const Bounds& bounds, Observation& seen, Words what);
  void go_on(const Cut& cut, Bytes image, const Bounds& bounds, const Observation& seen,
             const std::string& what);
  [[nodiscard]] bool worth_cutting(const Cut& cut) const;
  [[nodiscard]] bool enough() const;
  void count(const History& history, const Bounds& bounds, const Observation& seen);
  void violation(const History& history, std::size_t position, const std::string& what,
                 const std::string& wrong);

  const Settings settings_;
  Place& place_;
  Report report_;
  Plan plan_;                // of the present seed
  std::string first_level_;  // what the present second level began with, in words
  std::deque<Bytes> older_;  // what was durable after earlier syncs, for a lying device
};

}  // namespace holdfast::crash

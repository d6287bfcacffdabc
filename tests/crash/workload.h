// Workload: random operations on a ring, from a seed, next to the model; and the history of them.
// To add an operation, write a member function and give it a line in the table in workload.cpp.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/base/random.h"
#include "buffer/ring.h"
#include "tests/buffer/ring_model.h"
#include "tests/crash/history.h"
#include "tests/crash/observation.h"
#include "tests/support/fake_clock.h"

namespace holdfast::crash {

// A block's outer form. Blocks of one shape are equally long, whatever their numbers are.
struct Shape {
  std::uint32_t points = 1;
  std::size_t line_bytes = 24;

  [[nodiscard]] std::size_t payload() const { return points * line_bytes; }
};

// The lines tell the level they were appended on, so that a block left over from an earlier level
// is not taken for the one that got its number anew.
[[nodiscard]] KnownBlock make_block(unsigned level, std::uint64_t first, const Shape& shape);

// What is fixed for one workload.
struct Plan {
  buffer::RingOptions options;
  std::vector<Shape> shapes;
  std::size_t most_readers = 2;
  std::set<std::string> live_first;  // readers that set their backlog apart
  std::uint64_t gathered = 0;        // of a hundred blocks; the others are received
  bool device_fails = false;         // now and then, and heals
  bool forgets = false;              // a sync that fails: readers see what was there before
  bool says_busy = false;            // somebody else syncs, so append does not
  bool changes_sync = false;         // the sync mode may be another one after opening again
};
[[nodiscard]] Plan draw_plan(base::Random& random);

// Where a workload begins: at an empty file, or at a ring that was recovered.
struct Start {
  unsigned level = 1;
  Bytes image;
  Snapshot first;            // what the ring on `image` is known to show
  Blocks blocks;             // that may be in it
  PointSet lost;             // points that are not
  std::deque<Shape> shapes;  // of the first blocks to append: as before the cut, so that what is
                             // left over from then fits in behind them
};

class Workload {
 public:
  Workload(std::uint64_t seed, Plan plan, Start start);

  // Opens the ring and does so many steps. False when the ring did something wrong.
  bool run(unsigned steps);
  [[nodiscard]] const std::string& wrong() const { return wrong_; }
  // The name of the step that was done last.
  [[nodiscard]] const std::string& last_step() const { return history_.snapshots.back().step; }

  [[nodiscard]] History take_history();

 private:
  struct Flight {
    buffer::ReadBatch batch;
    buffer::Part part = buffer::Part::kOldest;
    bool past_backlog = false;           // blocks before it are pending
    bool in_memory = false;              // some of it may wait there
    std::size_t appended_at = SIZE_MAX;  // the first snapshot after an append during the flight
    [[nodiscard]] std::uint64_t end() const {
      return batch.blocks.back().point_sequence + batch.blocks.back().points;
    }
  };
  // What the model does not know of a reader that may take what is fresh first.
  struct Parts {
    PointSet ahead;  // as in ReaderSnapshot
    std::uint64_t live_from = 0;
    unsigned most_apart = 0;  // so many backlogs at most are kept apart from what follows them
  };
  using Numbers = std::deque<std::uint64_t>;
  struct Action {
    unsigned weight;
    void (Workload::*run)();
    bool (Workload::*possible)() const = nullptr;  // null: always
  };
  static const std::vector<Action>& actions();

  // Operations.
  void append();
  void burst();
  void tend();
  void break_device();
  void mend();
  void read_and_resolve();
  void read_and_hold();
  void resolve_held();
  void sync();
  void announce_wait();
  void set_backlog_apart();
  void attach_somebody();
  void settle();
  void close_and_reopen();
  void kill_and_reopen();
  void pass_time();
  void jump_wall();

  // What an append was told, and the ring before it.
  struct Refusal {
    const KnownBlock& known;
    const buffer::Block& block;
    buffer::Origin origin;
    const base::Error& error;
    const buffer::RingInfo& before;
  };
  [[nodiscard]] bool may_hold() const;
  [[nodiscard]] bool degraded() const;
  [[nodiscard]] bool sets_apart() const { return !plan_.live_first.empty(); }
  [[nodiscard]] bool device_may_break() const { return plan_.device_fails && device_works_; }
  [[nodiscard]] bool device_is_broken() const { return !device_works_; }
  void append(const Shape& shape, buffer::Origin origin);
  void refused(const Refusal& refusal);
  void drain_and_append(const Shape& shape);
  void may_overtake();
  void check_taken(buffer::Origin origin, const buffer::RingInfo& before);

  void step();
  void open();
  void reopen();
  void claim();
  void attach(const std::string& id);
  bool read(const std::string& id, buffer::Part part = buffer::Part::kOldest);
  void resolve(std::string id);
  void expect_newcomer(const std::string& id);
  [[nodiscard]] bool takes_after(const ReaderSnapshot& other, const ReaderSnapshot& fresh,
                                 const Snapshot& now) const;
  void book_done(const std::string& id, const Flight& flight, std::uint64_t points,
                 const buffer::Outcome& outcome);

  // Parts of a backlog (workload_parts.cpp).
  [[nodiscard]] buffer::Part draw_part(const std::string& id);
  void set_flight_apart(const std::string& id);
  // The pending points of a part begin here.
  [[nodiscard]] Numbers::iterator first_of(const std::string& id, buffer::Part part);
  void book_ahead(const std::string& id, Numbers::const_iterator first,
                  Numbers::const_iterator end);
  void book_expired(const std::string& id, buffer::Part part);
  [[nodiscard]] std::string wrong_age(const buffer::ReadBatch& batch) const;
  void follow_live(const buffer::RingInfo& info);
  void tell_parts(Snapshot& snapshot);
  void advance_clock(base::Duration by);
  void acknowledge(std::string id, std::uint64_t points, const buffer::Outcome& outcome);
  [[nodiscard]] std::string any_reader();
  // All points from this one on that are not lost.
  [[nodiscard]] Numbers pending_from(std::uint64_t number, const PointSet& ahead) const;
  // The flight is over: what the writer has overtaken of it was not in the file all the time.
  void land(const std::string& id, const Flight& flight, std::uint64_t overflow_before);
  [[nodiscard]] std::uint64_t overflow_of(const std::string& id) const;
  // Takes a snapshot and compares the ring with the model.
  void note(std::string step);
  void push(Snapshot snapshot, std::string step);
  void follow_file(Snapshot& snapshot);
  [[nodiscard]] bool ledger_unwritten(const Snapshot& now, bool slot_written) const;
  void require_sync_since(std::size_t position);
  void require_all_synced();
  void require_slot_since(std::size_t position);
  void require_bound_on_unsynced();
  void compare(const buffer::RingInfo& info);
  void compare_reader(const buffer::ReaderInfo& reader, test::ModelReader& model);
  void adopt(const Snapshot& found);
  void fail(std::string what);

  Plan plan_;
  buffer::RingOptions options_;  // in force now
  base::Random random_;
  test::FakeClock clock_;
  std::shared_ptr<test::FileRecord> record_;
  std::unique_ptr<buffer::Ring> ring_;
  test::RingModel model_;
  std::map<std::string, buffer::ReaderId> attached_;
  std::map<std::string, Flight> flights_;
  std::map<std::string, Parts> parts_;
  std::deque<Shape> next_shapes_;
  History history_;
  base::Duration lived_{};       // by a clock that nobody sets
  base::Duration calm_since_{};  // nobody has set the other ones, nor opened the ring, since
  bool reopened_ = false;        // by the present step
  std::size_t followed_ = 0;     // operations on the file that the snapshots know of
  bool device_works_ = true;     // it does what it is told
  bool moved_in_vain_ = false;   // readers may have made room for a block that was not written
  Trouble trouble_;
  std::string wrong_;
};

}  // namespace holdfast::crash

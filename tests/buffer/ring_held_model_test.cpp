// Random operations against the model, on a ring whose device fails and heals at random, that is
// killed, closed and started without its file: gathered points may wait in memory, received ones
// never do.
#include <set>

#include <gtest/gtest.h>

#include "tests/buffer/image.h"
#include "tests/buffer/ring_model.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using buffer::Origin;
using buffer::Outcome;
using buffer::ReaderId;

constexpr std::uint64_t kDataBytes = 8192;

// How often things happened: a model test that no longer gets there proves nothing.
struct Seen {
  int kills = 0, late_starts = 0, adoptions = 0, closes = 0, heals = 0, failed_syncs = 0;
  int held = 0, refused = 0, busy = 0;
  std::uint64_t overflow = 0, lost_from_memory = 0;
};

class HeldWorkload {
 public:
  HeldWorkload(std::uint64_t seed, Seen& seen)
      : random_(seed), seen_(seen), options_(small_ring(kDataBytes)) {
    options_.checkpoint_bytes = 2048;
    options_.memory_limit = 1500 + random_.below(3) * 1500;
    options_.spill_after = std::chrono::seconds(60);
    if (seed % 2 == 0) options_.mode = buffer::Mode::kSpill;
    if (seed % 3 == 0) options_.overflow = buffer::Overflow::kRefuseNew;
    if (seed % 5 == 0) options_.sync = buffer::SyncMode::kNever;
    busy_ = seed % 7 < 3 && options_.sync != buffer::SyncMode::kNever;
    open(std::make_unique<RecordingFile>(record_));
    for (const char* id : {"first", "second"}) attach(id);
  }

  void step() {
    const auto choice = random_.below(40);
    SCOPED_TRACE(fmt::format("choice {}", choice));
    if (choice < 16) {
      append();
    } else if (choice < 26) {
      read_and_resolve();
    } else if (choice < 32) {
      tend_and_sync();
    } else if (choice < 36) {
      set_device(random_.below(4));
    } else if (choice == 36) {
      clock_.step_wall(std::chrono::hours(static_cast<int>(random_.below(48)) - 24));
    } else if (choice == 37) {
      close();
    } else if (choice == 38) {
      kill();
      start();
    } else if (random_.below(2) == 0) {
      kill();
      start_without_file();
    }
    clock_.advance(std::chrono::seconds(random_.below(40)));
    check();
  }

 private:
  // --- the device ---
  // 0, 1: works; 2: no writes; 3: no syncs.
  void set_device(std::uint64_t state) {
    device_works_ = state < 2;
    const auto broken = state == 2 ? FileOperation::Kind::kWrite : FileOperation::Kind::kSync;
    if (device_works_) return record_->fail_with({});
    record_->fail_with([broken](const FileOperation& operation) -> base::Status {
      return operation.kind == broken ? base::Status(base::fail_errno("ring", EIO)) : base::ok();
    });
  }

  // --- life and death ---
  void open(std::unique_ptr<buffer::File> file) {
    ring_ = open_ring(std::move(file), clock_, options_);
    if (busy_) ring_->on_sync_wanted([] {});
    ids_.clear();
    for (const auto& [id, reader] : model_.readers) ids_[id] = *ring_->attach(id);
  }
  void attach(const std::string& id) {
    ids_[id] = *ring_->attach(id);
    model_.attach(id);
  }
  void start() {
    set_device(0);
    open(RecordingFile::reopen(record_));
  }

  void close() {
    const auto closed = ring_->close();
    adopted();
    book_overflow();
    if (!closed) {
      kill();
      return start();
    }
    ++seen_.closes;
    if (random_.below(2) == 0) clock_.reboot(fmt::format("{:036}", random_.below(1000)));
    start();
    EXPECT_TRUE(ring_->recovery().clean);
  }

  // What is in the file becomes what is known; every received point must be there.
  void kill() {
    ++seen_.kills;
    if (file_) {
      model_ = *file_;  // memory had all that came since
      file_.reset();
      offset_ = 0;
    }
    ring_.reset();
    const Bytes image = record_->content_after(record_->size());
    const auto opened = open_image(image, clock_, options_);
    const auto info = opened.ring->info();
    RingModel left;
    left.accepted = info.point_sequence;
    for (const auto& reader : info.readers) {
      SCOPED_TRACE("after a kill, reader " + reader.id);
      const auto found = drain(*opened.ring, *opened.ring->attach(reader.id));
      const auto counters = reader_info(*opened.ring, reader.id).ledger.counters;
      gap_ = gap_ || counters.corrupt > reader.ledger.counters.corrupt;
      check_found(reader, found);
      left.readers[reader.id] = {.pending = {found.begin(), found.end()},
                                 .counters = reader.ledger.counters,
                                 .since = left.accepted - reader.ledger.accepted};
    }
    EXPECT_EQ(left.readers.size(), model_.readers.size());
    EXPECT_TRUE(received_.empty() || *received_.rbegin() < left.accepted);
    model_ = std::move(left);
  }
  void check_found(const buffer::ReaderInfo& reader, const std::vector<std::uint64_t>& found) {
    EXPECT_TRUE(std::is_sorted(found.begin(), found.end(), std::less_equal<>()));
    EXPECT_TRUE(found.empty() || found.back() < model_.accepted);
    const std::set<std::uint64_t> there(found.begin(), found.end());
    for (const std::uint64_t point : model_.readers.at(reader.id).pending) {
      if (there.contains(point)) continue;
      EXPECT_FALSE(received_.contains(point)) << point << " was received, and is gone";
      ++seen_.lost_from_memory;
    }
  }

  void start_without_file() {
    if (gap_ || ++late_starts_ > 5) return start();  // a reader has room for so many stretches
    ++seen_.late_starts;
    set_device(0);
    file_ = model_;
    offset_ = model_.accepted;
    found_ = false;
    model_ = {};
    ring_ = buffer::Ring::open_degraded(
        {ErrorCode::kIo, "away"},
        [this]() -> base::Result<std::unique_ptr<buffer::File>> {
          if (random_.below(3) > 0) return base::fail(ErrorCode::kIo, "still away");
          found_ = true;
          return RecordingFile::reopen(record_);
        },
        options_, clock_, base::Random(9));
    if (busy_) ring_->on_sync_wanted([] {});
    ids_.clear();
    for (const auto& [id, reader] : file_->readers) attach(id);
  }
  // If the ring has found its file: the file's points come first.
  void adopted() {
    if (!file_ || !found_) return;
    ++seen_.adoptions;
    RingModel both = *std::exchange(file_, std::nullopt);
    for (auto& [id, reader] : both.readers) {
      const ModelReader& meanwhile = model_.readers.at(id);
      for (const std::uint64_t point : meanwhile.pending) reader.pending.push_back(point + offset_);
      reader.counters += meanwhile.counters;
    }
    both.accepted += model_.accepted;
    model_ = std::move(both);
    offset_ = 0;
  }

  // --- operations ---
  void append() {
    const auto points = static_cast<std::uint32_t>(1 + random_.below(9));
    const Origin origin = random_.below(2) == 0 ? Origin::kReceived : Origin::kGathered;
    auto block = numbered_block(offset_ + model_.accepted, points, 8 + random_.below(60));
    const std::size_t bytes = block.bytes.size();
    const auto before = ring_->info();
    const auto stored = ring_->append(block, origin);
    if (stored) {
      EXPECT_EQ(*stored, model_.accepted + points);
      EXPECT_TRUE(origin == Origin::kGathered || !before.degraded);
      if (origin == Origin::kReceived) {
        for (std::uint32_t i = 0; i < points; ++i) received_.insert(model_.accepted + i);
      }
      model_.append(points);
      seen_.held += ring_->info().held_points > 0 ? 1 : 0;
    } else {
      EXPECT_EQ(block.bytes.size(), bytes);
      expect_good_reason(stored.error().code, origin, before, bytes);
    }
    book_overflow();
  }
  void expect_good_reason(ErrorCode code, Origin origin, const buffer::RingInfo& before,
                          std::size_t bytes) {
    ++(code == ErrorCode::kBusy ? seen_.busy : seen_.refused);
    const bool refuses = options_.overflow == buffer::Overflow::kRefuseNew;
    // A checkpoint may have gone in front.
    const auto after = ring_->info();
    const bool no_room = after.held_bytes + after.unsynced_bytes + bytes > options_.memory_limit;
    switch (code) {
      case ErrorCode::kBusy:
        EXPECT_TRUE(busy_);
        EXPECT_FALSE(before.degraded);
        EXPECT_TRUE(origin == Origin::kReceived || no_room);
        break;
      case ErrorCode::kFull:
        EXPECT_TRUE(refuses || (origin == Origin::kGathered && no_room));
        break;
      default:
        EXPECT_EQ(code, ErrorCode::kIo);
        EXPECT_TRUE(before.degraded || !device_works_);
        EXPECT_TRUE(origin == Origin::kReceived || no_room);
    }
  }

  void tend_and_sync() {
    const bool degraded = ring_->info().degraded;
    ring_->tend();
    adopted();
    if (degraded && !ring_->info().degraded) ++seen_.heals;
    if (random_.below(2) == 0) seen_.failed_syncs += ring_->sync(random_.below(2) == 0) ? 0 : 1;
    book_overflow();
  }

  void read_and_resolve() {
    const auto& [id, reader] =
        *std::next(ids_.begin(), static_cast<int>(random_.below(ids_.size())));
    const auto batch = ring_->read(reader, {.max_points = 1 + random_.below(40)}, 4);
    ASSERT_TRUE(batch);
    const auto pending = model_.pending(id);
    auto found = numbers_of(*batch);
    for (std::uint64_t& number : found) number -= offset_;
    ASSERT_LE(found.size(), pending.size());
    EXPECT_EQ(found, std::vector(pending.begin(),
                                 pending.begin() + static_cast<std::ptrdiff_t>(found.size())));
    if (batch->blocks.empty()) {
      EXPECT_TRUE(pending.empty());
      return;
    }
    for (std::uint64_t i = random_.below(4) == 0 ? random_.below(25) : 0; i > 0; --i) {
      random_.below(5) == 0 ? tend_and_sync() : append();
    }
    resolve(id, reader, batch->points);
    book_overflow();
  }
  void resolve(const std::string& id, ReaderId reader, std::uint64_t points) {
    if (random_.below(4) == 0) return ring_->release(reader);
    const std::uint64_t done = random_.below(3) == 0 ? random_.below(points + 1) : points;
    Outcome outcome;
    outcome.filtered = random_.below(5) == 0 ? done / 2 : 0;
    ring_->acknowledge(reader, done, outcome);
    model_.acknowledge(id, done, outcome);
  }

  // The model takes the ring's word for how much overflowed; what is handed out later proves it.
  void book_overflow() {
    for (const auto& reader : ring_->info().readers) {
      const auto& known = model_.readers.at(reader.id).counters;
      const std::uint64_t dropped = reader.ledger.counters.overflow - known.overflow;
      if (dropped == 0) continue;
      EXPECT_EQ(options_.overflow, buffer::Overflow::kDropOldest);
      seen_.overflow += dropped;
      model_.overflow(reader.id, dropped);
    }
  }

  void check() {
    if (gap_) return settle_gap();
    const auto info = ring_->info();
    expect_same_ledgers(model_, info);
    EXPECT_LE(info.held_bytes, options_.memory_limit);
    EXPECT_LE(info.held_points, info.point_sequence);
  }
  // Points that one reader had from memory before a kill took them from another: a loss, which
  // shows when that one gets there.
  void settle_gap() {
    gap_ = false;
    for (auto& [id, reader] : model_.readers) {
      EXPECT_EQ(drain(*ring_, ids_.at(id)), model_.pending(id));
      const auto ledger = reader_info(*ring_, id).ledger;
      EXPECT_EQ(ledger.buffered, 0U);
      reader.pending.clear();
      reader.counters = ledger.counters;
    }
    late_starts_ = 0;
    check();
  }

  base::Random random_;
  Seen& seen_;
  FakeClock clock_;
  buffer::RingOptions options_;
  std::shared_ptr<FileRecord> record_ = std::make_shared<FileRecord>();
  std::unique_ptr<buffer::Ring> ring_;
  RingModel model_;
  std::set<std::uint64_t> received_;  // numbers of points that were received
  std::map<std::string, ReaderId> ids_;
  bool busy_ = false;  // append does not sync by itself
  bool device_works_ = true;
  bool gap_ = false;
  int late_starts_ = 0;
  // Started without the file: what it holds, while model_ is of what memory holds.
  std::optional<RingModel> file_;
  std::uint64_t offset_ = 0;  // points in the file: numbers in memory begin there
  bool found_ = false;
};

TEST(RingHeldModel, RandomTroubleKeepsTheLedgerTheOrderAndWhatWasReceived) {
  Seen seen;
  for (std::uint64_t seed = 1; seed <= 70; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    HeldWorkload workload(seed, seen);
    for (int i = 0; i < 250; ++i) {
      SCOPED_TRACE(fmt::format("step {}", i));
      workload.step();
      if (testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(seen.kills, 100);
  EXPECT_GT(seen.late_starts, 30);
  EXPECT_GT(seen.adoptions, 20);
  EXPECT_GT(seen.closes, 100);
  EXPECT_GT(seen.heals, 100);
  EXPECT_GT(seen.failed_syncs, 50);
  EXPECT_GT(seen.held, 500);
  EXPECT_GT(seen.refused, 500);
  EXPECT_GT(seen.busy, 20);
  EXPECT_GT(seen.overflow, 500U);
  EXPECT_GT(seen.lost_from_memory, 100U);
}

}  // namespace
}  // namespace holdfast::test

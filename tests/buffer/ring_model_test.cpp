// Random operations against the model, on a ring so small that it wraps and overflows all the time;
// and the same ring cut off after every single file operation.
#include "tests/buffer/ring_model.h"

#include <gtest/gtest.h>

#include "tests/buffer/ring_harness.h"

namespace holdfast::test {
namespace {

using buffer::Outcome;
using buffer::ReaderId;

constexpr std::uint64_t kDataBytes = 8192;

// A ring under test, the model beside it, and the record of all that was done to the file.
class Workload {
 public:
  explicit Workload(std::uint64_t seed, std::uint64_t data_bytes = kDataBytes)
      : random_(seed), options_(small_ring(data_bytes)) {
    options_.checkpoint_bytes = 2048;
    open(std::make_unique<RecordingFile>(record_));
    attach("first");
  }

  void step() {
    const auto choice = random_.below(20);
    SCOPED_TRACE(fmt::format("choice {}", choice));
    switch (choice) {
      case 0:
        (void)ring_->sync(false);
        break;
      case 1:
        attach("second");
        break;
      case 2:
        clock_.step_wall(std::chrono::hours(static_cast<int>(random_.below(48)) - 24));
        break;
      case 3:
        reopen(true);
        break;
      case 4:
        reopen(false);
        break;
      case 5:
      case 6:
      case 7:
      case 8:
      case 9:
        read_and_resolve();
        break;
      default:
        append();
        break;
    }
    clock_.advance(std::chrono::seconds(random_.below(90)));
    check();
  }

  [[nodiscard]] const RingModel& model() const { return model_; }
  [[nodiscard]] const FileRecord& record() const { return *record_; }
  [[nodiscard]] const FakeClock& clock() const { return clock_; }
  [[nodiscard]] const buffer::RingOptions& options() const { return options_; }
  [[nodiscard]] std::uint64_t overflow_seen() const { return overflow_seen_; }

 private:
  void open(std::unique_ptr<buffer::File> file) {
    ring_ = open_ring(std::move(file), clock_, options_);
    ids_.clear();
    ASSERT_EQ(ring_->recovery().full_scan, false);
    for (const auto& [id, reader] : model_.readers) ids_[id] = *ring_->attach(id);
  }

  void reopen(bool clean) {
    if (clean) {
      ASSERT_TRUE(ring_->close());
    }
    if (random_.below(2) == 0) clock_.reboot(fmt::format("{:036}", random_.below(1000)));
    ring_.reset();
    open(RecordingFile::reopen(record_));
    EXPECT_EQ(ring_->recovery().clean, clean);
  }

  void attach(const std::string& id) {
    if (ids_.contains(id)) return;
    ids_[id] = *ring_->attach(id);
    model_.attach(id);
  }

  void append() {
    const auto points = static_cast<std::uint32_t>(1 + random_.below(9));
    auto block = numbered_block(model_.accepted, points, 8 + random_.below(90));
    const auto before = ring_->info();
    const std::size_t bytes = block.bytes.size();  // append takes them
    ASSERT_TRUE(ring_->append(block));
    model_.append(points);
    book_overflow(before, bytes);
  }

  // The model takes the ring's word for how much overflowed; what it hands out later proves it. But
  // nothing may be dropped while there is room.
  void book_overflow(const buffer::RingInfo& before, std::size_t block_bytes) {
    const auto now = ring_->info();
    for (const auto& reader : now.readers) {
      const auto& known = model_.readers.at(reader.id).counters;
      const std::uint64_t dropped = reader.ledger.counters.overflow - known.overflow;
      if (dropped == 0) continue;
      overflow_seen_ += dropped;
      model_.overflow(reader.id, dropped);
      // Room taken besides the block itself: a pad or the rest of a block, and a checkpoint.
      const std::size_t slack = 1024 + 2048;
      EXPECT_GT(before.used_bytes + block_bytes + slack, kDataBytes) << "dropped without need";
    }
  }

  void read_and_resolve() {
    const auto& [id, reader] =
        *std::next(ids_.begin(), static_cast<int>(random_.below(ids_.size())));
    buffer::ReadLimits limits;
    limits.max_points = 1 + random_.below(40);
    const auto batch = ring_->read(reader, limits, random_.below(12));
    ASSERT_TRUE(batch);
    const auto pending = model_.pending(id);
    if (batch->blocks.empty()) {
      EXPECT_TRUE(pending.empty());
      return;
    }
    const auto found = numbers_of(*batch);
    EXPECT_EQ(found,
              std::vector(pending.begin(), pending.begin() + static_cast<int>(found.size())));
    const bool overtake = random_.below(4) == 0;
    if (overtake) append_while_in_flight();
    resolve(id, reader, batch->points);
    if (overtake) book_overflow(ring_->info(), kDataBytes);
  }

  void append_while_in_flight() {
    for (std::uint64_t i = random_.below(30); i > 0; --i) append();
  }

  void resolve(const std::string& id, ReaderId reader, std::uint64_t points) {
    if (random_.below(4) == 0) {
      ring_->release(reader);
      return;
    }
    const std::uint64_t done = random_.below(3) == 0 ? random_.below(points + 1) : points;
    Outcome outcome;
    outcome.rejected = random_.below(5) == 0 ? done / 2 : 0;
    ring_->acknowledge(reader, done, outcome);
    model_.acknowledge(id, done, outcome);
  }

  void check() { expect_same_ledgers(model_, ring_->info()); }

  base::Random random_;
  FakeClock clock_;
  buffer::RingOptions options_;
  std::shared_ptr<FileRecord> record_ = std::make_shared<FileRecord>();
  RingModel model_;
  std::unique_ptr<buffer::Ring> ring_;
  std::map<std::string, ReaderId> ids_;
  std::uint64_t overflow_seen_ = 0;
};

TEST(RingModel, RandomOperationsKeepTheLedgerAndTheOrder) {
  std::uint64_t overflow = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Workload workload(seed);
    for (int i = 0; i < 250 && !testing::Test::HasFailure(); ++i) workload.step();
    overflow += workload.overflow_seen();
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(overflow, 1000U) << "the workload no longer overflows the ring";
}

// What a ring reopened from a cut file may show: the model before or after the step it was cut in.
void expect_between(const RingModel& before, const RingModel& after, const buffer::RingInfo& info) {
  EXPECT_GE(info.point_sequence, before.accepted);
  EXPECT_LE(info.point_sequence, after.accepted);
  for (const auto& reader : info.readers) {
    SCOPED_TRACE("reader " + reader.id);
    const auto& counters = reader.ledger.counters;
    EXPECT_EQ(reader.ledger.accepted, reader.ledger.buffered + counters.total());
    EXPECT_EQ(counters.corrupt, 0U);
    const auto old = before.readers.find(reader.id);
    if (old == before.readers.end()) continue;
    const auto& now = after.readers.at(reader.id);
    EXPECT_GE(counters.delivered + counters.rejected,
              old->second.counters.delivered + old->second.counters.rejected);
    EXPECT_LE(counters.delivered + counters.rejected,
              now.counters.delivered + now.counters.rejected);
    EXPECT_GE(counters.overflow, old->second.counters.overflow);
    // A batch that was overtaken in flight and then delivered counts as overflow while its answer
    // is not known: the sum stays within what the step did.
    EXPECT_LE(counters.total(), now.counters.total());
  }
}

// Opens the cut file, compares, then goes on: appends, reads everything, opens again.
void reopen_and_run_on(std::vector<std::byte> content, const Workload& workload,
                       const RingModel& before, const RingModel& after) {
  FakeClock clock;
  clock.reboot(workload.clock().boot_id());
  clock.advance(workload.clock().boot().time_since_epoch());
  clock.set_wall(workload.clock().wall());
  auto file = std::make_unique<buffer::MemoryFile>(std::move(content));
  buffer::MemoryFile& bytes = *file;
  auto ring = open_ring(std::move(file), clock, workload.options());
  ASSERT_NE(ring, nullptr);
  const auto info = ring->info();
  expect_between(before, after, info);
  std::vector<std::vector<std::uint64_t>> expected;
  for (const auto& reader : info.readers) {
    expected.push_back(
        numbers(info.point_sequence - reader.ledger.buffered, info.point_sequence + 6));
  }
  auto first = numbered_block(info.point_sequence, 3);
  auto second = numbered_block(info.point_sequence + 3, 3);
  ASSERT_TRUE(ring->append(first));
  ASSERT_TRUE(ring->append(second));
  auto again =
      open_ring(std::make_unique<buffer::MemoryFile>(bytes.content()), clock, workload.options());
  for (std::size_t i = 0; i < info.readers.size(); ++i) {
    const auto reader = again->attach(info.readers[i].id);
    ASSERT_TRUE(reader);
    auto found = drain(*again, *reader);
    // The two blocks may have pushed out the oldest.
    ASSERT_LE(found.size(), expected[i].size());
    const auto skipped = static_cast<std::ptrdiff_t>(expected[i].size() - found.size());
    EXPECT_EQ(found, std::vector(expected[i].begin() + skipped, expected[i].end()));
    EXPECT_EQ(again->info().readers[i].ledger.counters.corrupt, 0U);
  }
}

TEST(RingModel, AFileCutAfterAnyOperationAgreesWithTheModel) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Workload workload(seed);
    // The cut within a step is compared with the model before and after it.
    std::vector<std::pair<std::size_t, RingModel>> history{
        {workload.record().size(), workload.model()}};
    for (int i = 0; i < 120; ++i) {
      workload.step();
      history.emplace_back(workload.record().size(), workload.model());
    }
    if (testing::Test::HasFailure()) return;
    for (std::size_t step = 1; step < history.size(); ++step) {
      const std::size_t first = history[step - 1].first;
      for (std::size_t cut = first; cut <= history[step].first; ++cut) {
        SCOPED_TRACE(fmt::format("seed {}, step {}, cut after operation {}", seed, step, cut));
        reopen_and_run_on(workload.record().content_after(cut), workload, history[step - 1].second,
                          history[step].second);
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::test

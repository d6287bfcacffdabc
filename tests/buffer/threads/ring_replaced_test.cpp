// A ring file that is removed or replaced under a running ring: its outputs get what it holds, then
// a new one takes its place. One that is cut short gets its length back.
#include <atomic>
#include <future>
#include <thread>

#include <gtest/gtest.h>

#include "tests/buffer/hook_file.h"
#include "tests/buffer/image.h"

namespace holdfast::test {
namespace {

using base::ErrorCode;
using buffer::Origin;
using buffer::ReaderId;
using std::chrono::seconds;

class RingReplacedTest : public testing::Test {
 protected:
  // As the agent starts when the whole file has to be read: then the ring can look for a file
  // again.
  RingReplacedTest() {
    ring_ = buffer::Ring::open_degraded(
        {ErrorCode::kIo, "not read yet"}, [this] { return open_next(); }, options_, clock_,
        base::Random(5));
    reader_ = *ring_->attach("r");
    tend();
    EXPECT_EQ(opened_, 1);
    EXPECT_FALSE(ring_->info().degraded);
  }

  base::Result<std::unique_ptr<buffer::File>> open_next() {
    auto file = std::make_unique<HookFile>();
    file_ = file.get();
    file->place([this, number = ++opened_]() -> base::Status {
      if (number > removed_) return base::ok();
      return base::fail(ErrorCode::kNotFound, "the file is gone");
    });
    return file;
  }
  void remove_file() { removed_ = opened_.load(); }
  void tend() {
    clock_.advance(seconds(60));
    ring_->tend();
  }
  base::Status append(Origin origin, std::uint32_t points) {
    auto block = numbered_block(next_, points);
    const auto stored = ring_->append(block, origin);
    if (!stored) return tl::unexpected(stored.error());
    next_ += points;
    return base::ok();
  }
  // What the next start finds at the file's place.
  [[nodiscard]] OpenImage after_kill() const {
    return open_image(file_->content(), clock_, options_);
  }
  [[nodiscard]] std::vector<std::uint64_t> left_after_kill(std::string_view id) const {
    const auto opened = after_kill();
    expect_sound_ledgers(opened.ring->info());
    EXPECT_EQ(opened.ring->recovery().points_lost, 0U);
    return drain(*opened.ring, *opened.ring->attach(id));
  }

  FakeClock clock_;
  buffer::RingOptions options_ = small_ring(16 * 1024);
  HookFile* file_ = nullptr;
  std::atomic<int> opened_{0};
  std::atomic<int> removed_{0};
  std::unique_ptr<buffer::Ring> ring_;
  ReaderId reader_ = 0;
  std::uint64_t next_ = 0;
};

TEST_F(RingReplacedTest, ANewFileComesOnceTheOldOneIsDelivered) {
  ASSERT_TRUE(append(Origin::kReceived, 4));
  remove_file();
  EXPECT_FALSE(ring_->sync(false));
  EXPECT_EQ(append(Origin::kReceived, 2).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(append(Origin::kGathered, 3));
  tend();
  EXPECT_EQ(opened_, 1) << "it holds what an output still wants";
  ASSERT_TRUE(ring_->read(reader_, {.max_points = 4}, 0));
  tend();
  EXPECT_EQ(opened_, 1) << "nor while a batch is in flight";
  ring_->acknowledge(reader_, 4, {});
  tend();
  EXPECT_EQ(opened_, 2);
  EXPECT_FALSE(ring_->info().degraded);
  EXPECT_EQ(ring_->info().held_points, 0U);
  EXPECT_EQ(left_after_kill("r"), numbers(4, 7));
}

TEST_F(RingReplacedTest, TheLedgerGoesOn) {
  const ReaderId slow = *ring_->attach("slow");
  ASSERT_TRUE(append(Origin::kReceived, 4));
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 4));
  EXPECT_EQ(drain(*ring_, slow), numbers(0, 4));
  remove_file();
  EXPECT_FALSE(ring_->sync(true));
  ASSERT_TRUE(append(Origin::kGathered, 3));
  EXPECT_EQ(drain(*ring_, reader_), numbers(4, 7));
  ASSERT_TRUE(append(Origin::kGathered, 2));
  tend();
  EXPECT_EQ(opened_, 2);
  EXPECT_EQ(left_after_kill("r"), numbers(7, 9));
  EXPECT_EQ(left_after_kill("slow"), numbers(4, 9));
  ASSERT_TRUE(append(Origin::kReceived, 1));
  EXPECT_EQ(drain(*ring_, reader_), numbers(7, 10));
  EXPECT_EQ(drain(*ring_, slow), numbers(4, 10));
  expect_sound_ledgers(ring_->info());
  for (const auto& reader : ring_->info().readers) {
    EXPECT_EQ(reader.ledger.accepted, 10U);
    EXPECT_EQ(reader.ledger.counters.delivered, 10U);
  }
}

TEST_F(RingReplacedTest, AnOrphanLosesTheFileAndStaysAnOrphan) {
  ASSERT_TRUE(append(Origin::kReceived, 4));
  // Two starts later `r` is an orphan.
  auto file = std::make_unique<buffer::MemoryFile>(file_->content());
  options_.memory_limit = 1U << 20U;
  ring_ = buffer::Ring::open_degraded(
      {ErrorCode::kIo, "not read yet"},
      [this, &file]() -> base::Result<std::unique_ptr<buffer::File>> {
        if (!file) return open_next();
        auto first = std::make_unique<HookFile>();
        EXPECT_TRUE(first->write_at(0, file->content()));
        file.reset();
        first->place([this]() -> base::Status {
          if (removed_ == 0) return base::ok();
          return base::fail(ErrorCode::kNotFound, "the file is gone");
        });
        return first;
      },
      options_, clock_, base::Random(6));
  const ReaderId other = *ring_->attach("other");
  tend();
  ASSERT_FALSE(ring_->info().degraded);
  const auto since = reader_info(*ring_, "r").orphaned_ns;
  ASSERT_GT(since, 0);
  EXPECT_EQ(drain(*ring_, other), numbers(0, 4));
  remove_file();
  EXPECT_FALSE(ring_->sync(true));
  ASSERT_TRUE(append(Origin::kGathered, 2));
  tend();
  ASSERT_FALSE(ring_->info().degraded);
  const auto orphan = reader_info(*ring_, "r");
  EXPECT_EQ(orphan.orphaned_ns, since);
  EXPECT_EQ(orphan.ledger.counters.corrupt, 4U);
  EXPECT_EQ(orphan.ledger.buffered, 2U);
  expect_sound_ledgers(ring_->info());
  EXPECT_EQ(left_after_kill("r"), numbers(4, 6));
}

TEST_F(RingReplacedTest, AFileCutShortGetsItsLengthBack) {
  ASSERT_TRUE(append(Origin::kReceived, 4));
  ASSERT_TRUE(ring_->sync(false));
  ASSERT_TRUE(append(Origin::kReceived, 2));
  std::atomic<int> asked{0};
  file_->place([&asked]() -> base::Status {
    if (++asked > 2) return base::ok();
    return base::fail(ErrorCode::kCorrupt, "the file is cut short");
  });
  EXPECT_FALSE(ring_->sync(false));
  ASSERT_TRUE(append(Origin::kGathered, 1));
  tend();
  EXPECT_EQ(opened_, 1);
  EXPECT_FALSE(ring_->info().degraded);
  EXPECT_EQ(left_after_kill("r"), numbers(0, 7));
}

// Whoever else syncs at that moment (a stop does) must not find the old file's books gone.
TEST_F(RingReplacedTest, TheOldFileIsLeftAfterASyncThatIsAtWork) {
  ASSERT_TRUE(append(Origin::kReceived, 4));
  EXPECT_EQ(drain(*ring_, reader_), numbers(0, 4));
  std::promise<void> next_opened;
  std::thread other;
  bool first = true;
  file_->before_sync([&]() -> base::Status {
    if (!std::exchange(first, false)) return base::ok();
    file_->before_write([](std::uint64_t) { return base::fail_errno("write", EIO); });
    remove_file();
    other = std::thread([&] {
      EXPECT_TRUE(append(Origin::kGathered, 2));  // the device is found to fail
      tend();
      next_opened.set_value();
    });
    // It has to wait for this sync, so nothing can come of waiting for it here.
    EXPECT_EQ(next_opened.get_future().wait_for(std::chrono::milliseconds(50)),
              std::future_status::timeout);
    return base::ok();
  });
  (void)ring_->sync(false);
  ASSERT_TRUE(other.joinable());
  other.join();
  tend();
  EXPECT_FALSE(ring_->info().degraded);
  EXPECT_EQ(opened_, 2);
  EXPECT_EQ(drain(*ring_, reader_), numbers(4, 6));
  EXPECT_EQ(ring_->info().unsynced_bytes, 0U);
  expect_sound_ledgers(ring_->info());
}

}  // namespace
}  // namespace holdfast::test

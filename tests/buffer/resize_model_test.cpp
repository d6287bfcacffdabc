// Random appends, reads and resizes, compared with the model after each.
#include <gtest/gtest.h>

#include "buffer/resize.h"
#include "tests/buffer/image.h"
#include "tests/buffer/ring_model.h"

namespace holdfast::test {
namespace {

class ResizingRing {
 public:
  explicit ResizingRing(std::uint64_t seed) : random_(seed) {
    options_.checkpoint_bytes = 1500;
    opened_ = open_image({}, clock_, options_);
    for (const char* id : {"a", "b", "c"}) model_.attach(id);
    attach();
  }

  void step() {
    clock_.advance(std::chrono::seconds(random_.below(90)));
    switch (random_.below(8)) {
      case 0:
        resize();
        break;
      case 1:
      case 2:
        read();
        break;
      default:
        append();
    }
    expect_same_ledgers(model_, opened_.ring->info());
  }

  void drain_all() {
    for (const auto& [id, reader] : ids_) {
      EXPECT_EQ(drain(*opened_.ring, reader), model_.pending(id)) << id;
    }
  }

  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  void attach() {
    for (const auto& [id, reader] : model_.readers) ids_[id] = *opened_.ring->attach(id);
  }

  void append() {
    const auto points = static_cast<std::uint32_t>(1 + random_.below(9));
    auto block = numbered_block(model_.accepted, points, 8 + random_.below(40));
    ASSERT_TRUE(opened_.ring->append(block));
    model_.append(points);
    book_overflow();
  }

  void read() {
    const auto& [id, reader] = *std::next(ids_.begin(), static_cast<int>(random_.below(3)));
    const auto batch = opened_.ring->read(reader, {.max_points = 1 + random_.below(60)}, 0);
    ASSERT_TRUE(batch);
    if (batch->blocks.empty()) return;
    const std::uint64_t done = random_.below(batch->points + 1);
    opened_.ring->acknowledge(reader, done, {});
    model_.acknowledge(id, done, {});
  }

  void resize() {
    if (random_.below(2) == 0) {
      ASSERT_TRUE(opened_.ring->close());
    }
    buffer::MemoryFile from(opened_.file->content());
    opened_.ring.reset();
    options_ = small_ring(4096 + 64 * random_.below(200));
    options_.checkpoint_bytes = 1500;
    buffer::MemoryFile to;
    const auto copied =
        buffer::copy_ring(from, to, options_.size, clock_, base::Random(random_.next()));
    ASSERT_TRUE(copied) << copied.error().message;
    dropped_ += copied->points_dropped;
    opened_ = open_image(to.content(), clock_, options_);
    attach();
    book_overflow();
  }

  // The model takes the ring's word for how much; what is read later proves it.
  void book_overflow() {
    for (const auto& reader : opened_.ring->info().readers) {
      const auto known = model_.readers.at(reader.id).counters.overflow;
      model_.overflow(reader.id, reader.ledger.counters.overflow - known);
    }
  }

  base::Random random_;
  FakeClock clock_;
  buffer::RingOptions options_ = small_ring(8192);
  OpenImage opened_;
  RingModel model_;
  std::map<std::string, buffer::ReaderId> ids_;
  std::uint64_t dropped_ = 0;
};

TEST(ResizeModel, RandomSizesKeepLedgersAndOrder) {
  std::uint64_t dropped = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    ResizingRing ring(seed);
    for (int i = 0; i < 200 && !testing::Test::HasFailure(); ++i) ring.step();
    ring.drain_all();
    dropped += ring.dropped();
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(dropped, 500U) << "the sizes no longer leave anything behind";
}

}  // namespace
}  // namespace holdfast::test

#include "tests/crash/observation.h"

#include <gtest/gtest.h>

#include "tests/buffer/ring_harness.h"
#include "tests/crash/workload.h"

namespace holdfast::crash {
namespace {

class ObservationTest : public testing::Test {
 protected:
  ObservationTest() {
    auto file = std::make_unique<buffer::MemoryFile>();
    buffer::MemoryFile& bytes = *file;
    auto ring = test::open_ring(std::move(file), clock_, options_);
    EXPECT_TRUE(ring->attach("r"));
    for (const std::uint64_t first : {0U, 4U, 8U}) {
      blocks_.push_back(make_block(1, first, {4, 60}));
      buffer::Block block = *blocks_.back().block;
      EXPECT_TRUE(ring->append(block));
    }
    image_ = bytes.content();
  }
  [[nodiscard]] Observation look(const Blocks& known) const {
    return observe(image_, {options_, clock_, {&known}, run_on_, false});
  }

  test::FakeClock clock_;
  buffer::RingOptions options_ = test::small_ring(4096);
  Blocks blocks_;
  Bytes image_;
  std::function<Blocks(std::uint64_t)> run_on_;
};

TEST_F(ObservationTest, SeesWhatEachReaderGets) {
  const Observation seen = look(blocks_);
  EXPECT_EQ(seen.wrong, "");
  ASSERT_EQ(seen.drained.size(), 1U);
  EXPECT_EQ(seen.drained[0].id, "r");
  EXPECT_EQ(seen.drained[0].points, PointSet(0, 12));
  EXPECT_EQ(seen.opened.readers.at(0).ledger.buffered, 12U);
  EXPECT_EQ(seen.emptied.readers.at(0).ledger.counters.delivered, 12U);
}

TEST_F(ObservationTest, TakesTheLivePartFirstIfAskedTo) {
  auto file = std::make_unique<buffer::MemoryFile>(image_);
  buffer::MemoryFile& bytes = *file;
  auto ring = test::open_ring(std::move(file), clock_, options_);
  const buffer::ReaderId reader = *ring->attach("r");
  ASSERT_TRUE(ring->set_apart(reader));
  blocks_.push_back(make_block(1, 12, {4, 60}));
  buffer::Block block = *blocks_.back().block;
  ASSERT_TRUE(ring->append(block));
  image_ = bytes.content();
  for (const bool live_first : {false, true}) {
    Viewing viewing{options_, clock_, {&blocks_}, {}};
    viewing.live_first = live_first;
    const Observation seen = observe(image_, viewing);
    EXPECT_EQ(seen.wrong, "");
    ASSERT_EQ(seen.drained.size(), 1U);
    EXPECT_EQ(seen.drained[0].live_from, 12U);
    EXPECT_EQ(seen.drained[0].points, PointSet(0, 16));
  }
}

TEST_F(ObservationTest, ALineThatWasNotAppendedIsSeen) {
  Blocks others = blocks_;
  others[1] = make_block(2, 4, {4, 60});
  EXPECT_NE(look(others).wrong.find("the block at point 4 (4 points, `p n=1000000000004"),
            std::string::npos)
      << look(others).wrong;
  others.pop_back();
  others.pop_back();
  EXPECT_NE(look(others).wrong, "") << "nothing is known of point 4";
}

TEST_F(ObservationTest, GoesOnAndIsKilledAndFindsAllAgain) {
  std::uint64_t tail = 0;
  run_on_ = [&](std::uint64_t at) {
    tail = at;
    return Blocks{make_block(9, at, {4, 60}), make_block(9, at + 4, {2, 30})};
  };
  EXPECT_EQ(look(blocks_).wrong, "");
  EXPECT_EQ(tail, 12U);
  run_on_ = [](std::uint64_t at) { return Blocks{make_block(9, at + 1, {4, 60})}; };
  EXPECT_NE(look(blocks_).wrong, "") << "what is found is not what was said to be appended";
}

TEST_F(ObservationTest, WhatDoesNotOpenIsWrong) {
  image_.assign(image_.size(), std::byte{1});
  EXPECT_NE(look(blocks_).wrong.find("does not open"), std::string::npos);
}

TEST_F(ObservationTest, LedgersThatDoNotAddUpAreSeen) {
  buffer::RingInfo info;
  info.point_sequence = 10;
  buffer::ReaderInfo reader;
  reader.ledger = {0, 10, 4, {}};
  reader.ledger.counters.delivered = 6;
  info.readers = {reader};
  EXPECT_EQ(wrong_ledger(info), "");
  info.readers[0].ledger.counters.corrupt = 1;
  EXPECT_NE(wrong_ledger(info), "");
  info.readers[0].ledger.accepted = 11;
  EXPECT_NE(wrong_ledger(info), "") << "it adds up, but so many were never accepted";
}

}  // namespace
}  // namespace holdfast::crash

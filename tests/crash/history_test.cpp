#include "tests/crash/history.h"

#include <gtest/gtest.h>

#include "agent/base/bytes.h"
#include "tests/crash/workload.h"

namespace holdfast::crash {
namespace {

using Kind = test::FileOperation::Kind;

// Steps: open (0..2, synced), append (2..3), append with a sync before it (3..6), sync (6..8).
History history() {
  History made;
  const auto add = [&](Kind kind) {
    const bool is_write = kind == Kind::kWrite;
    made.operations.push_back({kind, 0, Bytes(is_write ? 64 : 0)});
  };
  for (const Kind kind : {Kind::kWrite, Kind::kSync, Kind::kWrite, Kind::kWrite, Kind::kSync,
                          Kind::kWrite, Kind::kWrite, Kind::kSync}) {
    add(kind);
  }
  const auto step = [&](std::size_t position, std::size_t durable_at, std::uint64_t accepted) {
    Snapshot& snapshot = made.snapshots.emplace_back();
    snapshot.position = position;
    snapshot.durable_at = durable_at;
    snapshot.accepted = snapshot.numbers_below = snapshot.found_below = accepted;
  };
  step(0, 0, 0);
  step(2, 1, 0);
  step(3, 3, 10);
  step(6, 6, 20);
  step(8, 7, 20);
  return made;
}

TEST(History, AfterAPowerCutTheLastSyncIsTheLeastAndTheStepInProgressTheMost) {
  const History made = history();
  struct Case {
    std::size_t cut, low, high;
  };
  // The sync within the third step makes the second one durable, not the step itself.
  for (const Case& one : {Case{0, 0, 0},
                          {1, 0, 1},
                          {2, 1, 1},
                          {3, 1, 2},
                          {4, 1, 3},
                          {5, 2, 3},
                          {6, 2, 3},
                          {7, 2, 4},
                          {8, 4, 4}}) {
    SCOPED_TRACE(one.cut);
    const Bounds bounds = bounds_of_power_cut(made, one.cut);
    EXPECT_EQ(bounds.low, one.low);
    EXPECT_EQ(bounds.high, one.high);
    EXPECT_TRUE(bounds.power_cut);
    EXPECT_FALSE(bounds.lenient);
  }
}

TEST(History, AfterAKillAllStepsThatWereDoneAreThere) {
  const History made = history();
  const Bounds between = bounds_of_kill(made, 3, false);
  EXPECT_EQ(between.low, 2U);
  EXPECT_EQ(between.high, 2U);
  EXPECT_TRUE(between.between_steps);
  const Bounds within = bounds_of_kill(made, 4, false);
  EXPECT_EQ(within.low, 2U);
  EXPECT_EQ(within.high, 3U);
  EXPECT_FALSE(within.between_steps);
  const Bounds torn = bounds_of_kill(made, 3, true);
  EXPECT_EQ(torn.low, 2U);
  EXPECT_EQ(torn.high, 3U);
  EXPECT_FALSE(torn.between_steps);
}

TEST(History, StepsThatWriteNothingShareTheirPlace) {
  History made = history();
  Snapshot read = made.snapshots[2];
  made.snapshots.insert(made.snapshots.begin() + 3, read);
  const Bounds bounds = bounds_of_kill(made, 3, false);
  EXPECT_EQ(bounds.low, 2U);
  EXPECT_EQ(bounds.high, 3U);
}

TEST(History, AKillLeadsBackToALedgerThatWasWritten) {
  History made = history();
  made.snapshots[2].ledger_unwritten = made.snapshots[3].ledger_unwritten = true;
  const Bounds bounds = bounds_of_kill(made, 6, false);
  EXPECT_EQ(bounds.low, 3U);
  EXPECT_EQ(bounds.ledger_low, 1U);
  EXPECT_EQ(bounds_of_kill(made, 8, false).ledger_low, 4U);
  EXPECT_EQ(bounds_of_power_cut(made, 8).ledger_low, 4U) << "each sync takes the ledger along";
}

TEST(History, ASlotTellsOfWhatDoesNotWaitInMemory) {
  History made = history();
  made.snapshots[3].accepted = 25;
  made.snapshots[3].held = 5;
  Bytes image(64);
  EXPECT_EQ(evidence_in(image, made, 6, 7).accepted, 20U);
}

TEST(History, WithoutSyncsAPowerCutPromisesNothing) {
  History made = history();
  made.snapshots[3].sync = buffer::SyncMode::kNever;
  EXPECT_FALSE(bounds_of_power_cut(made, 3).lenient) << "that was before";
  EXPECT_TRUE(bounds_of_power_cut(made, 4).lenient);
  EXPECT_EQ(bounds_of_power_cut(made, 4).low, 0U);
  EXPECT_FALSE(bounds_of_kill(made, 4, false).lenient);
}

// A block of points 10 to 12 is written after the last sync.
TEST(History, WhatHasArrivedIsEvidence) {
  History made = history();
  made.blocks.push_back(make_block(1, 10, {3, 60}));
  test::FileOperation& write = made.operations[6];
  write.offset = buffer::kDataOffset;
  write.bytes.resize(buffer::kHeaderSize + 180, std::byte{7});
  write.bytes[4] = std::byte{1};
  base::store_le(write.bytes.data() + 16, std::uint64_t{10});
  Bytes image(buffer::kDataOffset + 4096);
  EXPECT_EQ(evidence_in(image, made, 6, 7).accepted, 10U) << "the slot write before it";
  test::apply(write, image);
  EXPECT_EQ(evidence_in(image, made, 6, 7).accepted, 13U);
  EXPECT_EQ(evidence_in(image, made, 6, 7).whole, PointSet(10, 13));
  image[buffer::kDataOffset + 243] = std::byte{0};
  EXPECT_EQ(evidence_in(image, made, 6, 7).accepted, 13U) << "its header is there";
  EXPECT_TRUE(evidence_in(image, made, 6, 7).whole.empty());
  image[buffer::kDataOffset + 63] = std::byte{9};
  EXPECT_EQ(evidence_in(image, made, 6, 7).accepted, 10U);
  EXPECT_EQ(evidence_in(image, made, 8, 8).accepted, 0U) << "all is synced: nothing to be shown";
  // Synced within a step: durable, whatever the image shows.
  EXPECT_EQ(evidence_in(image, made, 6, 8).synced_below, 13U);
  EXPECT_EQ(evidence_in(image, made, 6, 8).whole, PointSet(10, 13));
  EXPECT_EQ(evidence_in(image, made, 6, 7).synced_below, 0U);
}

TEST(History, ABlockIsFoundByEachOfItsPoints) {
  History made;
  made.blocks = {make_block(1, 10, {3, 60}), make_block(1, 20, {1, 60})};
  EXPECT_EQ(made.block_of(9), nullptr);
  EXPECT_EQ(made.block_of(10), &made.blocks[0]);
  EXPECT_EQ(made.block_of(12), &made.blocks[0]);
  EXPECT_EQ(made.block_of(13), nullptr);
  EXPECT_EQ(made.block_of(20), &made.blocks[1]);
}

TEST(History, WhatWasHadAheadIsNotPending) {
  ReaderSnapshot reader;
  reader.since = 5;
  reader.counters.delivered = 15;
  reader.set_parts(PointSet(40, 50), 50, 80);
  EXPECT_EQ(reader.begin(), 10U) << "30 points below 40, 30 from 50 on";
  EXPECT_EQ(reader.live(), 50U);
  // The writer has taken the backlog, and some of what came after it.
  reader.counters.overflow = 33;
  reader.set_parts(PointSet(40, 50), 50, 80);
  EXPECT_EQ(reader.begin(), 53U);
  EXPECT_EQ(reader.live_from, 0U);
  EXPECT_EQ(reader.live(), 53U);
}

TEST(History, ItsTextTellsOfBothParts) {
  History made = history();
  made.options.max_age = std::chrono::seconds(90);
  ReaderSnapshot& reader = made.snapshots.back().readers.emplace_back();
  reader.id = "r0";
  reader.counters.delivered = 14;
  reader.set_parts(PointSet(12, 16), 16, 20);
  made.snapshots.back().step = "read r0, live";
  const std::string text = text_of(made);
  EXPECT_NE(text.find("read r0, live: 20 accepted; r0 at 10, live from 16, had ahead 12..15\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("max_age 90 s"), std::string::npos) << text;
}

}  // namespace
}  // namespace holdfast::crash

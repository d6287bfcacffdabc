// The judge must see each kind of wrong: what it lets pass, no number of states will find.
#include "tests/crash/judge.h"

#include <gtest/gtest.h>

namespace holdfast::crash {
namespace {

// One reader; 10 of its points were acknowledged at the last sync, 5 more since. Of 100 accepted
// points 80 were synced. The ring is found as it was at the last sync.
class JudgeTest : public testing::Test {
 protected:
  JudgeTest() {
    for (const std::uint64_t accepted : {80U, 100U}) {
      Snapshot& snapshot = history_.snapshots.emplace_back();
      snapshot.accepted = snapshot.numbers_below = snapshot.found_below = accepted;
      ReaderSnapshot& reader = snapshot.readers.emplace_back();
      reader.id = "r";
      reader.counters.delivered = accepted == 80 ? 10 : 15;
      reader.in_file_from = reader.begin();
    }
    bounds_.high = 1;
    bounds_.power_cut = true;
    show(80, 10, PointSet(10, 80));
  }

  void show(std::uint64_t accepted, std::uint64_t delivered, PointSet drained) {
    seen_ = {};
    seen_.opened.point_sequence = accepted;
    buffer::ReaderInfo reader;
    reader.id = "r";
    reader.ledger.accepted = accepted;
    reader.ledger.counters.delivered = delivered;
    reader.ledger.buffered = accepted - delivered;
    seen_.opened.readers = {reader};
    seen_.drained = {{"r", std::move(drained)}};
    seen_.recovery.points_lost = PointSet(80, accepted).minus(seen_.drained.front().points).count();
  }
  [[nodiscard]] std::string verdict() const { return judge(seen_, history_, bounds_, evidence_); }
  void expect_wrong(std::string_view words) const {
    EXPECT_NE(verdict().find(words), std::string::npos) << "verdict: " << verdict();
  }

  History history_;
  Bounds bounds_;
  Observation seen_;
  Evidence evidence_;
};

TEST_F(JudgeTest, WhatWasSyncedIsEnough) { EXPECT_EQ(verdict(), ""); }

TEST_F(JudgeTest, MoreThanWasSyncedIsWelcome) {
  show(100, 15, PointSet(15, 100));
  EXPECT_EQ(verdict(), "");
  show(93, 10, PointSet(10, 80).united(PointSet(90, 93)));
  EXPECT_EQ(verdict(), "");
}

TEST_F(JudgeTest, ASyncedPointMustNotBeMissing) {
  show(80, 10, PointSet(10, 40).united(PointSet(41, 80)));
  expect_wrong("40..40 are gone");
}

TEST_F(JudgeTest, NumbersMustNotFallBehindTheSync) {
  show(79, 10, PointSet(10, 79));
  expect_wrong("79 points accepted");
}

TEST_F(JudgeTest, NothingMustBeInvented) {
  show(101, 15, PointSet(15, 101));
  expect_wrong("101 points accepted");
}

TEST_F(JudgeTest, NothingAcknowledgedAndSyncedMustComeAgain) {
  show(80, 9, PointSet(9, 80));
  expect_wrong("no step has this ledger");
  show(80, 10, PointSet(9, 80));
  expect_wrong("got 9..9");
}

TEST_F(JudgeTest, WhatWasAcknowledgedSinceMayComeAgainOrNot) {
  show(100, 10, PointSet(10, 100));
  EXPECT_EQ(verdict(), "");
  show(100, 10, PointSet(15, 100));
  EXPECT_EQ(verdict(), "");
  show(100, 10, PointSet(16, 100));
  expect_wrong("15..15 are gone");
}

TEST_F(JudgeTest, ALedgerOfNoStepIsWrong) {
  show(80, 12, PointSet(12, 80));
  expect_wrong("no step has this ledger");
}

TEST_F(JudgeTest, WhatTheWriterHasOvertakenMayBeGone) {
  history_.snapshots[1].readers[0].counters.overflow = 20;
  history_.snapshots[1].readers[0].in_file_from = 35;
  show(80, 10, PointSet(35, 80));
  EXPECT_EQ(verdict(), "");
  show(80, 10, PointSet(36, 80));
  expect_wrong("35..35 are gone");
}

TEST_F(JudgeTest, PointsLostBeforeAreNotExpectedAndMustNotComeBack) {
  history_.lost = PointSet(20, 30);
  show(80, 10, PointSet(10, 20).united(PointSet(30, 80)));
  EXPECT_EQ(verdict(), "");
  show(80, 10, PointSet(10, 80));
  expect_wrong("got 20..29");
}

TEST_F(JudgeTest, ABlockThatHasArrivedMustBeFound) {
  evidence_.whole = PointSet(85, 90);
  show(93, 10, PointSet(10, 80).united(PointSet(85, 93)));
  EXPECT_EQ(verdict(), "");
  show(93, 10, PointSet(10, 85).united(PointSet(86, 93)));
  expect_wrong("85..85 are gone");
}

TEST_F(JudgeTest, NumbersThatTheFileShowsMustNotBeGivenOutAgain) {
  evidence_.accepted = 81;
  expect_wrong("numbers up to 81");
}

TEST_F(JudgeTest, WhatRecoveryReportsAsLostIsWhatIsLost) {
  show(93, 10, PointSet(10, 80).united(PointSet(90, 93)));
  seen_.recovery.points_lost = 9;
  expect_wrong("recovery reports 9 points lost, 10 are");
}

TEST_F(JudgeTest, TheLedgerMustNotBeLost) {
  seen_.recovery.ledger_lost = true;
  expect_wrong("the ledger is lost");
}

TEST_F(JudgeTest, WithSyncsTheTailIsFoundWithoutReadingAll) {
  seen_.recovery.full_scan = true;
  expect_wrong("all of the ring had to be read");
  history_.snapshots[1].sync = buffer::SyncMode::kNever;
  EXPECT_EQ(verdict(), "");
}

TEST_F(JudgeTest, AKillBetweenTwoStepsChangesNothing) {
  bounds_ = {.low = 1, .high = 1, .ledger_low = 1, .between_steps = true};
  show(100, 15, PointSet(15, 100));
  EXPECT_EQ(verdict(), "");
  seen_.opened.readers[0].ledger.counters.overflow = 3;
  seen_.drained[0].points = PointSet(18, 100);
  EXPECT_NE(verdict(), "");
  show(100, 10, PointSet(10, 100));
  expect_wrong("no step has this ledger");
}

TEST_F(JudgeTest, WhatWasNeverWrittenMayBeGone) {
  for (Snapshot& snapshot : history_.snapshots) snapshot.unwritten = PointSet(40, 50);
  show(80, 10, PointSet(10, 40).united(PointSet(50, 80)));
  EXPECT_EQ(verdict(), "");
  show(80, 10, PointSet(10, 39).united(PointSet(50, 80)));
  expect_wrong("39..39 are gone");
  evidence_.whole = PointSet(40, 50);
  show(80, 10, PointSet(10, 40).united(PointSet(50, 80)));
  expect_wrong("40..49 are gone");
}

TEST_F(JudgeTest, NumbersOfWhatWaitedInMemoryMayBeForgotten) {
  history_.snapshots[0].accepted = 90;
  EXPECT_EQ(verdict(), "");
}

TEST_F(JudgeTest, AKillLosesWhatWaitedInMemoryAndNothingElse) {
  history_.snapshots[1].held = 5;
  history_.snapshots[1].unwritten = PointSet(95, 100);
  bounds_ = {.low = 1, .high = 1, .ledger_low = 1, .between_steps = true};
  show(100, 15, PointSet(15, 95));
  buffer::ReaderInfo emptied = seen_.opened.readers.front();
  emptied.ledger.counters.corrupt = 5;
  seen_.emptied.readers = {emptied};
  EXPECT_EQ(verdict(), "");
  seen_.emptied.readers[0].ledger.counters.corrupt = 6;
  expect_wrong("6 points are lost in a kill, 5 were in memory");
  bounds_.torn = true;
  EXPECT_EQ(verdict(), "");
}

TEST_F(JudgeTest, ALedgerThatNoSlotHasMayBeForgottenByAKill) {
  history_.snapshots[1].ledger_unwritten = true;
  bounds_ = {.low = 1, .high = 1, .ledger_low = 0, .between_steps = true};
  show(100, 10, PointSet(10, 100));
  EXPECT_EQ(verdict(), "");
  show(100, 9, PointSet(9, 100));
  expect_wrong("no step has this ledger");
}

TEST_F(JudgeTest, WithoutPromiseOnlySoundnessIsAskedFor) {
  bounds_.lenient = true;
  show(40, 10, PointSet(30, 40));
  EXPECT_EQ(verdict(), "");
  show(40, 10, PointSet(9, 40));
  expect_wrong("got 9..9");
}

TEST_F(JudgeTest, ReadersThatWantTheSameGetTheSame) {
  for (Snapshot& snapshot : history_.snapshots) {
    snapshot.readers.push_back(snapshot.readers.front());
    snapshot.readers.back().id = "s";
  }
  show(90, 10, PointSet(10, 90));
  seen_.opened.readers.push_back(seen_.opened.readers.front());
  seen_.opened.readers.back().id = "s";
  seen_.drained.push_back({"s", PointSet(10, 90)});
  EXPECT_EQ(verdict(), "");
  seen_.drained[1].points = PointSet(10, 85);
  expect_wrong("want the same");
}

TEST_F(JudgeTest, OfALyingDeviceOnlySoundnessIsAskedFor) {
  show(5, 0, {});
  EXPECT_EQ(judge_lied_to(seen_, history_, bounds_), "");
  show(101, 0, {});
  EXPECT_NE(judge_lied_to(seen_, history_, bounds_), "");
  seen_.wrong = "something";
  EXPECT_EQ(judge_lied_to(seen_, history_, bounds_), "something");
}

TEST_F(JudgeTest, WhatNoReaderGotIsLost) {
  show(80, 10, PointSet(10, 20).united(PointSet(30, 80)));
  EXPECT_EQ(lost_in(seen_, snapshot_of(seen_, history_, bounds_)), PointSet(20, 30));
}

// The reader has set its backlog apart, all below 40, and had 10 points of what came after it at
// the last sync, 5 more since.
class JudgePartsTest : public JudgeTest {
 protected:
  JudgePartsTest() {
    for (Snapshot& snapshot : history_.snapshots) {
      ReaderSnapshot& reader = snapshot.readers.front();
      const std::uint64_t live = snapshot.accepted == 80 ? 50 : 55;
      reader.counters.delivered = 10 + live - 40;
      reader.set_parts(PointSet(40, live), live, snapshot.accepted);
    }
    find(80, 50, PointSet(10, 40).united(PointSet(50, 80)));
  }
  void find(std::uint64_t accepted, std::uint64_t live, PointSet drained) {
    show(accepted, 10 + live - 40, std::move(drained));
    seen_.drained.front().live_from = live;
  }
};

TEST_F(JudgePartsTest, BothPartsAreThereAsOfTheLastSync) {
  EXPECT_EQ(history_.snapshots[0].readers[0].begin(), 10U);
  EXPECT_EQ(verdict(), "");
  find(100, 55, PointSet(10, 40).united(PointSet(55, 100)));
  EXPECT_EQ(verdict(), "");
}

TEST_F(JudgePartsTest, NeitherPartMayMissAnything) {
  find(80, 50, PointSet(10, 39).united(PointSet(50, 80)));
  expect_wrong("39..39 are gone");
  find(80, 50, PointSet(10, 40).united(PointSet(56, 80)));
  expect_wrong("55..55 are gone");
  find(80, 50, PointSet(10, 40).united(PointSet(55, 80)));
  EXPECT_EQ(verdict(), "") << "acknowledged since";
}

TEST_F(JudgePartsTest, WhatWasHadAheadMustNotComeAgain) {
  find(80, 50, PointSet(10, 40).united(PointSet(49, 80)));
  expect_wrong("got 49..49");
}

TEST_F(JudgePartsTest, TheLivePartBeginsWhereItDid) {
  seen_.drained.front().live_from = 51;
  expect_wrong("no step has this ledger");
  seen_.drained.front().live_from = 10;
  expect_wrong("no step has this ledger");
}

TEST_F(JudgePartsTest, ABacklogThatIsLostIsSetApartFromNothing) {
  history_.lost = PointSet(10, 40);
  find(80, 50, PointSet(50, 80));
  seen_.opened.readers[0].ledger.counters.corrupt = 30;
  seen_.opened.readers[0].ledger.buffered -= 30;
  EXPECT_EQ(verdict(), "");
}

TEST_F(JudgePartsTest, AReaderInOrderGetsWhatAnotherHadAhead) {
  for (Snapshot& snapshot : history_.snapshots) {
    ReaderSnapshot& other = snapshot.readers.emplace_back();
    other.id = "s";
    other.counters.delivered = 10;
  }
  buffer::ReaderInfo other = seen_.opened.readers.front();
  other.id = "s";
  other.ledger.counters.delivered = 10;
  other.ledger.buffered = 70;
  seen_.opened.readers.push_back(other);
  seen_.drained.push_back({"s", PointSet(10, 80)});
  EXPECT_EQ(verdict(), "");
  seen_.drained.back().points = PointSet(10, 35).united(PointSet(40, 80));
  expect_wrong("35..39 are gone");
}

TEST_F(JudgePartsTest, TheNextLevelKnowsWhatWasHadAhead) {
  find(80, 50, PointSet(10, 20).united(PointSet(30, 40)).united(PointSet(50, 80)));
  const Snapshot found = snapshot_of(seen_, history_, bounds_);
  EXPECT_EQ(found.readers[0].begin(), 10U);
  EXPECT_EQ(found.readers[0].live_from, 50U);
  EXPECT_EQ(found.readers[0].ahead, PointSet(40, 50));
  EXPECT_EQ(lost_in(seen_, found), PointSet(20, 30));
}

}  // namespace
}  // namespace holdfast::crash

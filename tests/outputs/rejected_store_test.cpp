// The rejected store on a real directory: its limit, its neighbours, what a crash leaves.
#include "outputs/rejected_store.h"

#include <fcntl.h>
#include <sys/file.h>

#include "tests/outputs/rejected_fixture.h"

namespace holdfast::outputs {
namespace {

namespace fs = std::filesystem;
using test::batch_of;
using test::kBatchPoints;
using test::read_file;
using test::refusal;
using test::RejectedStoreTest;

TEST_F(RejectedStoreTest, WithoutADirectoryItDoesNothing) {
  RejectedStore off(WorkerOptions{}, "outputs.influxdb", "main", clock_, {});
  off.tend();
  keep(off, 0);
  EXPECT_FALSE(off.status());
}

TEST_F(RejectedStoreTest, KeepsTheBodyAndSaysWhy) {
  RejectedStore one = store();
  one.tend();
  Batch batch = batch_of(test::numbered_lines(0, kBatchPoints));
  Decision decision = refusal("HTTP 400: unable to parse 'm'");
  decision.may_be_stored = true;
  one.keep(batch, decision, "http://h/write?db=t");
  ASSERT_EQ(names(), (std::set<std::string>{"20251009T085320.000000000Z-0-main.json",
                                            "20251009T085320.000000000Z-0-main.lp.gz"}));
  const auto kept = files();
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(read_file(directory() + "/" + kept[0].name.id() + ".lp.gz"), batch.gzip());
  const auto info = RejectedDirectory::open(directory())->info(kept[0].name);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->status, 400);
  EXPECT_EQ(info->reason, "HTTP 400: unable to parse 'm'");
  EXPECT_EQ(info->url, "http://h/write?db=t");
  EXPECT_EQ(info->output, "outputs.influxdb::main");
  EXPECT_EQ(info->points, kBatchPoints);
  EXPECT_EQ(info->bytes, batch.gzip().size());
  EXPECT_TRUE(info->may_be_stored);
  EXPECT_EQ(info->retried_at, "");
  const RejectedStoreStatus status = *one.status();
  EXPECT_EQ(status.directory, directory());
  EXPECT_EQ(status.files, 1U);
  EXPECT_EQ(status.bytes, disk_bytes(kept));
  EXPECT_EQ(status.kept, 1U);
  EXPECT_EQ(status.failed, 0U);
}

TEST_F(RejectedStoreTest, FilesAreForTheirOwnerOnly) {
  RejectedStore one = store();
  keep(one, 0);
  EXPECT_EQ(fs::status(directory()).permissions(), fs::perms::owner_all);
  for (const std::string& name : names()) {
    EXPECT_EQ(fs::status(directory() + "/" + name).permissions(),
              fs::perms::owner_read | fs::perms::owner_write)
        << name;
  }
}

TEST_F(RejectedStoreTest, BatchesOfOneMomentHaveNamesOfTheirOwn) {
  RejectedStore one = store();
  RejectedStore same_reader = store();
  for (std::uint64_t n = 0; n < 12; ++n) {
    (n % 2 == 0 ? one : same_reader)
        .keep(batch_of(test::numbered_lines(n * kBatchPoints, kBatchPoints)), refusal(), "");
  }
  const auto kept = files();
  ASSERT_EQ(kept.size(), 12U);
  for (std::uint64_t n = 0; n < 12; ++n) {
    EXPECT_EQ(lines_of(kept[n].name), test::numbered_lines(n * kBatchPoints, kBatchPoints)) << n;
  }
}

TEST_F(RejectedStoreTest, TheOldestGoWhenTheLimitIsReached) {
  RejectedStore big = store();
  keep(big, 0);
  const std::uint64_t one_batch = files()[0].bytes;
  // Room for five; numbers of equal length, so that batches differ by a few bytes only.
  const std::uint64_t limit = one_batch * 5 + 200;
  RejectedStore small = store("main", limit);
  small.tend();
  for (std::uint64_t n = 50; n < 90; ++n) {
    keep(small, n);
    EXPECT_LE(disk_bytes(files()), limit);
    EXPECT_EQ(small.status()->bytes, disk_bytes(files()));
  }
  const auto kept = files();
  ASSERT_EQ(kept.size(), 5U);
  for (std::uint64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(lines_of(kept[i].name), test::numbered_lines((85 + i) * kBatchPoints, kBatchPoints));
  }
  EXPECT_EQ(names().size(), 10U);
  EXPECT_EQ(small.status()->kept, 40U);
  EXPECT_EQ(small.status()->failed, 0U);
}

TEST_F(RejectedStoreTest, ALowerLimitHoldsFromTheNextBatchOn) {
  RejectedStore big = store();
  for (std::uint64_t n = 10; n < 20; ++n) keep(big, n);
  const std::uint64_t limit = files()[0].bytes * 2 + 100;
  RejectedStore small = store("main", limit);
  keep(small, 20);
  ASSERT_EQ(files().size(), 2U);
  EXPECT_EQ(lines_of(files()[1].name), test::numbered_lines(20 * kBatchPoints, kBatchPoints));
}

TEST_F(RejectedStoreTest, ABatchAboveTheLimitIsNotKeptAndCostsTheOthersNothing) {
  RejectedStore one = store("main", 2000);
  keep(one, 0);
  std::string noise;
  for (std::uint64_t n = 1; n < 2000; ++n)
    noise += "m v=" + std::to_string(n * n * 7919 % 65521) + "\n";
  one.keep(batch_of(noise), refusal(), "");
  EXPECT_EQ(files().size(), 1U);
  EXPECT_EQ(one.status()->kept, 1U);
  EXPECT_EQ(one.status()->failed, 1U);
  EXPECT_EQ(names().size(), 2U);
}

TEST_F(RejectedStoreTest, ReadersOfOneDirectoryMindTheirOwnFiles) {
  // The second name is what a careless split of the first one's files would give.
  const std::string first = "a-1-b";
  const std::string second = "b";
  RejectedStore one = store(first);
  keep(one, 10);
  const std::uint64_t limit = files(first)[0].bytes * 3 + 100;
  RejectedStore other = store(second, limit);
  for (std::uint64_t n = 11; n < 30; ++n) keep(other, n);
  EXPECT_EQ(files(first).size(), 1U);
  EXPECT_EQ(files(second).size(), 3U);
  EXPECT_EQ(other.status()->files, 3U);
  one.tend();
  EXPECT_EQ(one.status()->files, 1U);
}

TEST_F(RejectedStoreTest, ReadersMayHaveAnyName) {
  for (const std::string& reader : {std::string("../up"), std::string("a b\n"),
                                    std::string("\xff\x01"), std::string(63, '/')}) {
    RejectedStore one = store(reader);
    one.tend();
    keep(one, 1);
    ASSERT_EQ(files(reader).size(), 1U);
    EXPECT_EQ(lines_of(files(reader)[0].name), test::numbered_lines(kBatchPoints, kBatchPoints));
    RejectedStore again = store(reader);
    again.tend();
    EXPECT_EQ(again.status()->files, 1U);
  }
  EXPECT_FALSE(fs::exists(dir_.path("up")));
  EXPECT_EQ(names().size(), 8U);
}

TEST_F(RejectedStoreTest, WhatACrashLeftIsTidiedAtTheStart) {
  RejectedStore before = store();
  keep(before, 1);
  const std::string kept = files()[0].name.id();
  const std::string other = "20260131T120000.000000000Z-0-";
  write("." + other + "main.lp.gz.tmp", "half");
  write("." + other + "main.json.tmp", "half");
  write(other + "main.json", "{}");
  // None of our business: another reader's, and what is no file of ours at all.
  const std::set<std::string> foreign{"." + other + "x.lp.gz.tmp", other + "x.json", "notes.txt",
                                      ".hidden.tmp", "main.json"};
  for (const std::string& name : foreign) write(name, "foreign");
  RejectedStore after = store();
  after.tend();
  std::set<std::string> expected = foreign;
  expected.insert({kept + ".json", kept + ".lp.gz"});
  EXPECT_EQ(names(), expected);
  EXPECT_EQ(after.status()->files, 1U);
}

TEST_F(RejectedStoreTest, WhatAnotherProcessIsWritingIsLeftAlone) {
  RejectedStore before = store();
  keep(before, 1);
  const std::string writing = "20260131T120000.000000000Z-0-main";
  write("." + writing + ".lp.gz.tmp", "half");
  write(writing + ".json", "{}");
  const std::string path = directory() + "/." + writing + ".lp.gz.tmp";
  const base::Descriptor held(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
  const auto all = names();
  RejectedStore after = store();
  after.tend();
  EXPECT_EQ(names(), all);
}

TEST_F(RejectedStoreTest, LinesWithoutASidecarStayAndCount) {
  RejectedStore before = store();
  keep(before, 1);
  const std::string id = files()[0].name.id();
  fs::remove(directory() + "/" + id + ".json");
  RejectedStore after = store();
  after.tend();
  EXPECT_EQ(names(), (std::set<std::string>{id + ".lp.gz"}));
  EXPECT_EQ(after.status()->bytes, fs::file_size(directory() + "/" + id + ".lp.gz"));
}

TEST_F(RejectedStoreTest, FilesThatOthersRemoveAreNoticed) {
  RejectedStore one = store();
  keep(one, 1);
  keep(one, 2);
  one.tend();
  EXPECT_EQ(one.status()->files, 2U);
  const auto opened = RejectedDirectory::open(directory());
  const auto removed = opened->remove(files()[0].name);
  ASSERT_TRUE(removed);
  EXPECT_TRUE(*removed);
  // A file system's clock may tick slower than this test goes.
  fs::last_write_time(directory(), fs::file_time_type::clock::now() + std::chrono::seconds(5));
  one.tend();
  EXPECT_EQ(one.status()->files, 1U);
  EXPECT_EQ(one.status()->kept, 2U);
}

TEST_F(RejectedStoreTest, WhatOthersRemoveUnseenIsNoticedWithinAMinuteOrTwo) {
  RejectedStore one = store();
  keep(one, 1);
  keep(one, 2);
  const auto change = fs::last_write_time(directory());
  ASSERT_TRUE(RejectedDirectory::open(directory())->remove(files()[0].name));
  fs::last_write_time(directory(), change);  // as in the same tick of the file system's clock
  keep(one, 3);
  EXPECT_EQ(one.status()->files, 3U);
  clock_.advance(std::chrono::minutes(1));
  one.tend();
  EXPECT_EQ(one.status()->files, 2U);
  EXPECT_EQ(one.status()->bytes, disk_bytes(files()));
}

TEST_F(RejectedStoreTest, TheLimitHoldsWhenTheClockIsSetBack) {
  RejectedStore big = store();
  keep(big, 50);
  RejectedStore small = store("main", files()[0].bytes * 3 + 100);
  for (std::uint64_t n = 51; n < 60; ++n) {
    keep(small, n);
    clock_.step_wall(-std::chrono::seconds(10));
    EXPECT_EQ(small.status()->bytes, disk_bytes(files()));
    EXPECT_LE(files().size(), 3U);
  }
  // The name says how old a batch is: by now the latest one is the oldest.
  EXPECT_EQ(small.status()->kept, 9U);
}

}  // namespace
}  // namespace holdfast::outputs

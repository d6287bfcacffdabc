// Names and sidecars of refused batches: what is written is read back, and nothing else is taken.
#include "outputs/rejected_batch.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "outputs/registry.h"

namespace holdfast::outputs {
namespace {

TEST(RejectedName, SaysWhenAndOfWhom) {
  const RejectedName name{1'769'860'800'123'456'789, 3, "main"};
  EXPECT_EQ(name.id(), "20260131T120000.123456789Z-3-main");
  EXPECT_EQ(RejectedName::parse(name.id()), name);
}

TEST(RejectedName, EveryReaderGivesAFileNameOfItsOwn) {
  const std::string readers[] = {"",
                                 "main",
                                 "..",
                                 "a/b",
                                 "a%2Fb",
                                 "a b",
                                 "-1-x",
                                 "\xc3\xa4",
                                 "x.lp.gz",
                                 std::string("\0\n", 2),
                                 std::string(ReaderNames::kMaxBytes, '/')};
  std::set<std::string> ids;
  for (const std::string& reader : readers) {
    const RejectedName name{1'760'000'000'000'000'000, 4'294'967'295, reader};
    const std::string id = name.id();
    EXPECT_EQ(id.find_first_of(std::string("/ \n\0", 4)), std::string::npos) << id;
    EXPECT_LE(id.size(), 227U);
    EXPECT_EQ(RejectedName::parse(id), name) << id;
    EXPECT_TRUE(ids.insert(id).second) << id;
  }
}

TEST(RejectedName, SortsByAge) {
  const RejectedName first{1000, 2, "z"};
  EXPECT_LT(first, (RejectedName{1000, 10, "a"}));
  EXPECT_LT(first, (RejectedName{1001, 0, "a"}));
}

TEST(RejectedName, WhatIsNotExactlyOneIsNone) {
  const char* const wrong[] = {
      "",
      "main",
      "20260131T120000.123456789Z",
      "20260131T120000.123456789Z-",
      "20260131T120000.123456789Z-0",
      "20260131T120000.123456789Z--main",
      "20260131T120000.123456789Z-x-main",
      "20260131T120000.123456789Z-00-main",
      "20260131T120000.123456789Z-4294967296-main",
      "20260131T120000.123456789Z-0-a/b",
      "20260131T120000.123456789Z-0-a%2fb",
      "20260131t120000.123456789Z-0-main",
      "20260231T120000.123456789Z-0-main",
      "20260131T240000.123456789Z-0-main",
      "20260131T126000.123456789Z-0-main",
      "2026-131T120000.123456789Z-0-main",
      "99990131T120000.123456789Z-0-main",
      "20260131T120000.12345678Z--0-main",
  };
  for (const char* text : wrong) EXPECT_FALSE(RejectedName::parse(text)) << text;
}

TEST(RejectedSidecar, IsReadAsItWasWritten) {
  const RejectedName name{1'769'860'800'123'456'789, 0, "main"};
  RejectedInfo info;
  info.status = 400;
  info.reason = "HTTP 400: unable to parse '\"x\"'";
  info.url = "http://h/write?db=t";
  info.output = "outputs.influxdb::main";
  info.points = 50;
  info.bytes = 1234;
  info.may_be_stored = true;
  info.retried_at = "2026-02-01T00:00:00Z";
  const std::string text = sidecar_text(name, info);
  EXPECT_NE(text.find("\"time\": \"2026-01-31T12:00:00.123Z\""), std::string::npos) << text;
  EXPECT_NE(text.find("\"reader\": \"main\""), std::string::npos) << text;
  const auto read = parse_sidecar(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->status, info.status);
  EXPECT_EQ(read->reason, info.reason);
  EXPECT_EQ(read->url, info.url);
  EXPECT_EQ(read->output, info.output);
  EXPECT_EQ(read->points, info.points);
  EXPECT_EQ(read->bytes, info.bytes);
  EXPECT_EQ(read->may_be_stored, info.may_be_stored);
  EXPECT_EQ(read->retried_at, info.retried_at);
  EXPECT_EQ(sidecar_text(name, *read), text);
}

TEST(RejectedSidecar, BytesThatAreNoTextAreStillJson) {
  const RejectedName name{0, 0, "\xff"};
  RejectedInfo info;
  info.reason = "\xff\xfe";
  EXPECT_TRUE(parse_sidecar(sidecar_text(name, info)));
}

TEST(RejectedSidecar, AForeignOneIsReadAsFarAsItGoes) {
  for (const char* text : {"", "{", "[]", "7", "\"x\""}) EXPECT_FALSE(parse_sidecar(text)) << text;
  const auto read = parse_sidecar(
      R"({"status":"400","points":-1,"reason":"two\nlines\u001b[2J","may_be_stored":1,"bytes":7})");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->status, 0);
  EXPECT_EQ(read->points, 0U);
  EXPECT_EQ(read->bytes, 7U);
  EXPECT_EQ(read->reason, "two lines [2J");
  EXPECT_FALSE(read->may_be_stored);
}

}  // namespace
}  // namespace holdfast::outputs

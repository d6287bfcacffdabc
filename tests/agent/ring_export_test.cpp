// Export: which points come out, in which form, and what is said of those that cannot.
#include "agent/ring_export.h"

#include <gtest/gtest.h>

#include "buffer/compressor.h"
#include "buffer/memory_file.h"
#include "tests/support/fake_clock.h"
#include "tests/support/gzip.h"

namespace holdfast::test {
namespace {

using agent::ExportOptions;
using agent::ExportReport;
using base::ErrorCode;

constexpr std::int64_t kSecond = 1'000'000'000;

// A string field may hold anything, line feeds included.
std::string line_of(std::int64_t number) {
  return fmt::format("m,t=a\\ b n={}i,s=\"x\\\"y\nz # = ,\" {}\n", number, number * kSecond);
}

std::string lines_of(std::int64_t first, std::int64_t last) {
  std::string lines;
  for (std::int64_t n = first; n < last; ++n) lines += line_of(n);
  return lines;
}

class ExportTest : public testing::Test {
 protected:
  ExportTest() { open(buffer::Mode::kDurable); }

  void open(buffer::Mode mode) {
    auto file = std::make_unique<buffer::MemoryFile>();
    file_ = file.get();
    buffer::RingOptions options;
    options.size = buffer::kDataOffset + 64 * 1024;
    options.mode = mode;
    auto ring = buffer::Ring::open(std::move(file), options, clock_, base::Random(1));
    EXPECT_TRUE(ring);
    ring_ = std::move(*ring);
  }

  // A block of points numbered from next_ on, one a second.
  void append(std::int64_t points, buffer::Codec codec = buffer::Codec::kDeflate) {
    const std::string lines = lines_of(next_, next_ + points);
    buffer::Block block;
    compressor_.compress(lines, block, codec == buffer::Codec::kPrimed);
    if (codec == buffer::Codec::kRaw) {
      block.bytes = std::string(buffer::kHeaderSize, '\0') + lines;
      block.codec = buffer::Codec::kRaw;
    }
    block.points = static_cast<std::uint32_t>(points);
    block.oldest_ns = next_ * kSecond;
    block.newest_ns = (next_ + points - 1) * kSecond;
    ASSERT_TRUE(ring_->append(block, origin_));
    next_ += points;
  }

  void acknowledge(buffer::ReaderId reader, std::uint64_t points) {
    const auto batch = ring_->read(reader, {}, 0);
    ASSERT_TRUE(batch);
    ASSERT_GE(batch->points, points);
    ring_->acknowledge(reader, points, {});
  }

  struct Exported {
    std::string text;
    ExportReport report;
  };
  Exported run(const ExportOptions& options) {
    Exported out;
    buffer::MemoryFile copy(file_->content());
    const auto snapshot = buffer::take_snapshot(copy, false);
    EXPECT_TRUE(snapshot);
    const auto report =
        agent::export_points(copy, *snapshot, options, [&](std::string_view part) -> base::Status {
          out.text += part;
          return base::ok();
        });
    EXPECT_TRUE(report) << (report ? "" : report.error().message);
    out.report = report.value_or(ExportReport{});
    return out;
  }

  // The lines; the gzip form must hold the same, and the report must count them.
  std::string lines(ExportOptions options) {
    options.gzip = false;
    const Exported plain = run(options);
    EXPECT_EQ(agent::count_points(plain.text), plain.report.points);
    options.gzip = true;
    const Exported packed = run(options);
    EXPECT_EQ(gunzip_single_member(packed.text), plain.text);
    EXPECT_EQ(packed.report.points, plain.report.points);
    EXPECT_EQ(packed.report.blocks, plain.report.blocks);
    spliced_ = packed.report.spliced;
    return plain.text;
  }

  FakeClock clock_;
  buffer::Compressor compressor_{6};
  buffer::MemoryFile* file_ = nullptr;
  std::unique_ptr<buffer::Ring> ring_;
  std::int64_t next_ = 0;
  std::uint64_t spliced_ = 0;
  buffer::Origin origin_ = buffer::Origin::kReceived;
};

TEST_F(ExportTest, WithoutReadersEverythingComesSplicedWhereItCanBe) {
  EXPECT_EQ(lines({}), "") << "an empty gzip stream is one too";
  append(3);
  append(5);
  append(2, buffer::Codec::kRaw);
  append(4, buffer::Codec::kPrimed);
  EXPECT_EQ(lines({}), lines_of(0, 14));
  EXPECT_EQ(spliced_, 2U);
}

TEST_F(ExportTest, WhatIsPendingForAnyReaderComesOnce) {
  const auto fast = *ring_->attach("fast");
  const auto slow = *ring_->attach("slow");
  for (int i = 0; i < 5; ++i) append(4);
  acknowledge(fast, 10);
  acknowledge(slow, 6);
  EXPECT_EQ(lines({}), lines_of(6, 20));
  EXPECT_EQ(spliced_, 3U) << "only the first one is cut";
  EXPECT_EQ(lines({.reader = "fast"}), lines_of(10, 20));
  EXPECT_EQ(lines({.reader = "slow"}), lines_of(6, 20));
  EXPECT_EQ(lines({.all = true}), lines_of(0, 20));
  acknowledge(fast, 10);
  acknowledge(slow, 14);
  EXPECT_EQ(lines({}), "");
  EXPECT_EQ(lines({.all = true}), lines_of(0, 20)) << "delivered, but still there";
}

TEST_F(ExportTest, WhatWasDeliveredFromMemoryDoesNotComeAgain) {
  open(buffer::Mode::kSpill);
  const auto reader = *ring_->attach("r");
  origin_ = buffer::Origin::kGathered;
  append(4);
  acknowledge(reader, 3);
  origin_ = buffer::Origin::kReceived;  // takes what waits into the file with it
  append(4);
  ASSERT_TRUE(*ring_->sync(true));  // with it the slot knows what memory knew
  EXPECT_EQ(lines({}), lines_of(3, 8));
  acknowledge(reader, 5);
  EXPECT_EQ(lines({}), "");
}

TEST_F(ExportTest, TimesAreThoseOfThePoints) {
  for (int i = 0; i < 5; ++i) append(4);
  EXPECT_EQ(lines({.since_ns = 6 * kSecond}), lines_of(6, 20));
  EXPECT_EQ(spliced_, 3U);
  EXPECT_EQ(lines({.until_ns = 6 * kSecond}), lines_of(0, 6));
  EXPECT_EQ(spliced_, 1U);
  EXPECT_EQ(lines({.since_ns = 5 * kSecond + 1, .until_ns = 13 * kSecond}), lines_of(6, 13));
  EXPECT_EQ(lines({.since_ns = 4 * kSecond, .until_ns = 12 * kSecond}), lines_of(4, 12));
  EXPECT_EQ(spliced_, 2U);
  EXPECT_EQ(lines({.since_ns = 100 * kSecond}), "");
  EXPECT_EQ(lines({.since_ns = 6 * kSecond, .until_ns = 6 * kSecond}), "");
}

TEST_F(ExportTest, TimesAndCursorsTogether) {
  const auto reader = *ring_->attach("r");
  for (int i = 0; i < 3; ++i) append(4);
  acknowledge(reader, 1);
  EXPECT_EQ(lines({.until_ns = 3 * kSecond}), lines_of(1, 3));
  EXPECT_EQ(lines({.since_ns = 0, .until_ns = 3 * kSecond, .all = true}), lines_of(0, 3));
}

TEST_F(ExportTest, TimestampsAtTheEdgesOfTheirRange) {
  buffer::Block block;
  const std::string text = "m n=1i -9223372036854775806\nm n=1i 9223372036854775806\n";
  compressor_.compress(text, block);
  block.points = 2;
  block.oldest_ns = -9223372036854775806;
  block.newest_ns = 9223372036854775806;
  ASSERT_TRUE(ring_->append(block));
  EXPECT_EQ(lines({.since_ns = 0}), "m n=1i 9223372036854775806\n");
  EXPECT_EQ(lines({.until_ns = 0}), "m n=1i -9223372036854775806\n");
}

TEST_F(ExportTest, DamageIsSkippedAndCountedWhereItWasWanted) {
  const auto reader = *ring_->attach("r");
  for (int i = 0; i < 6; ++i) append(4);
  acknowledge(reader, 8);
  std::vector<std::byte> image = file_->content();
  const auto wreck_block = [&](std::uint64_t point) {
    for (std::uint64_t at = buffer::kDataOffset; at < image.size(); at += buffer::kAlignment) {
      const auto superblock =
          buffer::decode_superblock(std::span(image).first<buffer::kSuperblockBytes>());
      const auto header = buffer::decode_header(
          std::span(image).subspan(at).first<buffer::kHeaderSize>(), superblock->seed());
      if (!header || header->point_sequence != point) continue;
      const std::byte changed = image[at + buffer::kHeaderSize] ^ std::byte{1};
      ASSERT_TRUE(file_->write_at(at + buffer::kHeaderSize, std::span(&changed, 1)));
    }
  };
  wreck_block(0);
  EXPECT_EQ(run({}).report.damaged, 0U) << "delivered already";
  wreck_block(12);
  EXPECT_EQ(lines({}), lines_of(8, 12) + lines_of(16, 24));
  const ExportReport report = run({}).report;
  EXPECT_EQ(report.damaged, 1U);
  EXPECT_EQ(report.points_lost, 4U);
  EXPECT_EQ(run({.since_ns = 17 * kSecond}).report.damaged, 0U) << "not asked for";
  EXPECT_EQ(run({.all = true}).report.damaged, 2U);
}

TEST_F(ExportTest, AnUnknownReaderIsNamedWithThoseThereAre) {
  ASSERT_TRUE(ring_->attach("main"));
  const auto snapshot = buffer::take_snapshot(*file_, false);
  const auto report = agent::export_points(*file_, *snapshot, {.reader = "mian"},
                                           [](std::string_view) { return base::ok(); });
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kNotFound);
  EXPECT_NE(report.error().message.find("main"), std::string::npos);
}

TEST_F(ExportTest, AFullDiskEndsIt) {
  append(3);
  const auto snapshot = buffer::take_snapshot(*file_, false);
  for (const bool gzip : {false, true}) {
    const auto report = agent::export_points(*file_, *snapshot, {.gzip = gzip},
                                             [](std::string_view) -> base::Status {
                                               return base::fail(ErrorCode::kNoSpace, "no room");
                                             });
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::kNoSpace);
  }
}

}  // namespace
}  // namespace holdfast::test

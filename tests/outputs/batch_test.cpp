// Batches: what the spliced body contains, judged by zlib alone.
#include "outputs/batch.h"

#include <gtest/gtest.h>

#include "buffer/compressor.h"
#include "buffer/format.h"
#include "tests/support/fake_ring.h"
#include "tests/support/gzip.h"

namespace holdfast::outputs {
namespace {

using buffer::Codec;
using buffer::ReadBatch;
using buffer::ReadBlock;

// Builds what Ring::read returns.
class Blocks {
 public:
  Blocks() { batch_.payloads.assign(Batch::kPrefix, '\0'); }

  Blocks& deflated(std::string_view lines, std::uint32_t points, std::uint32_t skip = 0,
                   int level = 6) {
    return add(test::deflate_fragment(lines, level), lines, points, skip, Codec::kDeflate);
  }
  Blocks& primed(std::string_view lines, std::uint32_t points, std::uint32_t skip = 0) {
    buffer::Block block;
    buffer::Compressor(6).compress(lines, block, true);
    return add(block.bytes.substr(buffer::kHeaderSize), lines, points, skip, Codec::kPrimed);
  }
  Blocks& raw(std::string_view lines, std::uint32_t points, std::uint32_t skip = 0) {
    return add(std::string(lines), lines, points, skip, Codec::kRaw);
  }
  [[nodiscard]] ReadBatch take() { return std::move(batch_); }

 private:
  Blocks& add(const std::string& payload, std::string_view lines, std::uint32_t points,
              std::uint32_t skip, Codec codec) {
    ReadBlock& block = batch_.blocks.emplace_back();
    block.points = points;
    block.skip_points = skip;
    block.raw_size = static_cast<std::uint32_t>(lines.size());
    block.raw_crc32 = test::crc32_of(lines);
    block.codec = codec;
    block.payload_offset = batch_.payloads.size();
    block.payload_size = static_cast<std::uint32_t>(payload.size());
    batch_.payloads += payload;
    batch_.points += points - skip;
    batch_.raw_bytes += lines.size();
    return *this;
  }

  ReadBatch batch_;
};

constexpr std::uint64_t kMany = 5000;

void expect_content(base::Result<Batch> batch, std::string_view lines, std::uint64_t points) {
  ASSERT_TRUE(batch) << batch.error().message;
  EXPECT_EQ(batch->points(), points);
  EXPECT_EQ(batch->raw_bytes(), lines.size());
  const auto content = test::gunzip_single_member(batch->gzip());
  ASSERT_TRUE(content);
  EXPECT_EQ(*content, lines);
  const auto inflated = batch->lines();
  ASSERT_TRUE(inflated) << inflated.error().message;
  EXPECT_EQ(*inflated, lines);
}

TEST(Batch, OneBlockIsOneGzipMember) {
  const std::string lines = test::numbered_lines(0, 22);
  expect_content(Batch::from_blocks(Blocks().deflated(lines, 22).take(), kMany), lines, 22);
}

TEST(Batch, ManyBlocksBecomeOneMember) {
  Blocks blocks;
  std::string all;
  for (std::uint64_t i = 0; i < 40; ++i) {
    const std::string lines = test::numbered_lines(i * 100, 1 + i * 3);
    blocks.deflated(lines, static_cast<std::uint32_t>(1 + i * 3), 0, static_cast<int>(1 + i % 9));
    all += lines;
  }
  const auto points = static_cast<std::uint64_t>(std::count(all.begin(), all.end(), '\n'));
  expect_content(Batch::from_blocks(blocks.take(), kMany), all, points);
}

TEST(Batch, LargeFragmentsAreSplicedAsTheyAre) {
  const std::string first = test::numbered_lines(0, 600);
  const std::string second = test::numbered_lines(600, 600);
  const std::string payloads = test::deflate_fragment(first, 1) + test::deflate_fragment(second, 9);
  const auto batch = Batch::from_blocks(
      Blocks().deflated(first, 600, 0, 1).deflated(second, 600, 0, 9).take(), kMany);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->gzip().substr(10, payloads.size()), payloads);
  EXPECT_EQ(batch->gzip().size(), 10 + payloads.size() + 2 + 8);
}

TEST(Batch, ManySmallFragmentsAreMadeOne) {
  Blocks blocks;
  std::string all;
  std::size_t stored = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    const std::string lines = test::numbered_lines(i * 20, 20);
    blocks.deflated(lines, 20, i == 0 ? 5 : 0);
    stored += test::deflate_fragment(lines, 6).size();
    all += i == 0 ? test::numbered_lines(5, 15) : lines;
  }
  auto batch = Batch::from_blocks(blocks.take(), 1000);
  ASSERT_TRUE(batch);
  EXPECT_LT(batch->gzip().size(), stored / 2);
  EXPECT_EQ(batch->line(3), "m seq=7i 1700000000000000007");
  EXPECT_EQ(batch->line(1000), "m seq=1004i 1700000000000001004");
  EXPECT_EQ(batch->line(1001), "");
  expect_content(std::move(batch), all.substr(0, all.find("m seq=1005i")), 1000);
}

TEST(Batch, TwoReadsOfTheSameBlocksGiveTheSameBytes) {
  const std::string lines = test::numbered_lines(7, 30);
  const auto once = Batch::from_blocks(Blocks().deflated(lines, 30, 5).take(), kMany);
  const auto again = Batch::from_blocks(Blocks().deflated(lines, 30, 5).take(), kMany);
  ASSERT_TRUE(once && again);
  EXPECT_EQ(once->gzip(), again->gzip());
}

TEST(Batch, PrimedBlocksAreMadeOrdinary) {
  const std::string first = test::numbered_lines(0, 20);
  const std::string second = test::numbered_lines(20, 60);
  const std::string large = test::numbered_lines(80, 2000);
  expect_content(Batch::from_blocks(Blocks().primed(first, 20).take(), kMany), first, 20);
  expect_content(Batch::from_blocks(Blocks().primed(first, 20, 7).take(), kMany),
                 test::numbered_lines(7, 13), 13);
  expect_content(Batch::from_blocks(Blocks().primed(first, 20).primed(second, 60).take(), kMany),
                 first + second, 80);
  expect_content(Batch::from_blocks(Blocks().primed(first, 20).deflated(second, 60).take(), kMany),
                 first + second, 80);
  expect_content(
      Batch::from_blocks(Blocks().primed(second, 60).deflated(large, 2000).take(), kMany),
      second + large, 2060);
}

TEST(Batch, UncompressedBlocksAreCompressed) {
  const std::string first = test::numbered_lines(0, 3);
  const std::string second = test::numbered_lines(3, 60);
  expect_content(Batch::from_blocks(Blocks().raw(first, 3).deflated(second, 60).take(), kMany),
                 first + second, 63);
}

TEST(Batch, AcknowledgedLinesOfTheFirstBlockAreLeftOut) {
  const std::string first = test::numbered_lines(0, 10);
  const std::string second = test::numbered_lines(10, 5);
  expect_content(
      Batch::from_blocks(Blocks().deflated(first, 10, 4).deflated(second, 5).take(), kMany),
      test::numbered_lines(4, 11), 11);
  expect_content(Batch::from_blocks(Blocks().raw(first, 10, 9).take(), kMany),
                 test::numbered_lines(9, 1), 1);
}

TEST(Batch, TooLargeAFirstBlockIsCutAtALine) {
  const std::string lines = test::numbered_lines(0, 100);
  expect_content(Batch::from_blocks(Blocks().deflated(lines, 100).take(), 30),
                 test::numbered_lines(0, 30), 30);
  expect_content(Batch::from_blocks(Blocks().deflated(lines, 100, 30).take(), 30),
                 test::numbered_lines(30, 30), 30);
  expect_content(Batch::from_blocks(Blocks().deflated(lines, 100, 99).take(), 30),
                 test::numbered_lines(99, 1), 1);
}

TEST(Batch, TheCutKnowsQuotedLineBreaks) {
  const std::string one = "log text=\"first\nsecond\" 1\n";
  const std::string two = "log text=\"a \\\" quote\n\" 2\n";
  const std::string three = "m v=3i 3\n";
  const std::string lines = one + two + three;
  expect_content(Batch::from_blocks(Blocks().deflated(lines, 3).take(), 1), one, 1);
  expect_content(Batch::from_blocks(Blocks().deflated(lines, 3, 1).take(), 1), two, 1);
  expect_content(Batch::from_blocks(Blocks().deflated(lines, 3, 2).take(), 9), three, 1);
}

TEST(Batch, LinesBeyondTheLimitOfALaterBlockAreLeftOut) {
  expect_content(Batch::from_blocks(Blocks()
                                        .deflated(test::numbered_lines(0, 20), 20)
                                        .deflated(test::numbered_lines(20, 20), 20)
                                        .deflated(test::numbered_lines(40, 20), 20)
                                        .take(),
                                    25),
                 test::numbered_lines(0, 25), 25);
}

TEST(Batch, LargeContentSurvives) {
  Blocks blocks;
  std::string all;
  for (std::uint64_t i = 0; i < 30; ++i) {
    const std::string lines = test::numbered_lines(i * 1000, 1000);
    blocks.deflated(lines, 1000);
    all += lines;
  }
  expect_content(Batch::from_blocks(blocks.take(), 1'000'000), all, 30'000);
}

TEST(Batch, FirstLineIsReadFromTheStart) {
  const auto batch =
      Batch::from_blocks(Blocks().deflated(test::numbered_lines(3, 2000), 2000).take(), kMany);
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->first_line(), "m seq=3i 1700000000000000003");
  EXPECT_EQ(batch->first_line(7), "m seq=3");
}

TEST(Batch, BlocksThatContradictThemselvesAreRefused) {
  const std::string lines = test::numbered_lines(0, 4);
  // More lines promised than there are.
  EXPECT_FALSE(Batch::from_blocks(Blocks().deflated(lines, 9, 1).take(), kMany));
  // All of it acknowledged already.
  EXPECT_FALSE(Batch::from_blocks(Blocks().deflated(lines, 4, 4).take(), kMany));
  // No block at all.
  EXPECT_FALSE(Batch::from_blocks(Blocks().take(), kMany));
  // A payload that is not where it should be.
  auto moved = Blocks().deflated(lines, 4).take();
  moved.blocks[0].payload_offset += 1;
  EXPECT_FALSE(Batch::from_blocks(std::move(moved), kMany));
  // A fragment that does not inflate to its size.
  auto longer = Blocks().deflated(lines, 4, 1).take();
  longer.blocks[0].raw_size -= 1;
  EXPECT_FALSE(Batch::from_blocks(std::move(longer), kMany));
  auto garbage = Blocks().deflated(lines, 4, 1).take();
  garbage.payloads.replace(Batch::kPrefix, 4, "\xff\xff\xff\xff");
  EXPECT_FALSE(Batch::from_blocks(std::move(garbage), kMany));
}

TEST(Batch, SplicedContentWithAWrongChecksumIsNotInflated) {
  auto blocks = Blocks().deflated(test::numbered_lines(0, 4), 4).take();
  blocks.blocks[0].raw_crc32 ^= 1;
  auto batch = Batch::from_blocks(std::move(blocks), kMany);
  ASSERT_TRUE(batch);
  EXPECT_FALSE(batch->lines());
}

TEST(Batch, ABodyMadeBeforeIsTakenAsItIs) {
  const std::string lines = test::numbered_lines(0, 30) + "m s=\"two\nlines\" 1\n";
  Blocks blocks;
  auto made = Batch::from_blocks(blocks.deflated(lines, 31).take(), kMany);
  ASSERT_TRUE(made);
  const auto again = Batch::from_gzip(std::string(made->gzip()));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->gzip(), made->gzip());
  expect_content(Batch::from_gzip(std::string(made->gzip())), lines, 31);
}

TEST(Batch, ABodyThatFailsItsChecksIsNone) {
  const std::string good = test::gzip(test::numbered_lines(0, 30));
  ASSERT_TRUE(Batch::from_gzip(good));
  const auto expect_corrupt = [](const std::string& body) {
    const auto batch = Batch::from_gzip(body);
    ASSERT_FALSE(batch) << body.size();
    EXPECT_EQ(batch.error().code, base::ErrorCode::kCorrupt);
  };
  for (std::size_t size = 0; size < good.size(); ++size) expect_corrupt(good.substr(0, size));
  std::string wrong_sum = good;
  wrong_sum[good.size() - 8] ^= 1;
  expect_corrupt(wrong_sum);
  std::string wrong_size = good;
  wrong_size[good.size() - 4] ^= 1;
  expect_corrupt(wrong_size);
  std::string huge = good;
  huge[good.size() - 1] = '\x7f';  // two GiB: nothing of that size is made
  expect_corrupt(huge);
}

}  // namespace
}  // namespace holdfast::outputs

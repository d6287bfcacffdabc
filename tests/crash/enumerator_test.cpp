#include "tests/crash/enumerator.h"

#include <gtest/gtest.h>

#include "tests/crash/lies.h"

namespace holdfast::crash {
namespace {

Report run(Settings settings) {
  Place place;
  Enumerator enumerator(settings, place);
  return enumerator.run();
}

TEST(Enumerator, MeetsEverythingThatMakesRecoveryHard) {
  const Report report = run({.states = 8000, .seed = 1});
  EXPECT_EQ(report.violations, std::vector<std::string>{});
  EXPECT_EQ(report.states, report.kills + report.power_cuts + report.second_level);
  EXPECT_GT(report.kills, 800U);
  EXPECT_GT(report.power_cuts, 2000U);
  EXPECT_GT(report.second_level, 2000U);
  EXPECT_GT(report.full_scans, 100U);
  EXPECT_GT(report.holes, 100U);
  EXPECT_GT(report.ghosts, 100U);
  EXPECT_GT(report.with_loss, 500U);
}

TEST(Enumerator, MeetsBlocksInMemoryADeviceThatFailsAndBacklogsSetApart) {
  const Report report = run({.states = 20'000, .seed = 1});
  EXPECT_EQ(report.violations, std::vector<std::string>{});
  EXPECT_GT(report.held, 200U);
  EXPECT_GT(report.refused, 500U);
  EXPECT_GT(report.failed_syncs, 300U);
  EXPECT_GT(report.healed, 300U);
  EXPECT_GT(report.spilled, 100U);
  EXPECT_GT(report.apart, 2000U);
  EXPECT_GT(report.expired, 500U);
}

TEST(Enumerator, ASeedGivesTheSameStatesAgain) {
  const Report once = run({.states = 1500, .seed = 7});
  const Report again = run({.states = 1500, .seed = 7});
  EXPECT_EQ(once.states, again.states);
  EXPECT_EQ(once.power_cuts, again.power_cuts);
  EXPECT_EQ(once.with_loss, again.with_loss);
  EXPECT_EQ(once.holes, again.holes);
  const Report other = run({.states = 1500, .seed = 20});
  EXPECT_NE(std::pair(once.with_loss, once.ghosts), std::pair(other.with_loss, other.ghosts));
}

TEST(Enumerator, ADeviceThatLiesIsSurvived) {
  const Report report = run({.states = 3000, .seed = 1, .lying = true});
  EXPECT_EQ(report.violations, std::vector<std::string>{});
  EXPECT_GT(report.full_scans, 100U);
  EXPECT_GT(report.with_loss, 500U);
}

TEST(Lies, SpoilAFewSectorsAndSpareASuperblock) {
  base::Random random(11);
  for (int i = 0; i < 200; ++i) {
    const Bytes sound(64 * kSector, std::byte{5});
    const std::deque<Bytes> older{Bytes(64 * kSector, std::byte{4})};
    Bytes image = sound;
    const std::string words = spoil(image, older, random);
    std::size_t spoilt = 0;
    for (std::size_t sector = 0; sector < 64; ++sector) {
      const auto at = static_cast<std::ptrdiff_t>(sector * kSector);
      spoilt += std::equal(image.begin() + at,
                           image.begin() + at + static_cast<std::ptrdiff_t>(kSector), sound.begin())
                    ? 0U
                    : 1U;
    }
    EXPECT_LE(spoilt, 3U);
    EXPECT_EQ(spoilt == 0, words.empty());
    const bool first = image[0] == std::byte{5};
    const bool second = image[buffer::kSuperblockOffsets[1]] == std::byte{5};
    EXPECT_TRUE(first || second);
  }
}

}  // namespace
}  // namespace holdfast::crash

#include "agent/capacity.h"

#include <gmock/gmock.h>

#include "buffer/format.h"
#include "tests/agent/agent_harness.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

agent::Capacity capacity_of(const std::string& toml) {
  Configured made(toml);
  EXPECT_EQ(made.problems(), "");
  return agent::estimate_capacity(made.configuration, made.clock, 0ns);
}

TEST(Capacity, CountsPointsAndBlocksOfEachInterval) {
  // One point each, at once in one block, then in a block of each.
  const auto together = capacity_of("[[inputs.mem]]\n[[inputs.mem]]\n[[outputs.file]]\n");
  EXPECT_DOUBLE_EQ(together.points_per_second, 0.2);
  EXPECT_EQ(together.room, buffer::data_size_of(64U << 20U));
  const auto apart =
      capacity_of("[[inputs.mem]]\n[[inputs.mem]]\ninterval = \"5s\"\n[[outputs.file]]\n");
  EXPECT_DOUBLE_EQ(apart.points_per_second, 0.3);
  // In one block there is one header, and the second line costs less than the first.
  EXPECT_LT(together.bytes_per_point(), apart.bytes_per_point());
  EXPECT_GT(together.outage(), apart.outage());
  // Whole blocks, of 64 bytes and more, each ten seconds.
  EXPECT_EQ(static_cast<std::uint64_t>(together.bytes_per_second * 10 + 0.5) % buffer::kAlignment,
            0U);
  EXPECT_GE(together.bytes_per_second * 10, 128);
}

TEST(Capacity, SaysThatItIsAnEstimate) {
  agent::Capacity capacity{.points_per_second = 10, .bytes_per_second = 100, .room = 8640000};
  EXPECT_EQ(capacity.outage(), 24h);
  EXPECT_EQ(capacity.text(),
            "about 24 hours of outage (an estimate: the inputs gave 10 points a second just now, "
            "which take 10 bytes each in blocks of the ring)");
  capacity.room *= 3;
  EXPECT_THAT(capacity.text(), HasSubstr("about 3 days of"));
  capacity.room = 6000;
  EXPECT_THAT(capacity.text(), HasSubstr("about 1 minute of"));
  capacity.listeners = true;
  EXPECT_THAT(capacity.text(), HasSubstr("; what listeners receive comes on top of it)"));
  capacity.room = 1ULL << 62U;
  EXPECT_EQ(capacity.outage(), 24h * 365 * 100);
}

TEST(Capacity, WithListenersAloneNothingIsKnown) {
  const auto capacity = capacity_of("[[inputs.influxdb_listener]]\n[[outputs.file]]\n");
  EXPECT_TRUE(capacity.listeners);
  EXPECT_EQ(capacity.outage(), 0ns);
  EXPECT_EQ(capacity.bytes_per_point(), 0);
  EXPECT_THAT(capacity.text(), HasSubstr("is not known: no input gave a point; what listeners"));
}

}  // namespace
}  // namespace holdfast::test

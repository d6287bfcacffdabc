// What a workload draws before it starts, and the blocks it is made of.
#include <algorithm>
#include <span>

#include <fmt/core.h>
#include <zlib.h>

#include "buffer/format.h"
#include "tests/buffer/ring_harness.h"
#include "tests/crash/workload.h"

namespace holdfast::crash {
namespace {

// So all numbers of a level, and all levels, have lines of the same length.
constexpr std::uint64_t kLevelStep = 1'000'000'000'000;
constexpr std::size_t kShortestLine = 20;

template <class T>
T one_of(base::Random& random, std::initializer_list<T> choices) {
  return *(choices.begin() + random.below(choices.size()));
}

Shape draw_shape(base::Random& random, std::size_t max_payload) {
  Shape shape;
  shape.line_bytes = kShortestLine + random.below(random.below(3) == 0 ? 200 : 30);
  shape.points = static_cast<std::uint32_t>(1 + random.below(random.below(4) == 0 ? 40 : 8));
  const auto most = static_cast<std::uint32_t>(max_payload / shape.line_bytes);
  shape.points = std::min(shape.points, most);
  return shape;
}

// What fills the lines up is different in every block: else the padding of one block could mend
// another one.
void scramble_padding(buffer::Block& block, std::uint64_t seed) {
  std::uint64_t state = seed;
  const std::span<char> lines(block.bytes.data() + buffer::kHeaderSize, block.raw_size);
  for (char& c : lines) {
    if (c != ' ' || &c == lines.data() + 1) continue;
    state = state * 6364136223846793005U + 1442695040888963407U;
    c = static_cast<char>('a' + (state >> 60U));
  }
  block.raw_crc32 = static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(lines.data()), lines.size()));
}

}  // namespace

KnownBlock make_block(unsigned level, std::uint64_t first, const Shape& shape) {
  auto block = test::numbered_block(level * kLevelStep + first, shape.points, shape.line_bytes);
  scramble_padding(block, level * kLevelStep + first);
  return {first, std::make_shared<const buffer::Block>(std::move(block))};
}

namespace {

// A good third of the plans: blocks that wait in memory or are refused, and a device that fails.
void draw_trouble(base::Random& random, Plan& plan) {
  if (random.below(5) >= 2) return;
  const bool syncs = plan.options.sync == buffer::SyncMode::kInterval;
  const bool spills = random.below(2) == 0;
  const bool refuses = random.below(3) == 0;
  plan.says_busy = syncs && !plan.changes_sync && random.below(4) == 0;
  plan.device_fails = random.below(2) == 0 || !(spills || refuses || plan.says_busy);
  if (spills) plan.options.mode = buffer::Mode::kSpill;
  if (refuses) plan.options.overflow = buffer::Overflow::kRefuseNew;
  plan.gathered = one_of<std::uint64_t>(random, {20, 50, 90});
  plan.options.memory_limit = one_of<std::uint64_t>(random, {600, 1500, 4000, 1U << 20U});
  plan.options.spill_after = std::chrono::seconds(one_of(random, {5, 30, 60}));
  // With `never` nothing is written again after a failed sync: that must not be held against the
  // syncs of a later time.
  if (plan.device_fails) plan.changes_sync = false;
  plan.forgets = plan.device_fails && random.below(2) == 0;
  if (plan.device_fails && random.below(2) == 0) {
    // Many syncs within appends, so that some of them fail.
    plan.options.unsynced_limit = one_of<std::uint64_t>(random, {512, 1024, 2048});
    plan.options.checkpoint_bytes = one_of<std::uint64_t>(random, {400, 600, 1024});
  }
}

// A third of the plans: readers that take what is fresh first. In some, old points expire.
void draw_freshness(base::Random& random, Plan& plan) {
  if (random.below(6) == 0) {
    plan.options.max_age = std::chrono::seconds(one_of(random, {40, 90, 300}));
  }
  if (random.below(3) != 0) return;
  // Often beside others that read in order.
  plan.most_readers = std::max<std::size_t>(plan.most_readers, 2);
  for (std::uint64_t i = random.below(plan.most_readers) + 1; i > 0; --i) {
    plan.live_first.insert(fmt::format("r{}", i - 1));
  }
}

}  // namespace

Plan draw_plan(base::Random& random) {
  Plan plan;
  const std::uint64_t data =
      one_of<std::uint64_t>(random, {4096, 4096, 5056, 6144, 8192, 8192, 12288, 16448, 32768});
  plan.options.size = buffer::kDataOffset + data;
  plan.options.sync = random.below(5) == 0 ? buffer::SyncMode::kNever : buffer::SyncMode::kInterval;
  plan.options.unsynced_limit = one_of<std::uint64_t>(random, {0, 0, 0, 512, 1024, 2048});
  plan.options.checkpoint_bytes = one_of<std::uint64_t>(random, {0, 0, 600, 1024, 2048, 1U << 20U});
  plan.options.checkpoint_interval = one_of<base::Duration>(
      random, {std::chrono::minutes(1), std::chrono::minutes(10), std::chrono::hours(24)});
  // One shape only: all blocks are equally long.
  const std::size_t shapes = one_of<std::size_t>(random, {1, 2, 8});
  const std::size_t max_payload = data / 8 - buffer::kHeaderSize;
  for (std::size_t i = 0; i < shapes; ++i) {
    plan.shapes.push_back(draw_shape(random, max_payload));
  }
  plan.most_readers = 1 + random.below(3);
  plan.changes_sync = random.below(6) == 0;
  // From a copy: plans without trouble are what they would be.
  base::Random other = random;
  base::Random fresh(base::Random(random).next());
  draw_trouble(other, plan);
  draw_freshness(fresh, plan);
  return plan;
}

}  // namespace holdfast::crash

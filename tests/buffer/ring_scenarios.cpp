#include "tests/buffer/ring_scenarios.h"

#include <charconv>

#include <gtest/gtest.h>

#include "buffer/compressor.h"

namespace holdfast::test {
namespace {

// A ring in the making.
class Scene {
 public:
  Scene() {
    options_.checkpoint_bytes = 1500;
    opened_ = open_image({}, clock_, options_);
  }

  [[nodiscard]] buffer::Ring& ring() { return *opened_.ring; }
  [[nodiscard]] FakeClock& clock() { return clock_; }
  [[nodiscard]] Bytes image() const { return opened_.file->content(); }

  // Blocks of three numbered lines, every other one compressed, every fourth primed, 20 s apart.
  void append(int blocks) {
    for (int i = 0; i < blocks; ++i) {
      clock_.advance(std::chrono::seconds(20));
      buffer::Block block = numbered_block(next_, 3, 60);
      if (i % 2 == 1) {
        const std::string lines = block.bytes.substr(buffer::kHeaderSize);
        compressor_.compress(lines, block, i % 4 == 3);
      }
      EXPECT_TRUE(ring().append(block));
      next_ += 3;
    }
  }

  void acknowledge(buffer::ReaderId reader, std::uint64_t points,
                   const buffer::Outcome& outcome = {}) {
    EXPECT_TRUE(ring().read(reader, {}, 0));
    ring().acknowledge(reader, points, outcome);
  }

  void reopen() { opened_ = open_image(image(), clock_, options_); }

 private:
  FakeClock clock_;
  buffer::RingOptions options_ = small_ring(4096);
  OpenImage opened_;
  buffer::Compressor compressor_{6};
  std::uint64_t next_ = 0;
};

Bytes closed_with_nothing_left() {
  Scene scene;
  const auto reader = *scene.ring().attach("influx");
  scene.append(4);
  scene.acknowledge(reader, 12, {.rejected = 1, .filtered = 0});
  EXPECT_TRUE(scene.ring().close());
  return scene.image();
}

Bytes backlog_of_two_readers() {
  Scene scene;
  const auto ahead = *scene.ring().attach("ahead");
  const auto behind = *scene.ring().attach("behind");
  scene.append(8);
  scene.acknowledge(ahead, 17, {.rejected = 2, .filtered = 3});  // within the sixth block
  scene.acknowledge(behind, 3);
  EXPECT_TRUE(scene.ring().close());
  return scene.image();
}

Bytes wrapped_and_overflowed() {
  Scene scene;
  const auto ahead = *scene.ring().attach("ahead");
  (void)*scene.ring().attach("behind");
  scene.append(20);
  scene.clock().step_wall(std::chrono::hours(-3));  // another clock era
  scene.append(14);
  scene.acknowledge(ahead, 10);
  EXPECT_TRUE(scene.ring().close());
  return scene.image();
}

Bytes killed_between_two_syncs() {
  Scene scene;
  const auto reader = *scene.ring().attach("influx");
  scene.append(3);
  EXPECT_TRUE(scene.ring().sync(true));
  scene.acknowledge(reader, 2);
  scene.append(2);
  return scene.image();
}

Bytes orphan_and_announced_wait() {
  Scene scene;
  (void)*scene.ring().attach("gone");
  (void)*scene.ring().attach("waiting");
  scene.append(5);
  EXPECT_TRUE(scene.ring().close());
  scene.reopen();
  const auto waiting = *scene.ring().attach("waiting");
  EXPECT_EQ(scene.ring().settle_orphans(std::chrono::hours(24)), std::vector<std::string>{"gone"});
  scene.acknowledge(waiting, 7);
  buffer::NotBefore wait;
  wait.wall_ns = scene.clock().wall_ns() + 90'000'000'000;
  wait.boot_ns = scene.clock().boot().time_since_epoch().count() + 90'000'000'000;
  wait.remaining_ns = 90'000'000'000;
  const std::string boot_id = scene.clock().boot_id();
  std::copy(boot_id.begin(), boot_id.end(), wait.boot_id.begin());
  scene.ring().set_not_before(waiting, wait);
  EXPECT_TRUE(scene.ring().close());
  return scene.image();
}

std::vector<std::uint64_t> numbers_in(const buffer::ReadBatch& batch) {
  std::vector<std::uint64_t> found;
  for (const buffer::ReadBlock& block : batch.blocks) {
    std::string lines = inflated(batch, block);
    std::uint32_t line = 0;
    for (std::size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1) {
      std::uint64_t number = UINT64_MAX;
      std::from_chars(lines.data() + at + 4, lines.data() + lines.size(), number);
      if (line++ >= block.skip_points) found.push_back(number);
    }
  }
  return found;
}

// "3-8 12-20"; "none".
std::string runs(const std::vector<std::uint64_t>& numbers) {
  std::string text;
  for (std::size_t first = 0, last = 0; first < numbers.size(); first = last + 1) {
    last = first;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    text += fmt::format("{}{}-{}", text.empty() ? "" : " ", numbers[first], numbers[last]);
  }
  return text.empty() ? "none" : text;
}

std::string pending_lines(buffer::Ring& ring, const std::string& id) {
  const auto reader = *ring.attach(id);
  std::vector<std::uint64_t> found;
  while (true) {
    const auto batch = ring.read(reader, {}, 0);
    EXPECT_TRUE(batch);
    if (!batch || batch->blocks.empty()) return runs(found);
    const auto part = numbers_in(*batch);
    found.insert(found.end(), part.begin(), part.end());
    ring.acknowledge(reader, batch->points, {});
  }
}

std::string describe_reader(const buffer::ReaderInfo& reader) {
  const buffer::LedgerCounters& c = reader.ledger.counters;
  std::string text = fmt::format(
      "reader {}\n  accepted {} since {} = delivered {} + buffered {} + overflow {} + rejected {} "
      "+ expired {} + corrupt {} + filtered {}\n",
      reader.id, reader.ledger.accepted, reader.ledger.since_ns, c.delivered,
      reader.ledger.buffered, c.overflow, c.rejected, c.expired, c.corrupt, c.filtered);
  if (reader.orphaned_ns != 0) text += fmt::format("  orphan since {}\n", reader.orphaned_ns);
  const buffer::NotBefore& wait = reader.not_before;
  if (wait.remaining_ns != 0) {
    text +=
        fmt::format("  wait of {} until {}, boot clock {} of {}\n", wait.remaining_ns, wait.wall_ns,
                    wait.boot_ns, std::string(wait.boot_id.begin(), wait.boot_id.end()));
  }
  return text;
}

}  // namespace

std::vector<RingScenario> ring_scenarios() {
  return {{"clean", closed_with_nothing_left()},
          {"backlog", backlog_of_two_readers()},
          {"wrapped", wrapped_and_overflowed()},
          {"killed", killed_between_two_syncs()},
          {"orphan", orphan_and_announced_wait()}};
}

std::string describe_ring(const Bytes& image) {
  const FakeClock clock;
  const OpenImage opened = open_image(image, clock, small_ring(4096));
  if (opened.ring == nullptr) return "not a ring\n";
  const buffer::Recovery& recovery = opened.ring->recovery();
  const buffer::RingInfo info = opened.ring->info();
  std::string text = fmt::format(
      "{}, {} points lost\n{} bytes, {} points accepted, {} pending, the oldest stored at {}\n",
      recovery.clean ? "closed properly" : "not closed properly", recovery.points_lost,
      info.size_bytes, info.point_sequence, info.points, info.oldest_stored_at_s);
  for (const buffer::ReaderInfo& reader : info.readers) {
    text += describe_reader(reader);
    text += fmt::format("  lines {}\n", pending_lines(*opened.ring, reader.id));
  }
  return text;
}

}  // namespace holdfast::test

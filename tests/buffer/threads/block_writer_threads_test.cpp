// Requests from many threads through one writer, with a sync worker and without.
#include <atomic>
#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "buffer/block_writer.h"
#include "buffer/sync_worker.h"
#include "tests/buffer/image.h"

namespace holdfast::test {
namespace {

using buffer::BlockWriter;
using buffer::Lines;
using buffer::Origin;

void serve(bool always, std::uint64_t unsynced_limit, bool with_worker) {
  const FakeClock clock;
  auto options = small_ring(1U << 20U);
  options.unsynced_limit = unsynced_limit;
  const auto record = std::make_shared<FileRecord>();
  const auto ring = open_ring(std::make_unique<RecordingFile>(record), clock, options);
  const auto reader = *ring->attach("r");
  constexpr std::uint64_t kRequests = 150;
  constexpr std::size_t kClients = 4;
  std::atomic<std::uint64_t> good{0};
  std::atomic<std::uint64_t> answers{0};
  {
    buffer::BlockWriterOptions writer_options;
    writer_options.wait_for_sync = always;
    BlockWriter to(*ring, clock, writer_options);
    std::unique_ptr<buffer::SyncWorker> worker;
    if (with_worker) {
      worker = std::make_unique<buffer::SyncWorker>(*ring, std::chrono::milliseconds(1), true,
                                                    base::Logger{});
    }
    std::vector<std::thread> clients;
    for (std::size_t client = 0; client < kClients; ++client) {
      clients.emplace_back([&, client] {
        for (std::uint64_t i = 0; i < kRequests; ++i) {
          const std::string text = fmt::format("c{} n={}i\n", client, i);
          const Lines lines{text, 1, 1, 1};
          // One client stands for the gathers.
          const Origin origin = client == 0 ? Origin::kGathered : Origin::kReceived;
          std::atomic<bool> answered{false};
          to.add({&lines, 1}, origin, [&](const base::Status& status, std::uint64_t refused) {
            good += status && refused == 0 ? 1 : 0;
            ++answers;
            answered = true;
          });
          to.flush();
          while (!answered) std::this_thread::yield();
        }
      });
    }
    for (auto& client : clients) client.join();
    EXPECT_FALSE(to.busy());
  }
  EXPECT_EQ(answers, kClients * kRequests);
  EXPECT_EQ(good, kClients * kRequests);
  EXPECT_EQ(ring->info().point_sequence, kClients * kRequests);
  if (always) {
    EXPECT_LE(count_syncs(*record), kClients * kRequests + 10);
  }
  // Each client's lines are in order.
  std::map<std::string, std::uint64_t> next;
  while (true) {
    const auto batch = ring->read(reader, {}, 0);
    ASSERT_TRUE(batch);
    if (batch->blocks.empty()) break;
    for (const auto& block : batch->blocks) {
      const std::string lines = inflated(*batch, block);
      for (std::size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1) {
        const std::string client = lines.substr(at, 2);
        EXPECT_EQ(std::stoull(lines.substr(at + 5)), next[client]++);
      }
    }
    ring->acknowledge(reader, batch->points, {});
  }
  EXPECT_EQ(next.size(), kClients);
}

TEST(BlockWriterThreads, EveryRequestIsAnsweredUnderSyncAlways) { serve(true, 0, true); }
TEST(BlockWriterThreads, EveryRequestIsAnsweredWithoutAWorker) { serve(true, 0, false); }
TEST(BlockWriterThreads, EveryRequestIsAnsweredWhenTheRingIsOftenBusy) { serve(false, 512, true); }
TEST(BlockWriterThreads, EveryRequestIsAnsweredWhenItIsBusyAndSyncsAlways) {
  serve(true, 512, true);
}

}  // namespace
}  // namespace holdfast::test

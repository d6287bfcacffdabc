#include "agent/spare_memory.h"

#include <fstream>
#include <memory>
#include <vector>

#include <gtest/gtest.h>
#include <malloc.h>
#include <unistd.h>

namespace holdfast::agent {
namespace {

constexpr std::size_t kBlocks = 512;
constexpr std::size_t kBlockBytes = std::size_t{32} << 10U;  // below what gets a mapping of its own

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0;
  std::size_t resident = 0;
  statm >> all >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// 16 MiB used and freed, with little that stays in use in between, so that the heap cannot just
// shrink.
std::vector<std::unique_ptr<char[]>> leave_spare_memory() {
  std::vector<std::unique_ptr<char[]>> freed;
  std::vector<std::unique_ptr<char[]>> kept;
  for (std::size_t i = 0; i < kBlocks; ++i) {
    freed.push_back(std::make_unique<char[]>(kBlockBytes));
    kept.push_back(std::make_unique<char[]>(2000));
  }
  return kept;
}

TEST(SpareMemoryTest, WhatABurstLeavesGoesBackToTheKernelOnce) {
  asio::io_context io;
  SpareMemory memory(io);
  memory.look();
  const auto in_use = leave_spare_memory();
  const std::size_t before = resident_bytes();
  const bool is_glibc = mallinfo2().arena > 0;  // sanitizers bring an allocator of their own
  EXPECT_EQ(memory.look(), is_glibc);
  if (is_glibc) {
    EXPECT_LT(resident_bytes() + kBlocks * kBlockBytes / 2, before);
  }
  EXPECT_FALSE(memory.look()) << "nothing has changed";
}

}  // namespace
}  // namespace holdfast::agent

#include "agent/store.h"

#include <filesystem>
#include <fstream>
#include <map>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace holdfast::test {
namespace {

agent::BufferOptions one_mebibyte() {
  agent::BufferOptions options;
  options.size.count = 1U << 20U;
  return options;
}

base::Result<agent::Store> open(const agent::BufferOptions& options, const std::string& path,
                                bool make_directory = false) {
  static const FakeClock clock;
  return agent::open_store(options, path, make_directory, clock, {}, base::Duration{});
}

agent::GetEnvironment environment(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(Store, TheRingTakesExactlyItsSize) {
  const TempDir dir;
  const auto store = open(one_mebibyte(), dir.path("ring"));
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_FALSE(store->ring->info().degraded);
  EXPECT_EQ(std::filesystem::file_size(dir.path("ring")), 1U << 20U);
}

TEST(Store, AMissingDirectoryIsNamed) {
  const TempDir dir;
  const auto store = open(one_mebibyte(), dir.path("none/ring"));
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, base::ErrorCode::kNotFound);
  EXPECT_NE(store.error().message.find(dir.path("none")), std::string::npos);
}

TEST(Store, TheDefaultDirectoryIsMade) {
  const TempDir dir;
  EXPECT_TRUE(open(one_mebibyte(), dir.path("a/b/ring"), true));
}

TEST(Store, ARingInUseNamesItsHolder) {
  const TempDir dir;
  const auto first = open(one_mebibyte(), dir.path("ring"));
  ASSERT_TRUE(first);
  const auto second = open(one_mebibyte(), dir.path("ring"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::ErrorCode::kBusy);
  EXPECT_NE(second.error().message.find(std::to_string(getpid())), std::string::npos);
}

TEST(Store, WithoutRoomTheRingIsInMemory) {
  const TempDir dir;
  auto options = one_mebibyte();
  options.size.count = 8ULL << 40U;  // no test machine has that much
  const auto store = open(options, dir.path("ring"));
  ASSERT_TRUE(store) << store.error().message;
  const buffer::RingInfo info = store->ring->info();
  EXPECT_TRUE(info.degraded);
  EXPECT_NE(info.degraded_why, "");
  EXPECT_EQ(info.point_sequence, 0U);
}

TEST(Store, WhatIsNoRingIsSetAsideNotOverwritten) {
  const TempDir dir;
  std::ofstream(dir.path("ring")) << std::string(100'000, 'x');
  std::filesystem::permissions(dir.path("ring"), std::filesystem::perms(0600));
  const auto store = open(one_mebibyte(), dir.path("ring"));
  ASSERT_TRUE(store) << store.error().message;
  std::size_t kept = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    if (entry.path().filename().string().starts_with("ring.bad-")) kept = entry.file_size();
  }
  EXPECT_EQ(kept, 100'000U);
}

TEST(Store, TheDefaultPathFollowsTheEnvironment) {
  EXPECT_EQ(agent::default_ring_path(environment({{"STATE_DIRECTORY", "/var/lib/h"}})),
            "/var/lib/h/ring");
  EXPECT_EQ(agent::default_ring_path(environment({{"XDG_STATE_HOME", "/x"}})), "/x/holdfast/ring");
  EXPECT_EQ(agent::default_ring_path(environment({{"HOME", "/home/a"}})),
            "/home/a/.local/state/holdfast/ring");
}

TEST(Store, TheStatusSocketIsInTheRuntimeDirectoryOrBesideTheRing) {
  EXPECT_EQ(
      agent::status_socket_path({}, "/r/ring", environment({{"RUNTIME_DIRECTORY", "/run/h"}})),
      "/run/h/status.sock");
  EXPECT_EQ(agent::status_socket_path({}, "/r/ring", environment({})), "/r/ring.status.sock");
  agent::StatusOptions own;
  own.socket = "/s";
  EXPECT_EQ(agent::status_socket_path(own, "/r/ring", environment({})), "/s");
}

}  // namespace
}  // namespace holdfast::test

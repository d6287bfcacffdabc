// A real file system that fills up under a running agent.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "agent/base/result.h"
#include "tests/integration/agent_test.h"
#include "tests/integration/feeder.h"
#include "tests/support/fault_server.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kRingBytes = 1U << 20U;
constexpr std::uint64_t kKeptBytes = 64U << 10U;  // of the ring's file, what has room on the disk

bool write_text(const char* path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

// A process without rights over mounts may have them in a user namespace of its own, as the same
// user.
base::Status enter_own_mounts() {
  if (unshare(CLONE_NEWNS) != 0) {
    const std::string uid = fmt::format("{0} {0} 1", geteuid());
    const std::string gid = fmt::format("{0} {0} 1", getegid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return base::fail_errno("unshare", errno);
    if (!write_text("/proc/self/setgroups", "deny") || !write_text("/proc/self/uid_map", uid) ||
        !write_text("/proc/self/gid_map", gid)) {
      return base::fail_errno("map the user", errno);
    }
  }
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) return base::ok();
  return base::fail_errno("private mounts", errno);
}

// Four MiB in memory, seen by this process and its children only, so that a test that is killed
// leaves nothing mounted.
class SmallDisk {
 public:
  explicit SmallDisk(std::string path) : path_(std::move(path)) {}
  ~SmallDisk() { (void)umount2(path_.c_str(), MNT_DETACH); }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  [[nodiscard]] base::Status attach() const {
    if (auto entered = enter_own_mounts(); !entered) return entered;
    fs::create_directories(path_);
    if (mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=4m") == 0) return base::ok();
    return base::fail_errno("mount a tmpfs", errno);
  }

  // To the last byte, by another file.
  void fill() const {
    std::ofstream file(filler(), std::ios::binary);
    const std::string some(4096, 'x');
    while (file.write(some.data(), static_cast<std::streamsize>(some.size())).flush()) {
    }
  }
  void make_room() const { fs::remove(filler()); }

  [[nodiscard]] std::string ring() const { return path_ + "/ring"; }

 private:
  [[nodiscard]] std::string filler() const { return path_ + "/filler"; }

  std::string path_;
};

// As a copy is that was made with holes for zeros: room is looked for when they are written.
bool make_sparse(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  const bool done = fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, kKeptBytes,
                              kRingBytes - kKeptBytes) == 0;
  ::close(file);
  return done;
}

using FullDisk = AgentTest;

TEST_F(FullDisk, WhatItCannotTakeWaitsOrIsRefusedUntilThereIsRoomAgain) {
  const SmallDisk disk(path("disk"));
  const base::Status attached = disk.attach();
  ASSERT_TRUE(attached) << attached.error().message;
  FaultServer server;
  Settings settings;
  settings.ring_path = disk.ring();
  settings.ring_size = "1MiB";
  configure("[[inputs.mem]]\n  interval = \"100ms\"\n" + listener_section() +
                output_section(server.url()),
            settings);
  start_agent();
  ASSERT_EQ(stop_agent(SIGTERM).status, 0);
  ASSERT_TRUE(make_sparse(disk.ring()));
  disk.fill();

  start_agent();
  EXPECT_FALSE(status().degraded);
  Feeder feeder(listener_address());
  ASSERT_TRUE(eventually([&] { return status().degraded; }));
  EXPECT_GT(feeder.acknowledged(), 0U);
  EXPECT_TRUE(eventually([&, before = feeder.failures()] { return feeder.failures() > before; }))
      << "what a kill would lose is not answered 204";
  const std::uint64_t gathered = status().input("mem").gathered;
  const std::uint64_t delivered = status().output(kReader).ledger.delivered;
  EXPECT_TRUE(eventually([&] {
    const AgentState state = status();
    return state.input("mem").gathered > gathered + 3 &&
           state.output(kReader).ledger.delivered > delivered + 3;
  })) << "what is gathered is delivered from memory";
  EXPECT_TRUE(status().degraded);

  disk.make_room();
  ASSERT_TRUE(eventually([&] { return !status().degraded; }));
  const std::uint64_t before = feeder.acknowledged();
  ASSERT_TRUE(eventually([&] { return feeder.acknowledged() > before + 100; }));
  feeder.stop();
  ASSERT_TRUE(wait_drained());
  const Ended ended = stop_agent(SIGTERM);
  EXPECT_EQ(ended.status, 0);
  EXPECT_THAT(ended.err, HasSubstr("No space left on device"));
  EXPECT_THAT(ended.err, HasSubstr("the ring can be used again"));

  const Ended info = run_bare({"buffer", "info", disk.ring(), "--json"});
  ASSERT_EQ(info.status, 0) << info.err;
  const LedgerState ledger = parse_ring(info.out).reader(kReader);
  EXPECT_TRUE(ledger.balanced());
  EXPECT_EQ(ledger.dropped(), 0U);
  EXPECT_EQ(ledger.delivered, ledger.accepted);
  EXPECT_THAT(server.numbers(0, feeder.acknowledged()).lost, IsEmpty());
}

}  // namespace
}  // namespace holdfast::test

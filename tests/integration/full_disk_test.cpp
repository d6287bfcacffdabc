// A real file system that fills up under a running agent.
#include <atomic>
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

#include "agent/base/random.h"
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

class FullDisk : public AgentTest {
 protected:
  // The agent with these inputs, and a ring for most of which there is no room on the disk.
  void start_on(const SmallDisk& disk, const FaultServer& server, const std::string& inputs) {
    const base::Status attached = disk.attach();
    ASSERT_TRUE(attached) << attached.error().message;
    Settings settings;
    settings.ring_path = disk.ring();
    settings.ring_size = "1MiB";
    configure("[[inputs.mem]]\n" + output_section(server.url()), settings);
    start_agent();
    ASSERT_EQ(stop_agent(SIGTERM).status, 0);
    configure(inputs + output_section(server.url()), settings);
    ASSERT_TRUE(make_sparse(disk.ring()));
    disk.fill();
    start_agent();
  }
  // Nothing that was accepted is missing.
  static void expect_all_delivered(const SmallDisk& disk) {
    const Ended info = run_bare({"buffer", "info", disk.ring(), "--json"});
    ASSERT_EQ(info.status, 0) << info.err;
    const LedgerState ledger = parse_ring(info.out).reader(kReader);
    EXPECT_TRUE(ledger.balanced());
    EXPECT_EQ(ledger.dropped(), 0U);
    EXPECT_EQ(ledger.delivered, ledger.accepted);
  }
};

TEST_F(FullDisk, WhatItCannotTakeWaitsOrIsRefusedUntilThereIsRoomAgain) {
  const SmallDisk disk(path("disk"));
  FaultServer server;
  ASSERT_NO_FATAL_FAILURE(
      start_on(disk, server, "[[inputs.mem]]\n  interval = \"100ms\"\n" + listener_section()));
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
  expect_all_delivered(disk);
  EXPECT_THAT(server.numbers(0, feeder.acknowledged()).lost, IsEmpty());
}

// Lines that do not compress well, of as many series.
std::string noise(int lines) {
  base::Random random(1);
  std::string text;
  for (int i = 0; i < lines; ++i) {
    text += fmt::format("noise,id={} a=\"{:016x}{:016x}\"\n", i, random.next(), random.next());
  }
  return text;
}

// With no server to deliver to either, what is gathered fills the memory; then it is refused too.
TEST_F(FullDisk, WithMemoryFullListenersStillAnswerAndSayWhenToComeBack) {
  const SmallDisk disk(path("disk"));
  std::atomic<bool> down{true};
  FaultServer server;
  server.forget_bodies();
  server.answer_with([&] {
    return down ? Step{.status = 503, .headers = {{"Retry-After", "1"}}} : Step{};
  });
  std::ofstream(path("noise")) << noise(2000);
  const std::string v2_address = "unix:" + path("listen2");
  ASSERT_NO_FATAL_FAILURE(
      start_on(disk, server,
               fmt::format("[[inputs.file]]\n  interval = \"100ms\"\n  files = [\"{}\"]\n"
                           "[[inputs.influxdb_v2_listener]]\n  service_address = \"{}\"\n",
                           path("noise"), v2_address) +
                   listener_section()));
  ASSERT_TRUE(eventually([&] { return status().input("file").not_accepted > 0; }));
  EXPECT_TRUE(status().degraded);

  const auto write = [&](std::uint64_t number) {
    return http_exchange(listener_address(), "POST", "/write?db=any", numbered_feed(number, 1));
  };
  const auto write_v2 = [&](std::uint64_t number) {
    return http_exchange(v2_address, "POST", "/api/v2/write?bucket=any", numbered_feed(number, 1));
  };
  const auto expect_refused = [&] {
    for (const HttpAnswer& answer : {write(0), write_v2(1)}) {
      EXPECT_EQ(answer.status, 503) << answer.body;
      EXPECT_THAT(answer.head, HasSubstr("\r\nRetry-After: 1\r\n"));
    }
  };
  for (int i = 0; i < 50; ++i) expect_refused();
  EXPECT_GE(status().input("influxdb_listener").not_accepted, 50U);

  down = false;
  ASSERT_TRUE(eventually([&] { return status().output(kReader).ledger.delivered > 2000; }));
  EXPECT_TRUE(status().degraded);
  expect_refused();

  disk.make_room();
  ASSERT_TRUE(eventually([&] { return !status().degraded; }));
  EXPECT_EQ(write(0).status, 204);
  EXPECT_EQ(write_v2(1).status, 204);
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  expect_all_delivered(disk);
  const NumbersReport numbers = server.numbers(0, 2);
  EXPECT_THAT(numbers.lost, IsEmpty());
  EXPECT_THAT(numbers.duplicates, IsEmpty()) << "what was refused was not stored";
}

}  // namespace
}  // namespace holdfast::test

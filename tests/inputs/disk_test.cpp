// disk beside mounts that hang or vanish: they cost their own numbers only.
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "cases.h"
#include "map_host.h"
#include "tests/support/fake_clock.h"

namespace holdfast::test {
namespace {

constexpr std::string_view kMounts =
    "27 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
    "30 27 0:50 / /mnt/nas rw,relatime - nfs4 nas:/export rw\n"
    "31 27 0:51 / /mnt/ssh rw,relatime - fuse.sshfs user@host: rw\n"
    "32 27 8:2 / /home rw,relatime - ext4 /dev/sda2 rw\n";

// Mount points whose statfs does not return until they are let go.
class HangingHost final : public MapHost {
 public:
  HangingHost() : MapHost({{"/proc/1/mountinfo", std::string(kMounts)}}) {}

  void hang(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    state_->hung.insert(path);
  }
  void let_go(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    state_->hung.erase(path);
    state_->changed.notify_all();
  }
  void vanish(const std::string& path) {
    const std::lock_guard lock(state_->mutex);
    state_->gone.insert(path);
  }
  [[nodiscard]] int calls(const std::string& path) const {
    const std::lock_guard lock(state_->mutex);
    return state_->calls[path];
  }
  // True when no call is under way any more.
  [[nodiscard]] bool is_idle() const { return state_.use_count() == 1; }

  [[nodiscard]] base::Result<inputs::FsUsage> usage(const std::string& path) const override {
    const auto state = state_;  // the host may be gone when a hung call returns
    std::unique_lock lock(state->mutex);
    ++state->calls[path];
    state->changed.wait(lock, [&] { return !state->hung.contains(path); });
    if (state->gone.contains(path)) return base::fail_errno("statfs " + path, ENOENT);
    return inputs::FsUsage{4096, 100, 50, 40, 10, 5};
  }

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::set<std::string> hung, gone;
    std::map<std::string, int> calls;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

class DiskTest : public testing::Test {
 protected:
  void SetUp() override {
    std::vector<std::string> errors;
    disk_ =
        make_input("disk", "[[inputs.disk]]\nstatfs_timeout = \"5ms\"\n", host_, clock_, errors);
    ASSERT_NE(disk_, nullptr) << errors.front();
  }
  // No call may be left that could touch the host after its end.
  void TearDown() override {
    host_.let_go("/mnt/nas");
    host_.let_go("/mnt/ssh");
    if (disk_ != nullptr) {
      EXPECT_TRUE(wait_for([&] { return gather().errors.empty(); }));
    }
    disk_.reset();
    EXPECT_TRUE(wait_for([&] { return host_.is_idle(); }));
  }

  // Lines and errors of one gather.
  Outcome gather() {
    Outcome outcome;
    codes_ = gather_once(*disk_, clock_, outcome);
    return outcome;
  }

  template <class Condition>
  static bool wait_for(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  HangingHost host_;
  FakeClock clock_;
  std::unique_ptr<inputs::Input> disk_;
  std::vector<base::ErrorCode> codes_;
};

bool has_path(const Outcome& outcome, const std::string& path) {
  return outcome.lines.find(",path=" + path + " ") != std::string::npos;
}

TEST_F(DiskTest, NetworkMountsThatAnswerAreReported) {
  // With a busy machine even a mount that answers may miss a deadline of milliseconds.
  EXPECT_TRUE(wait_for([&] { return gather().points == 4; }));
}

TEST_F(DiskTest, AHungMountIsAnErrorAndTheOthersGoOn) {
  host_.hang("/mnt/nas");
  ASSERT_TRUE(wait_for([&] { return gather().points == 3; }));
  const Outcome outcome = gather();
  EXPECT_FALSE(has_path(outcome, "/mnt/nas"));
  EXPECT_TRUE(has_path(outcome, "/"));
  EXPECT_TRUE(has_path(outcome, "/home"));
  ASSERT_FALSE(codes_.empty());
  EXPECT_EQ(codes_.front(), base::ErrorCode::kTimeout);
  EXPECT_EQ(outcome.errors.front(), "mount /mnt/nas does not answer");
}

TEST_F(DiskTest, NoSecondCallIsMadeWhileOneHangs) {
  host_.hang("/mnt/nas");
  for (int i = 0; i < 5; ++i) EXPECT_GE(gather().errors.size(), 1U);
  EXPECT_TRUE(wait_for([&] { return host_.calls("/mnt/nas") > 0; }));
  EXPECT_EQ(host_.calls("/mnt/nas"), 1);
  EXPECT_EQ(host_.calls("/home"), 5);
}

TEST_F(DiskTest, AMountThatAnswersAgainIsReportedAgain) {
  host_.hang("/mnt/nas");
  EXPECT_FALSE(has_path(gather(), "/mnt/nas"));
  host_.let_go("/mnt/nas");
  EXPECT_TRUE(wait_for([&] { return has_path(gather(), "/mnt/nas"); }));
  EXPECT_GE(host_.calls("/mnt/nas"), 2);  // the late answer of the first call is not used
}

TEST_F(DiskTest, TheInputMayGoWhileACallHangs) {
  host_.hang("/mnt/nas");
  host_.hang("/mnt/ssh");
  EXPECT_EQ(gather().points, 2U);
  ASSERT_TRUE(wait_for([&] { return host_.calls("/mnt/nas") + host_.calls("/mnt/ssh") == 2; }));
  disk_.reset();
  EXPECT_FALSE(host_.is_idle());
}

TEST_F(DiskTest, AMountThatVanishedIsNoError) {
  host_.vanish("/home");
  host_.vanish("/mnt/nas");
  EXPECT_TRUE(wait_for([&] {
    const Outcome outcome = gather();
    return outcome.points == 2 && outcome.errors.empty();
  }));
}

}  // namespace
}  // namespace holdfast::test

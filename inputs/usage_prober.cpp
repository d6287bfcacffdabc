// One thread a call of statfs(2) that may hang. Such a call cannot be cancelled, so a thread that
// is still in it when the plugin goes is let go; it shares nothing with us but its answer's place.
#include "inputs/usage_prober.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace holdfast::inputs {
namespace {

struct Answer {
  std::mutex mutex;
  std::condition_variable arrived;
  std::optional<base::Result<FsUsage>> usage;  // guarded by mutex
};

tl::unexpected<base::Error> no_answer(const std::string& mount_point) {
  return base::fail(base::ErrorCode::kTimeout, "mount {} does not answer", mount_point);
}

}  // namespace

struct UsageProber::Call {
  std::shared_ptr<Answer> answer = std::make_shared<Answer>();
  std::thread thread;
};

bool may_hang(std::string_view fs_type) {
  constexpr std::array<std::string_view, 12> kTypes = {"nfs",   "nfs4",      "cifs",    "smb3",
                                                       "smbfs", "fuse",      "fuseblk", "9p",
                                                       "ceph",  "glusterfs", "afs",     "ncpfs"};
  return fs_type.starts_with("fuse.") ||
         std::find(kTypes.begin(), kTypes.end(), fs_type) != kTypes.end();
}

UsageProber::UsageProber(const HostFs& host) : host_(host) {}

UsageProber::~UsageProber() {
  for (auto& [mount_point, call] : calls_) {
    std::unique_lock lock(call->answer->mutex);
    const bool ended = call->answer->usage.has_value();
    lock.unlock();
    ended ? call->thread.join() : call->thread.detach();
  }
}

bool UsageProber::forget_if_ended(const std::string& mount_point) {
  const auto found = calls_.find(mount_point);
  if (found == calls_.end()) return true;
  {
    const std::lock_guard lock(found->second->answer->mutex);
    if (!found->second->answer->usage) return false;
  }
  found->second->thread.join();
  calls_.erase(found);
  return true;
}

base::Status UsageProber::start(const std::string& mount_point) {
  if (!forget_if_ended(mount_point)) return no_answer(mount_point);
  auto call = std::make_unique<Call>();
  try {
    call->thread = std::thread([&host = host_, mount_point, answer = call->answer] {
      auto usage = host.usage(mount_point);
      const std::lock_guard lock(answer->mutex);
      answer->usage = std::move(usage);
      answer->arrived.notify_all();
    });
  } catch (const std::system_error& error) {
    return base::fail_errno("start a thread for mount " + mount_point, error.code().value());
  }
  calls_.emplace(mount_point, std::move(call));
  return base::ok();
}

base::Result<FsUsage> UsageProber::wait(const std::string& mount_point, Deadline deadline) {
  const auto found = calls_.find(mount_point);
  if (found == calls_.end()) return no_answer(mount_point);
  Answer& answer = *found->second->answer;
  std::unique_lock lock(answer.mutex);
  const bool arrived =
      answer.arrived.wait_until(lock, deadline, [&] { return answer.usage.has_value(); });
  if (!arrived) return no_answer(mount_point);
  auto usage = *answer.usage;
  lock.unlock();
  found->second->thread.join();
  calls_.erase(found);
  return usage;
}

}  // namespace holdfast::inputs

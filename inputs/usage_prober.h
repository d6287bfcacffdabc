// UsageProber: statfs(2) of mounts that may never answer (a network file system whose server is
// gone), without ever blocking its caller longer than asked for.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "inputs/host_fs.h"

namespace holdfast::inputs {

// True for file system types that are served over a network or by a process: nfs, cifs, fuse...
[[nodiscard]] bool may_hang(std::string_view fs_type);

// Makes each call on a thread of its own, and at most one a mount point: while a call is stuck, no
// other is made for that mount. Not thread-safe; one per plugin instance.
class UsageProber {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  explicit UsageProber(const HostFs& host);
  UsageProber(const UsageProber&) = delete;
  UsageProber& operator=(const UsageProber&) = delete;
  // Does not wait for stuck calls: their threads end with the call, or with the process.
  ~UsageProber();

  // Starts a call. Fails with kTimeout while an earlier one for the same mount point has not
  // returned, with kIo when the system gives no thread. What an earlier call found after nobody
  // waited for it any more is forgotten.
  [[nodiscard]] base::Status start(const std::string& mount_point);
  // The answer to a call that was started; kTimeout when there is none at the deadline.
  [[nodiscard]] base::Result<FsUsage> wait(const std::string& mount_point, Deadline deadline);

 private:
  struct Call;
  // Ended calls are joined and removed.
  bool forget_if_ended(const std::string& mount_point);

  const HostFs& host_;
  std::map<std::string, std::unique_ptr<Call>> calls_;
};

}  // namespace holdfast::inputs

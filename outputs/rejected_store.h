// RejectedStore: keeps the batches of one output that the server refused for good, so that they can
// be looked at, and sent again once the server or the lines' owner has been put right.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "outputs/batch.h"
#include "outputs/output.h"
#include "outputs/rejected_directory.h"

namespace holdfast::outputs {

struct RejectedStoreStatus {
  std::string directory;
  std::uint64_t files = 0;   // batches that are there, of this output
  std::uint64_t bytes = 0;   // of their files
  std::uint64_t kept = 0;    // batches since the start
  std::uint64_t failed = 0;  // batches that could not be kept
};

// A directory may be shared: the limit is each reader's own. What fails costs the copy and a line
// in the log, no more. tend() and keep() do I/O and are for one thread; status() is for any.
class RejectedStore {
 public:
  // `output` as people know it. Without a rejected_directory all calls do nothing.
  RejectedStore(const WorkerOptions& options, std::string output, std::string reader_id,
                const base::Clock& clock, base::Logger log);

  // The first time: makes the directory, removes what a crash left there. Later: counts again if
  // files came or went.
  void tend();
  // Writes the batch, synced, after the oldest have made room for it.
  void keep(const Batch& batch, const Decision& decision, const std::string& destination);

  // Nothing without a rejected_directory.
  [[nodiscard]] std::optional<RejectedStoreStatus> status() const;

 private:
  [[nodiscard]] bool off() const { return directory_.empty(); }
  [[nodiscard]] base::Result<RejectedDirectory> open();
  [[nodiscard]] base::Status try_keep(const Batch& batch, const Decision& decision,
                                      const std::string& destination);
  [[nodiscard]] base::Status make_room(const RejectedDirectory& directory, std::uint64_t bytes);
  [[nodiscard]] base::Status look(const RejectedDirectory& directory);
  void publish_content();

  const std::string directory_;
  const std::uint64_t limit_;
  const std::string output_;
  const std::string reader_id_;
  const base::Clock& clock_;
  base::Logger log_;
  base::LogThrottle failures_{std::chrono::seconds(10)};
  base::LogThrottle removals_{std::chrono::seconds(10)};
  std::uint64_t unlogged_removals_ = 0;
  bool started_ = false;
  bool tidied_ = false;
  std::deque<RejectedFile> files_;   // of this reader, oldest first, as last seen
  std::uint64_t bytes_ = 0;          // of them
  std::int64_t seen_change_ns_ = 0;  // of the directory when files_ was true
  bool wrote_since_look_ = false;
  base::BootTime looked_at_{};

  mutable std::mutex mutex_;  // guards what follows
  RejectedStoreStatus status_;
};

}  // namespace holdfast::outputs

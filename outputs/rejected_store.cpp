// What is kept, and what has to go for it. Commands and people remove files from the directory, so
// it is read anew when its time of change says so; not for each batch, as there may be thousands.
#include "outputs/rejected_store.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "config/units.h"

namespace holdfast::outputs {
namespace {

// A change by others in the same moment as one of our own does not show in the directory's time.
constexpr base::Duration kLookAgain = std::chrono::minutes(1);

}  // namespace

RejectedStore::RejectedStore(const WorkerOptions& options, std::string output,
                             std::string reader_id, const base::Clock& clock, base::Logger log)
    : directory_(options.rejected_directory),
      limit_(options.rejected_limit.count),
      output_(std::move(output)),
      reader_id_(std::move(reader_id)),
      clock_(clock),
      log_(std::move(log)) {
  status_.directory = directory_;
}

base::Result<RejectedDirectory> RejectedStore::open() {
  auto directory = RejectedDirectory::open_or_make(directory_);
  if (!directory || tidied_) return directory;
  if (auto done = directory->tidy(reader_id_); !done) return tl::unexpected(done.error());
  tidied_ = true;
  return directory;
}

void RejectedStore::tend() {
  if (off()) return;
  if (!started_) {
    started_ = true;
    const auto directory = open();
    const base::Status looked = directory ? look(*directory) : tl::unexpected(directory.error());
    if (!looked) {
      log_.error("rejected_directory: what the server refuses cannot be kept: {}",
                 looked.error().message);
    }
    return;
  }
  const auto directory = RejectedDirectory::open(directory_);
  if (directory) {
    (void)look(*directory);
  } else if (directory.error().code == base::ErrorCode::kNotFound) {
    files_.clear();
    bytes_ = 0;
    seen_change_ns_ = 0;
    publish_content();
  }
}

base::Status RejectedStore::look(const RejectedDirectory& directory) {
  const base::BootTime now = clock_.boot();
  const std::int64_t change = directory.changed_ns();  // before: what comes meanwhile is seen later
  const bool unsure = wrote_since_look_ && now - looked_at_ >= kLookAgain;
  if (change != 0 && change == seen_change_ns_ && !unsure) return base::ok();
  auto found = directory.list();
  if (!found) return tl::unexpected(found.error());
  files_.clear();
  bytes_ = 0;
  for (RejectedFile& file : *found) {
    if (file.name.reader != reader_id_) continue;
    bytes_ += file.bytes;
    files_.push_back(std::move(file));
  }
  seen_change_ns_ = change;
  wrote_since_look_ = false;
  looked_at_ = now;
  publish_content();
  return base::ok();
}

void RejectedStore::publish_content() {
  const std::lock_guard lock(mutex_);
  status_.files = files_.size();
  status_.bytes = bytes_;
}

void RejectedStore::keep(const Batch& batch, const Decision& decision,
                         const std::string& destination) {
  if (off()) return;
  const base::Status kept = try_keep(batch, decision, destination);
  {
    const std::lock_guard lock(mutex_);
    ++(kept ? status_.kept : status_.failed);
  }
  std::uint64_t suppressed = 0;
  if (kept || !failures_.allow(clock_.boot(), suppressed)) return;
  log_.error("rejected_directory: a refused batch of {} points is not kept: {}",
             batch.sent_points(), kept.error().message);
  if (suppressed > 0) log_.error("{} more batches were not kept since the last line", suppressed);
}

base::Status RejectedStore::try_keep(const Batch& batch, const Decision& decision,
                                     const std::string& destination) {
  const auto directory = open();
  if (!directory) return tl::unexpected(directory.error());
  RejectedName name{clock_.wall_ns(), 0, reader_id_};
  RejectedInfo info;
  info.status = decision.status;
  info.reason = decision.reason;
  info.url = destination;
  info.output = output_;
  info.points = batch.sent_points();
  info.bytes = batch.gzip().size();
  info.may_be_stored = decision.may_be_stored;
  const std::string sidecar = sidecar_text(name, info);
  const std::uint64_t bytes = batch.gzip().size() + sidecar.size();
  if (auto room = make_room(*directory, bytes); !room) return room;
  if (auto added = directory->add(name, batch.gzip(), sidecar); !added) return added;
  const auto younger = std::upper_bound(
      files_.begin(), files_.end(), name,
      [](const RejectedName& added, const RejectedFile& file) { return added < file.name; });
  files_.insert(younger, {name, bytes, true});
  bytes_ += bytes;
  seen_change_ns_ = directory->changed_ns();
  wrote_since_look_ = true;
  publish_content();
  log_.debug("refused batch kept as {}", name.id());
  return base::ok();
}

base::Status RejectedStore::make_room(const RejectedDirectory& directory, std::uint64_t bytes) {
  if (bytes > limit_) {
    return base::fail(base::ErrorCode::kTooLarge, "its {} are more than rejected_limit ({})",
                      config::exact_bytes(bytes), config::exact_bytes(limit_));
  }
  if (auto looked = look(directory); !looked) return looked;
  const std::uint64_t before = unlogged_removals_;
  while (!files_.empty() && bytes_ + bytes > limit_) {
    if (auto gone = directory.remove(files_.front().name); !gone) {
      return tl::unexpected(gone.error());
    }
    bytes_ -= files_.front().bytes;
    files_.pop_front();
    ++unlogged_removals_;
  }
  if (unlogged_removals_ > before) publish_content();
  std::uint64_t calls = 0;  // held back; batches are counted here
  if (unlogged_removals_ > before && removals_.allow(clock_.boot(), calls)) {
    log_.warn("rejected_directory: {} of the oldest batches removed, to stay within {}",
              std::exchange(unlogged_removals_, 0), config::exact_bytes(limit_));
  }
  return base::ok();
}

std::optional<RejectedStoreStatus> RejectedStore::status() const {
  if (off()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace holdfast::outputs

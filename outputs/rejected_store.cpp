// What is kept, and what has to go for it. The directory is read anew each time, because commands
// and people remove files from it.
#include "outputs/rejected_store.h"

#include <utility>

#include <fmt/core.h>

#include "config/units.h"

namespace holdfast::outputs {

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
    const auto files = directory ? own_files(*directory) : tl::unexpected(directory.error());
    if (!files) {
      log_.error("rejected_directory: what the server refuses cannot be kept: {}",
                 files.error().message);
    }
    return;
  }
  const auto directory = RejectedDirectory::open(directory_);
  if (directory && directory->changed_ns() != counted_at_change_ns_) (void)own_files(*directory);
}

base::Result<std::vector<RejectedFile>> RejectedStore::own_files(
    const RejectedDirectory& directory) {
  const std::int64_t change = directory.changed_ns();  // before: what comes meanwhile is seen later
  auto files = directory.list();
  if (!files) return files;
  counted_at_change_ns_ = change;
  std::erase_if(*files,
                [this](const RejectedFile& file) { return file.name.reader != reader_id_; });
  std::uint64_t bytes = 0;
  for (const RejectedFile& file : *files) bytes += file.bytes;
  set_content(files->size(), bytes);
  return files;
}

void RejectedStore::set_content(std::uint64_t files, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  status_.files = files;
  status_.bytes = bytes;
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
  log_.error("rejected_directory: a refused batch of {} points is not kept: {}", batch.points(),
             kept.error().message);
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
  info.points = batch.points();
  info.bytes = batch.gzip().size();
  info.may_be_stored = decision.may_be_stored;
  const std::string sidecar = sidecar_text(name, info);
  const std::uint64_t bytes = batch.gzip().size() + sidecar.size();
  if (auto room = make_room(*directory, bytes); !room) return room;
  if (auto added = directory->add(name, batch.gzip(), sidecar); !added) return added;
  (void)own_files(*directory);
  log_.debug("refused batch kept as {}", name.id());
  return base::ok();
}

base::Status RejectedStore::make_room(const RejectedDirectory& directory, std::uint64_t bytes) {
  if (bytes > limit_) {
    return base::fail(base::ErrorCode::kTooLarge, "its {} are more than rejected_limit ({})",
                      config::exact_bytes(bytes), config::exact_bytes(limit_));
  }
  const auto files = own_files(directory);
  if (!files) return tl::unexpected(files.error());
  std::uint64_t used = 0;
  for (const RejectedFile& file : *files) used += file.bytes;
  const std::uint64_t before = unlogged_removals_;
  for (const RejectedFile& file : *files) {
    if (used + bytes <= limit_) break;
    if (auto gone = directory.remove(file.name); !gone) return tl::unexpected(gone.error());
    used -= file.bytes;
    ++unlogged_removals_;
  }
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

// What waits in memory: blocks of gathered points in spill mode, or while the device fails. They
// are accepted, and readers have them as if they lay behind the tail of the file; when they are
// written they lie there.
#include <algorithm>

#include "buffer/ring_file.h"

namespace holdfast::buffer {
namespace {

constexpr base::Duration kLongestRetry = std::chrono::seconds(60);

// 1, 2, 4 ... 60 seconds.
base::Duration retry_after(int failures) {
  const base::Duration wait = std::chrono::seconds(1LL << std::clamp(failures - 1, 0, 6));
  return std::min(wait, kLongestRetry);
}

// The caller of append() hears it as the reason of a refusal. It is not that another block would
// do, or that the next sync makes room.
base::Error as_trouble(base::Error why) {
  if (!is_device_failure(why) || why.code == base::ErrorCode::kTooLarge) {
    why.code = base::ErrorCode::kIo;
  }
  return why;
}

}  // namespace

bool is_device_failure(const base::Error& error) {
  switch (error.code) {
    case base::ErrorCode::kFull:
    case base::ErrorCode::kBusy:
    case base::ErrorCode::kInvalid:
      return false;
    default:
      return true;
  }
}

Mark RingFile::held_mark(std::uint64_t points) const {
  return {tail_.position, tail_.block_sequence, points, 0};
}

std::uint64_t RingFile::file_points() const {
  return held_.empty() ? accepted_ : held_.front()->point_sequence;
}

base::Status RingFile::hold(const std::shared_ptr<HeldBlock>& block) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t size = block->block.bytes.size();
  if (held_bytes_ + unsynced_bytes_ + size > options_.memory_limit) {
    return base::fail(base::ErrorCode::kFull, "no room for {} more points in memory: {}",
                      block->block.points, trouble_ ? trouble_->message : "the disk is slow");
  }
  held_.push_back(block);
  held_bytes_ += size;
  accepted_ = block->end_points();
  return base::ok();
}

// In spill mode: no output has fallen so far behind that blocks had to be written, or all have
// caught up since.
bool RingFile::outputs_keep_up() {
  if (options_.mode != Mode::kSpill) return false;
  if (!writing_through_) return true;
  const std::lock_guard lock(mutex_);
  writing_through_ = std::any_of(readers_.begin(), readers_.end(), [&](const Reader& reader) {
    return reader.attached && !reader.removed && reader.begin().position != tail_.position;
  });
  return !writing_through_;
}

// Under kRefuseNew nothing goes into memory that the file could not take at a stop. What is
// reckoned is more than is needed: a pad and a checkpoint come along.
bool RingFile::will_fit(const HeldBlock& fresh) const {
  if (options_.overflow != Overflow::kRefuseNew) return true;
  std::uint64_t extents = data_size() / 8 + std::min(data_size() / 4, kSlotSize);
  extents += extent_of(fresh.block.bytes.size());
  {
    const std::lock_guard lock(mutex_);
    for (const auto& held : held_) extents += extent_of(held->block.bytes.size());
  }
  return refuse_if_full(tail_.position + extents).has_value();
}

base::Status RingFile::write_held() {
  while (true) {
    std::shared_ptr<HeldBlock> front;
    {
      const std::lock_guard lock(mutex_);
      if (held_.empty()) return base::ok();
      front = held_.front();
    }
    if (auto written = write_block(front); !written) return written;
  }
}

// What every reader has had from memory need not be written any more.
void RingFile::drop_delivered() {
  if (held_.empty() || !has_readers()) return;
  std::uint64_t done = accepted_;
  for (const Reader& reader : readers_) {
    if (!reader.removed) done = std::min(done, reader.wanted().points());
  }
  while (!held_.empty() && held_.front()->end_points() <= done) {
    held_bytes_ -= held_.front()->block.bytes.size();
    held_.pop_front();
  }
}

bool RingFile::write_due() const {
  const std::lock_guard lock(mutex_);
  if (held_.empty()) return false;
  return options_.mode != Mode::kSpill ||
         clock_.boot() - held_.front()->since >= options_.spill_after;
}

void RingFile::tend() {
  {
    const std::lock_guard lock(mutex_);
    if (trouble_ && clock_.boot() < retry_at_) return;
  }
  if (trouble()) return try_device();
  base::Status written;
  {
    const std::lock_guard turn(append_mutex_);
    if (!write_due()) return;
    writing_through_ = options_.mode == Mode::kSpill;
    written = write_held();
  }
  if (!written && is_device_failure(written.error())) degrade(written.error());
}

// Everything that the device may have lost, and what came since, goes to it again. Only a completed
// sync shows that it works.
void RingFile::try_device() {
  if (adoption_waits()) return;
  base::Status good = find_file();
  if (good) good = write_again();
  if (good) {
    const std::lock_guard turn(append_mutex_);
    auto written = write_held();
    // The rest follows once this is synced.
    if (!written && is_device_failure(written.error())) good = written;
  }
  SyncDone done;
  if (good) {
    if (auto synced = sync_file(true, done); !synced) good = tl::unexpected(synced.error());
  }
  good ? heal() : degrade(good.error());
  done.status = good;
  tell_sync_done(done);
}

base::Status RingFile::write_again() {
  std::deque<UnsyncedWrite> writes;
  {
    const std::lock_guard lock(mutex_);
    writes = unsynced_writes_;
  }
  for (const UnsyncedWrite& write : writes) {
    if (auto written = write_counted(write.offset, base::as_bytes(*write.bytes)); !written) {
      return written;
    }
  }
  return base::ok();
}

void RingFile::degrade(const base::Error& why) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = !trouble_;
    trouble_ = as_trouble(why);
    ++failures_;
    retry_at_ = clock_.boot() + retry_after(failures_);
  }
  if (first) {
    logger_.error(
        "{}; gathered points wait in memory (at most {} bytes, lost with the process), received "
        "ones are refused, until the ring can be used again",
        why.message, options_.memory_limit);
  } else {
    logger_.debug("still: {}", why.message);
  }
}

void RingFile::heal() {
  std::uint64_t held = 0;
  {
    const std::lock_guard lock(mutex_);
    trouble_.reset();
    failures_ = 0;
    held = held_.size();
  }
  logger_.warn("the ring can be used again: what waited in memory is in the ring{}",
               held > 0 ? ", but for the newest" : "");
}

std::optional<base::Error> RingFile::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

}  // namespace holdfast::buffer

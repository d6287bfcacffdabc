// The slots of a ring and its syncs. Opening is in ring_open.cpp, appending in ring_append.cpp,
// reading in ring_read.cpp, readers in ring_readers.cpp, what waits in memory in ring_held.cpp.
#include "buffer/ring_file.h"

namespace holdfast::buffer {

RingFile::Medium RingFile::medium() const {
  const std::lock_guard lock(mutex_);
  return medium_;
}

base::Status RingFile::write_counted(std::uint64_t offset, std::span<const std::byte> bytes) {
  const std::shared_ptr<File> file = medium().file;
  if (!file) return base::fail(base::ErrorCode::kIo, "the ring has no file yet");
  auto written = file->write_at(offset, bytes);
  const std::lock_guard lock(mutex_);
  ++writes_;
  if (written) bytes_written_ += bytes.size();
  return written;
}

State RingFile::state_now(bool clean) {
  State state;
  state.generation = generation_;
  state.clean = clean;
  state.boot_id = boot_id_;
  // In this order: a step of the clock in between shows in the era.
  state.written_ns = clock_.wall_ns();
  state.written_boot_ns = clock_.boot().time_since_epoch().count();
  update_era();
  state.era = era_;
  state.synced = synced_;
  state.last_position = synced_last_position_;
  state.last_block = synced_last_block_;
  state.next = held_mark(file_points());
  state.unsynced_limit = options_.unsynced_limit;
  state.readers.reserve(readers_.size());
  for (const Reader& reader : readers_) {
    if (!reader.removed) state.readers.push_back(reader.state);
  }
  return state;
}

base::Status RingFile::write_slot(bool clean) {
  const std::lock_guard turn(slot_mutex_);
  return write_slot_in_turn(clean);
}

base::Status RingFile::write_slot_in_turn(bool clean) {
  std::string bytes;
  std::size_t slot = 0;
  {
    const std::lock_guard lock(mutex_);
    ++generation_;
    bytes = encode_state(state_now(clean), medium_.superblock);
    slot = active_slot_;
  }
  return write_counted(kSlotOffsets[slot], base::as_bytes(bytes));
}

// A slot that cannot be written costs duplicates after a crash, nothing now; what is wrong with the
// device shows at the next sync.
void RingFile::write_slot_or_log() {
  if (trouble()) return;
  if (auto written = write_slot(false); !written) logger_.error("{}", written.error().message);
}

base::Result<bool> RingFile::sync(bool even_if_idle) {
  SyncDone done;
  base::Result<bool> synced = false;
  if (const auto why = trouble()) {
    done.status = tl::unexpected(*why);
  } else {
    synced = sync_file(even_if_idle, done);
    if (!synced) {
      degrade(synced.error());
      done.status = tl::unexpected(synced.error());
    }
  }
  tell_sync_done(done);
  return synced;
}

void RingFile::tell_sync_done(const SyncDone& done) {
  const std::lock_guard turn(done_callback_mutex_);
  if (sync_done_) sync_done_(done);
}

base::Result<bool> RingFile::sync_file(bool even_if_idle, SyncDone& done) {
  const std::lock_guard turn(sync_mutex_);
  {
    const std::lock_guard lock(mutex_);
    done.durable_points = tail_.points();
    if (!even_if_idle && tail_ == synced_) return false;
  }
  Mark tail;
  std::uint64_t last_position = 0;
  std::uint64_t last_block = 0;
  std::uint64_t generation = 0;
  std::size_t writes = 0;
  std::shared_ptr<File> file;
  std::uint64_t size = 0;
  {
    // In turn, so that no slot write is under way that the sync might miss.
    const std::lock_guard slot_turn(slot_mutex_);
    if (auto written = write_slot_in_turn(false); !written) {
      return tl::unexpected(written.error());
    }
    const std::lock_guard lock(mutex_);
    tail = tail_;
    last_position = last_position_;
    last_block = last_block_;
    generation = generation_;
    writes = unsynced_writes_.size();
    file = medium_.file;
    size = medium_.superblock.file_size;
  }
  if (auto place = file->still_in_place(size); !place) return tl::unexpected(place.error());
  if (auto synced = file->sync(); !synced) return tl::unexpected(synced.error());
  const std::lock_guard lock(mutex_);
  ++syncs_;
  synced_ = tail;
  synced_last_position_ = last_position;
  synced_last_block_ = last_block;
  for (; writes > 0; --writes) {
    unsynced_bytes_ -= unsynced_writes_.front().bytes->size();
    unsynced_writes_.pop_front();
  }
  done.durable_points = tail.points();
  // The slot just made durable is left alone from now on, unless an acknowledgement has rewritten
  // it during the sync: then the other one stays the durable one.
  if (generation == generation_) active_slot_ ^= 1U;
  return true;
}

base::Status RingFile::close() {
  if (trouble()) try_device();
  if (const auto why = trouble()) return tl::unexpected(*why);
  SyncDone ignored;
  base::Status written;
  do {
    {
      const std::lock_guard turn(append_mutex_);
      written = write_held();
    }
    if (!written && is_device_failure(written.error())) return written;
    if (auto done = sync_file(true, ignored); !done) return tl::unexpected(done.error());
  } while (!written && written.error().code == base::ErrorCode::kBusy);
  if (auto done = write_slot(true); !done) return done;
  if (auto done = medium().file->sync(); !done) return done;
  return written;  // kFull: what a device that failed left in memory has no room in the file
}

void RingFile::on_sync_wanted(std::function<void()> callback) {
  const std::lock_guard lock(callback_mutex_);
  sync_wanted_ = std::move(callback);
}

void RingFile::want_sync() {
  {
    const std::lock_guard turn(callback_mutex_);
    if (sync_wanted_) return sync_wanted_();
  }
  (void)sync(false);
}

void RingFile::on_sync_done(std::function<void(const SyncDone&)> callback) {
  const std::lock_guard lock(done_callback_mutex_);
  sync_done_ = std::move(callback);
}

void RingFile::on_append(std::function<void()> callback) {
  const std::lock_guard lock(callback_mutex_);
  appended_ = std::move(callback);
}

}  // namespace holdfast::buffer

#include "agent/store.h"

#include <filesystem>
#include <utility>

#include "buffer/posix_file.h"
#include "config/units.h"

namespace holdfast::agent {
namespace {

buffer::RingOptions ring_options(const BufferOptions& options) {
  buffer::RingOptions ring;
  ring.size = options.size.count;
  ring.sync = options.sync == "never" ? buffer::SyncMode::kNever : buffer::SyncMode::kInterval;
  ring.mode = options.mode == "spill" ? buffer::Mode::kSpill : buffer::Mode::kDurable;
  ring.overflow = options.overflow == "refuse_new" ? buffer::Overflow::kRefuseNew
                                                   : buffer::Overflow::kDropOldest;
  ring.spill_after = options.spill_after;
  ring.max_age = options.max_age;
  return ring;
}

void report(const buffer::Recovery& recovery, const std::string& path, const base::Logger& log) {
  if (recovery.created) {
    log.info("ring {}: created", path);
    return;
  }
  log.info("ring {}: opened, {}, {} blocks after the last sync, {} bytes read", path,
           recovery.clean ? "closed properly before" : "not closed properly before",
           recovery.blocks_found_past_tail, recovery.bytes_read);
  if (recovery.full_scan) log.warn("ring {}: no usable slot, the whole file was scanned", path);
  if (recovery.ledger_lost) {
    log.error("ring {}: slots and checkpoints are lost, the ledger starts anew", path);
  }
  if (recovery.points_lost > 0) {
    log.error("ring {}: {} accepted points are lost (not yet synced at a power cut)", path,
              recovery.points_lost);
  }
}

bool is_device_failure(const base::Error& error) {
  return error.code == base::ErrorCode::kNoSpace || error.code == base::ErrorCode::kIo ||
         error.code == base::ErrorCode::kTooLarge;  // more than its file system can address
}

buffer::Reopen reopen(const std::string& path) {
  return [path]() -> base::Result<std::unique_ptr<buffer::File>> {
    auto file = buffer::PosixFile::open_locked(path);
    if (!file) return tl::unexpected(file.error());
    return std::unique_ptr<buffer::File>(std::move(*file));
  };
}

base::Result<std::unique_ptr<buffer::Ring>> open_file_ring(const BufferOptions& options,
                                                           const std::string& path,
                                                           const base::Clock& clock,
                                                           const base::Logger& log) {
  for (int attempt = 0;; ++attempt) {
    auto file = buffer::PosixFile::open_locked(path);
    if (!file) return tl::unexpected(file.error());
    auto ring = buffer::Ring::open(std::move(*file), ring_options(options), clock,
                                   base::Random::from_system(), log.named("ring"));
    const bool unreadable = !ring && (ring.error().code == base::ErrorCode::kCorrupt ||
                                      ring.error().code == base::ErrorCode::kUnsupported);
    if (!unreadable || attempt > 0) return ring;
    const std::string aside = fmt::format("{}.bad-{}", path, clock.wall_ns() / 1'000'000'000);
    std::error_code failed;
    std::filesystem::rename(path, aside, failed);
    if (failed) return ring;
    log.error("ring {}: {}; set aside as {}, starting a new one", path, ring.error().message,
              aside);
  }
}

}  // namespace

std::string default_ring_path(const GetEnvironment& environment) {
  if (const auto state = environment("STATE_DIRECTORY"); state && !state->empty()) {
    return *state + "/ring";
  }
  if (const auto state = environment("XDG_STATE_HOME"); state && !state->empty()) {
    return *state + "/holdfast/ring";
  }
  return environment("HOME").value_or("") + "/.local/state/holdfast/ring";
}

std::string status_socket_path(const StatusOptions& status, const std::string& ring_path,
                               const GetEnvironment& environment) {
  if (!status.socket.empty()) return status.socket;
  if (const auto runtime = environment("RUNTIME_DIRECTORY"); runtime && !runtime->empty()) {
    return *runtime + "/status.sock";
  }
  return ring_path + ".status.sock";
}

base::Result<Store> open_store(const BufferOptions& options, const std::string& path,
                               bool make_directory, const base::Clock& clock,
                               const base::Logger& log) {
  if (make_directory) {
    std::error_code ignored;  // what is wrong shows when the file is opened
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  }
  Store store;
  store.path = path;
  auto ring = open_file_ring(options, path, clock, log);
  if (!ring && is_device_failure(ring.error())) {
    ring = buffer::Ring::open_degraded(ring.error(), reopen(path), ring_options(options), clock,
                                       base::Random::from_system(), log.named("ring"));
  }
  if (!ring) return tl::unexpected(ring.error());
  store.ring = std::move(*ring);
  if (!store.ring->info().degraded) {
    report(store.ring->recovery(), path, log);
    const std::uint64_t size = store.ring->info().size_bytes;
    if (size / buffer::kAlignment != options.size.count / buffer::kAlignment) {
      log.warn("ring {}: is {} and stays so, though [buffer] size is {}", path,
               config::format_bytes(size), config::format_bytes(options.size.count));
    }
  }
  return store;
}

}  // namespace holdfast::agent

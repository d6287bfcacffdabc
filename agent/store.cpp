#include "agent/store.h"

#include <filesystem>
#include <thread>
#include <utility>

#include "agent/ring_resize.h"
#include "buffer/posix_file.h"
#include "buffer/recovery.h"
#include "config/units.h"

namespace holdfast::agent {
namespace {

constexpr std::uint64_t kScanAtOnceBytes = 16U << 20U;
constexpr base::Duration kLockPoll = std::chrono::milliseconds(50);

buffer::RingOptions ring_options(const BufferOptions& options, buffer::Reopen reopen = {}) {
  buffer::RingOptions ring;
  ring.reopen = std::move(reopen);
  ring.size = options.size.count;
  ring.sync = options.sync == "never" ? buffer::SyncMode::kNever : buffer::SyncMode::kInterval;
  ring.mode = options.mode == "spill" ? buffer::Mode::kSpill : buffer::Mode::kDurable;
  ring.overflow = options.overflow == "refuse_new" ? buffer::Overflow::kRefuseNew
                                                   : buffer::Overflow::kDropOldest;
  ring.spill_after = options.spill_after;
  ring.max_age = options.max_age;
  return ring;
}

bool is_device_failure(const base::Error& error) {
  return error.code == base::ErrorCode::kNoSpace || error.code == base::ErrorCode::kIo ||
         error.code == base::ErrorCode::kTooLarge;  // more than its file system can address
}

// At a restart the agent before may not be gone yet.
base::Result<std::unique_ptr<buffer::PosixFile>> lock_patiently(const std::string& path,
                                                                base::Duration patience,
                                                                const base::Clock& clock,
                                                                const base::Logger& log) {
  const base::BootTime deadline = clock.boot() + patience;
  // Bounded by the number of tries too: a clock may stand still.
  for (base::Duration waited{};; waited += kLockPoll) {
    auto file = buffer::PosixFile::open_locked(path);
    const bool held = !file && file.error().code == base::ErrorCode::kBusy;
    if (!held || waited >= patience || clock.boot() >= deadline) return file;
    if (waited == base::Duration{}) {
      log.info("ring {}: in use by another process, waiting for up to {}", path,
               base::format_duration(patience));
    }
    std::this_thread::sleep_for(kLockPoll);
  }
}

struct OpenedRing {
  std::unique_ptr<buffer::Ring> ring;
  buffer::Recovery recovery;  // of the file that was found, be it resized since
};

bool is_unreadable(const base::Error& error) {
  return error.code == base::ErrorCode::kCorrupt || error.code == base::ErrorCode::kUnsupported;
}

// The ring's file, for when the device works again.
buffer::Reopen reopen(const std::string& path, std::uint64_t size, const base::Clock& clock,
                      const base::Logger& log) {
  return [path, size, &clock, log]() -> base::Result<std::unique_ptr<buffer::File>> {
    auto file = buffer::PosixFile::open_locked(path);
    if (!file) return tl::unexpected(file.error());
    return with_size(std::move(*file), path, size, clock, log).file;
  };
}

// Reading all of a large ring takes as long as the device takes; collecting does not wait for it.
bool takes_long(buffer::File& file) {
  return file.size().value_or(0) > kScanAtOnceBytes && buffer::needs_full_scan(file);
}

std::unique_ptr<buffer::Ring> open_in_background(std::unique_ptr<buffer::File> file,
                                                 const BufferOptions& options,
                                                 const std::string& path, const base::Clock& clock,
                                                 const base::Logger& log) {
  // A std::function wants to be copied: the file is in a box that all copies share.
  const auto box = std::make_shared<std::unique_ptr<buffer::File>>(std::move(file));
  const buffer::Reopen again = reopen(path, options.size.count, clock, log);
  const buffer::Reopen first = [box, again]() -> base::Result<std::unique_ptr<buffer::File>> {
    return *box ? std::move(*box) : again();
  };
  return buffer::Ring::open_degraded(
      {base::ErrorCode::kBusy,
       fmt::format("ring {}: no slot is of use, the whole file is being read", path)},
      first, ring_options(options), clock, base::Random::from_system(), log.named("ring"));
}

base::Result<OpenedRing> open_file_ring(const BufferOptions& options, const std::string& path,
                                        base::Duration lock_patience, const base::Clock& clock,
                                        const base::Logger& log) {
  for (int attempt = 0;; ++attempt) {
    auto locked = lock_patiently(path, lock_patience, clock, log);
    if (!locked) return tl::unexpected(locked.error());
    SizedFile sized = with_size(std::move(*locked), path, options.size.count, clock, log);
    if (takes_long(*sized.file)) {
      return OpenedRing{open_in_background(std::move(sized.file), options, path, clock, log), {}};
    }
    auto again = reopen(path, options.size.count, clock, log);
    auto ring = buffer::Ring::open(std::move(sized.file), ring_options(options, std::move(again)),
                                   clock, base::Random::from_system(), log.named("ring"));
    if (ring) {
      buffer::Recovery found = sized.resized ? sized.resized->recovery : (*ring)->recovery();
      return OpenedRing{std::move(*ring), found};
    }
    if (!is_unreadable(ring.error()) || attempt > 0) return tl::unexpected(ring.error());
    const std::string aside = fmt::format("{}.bad-{}", path, clock.wall_ns() / 1'000'000'000);
    std::error_code failed;
    std::filesystem::rename(path, aside, failed);
    if (failed) return tl::unexpected(ring.error());
    log.error("ring {}: {}; set aside as {}, starting a new one", path, ring.error().message,
              aside);
  }
}

}  // namespace

buffer::Compression compression_of(const BufferOptions& options) {
  if (options.compression == "zlib") return buffer::Compression::kZlib;
  if (options.compression == "isal") return buffer::Compression::kIsal;
  if (options.compression == "none") return buffer::Compression::kNone;
  return buffer::Compression::kAuto;
}

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
                               const base::Logger& log, base::Duration lock_patience) {
  if (make_directory) {
    std::error_code ignored;  // what is wrong shows when the file is opened
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  }
  Store store;
  store.path = path;
  auto opened = open_file_ring(options, path, lock_patience, clock, log);
  if (opened) {
    if (!opened->ring->info().degraded) {
      buffer::log_recovery(opened->recovery, fmt::format("ring {}", path), log);
    }
    store.ring = std::move(opened->ring);
    return store;
  }
  if (!is_device_failure(opened.error())) return tl::unexpected(opened.error());
  store.ring = buffer::Ring::open_degraded(
      opened.error(), reopen(path, options.size.count, clock, log), ring_options(options), clock,
      base::Random::from_system(), log.named("ring"));
  return store;
}

}  // namespace holdfast::agent

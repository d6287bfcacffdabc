// Store: the ring of this agent, opened where the configuration says. While the device has no room
// for it, or fails, the ring is degraded: it collects in memory.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/options.h"
#include "buffer/compressor.h"
#include "buffer/ring.h"

namespace holdfast::agent {

// Of the option `compression`.
[[nodiscard]] buffer::Compression compression_of(const BufferOptions& options);

using GetEnvironment = std::function<std::optional<std::string>(const std::string&)>;

// Where the ring lies if [buffer] path does not say: $STATE_DIRECTORY/ring under systemd, else
// $XDG_STATE_HOME or ~/.local/state, in the folder holdfast.
[[nodiscard]] std::string default_ring_path(const GetEnvironment& environment);

// Where `holdfast status` asks: $RUNTIME_DIRECTORY/status.sock, else beside the ring.
[[nodiscard]] std::string status_socket_path(const StatusOptions& status,
                                             const std::string& ring_path,
                                             const GetEnvironment& environment);

struct Store {
  std::unique_ptr<buffer::Ring> ring;
  std::string path;
};

// How long a start waits for the agent before to let go of the ring.
constexpr base::Duration kLockPatience = std::chrono::seconds(5);

// Opens or creates the ring file and takes its lock, for which it waits up to `lock_patience`. A
// ring of another size than the configuration's is resized (ring_resize.h). Without room on the
// device (or with a device that fails) the ring starts degraded, and tries again. A file that is
// not a readable ring is set aside as <path>.bad-<time>, never overwritten. Fails with a message
// that names path and remedy when the directory is missing or forbidden, or another process holds
// the ring.
[[nodiscard]] base::Result<Store> open_store(const BufferOptions& options, const std::string& path,
                                             bool make_directory, const base::Clock& clock,
                                             const base::Logger& log,
                                             base::Duration lock_patience = kLockPatience);

}  // namespace holdfast::agent

// HostFs: the host's /proc, /sys, /etc under roots that tests and containers replace.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"

namespace holdfast::inputs {

// Where the host's files are, as Telegraf's HOST_PROC, HOST_SYS, HOST_ETC, HOST_VAR, HOST_RUN,
// HOST_DEV and HOST_MOUNT_PREFIX say.
struct HostRoots {
  std::string proc = "/proc";
  std::string sys = "/sys";
  std::string etc = "/etc";
  std::string var = "/var";
  std::string run = "/run";
  std::string dev = "/dev";
  std::string mount_prefix;      // stripped from reported mount points, put before them for statfs
  bool proc_overridden = false;  // HOST_PROC was set
};

// Variables that are unset or empty leave the default.
[[nodiscard]] HostRoots roots_from(
    const std::function<std::optional<std::string>(const std::string&)>& environment);

struct FsUsage {  // statfs(2): blocks of block_size bytes, and inodes
  std::uint64_t block_size = 0, blocks = 0, blocks_free = 0, blocks_available = 0;
  std::uint64_t files = 0, files_free = 0;
};

// Reads kernel files without trusting their stat size, bounded. Thread-safe. The two virtual
// functions let a test damage what is read and make a mount hang or vanish.
class HostFs {
 public:
  explicit HostFs(HostRoots roots) : roots_(std::move(roots)) {}
  HostFs(const HostFs&) = delete;
  HostFs& operator=(const HostFs&) = delete;
  virtual ~HostFs() = default;

  [[nodiscard]] const HostRoots& roots() const { return roots_; }
  // `path` is relative to the root: proc("net/dev"). At most 4 MiB are read; what is longer is
  // kTooLarge. Errors name the whole path.
  [[nodiscard]] base::Result<std::string> proc(std::string_view path) const;
  [[nodiscard]] base::Result<std::string> sys(std::string_view path) const;
  [[nodiscard]] base::Result<std::string> etc(std::string_view path) const;
  [[nodiscard]] base::Result<std::string> var(std::string_view path) const;
  [[nodiscard]] base::Result<std::string> run(std::string_view path) const;
  // Names in a directory below proc or sys, sorted.
  [[nodiscard]] base::Result<std::vector<std::string>> list_proc(std::string_view path) const;
  [[nodiscard]] base::Result<std::vector<std::string>> list_sys(std::string_view path) const;
  // The kernel's name ("sda1") of a device given as a name, as a path below /dev or as a link
  // there; the last part of what was given when nothing of that name exists.
  [[nodiscard]] std::string device_name(std::string_view device) const;

  // statfs(2) of a path (the mount prefix is the caller's affair). May block for ever on a network
  // file system: it must not touch the object after the system call has returned, since a stuck
  // call outlives everything else at the end of the process.
  [[nodiscard]] virtual base::Result<FsUsage> usage(const std::string& mount_point) const;

 protected:
  [[nodiscard]] virtual base::Result<std::string> read_file(const std::string& path) const;

 private:
  HostRoots roots_;
};

// An error of a parser, which knows the text only, with the name of the file put before it.
[[nodiscard]] tl::unexpected<base::Error> in_file(std::string_view root, std::string_view path,
                                                  const base::Error& error);

}  // namespace holdfast::inputs

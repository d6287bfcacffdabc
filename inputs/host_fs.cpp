// Bounded reads of the host's files below replaceable roots.
#include "inputs/host_fs.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "agent/base/descriptor.h"

namespace holdfast::inputs {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{4} << 20;
constexpr std::size_t kReadBytes = std::size_t{16} << 10;

std::string join(std::string_view root, std::string_view path) {
  std::string whole(root);
  if (!path.empty()) {
    if (whole.empty() || whole.back() != '/') whole += '/';
    whole += path;
  }
  return whole;
}

base::Result<std::vector<std::string>> list(const std::string& directory) {
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  std::vector<std::string> names;
  while (!error && entry != std::filesystem::directory_iterator{}) {
    names.push_back(entry->path().filename().string());
    entry.increment(error);
  }
  if (error) return base::fail_errno("list " + directory, error.value());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

HostRoots roots_from(
    const std::function<std::optional<std::string>(const std::string&)>& environment) {
  const auto value = [&](const std::string& name) -> std::optional<std::string> {
    auto text = environment(name);
    if (text && text->empty()) return std::nullopt;
    return text;
  };
  HostRoots roots;
  const auto place = [&](const std::string& name, std::string& path) {
    const auto text = value(name);
    if (text) path = *text;
    return text.has_value();
  };
  roots.proc_overridden = place("HOST_PROC", roots.proc);
  place("HOST_SYS", roots.sys);
  place("HOST_ETC", roots.etc);
  place("HOST_VAR", roots.var);
  place("HOST_RUN", roots.run);
  place("HOST_DEV", roots.dev);
  roots.mount_prefix = value("HOST_MOUNT_PREFIX").value_or("");
  return roots;
}

base::Result<std::string> HostFs::proc(std::string_view path) const {
  return read_file(join(roots_.proc, path));
}

base::Result<std::string> HostFs::sys(std::string_view path) const {
  return read_file(join(roots_.sys, path));
}

base::Result<std::string> HostFs::etc(std::string_view path) const {
  return read_file(join(roots_.etc, path));
}

base::Result<std::string> HostFs::var(std::string_view path) const {
  return read_file(join(roots_.var, path));
}

base::Result<std::string> HostFs::run(std::string_view path) const {
  return read_file(join(roots_.run, path));
}

base::Result<std::vector<std::string>> HostFs::list_proc(std::string_view path) const {
  return list(join(roots_.proc, path));
}

base::Result<std::vector<std::string>> HostFs::list_sys(std::string_view path) const {
  return list(join(roots_.sys, path));
}

std::string HostFs::device_name(std::string_view device) const {
  constexpr std::string_view kDev = "/dev/";
  if (device.starts_with(kDev)) device.remove_prefix(kDev.size());
  std::error_code error;
  const auto found = std::filesystem::canonical(join(roots_.dev, device), error);
  if (!error) return found.filename().string();
  return std::filesystem::path(device).filename().string();
}

base::Result<FsUsage> HostFs::usage(const std::string& mount_point) const {
  struct statfs info {};
  int status = 0;
  do {
    status = ::statfs(mount_point.c_str(), &info);
  } while (status != 0 && errno == EINTR);
  if (status != 0) return base::fail_errno("statfs " + mount_point, errno);
  FsUsage usage;
  // The counts are in fragments, as df(1) takes them; FUSE reports a larger transfer size apart.
  usage.block_size = static_cast<std::uint64_t>(info.f_frsize != 0 ? info.f_frsize : info.f_bsize);
  usage.blocks = info.f_blocks;
  usage.blocks_free = info.f_bfree;
  usage.blocks_available = info.f_bavail;
  usage.files = info.f_files;
  usage.files_free = info.f_ffree;
  return usage;
}

base::Result<std::string> HostFs::read_file(const std::string& path) const {
  const base::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) return base::fail_errno("open " + path, errno);
  std::string text;
  std::array<char, kReadBytes> part;
  for (;;) {
    const ssize_t count = ::read(file.get(), part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::fail_errno("read " + path, errno);
    if (count == 0) return text;
    if (text.size() + static_cast<std::size_t>(count) > kMaxFileBytes) {
      return base::fail(base::ErrorCode::kTooLarge, "read {}: more than {} bytes", path,
                        kMaxFileBytes);
    }
    text.append(part.data(), static_cast<std::size_t>(count));
  }
}

tl::unexpected<base::Error> in_file(std::string_view root, std::string_view path,
                                    const base::Error& error) {
  return base::fail(error.code, "{}: {}", join(root, path), error.message);
}

}  // namespace holdfast::inputs

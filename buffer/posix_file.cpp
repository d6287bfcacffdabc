// The real file, with the errors people meet: missing directory, no permission, held by another.
#include "buffer/posix_file.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/base/bytes.h"

namespace holdfast::buffer {
namespace {

using base::ErrorCode;

// The process that holds the lock on this file, from /proc/locks; 0 if it cannot be told.
int holder_of(int descriptor) {
  struct stat info {};
  if (fstat(descriptor, &info) != 0) return 0;
  const std::string wanted =
      fmt::format("{:02x}:{:02x}:{}", major(info.st_dev), minor(info.st_dev), info.st_ino);
  std::ifstream locks("/proc/locks");
  // "1: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF"
  std::string ordinal, kind, mode, access, place;
  int pid = 0;
  std::string rest;
  while (locks >> ordinal >> kind >> mode >> access >> pid >> place) {
    std::getline(locks, rest);
    if (kind == "FLOCK" && place == wanted) return pid;
  }
  return 0;
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

tl::unexpected<base::Error> open_failure(const std::string& path, int error) {
  const std::string directory = directory_of(path);
  switch (error) {
    case ENOENT:
      return base::fail(ErrorCode::kNotFound,
                        "ring {}: the directory {} does not exist; create it, or set [buffer] path",
                        path, directory);
    case EACCES:
    case EPERM:
      return base::fail(ErrorCode::kPermission,
                        "ring {}: permission denied for uid {}; give it to this user, or set "
                        "[buffer] path",
                        path, geteuid());
    case EEXIST:
      return base::fail(ErrorCode::kBusy, "ring {}: is there already", path);
    case EISDIR:
    case ENAMETOOLONG:
      return base::fail(ErrorCode::kInvalid, "ring {}: {}; name a file in [buffer] path", path,
                        base::errno_text(error));
    case ELOOP:
      return base::fail(ErrorCode::kPermission,
                        "ring {}: is a symbolic link; name the file itself in [buffer] path", path);
    default:
      return base::fail_errno(fmt::format("ring {}: open", path), error);
  }
}

base::Status lock(int descriptor, const std::string& path) {
  if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return base::ok();
  if (errno != EWOULDBLOCK) return base::fail_errno("ring " + path + ": lock", errno);
  const int pid = holder_of(descriptor);
  return base::fail(ErrorCode::kBusy,
                    "ring {}: in use by process {}; stop that one, or give each agent its own "
                    "[buffer] path",
                    path, pid > 0 ? fmt::format("{}", pid) : "(unknown)");
}

}  // namespace

base::Result<std::unique_ptr<PosixFile>> PosixFile::open_locked(const std::string& path) {
  // A file that is replaced between its opening and its locking is nobody's ring any more.
  for (int attempt = 0; attempt < 100; ++attempt) {
    auto file = lock_at(path, 0);
    if (!file || (*file)->still_in_place(0)) return file;
  }
  return base::fail(ErrorCode::kBusy, "ring {}: is being replaced all the time", path);
}

base::Result<std::unique_ptr<PosixFile>> PosixFile::create_locked(const std::string& path) {
  return lock_at(path, O_EXCL);
}

base::Status PosixFile::remove_unlocked(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0) {
    if (errno == ENOENT) return base::ok();
    return open_failure(path, errno);
  }
  const PosixFile closing(descriptor, path);
  if (auto free = lock(descriptor, path); !free) return free;
  if (::unlink(path.c_str()) == 0) return base::ok();
  return base::fail_errno(fmt::format("ring {}: remove", path), errno);
}

base::Result<std::unique_ptr<PosixFile>> PosixFile::lock_at(const std::string& path,
                                                            int more_flags) {
  const int descriptor = ::open(
      path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | more_flags, S_IRUSR | S_IWUSR);
  if (descriptor < 0) return open_failure(path, errno);
  std::unique_ptr<PosixFile> file(new PosixFile(descriptor, path));
  struct stat info {};
  if (fstat(descriptor, &info) != 0) return base::fail_errno("ring " + path, errno);
  if (!S_ISREG(info.st_mode)) {
    return base::fail(ErrorCode::kInvalid, "ring {}: is not a regular file", path);
  }
  if (info.st_uid != geteuid() || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return base::fail(ErrorCode::kPermission,
                      "ring {}: owned by uid {} with mode {:04o}; it must belong to uid {} and be "
                      "writable by nobody else (chmod 600)",
                      path, info.st_uid, info.st_mode & 07777U, geteuid());
  }
  file->device_ = info.st_dev;
  file->inode_ = info.st_ino;
  if (auto locked = lock(descriptor, path); !locked) return tl::unexpected(locked.error());
  return file;
}

base::Result<std::unique_ptr<PosixFile>> PosixFile::open_readonly(const std::string& path) {
  // Not to wait for the other end, should it be a pipe.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return base::fail_errno("ring " + path + ": open", errno);
  std::unique_ptr<PosixFile> file(new PosixFile(descriptor, path));
  struct stat info {};
  if (fstat(descriptor, &info) != 0) return base::fail_errno("ring " + path, errno);
  if (!S_ISREG(info.st_mode)) {
    return base::fail(ErrorCode::kInvalid, "ring {}: is not a regular file", path);
  }
  file->device_ = info.st_dev;
  file->inode_ = info.st_ino;
  return file;
}

int PosixFile::lock_holder() const { return holder_of(descriptor_); }

PosixFile::~PosixFile() { ::close(descriptor_); }

base::Result<std::size_t> PosixFile::read_at(std::uint64_t offset, std::span<std::byte> out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::pread(descriptor_, out.data() + done, out.size() - done,
                                static_cast<off_t>(offset + done));
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      return base::fail_errno(
          fmt::format("ring {}: read {} bytes at {}", path_, out.size(), offset), errno);
    }
  }
  return done;
}

base::Status PosixFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = ::pwrite(descriptor_, bytes.data() + done, bytes.size() - done,
                                 static_cast<off_t>(offset + done));
    if (put > 0) {
      done += static_cast<std::size_t>(put);
    } else if (put == 0 || errno != EINTR) {
      return base::fail_errno(
          fmt::format("ring {}: write {} bytes at {}", path_, bytes.size(), offset),
          put == 0 ? EIO : errno);
    }
  }
  return base::ok();
}

base::Status PosixFile::sync() {
  if (fdatasync(descriptor_) == 0) return base::ok();
  return base::fail_errno(fmt::format("ring {}: sync", path_), errno);
}

base::Result<std::uint64_t> PosixFile::size() {
  struct stat info {};
  if (fstat(descriptor_, &info) != 0) return base::fail_errno("ring " + path_, errno);
  return static_cast<std::uint64_t>(info.st_size);
}

// While the descriptor is open its inode is not given to another file, so the two numbers tell.
base::Status PosixFile::still_in_place(std::uint64_t size) {
  struct stat info {};
  if (lstat(path_.c_str(), &info) != 0) {
    if (errno != ENOENT) return base::fail_errno(fmt::format("ring {}: look", path_), errno);
    return base::fail(ErrorCode::kNotFound, "ring {}: was removed while in use", path_);
  }
  if (info.st_dev != device_ || info.st_ino != inode_) {
    return base::fail(ErrorCode::kNotFound, "ring {}: was replaced while in use", path_);
  }
  const auto length = static_cast<std::uint64_t>(info.st_size);
  if (length >= size) return base::ok();
  return base::fail(ErrorCode::kCorrupt, "ring {}: was cut short while in use: {} of {} bytes left",
                    path_, length, size);
}

base::Status PosixFile::rename_to(const std::string& path) {
  if (::rename(path_.c_str(), path.c_str()) != 0) {
    return base::fail_errno(fmt::format("ring {}: rename to {}", path_, path), errno);
  }
  path_ = path;
  return base::ok();
}

base::Status PosixFile::sync_directory() const {
  const std::string directory = directory_of(path_);
  const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return base::fail_errno(fmt::format("directory {}: open", directory), errno);
  const int failed = fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  if (failed == 0) return base::ok();
  return base::fail_errno(fmt::format("directory {}: sync", directory), failed);
}

base::Status PosixFile::allocate(std::uint64_t size) {
  struct stat before {};
  if (fstat(descriptor_, &before) != 0) return base::fail_errno("ring " + path_, errno);
  if (auto room = check_room(size, before.st_blocks); !room) return room;
  auto reserved = reserve(size, static_cast<std::uint64_t>(before.st_size));
  if (reserved) return reserved;
  // What was reserved before it failed must not keep the device full.
  if (ftruncate(descriptor_, before.st_size) != 0) {
    return base::fail_errno(
        fmt::format("{}; and ring {}: give back", reserved.error().message, path_), errno);
  }
  return reserved;
}

// fallocate takes what there is before it says that there is not enough: ask first.
base::Status PosixFile::check_room(std::uint64_t size, blkcnt_t blocks_held) const {
  struct statvfs device {};
  if (fstatvfs(descriptor_, &device) != 0) return base::fail_errno("ring " + path_, errno);
  const std::uint64_t held = static_cast<std::uint64_t>(blocks_held) * 512;  // st_blocks' unit
  const std::uint64_t free = device.f_bavail * device.f_frsize;
  if (size <= held || size - held <= free) return base::ok();
  return base::fail(ErrorCode::kNoSpace, "ring {}: needs {} bytes more, the device has {} free",
                    path_, size - held, free);
}

base::Status PosixFile::reserve(std::uint64_t size, std::uint64_t length) {
  while (fallocate(descriptor_, 0, 0, static_cast<off_t>(size)) != 0) {
    if (errno == EINTR) continue;
    if (errno == EOPNOTSUPP || errno == ENOSYS) return fill_with_zeros(length, size);
    return base::fail_errno(fmt::format("ring {}: reserve {} bytes", path_, size), errno);
  }
  return base::ok();
}

// Where the file system cannot reserve, zeros are written: never a sparse file, whose lack of room
// would show only later.
base::Status PosixFile::fill_with_zeros(std::uint64_t from, std::uint64_t to) {
  const std::vector<std::byte> zeros(1U << 20U);
  while (from < to) {
    const auto part = std::min<std::uint64_t>(zeros.size(), to - from);
    if (auto written = write_at(from, std::span(zeros).first(part)); !written) return written;
    from += part;
  }
  return base::ok();
}

}  // namespace holdfast::buffer

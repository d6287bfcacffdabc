// Temporary name, lock, write, sync, rename.
#include "agent/base/new_file.h"

#include <cerrno>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::base {

Result<NewFile> NewFile::create(int directory, const std::string& temporary) {
  Descriptor descriptor(::openat(directory, temporary.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                 S_IRUSR | S_IWUSR));
  const auto busy = [] { return fail(ErrorCode::kBusy, "is being written"); };
  if (!descriptor.valid()) {
    if (errno == EEXIST) return busy();
    return fail_errno("create", errno);
  }
  // Between its making and its locking somebody may have taken it for a left-over.
  if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return busy();
  struct stat info {};
  if (::fstat(descriptor.get(), &info) != 0) return fail_errno("create", errno);
  if (info.st_nlink == 0) return busy();
  return NewFile(directory, temporary, std::move(descriptor));
}

NewFile::NewFile(int directory, std::string temporary, Descriptor descriptor)
    : directory_(directory), temporary_(std::move(temporary)), descriptor_(std::move(descriptor)) {}

NewFile::NewFile(NewFile&& other) noexcept
    : directory_(other.directory_),
      temporary_(std::exchange(other.temporary_, {})),
      descriptor_(std::move(other.descriptor_)) {}

NewFile::~NewFile() {
  if (!temporary_.empty()) (void)::unlinkat(directory_, temporary_.c_str(), 0);
}

Status NewFile::write_and_sync(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno("write", errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(descriptor_.get()) != 0) return fail_errno("sync", errno);
  return ok();
}

Status NewFile::publish(const std::string& name) {
  if (::renameat(directory_, temporary_.c_str(), directory_, name.c_str()) != 0) {
    return fail_errno("rename", errno);
  }
  temporary_.clear();
  return ok();
}

}  // namespace holdfast::base

// PosixFile: the real ring file. pread, pwrite, fallocate, fdatasync, flock; never mmap, because a
// full disk or a bad sector would come as SIGBUS.
#pragma once

#include <memory>
#include <string>

#include <sys/types.h>

#include "buffer/file.h"

namespace holdfast::buffer {

class PosixFile final : public File {
 public:
  // Opens or creates `path` (0600, O_NOFOLLOW) and takes its exclusive lock, which vanishes with
  // the process. Missing parent directories are not made. Errors name path and remedy: kBusy (held
  // by another process; its pid is named), kNotFound, kPermission, kIo.
  [[nodiscard]] static base::Result<std::unique_ptr<PosixFile>> open_locked(
      const std::string& path);
  // The same for a file that must be new; kBusy when there is one already.
  [[nodiscard]] static base::Result<std::unique_ptr<PosixFile>> create_locked(
      const std::string& path);
  // Removes a file that nobody holds the lock of; kBusy if somebody does. No file is fine.
  [[nodiscard]] static base::Status remove_unlocked(const std::string& path);
  // For looking only: no lock, writes fail.
  [[nodiscard]] static base::Result<std::unique_ptr<PosixFile>> open_readonly(
      const std::string& path);

  // The process that holds the file's lock; 0 if nobody does, or if it cannot be told.
  [[nodiscard]] int lock_holder() const;

  ~PosixFile() override;
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  [[nodiscard]] base::Result<std::size_t> read_at(std::uint64_t offset,
                                                  std::span<std::byte> out) override;
  [[nodiscard]] base::Status write_at(std::uint64_t offset,
                                      std::span<const std::byte> bytes) override;
  [[nodiscard]] base::Status sync() override;
  [[nodiscard]] base::Result<std::uint64_t> size() override;
  [[nodiscard]] base::Status allocate(std::uint64_t size) override;
  [[nodiscard]] base::Status still_in_place(std::uint64_t size) override;

  // Takes the place and the name of whatever is at `path`, in one step. Not durable before
  // sync_directory(). Not to be called while other threads use the file.
  [[nodiscard]] base::Status rename_to(const std::string& path);
  [[nodiscard]] base::Status sync_directory() const;

 private:
  [[nodiscard]] static base::Result<std::unique_ptr<PosixFile>> lock_at(const std::string& path,
                                                                        int more_flags);
  [[nodiscard]] base::Status check_room(std::uint64_t size, blkcnt_t blocks_held) const;
  [[nodiscard]] base::Status reserve(std::uint64_t size, std::uint64_t length);
  [[nodiscard]] base::Status fill_with_zeros(std::uint64_t from, std::uint64_t to);
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

  int descriptor_;
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace holdfast::buffer

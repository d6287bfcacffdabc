// FileMark: which file it was that was read up to some place, so that it is known again under
// another name, and not taken for another one that has its name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/stat.h>

#include "agent/base/descriptor.h"

namespace holdfast::tail {

struct FileId {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileId&, const FileId&) = default;
};
[[nodiscard]] FileId id_of(const struct stat& info);

struct FileMark {
  FileId id;
  std::uint64_t offset = 0;       // bytes from the beginning
  std::uint64_t fingerprint = 0;  // of what stands before the offset; see fingerprint()
  std::int64_t changed_ns = 0;    // when it had changed last, as it was looked at last
};

// A hash of the first kHeadBytes before the offset and the last kTailBytes (all, where there are
// not so many).
constexpr std::size_t kHeadBytes = 256;
constexpr std::size_t kTailBytes = 64;
[[nodiscard]] std::uint64_t fingerprint(std::string_view head, std::string_view tail);

// What stands in the file from there on; nothing when it ends before, or cannot be read.
[[nodiscard]] std::optional<std::string> read_at(int descriptor, std::uint64_t offset,
                                                 std::size_t size);

// Whether the file begins as the marked one did, up to the mark.
[[nodiscard]] bool begins_as(int descriptor, const FileMark& mark);

// A file open for reading; not valid if there is none or it cannot be opened. Never waits for the
// other end of a pipe.
[[nodiscard]] base::Descriptor open_to_read(const std::string& path);

// Looks in the folder of `path` for the marked file: under another name (the same inode), or, if it
// was copied and then emptied, its copy. Not `path` itself, nor any of `taken`.
[[nodiscard]] base::Descriptor find_beside(const std::string& path, const FileMark& mark,
                                           const std::vector<FileId>& taken);

// The files that had the name `path` in the meantime, by their own names: those in its folder named
// as rotations are (`app.log.2`, `app-20240131.log`) that have changed since, oldest change first.
// Not `path` itself, nor any of `taken`.
struct Rotated {
  std::string path;
  std::int64_t changed_ns = 0;
};
[[nodiscard]] std::vector<Rotated> rotated_since(const std::string& path, std::int64_t since_ns,
                                                 const std::vector<FileId>& taken);

[[nodiscard]] std::int64_t changed_ns(const struct stat& info);

}  // namespace holdfast::tail

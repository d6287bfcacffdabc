// FileMark: which file it was that was read up to some place, so that it is known again under
// another name, and not taken for another one that has its name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
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
};

// A hash of the first 256 bytes before the offset and the last 64. Nothing when the file is shorter
// or cannot be read.
[[nodiscard]] std::optional<std::uint64_t> fingerprint(int descriptor, std::uint64_t offset);

// Whether the file begins as the marked one did, up to the mark.
[[nodiscard]] bool begins_as(int descriptor, const FileMark& mark);

// A file open for reading; not valid if there is none or it cannot be opened. Never waits for the
// other end of a pipe.
[[nodiscard]] base::Descriptor open_to_read(const std::string& path);

// Looks in the folder of `path` for the marked file: under another name (the same inode), or, if it
// was copied and then emptied, its copy. Not `path` itself, nor any of `taken`.
[[nodiscard]] base::Descriptor find_beside(const std::string& path, const FileMark& mark,
                                           const std::vector<FileId>& taken);

}  // namespace holdfast::tail

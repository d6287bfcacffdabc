#include "inputs/tail/file_mark.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace holdfast::tail {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kHeadBytes = 256;
constexpr std::uint64_t kTailBytes = 64;
// Few bytes prove little: many files begin with the same line.
constexpr std::uint64_t kLeastProofBytes = 64;
constexpr std::size_t kMaxNeighbours = 10'000;

// FNV-1a.
std::uint64_t hash(const char* bytes, std::size_t size, std::uint64_t state) {
  for (std::size_t i = 0; i < size; ++i) {
    state = (state ^ static_cast<unsigned char>(bytes[i])) * 1'099'511'628'211ULL;
  }
  return state;
}

bool read_all(int descriptor, std::uint64_t offset, char* into, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::pread(descriptor, into, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    into += got;
    size -= static_cast<std::size_t>(got);
    offset += static_cast<std::uint64_t>(got);
  }
  return true;
}

bool is_among(const FileId& id, const std::vector<FileId>& ids) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

FileId id_of(const struct stat& info) { return {info.st_dev, info.st_ino}; }

std::optional<std::uint64_t> fingerprint(int descriptor, std::uint64_t offset) {
  std::array<char, kHeadBytes> bytes{};
  std::uint64_t state = 14'695'981'039'346'656'037ULL;
  const std::uint64_t head = std::min(offset, kHeadBytes);
  if (!read_all(descriptor, 0, bytes.data(), head)) return std::nullopt;
  state = hash(bytes.data(), head, state);
  const std::uint64_t tail = std::min(offset, kTailBytes);
  if (!read_all(descriptor, offset - tail, bytes.data(), tail)) return std::nullopt;
  return hash(bytes.data(), tail, state);
}

bool begins_as(int descriptor, const FileMark& mark) {
  return fingerprint(descriptor, mark.offset) == mark.fingerprint;
}

base::Descriptor open_to_read(const std::string& path) {
  return base::Descriptor(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
}

base::Descriptor find_beside(const std::string& path, const FileMark& mark,
                             const std::vector<FileId>& taken) {
  const fs::path folder = fs::path(path).has_parent_path() ? fs::path(path).parent_path() : ".";
  std::error_code failed;
  std::optional<std::string> copy;
  std::size_t looked_at = 0;
  fs::directory_iterator entries(folder, failed);
  for (; !failed && entries != fs::directory_iterator() && ++looked_at <= kMaxNeighbours;
       entries.increment(failed)) {
    const std::string other = entries->path().string();
    struct stat info {};
    if (::lstat(other.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    const bool same = info.st_ino == mark.id.inode;
    const bool long_enough = static_cast<std::uint64_t>(info.st_size) >= mark.offset;
    const bool provable = same || (!copy && mark.offset >= kLeastProofBytes);
    if (other == path || !long_enough || !provable || is_among(id_of(info), taken)) continue;
    base::Descriptor file = open_to_read(other);
    if (!file.valid() || !begins_as(file.get(), mark)) continue;
    if (same) return file;
    copy = other;
  }
  return copy ? open_to_read(*copy) : base::Descriptor();
}

}  // namespace holdfast::tail

#include "inputs/tail/file_mark.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "agent/base/codes.h"

namespace holdfast::tail {
namespace {

namespace fs = std::filesystem;

// Few bytes prove little: many files begin with the same line.
constexpr std::uint64_t kLeastProofBytes = 64;
constexpr std::size_t kMaxNeighbours = 10'000;

// "app.log" → "app" and ".log".
std::pair<std::string_view, std::string_view> stem_and_end(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return {name, {}};
  return {name.substr(0, dot), name.substr(dot)};
}

// A number or a date, behind a separator.
bool is_count(std::string_view text) {
  return text.size() > 1 && std::string_view(".-_").find(text.front()) != std::string_view::npos &&
         text.find_first_of("0123456789") != std::string_view::npos &&
         text.find_first_not_of("0123456789.-_:T") == std::string_view::npos;
}

// logrotate's names, with its options dateext and extension.
bool is_rotation_of(std::string_view name, std::string_view other) {
  if (other.starts_with(name) && is_count(other.substr(name.size()))) return true;
  const auto [stem, end] = stem_and_end(name);
  if (end.empty() || other.size() < name.size()) return false;
  if (!other.starts_with(stem) || !other.ends_with(end)) return false;
  return is_count(other.substr(stem.size(), other.size() - name.size()));
}

bool is_among(const FileId& id, const std::vector<FileId>& ids) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

FileId id_of(const struct stat& info) { return {info.st_dev, info.st_ino}; }

std::int64_t changed_ns(const struct stat& info) {
  return std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
}

std::uint64_t fingerprint(std::string_view head, std::string_view tail) {
  return base::hash64(tail, base::hash64(head));
}

std::optional<std::string> read_at(int descriptor, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t done = 0; done < size;) {
    const ssize_t got =
        ::pread(descriptor, bytes.data() + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

bool begins_as(int descriptor, const FileMark& mark) {
  const std::uint64_t tail = std::min<std::uint64_t>(mark.offset, kTailBytes);
  const auto first = read_at(descriptor, 0, std::min<std::uint64_t>(mark.offset, kHeadBytes));
  const auto last = read_at(descriptor, mark.offset - tail, tail);
  return first && last && fingerprint(*first, *last) == mark.fingerprint;
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
    // The number of a file that is gone is given to another one.
    const bool named =
        is_rotation_of(fs::path(path).filename().string(), entries->path().filename().string());
    const bool provable = mark.offset >= kLeastProofBytes ? same || !copy : same && named;
    if (other == path || !long_enough || !provable || is_among(id_of(info), taken)) continue;
    base::Descriptor file = open_to_read(other);
    if (!file.valid() || !begins_as(file.get(), mark)) continue;
    if (same) return file;
    copy = other;
  }
  return copy ? open_to_read(*copy) : base::Descriptor();
}

std::vector<Rotated> rotated_since(const std::string& path, std::int64_t since_ns,
                                   const std::vector<FileId>& taken) {
  const fs::path own(path);
  std::vector<Rotated> found;
  std::error_code failed;
  std::size_t looked_at = 0;
  fs::directory_iterator entries(own.has_parent_path() ? own.parent_path() : ".", failed);
  for (; !failed && entries != fs::directory_iterator() && ++looked_at <= kMaxNeighbours;
       entries.increment(failed)) {
    const std::string other = entries->path().string();
    struct stat info {};
    if (!is_rotation_of(own.filename().string(), entries->path().filename().string()) ||
        ::lstat(other.c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
        changed_ns(info) < since_ns || is_among(id_of(info), taken)) {
      continue;
    }
    found.push_back({other, changed_ns(info)});
  }
  std::sort(found.begin(), found.end(),
            [](const Rotated& a, const Rotated& b) { return a.changed_ns < b.changed_ns; });
  return found;
}

}  // namespace holdfast::tail

// The files of refused batches. The temporary file of the lines is the reservation of an id:
// whoever has made it, and then finds no file of that id, is alone with it.
#include "outputs/rejected_directory.h"

#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/new_file.h"

namespace holdfast::outputs {
namespace {

using base::ErrorCode;

constexpr std::string_view kLines = ".lp.gz";
constexpr std::string_view kSidecar = ".json";
constexpr std::string_view kTemporary = ".tmp";
constexpr std::uint64_t kMaxLinesBytes = 128U << 20U;
constexpr std::uint64_t kMaxSidecarBytes = 64U << 10U;
constexpr std::uint32_t kMaxOrdinal = 10'000;

std::string lines_file(const RejectedName& name) { return name.id() + std::string(kLines); }
std::string sidecar_file(const RejectedName& name) { return name.id() + std::string(kSidecar); }
std::string temporary_of(const std::string& file) { return "." + file + std::string(kTemporary); }

// The batch that a file without temporary name belongs to.
std::optional<RejectedName> owner_of(std::string_view file) {
  for (const std::string_view ending : {kLines, kSidecar}) {
    if (file.ends_with(ending)) {
      return RejectedName::parse(file.substr(0, file.size() - ending.size()));
    }
  }
  return std::nullopt;
}

std::optional<RejectedName> owner_of_temporary(std::string_view file) {
  if (!file.starts_with('.') || !file.ends_with(kTemporary)) return std::nullopt;
  return owner_of(file.substr(1, file.size() - 1 - kTemporary.size()));
}

// What is in a new directory is lost with it unless its entry is durable too.
void sync_parent(int directory) {
  const base::Descriptor parent(::openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent.valid()) (void)::fsync(parent.get());
}

}  // namespace

RejectedDirectory::RejectedDirectory(std::string path, base::Descriptor descriptor)
    : path_(std::move(path)), descriptor_(std::move(descriptor)) {}

base::Result<RejectedDirectory> RejectedDirectory::open(const std::string& path) {
  base::Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor.valid() && errno == ENOTDIR) {
    return base::fail(ErrorCode::kInvalid, "{} is not a directory", path);
  }
  if (!descriptor.valid()) return base::fail_errno("open " + path, errno);
  return RejectedDirectory(path, std::move(descriptor));
}

base::Result<RejectedDirectory> RejectedDirectory::open_or_make(const std::string& path) {
  auto found = open(path);
  if (found || found.error().code != ErrorCode::kNotFound) return found;
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
    return base::fail_errno("make the directory " + path, errno);
  }
  auto made = open(path);
  if (made) sync_parent(made->descriptor_.get());
  return made;
}

tl::unexpected<base::Error> RejectedDirectory::failure(std::string_view verb, std::string_view file,
                                                       int error) const {
  return base::fail_errno(fmt::format("{} {}/{}", verb, path_, file), error);
}

base::Result<std::vector<std::string>> RejectedDirectory::file_names() const {
  const int descriptor =
      ::openat(descriptor_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);  // with its own offset
  DIR* const stream = descriptor < 0 ? nullptr : ::fdopendir(descriptor);
  if (stream == nullptr) {
    const int error = errno;
    if (descriptor >= 0) ::close(descriptor);
    return base::fail_errno("read " + path_, error);
  }
  const auto close = [](DIR* open_stream) { ::closedir(open_stream); };
  const std::unique_ptr<DIR, decltype(close)> closing(stream, close);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(stream);  // NOLINT(concurrency-mt-unsafe): own stream
    if (entry == nullptr) break;
    names.emplace_back(entry->d_name);
  }
  if (errno != 0) return base::fail_errno("read " + path_, errno);
  return names;
}

base::Result<std::vector<RejectedFile>> RejectedDirectory::list() const {
  const auto names = file_names();
  if (!names) return tl::unexpected(names.error());
  std::map<RejectedName, RejectedFile> found;
  for (const std::string& file : *names) {
    const auto name = owner_of(file);
    struct stat info {};
    // One that has just gone is no longer ours.
    if (!name || ::fstatat(descriptor_.get(), file.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(info.st_mode)) {
      continue;
    }
    RejectedFile& batch = found[*name];
    batch.name = *name;
    batch.bytes += static_cast<std::uint64_t>(info.st_size);
    batch.has_lines = batch.has_lines || file.ends_with(kLines);
  }
  std::vector<RejectedFile> all;
  all.reserve(found.size());
  for (auto& [name, batch] : found) all.push_back(std::move(batch));
  return all;
}

std::int64_t RejectedDirectory::changed_ns() const {
  struct stat info {};
  if (::fstat(descriptor_.get(), &info) != 0) return 0;
  return info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec;
}

bool RejectedDirectory::exists(const std::string& file) const {
  return ::faccessat(descriptor_.get(), file.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

base::Status RejectedDirectory::add(RejectedName& name, std::string_view gzip,
                                    std::string_view sidecar) const {
  const auto explain = [&](const base::Error& error) {
    return base::fail(error.code, "{}/{}: {}", path_, name.id(), error.message);
  };
  for (name.ordinal = 0; name.ordinal < kMaxOrdinal; ++name.ordinal) {
    auto lines = base::NewFile::create(descriptor_.get(), temporary_of(lines_file(name)));
    if (!lines && lines.error().code == ErrorCode::kBusy) continue;
    if (!lines) return explain(lines.error());
    if (exists(lines_file(name)) || exists(sidecar_file(name))) continue;
    base::Status done = lines->write_and_sync(gzip);
    if (done) done = replace_sidecar(name, sidecar);
    if (done) {
      done = lines->publish(lines_file(name));
      if (!done) (void)unlink(sidecar_file(name));
    }
    if (!done) return explain(done.error());
    // They are there, if perhaps not after a power cut: no reason to have them twice or not at all.
    (void)::fsync(descriptor_.get());
    return base::ok();
  }
  return base::fail(ErrorCode::kFull, "{}: no free name for a batch", path_);
}

base::Status RejectedDirectory::replace_sidecar(const RejectedName& name,
                                                std::string_view sidecar) const {
  const std::string file = sidecar_file(name);
  unlink_if_abandoned(temporary_of(file));
  auto created = base::NewFile::create(descriptor_.get(), temporary_of(file));
  if (!created) return tl::unexpected(created.error());
  if (auto written = created->write_and_sync(sidecar); !written) return written;
  return created->publish(file);
}

base::Result<std::string> RejectedDirectory::read(const std::string& file,
                                                  std::uint64_t limit) const {
  const base::Descriptor in(
      ::openat(descriptor_.get(), file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (!in.valid() || ::fstat(in.get(), &info) != 0) return failure("open", file, errno);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (!S_ISREG(info.st_mode) || size > limit) {
    return base::fail(ErrorCode::kCorrupt, "{}/{}: is not a file of at most {} bytes", path_, file,
                      limit);
  }
  std::string out(size, '\0');
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::read(in.get(), out.data() + done, out.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure("read", file, errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  out.resize(done);
  return out;
}

base::Result<RejectedInfo> RejectedDirectory::info(const RejectedName& name) const {
  const std::string file = sidecar_file(name);
  const auto text = read(file, kMaxSidecarBytes);
  if (!text) return tl::unexpected(text.error());
  auto info = parse_sidecar(*text);
  if (!info) {
    return base::fail(info.error().code, "{}/{}: {}", path_, file, info.error().message);
  }
  return info;
}

bool RejectedDirectory::contains(const RejectedName& name) const {
  return exists(lines_file(name));
}

base::Result<std::string> RejectedDirectory::gzip(const RejectedName& name) const {
  return read(lines_file(name), kMaxLinesBytes);
}

base::Result<base::Descriptor> RejectedDirectory::claim(const RejectedName& name) const {
  const std::string file = lines_file(name);
  base::Descriptor claimed(
      ::openat(descriptor_.get(), file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!claimed.valid()) return failure("open", file, errno);
  if (::flock(claimed.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    return base::fail(ErrorCode::kBusy, "{}/{}: another process works on it", path_, file);
  }
  // It may have been removed, even replaced, before it was locked.
  if (!exists(file)) return failure("open", file, ENOENT);
  return claimed;
}

base::Result<bool> RejectedDirectory::unlink(const std::string& file) const {
  if (::unlinkat(descriptor_.get(), file.c_str(), 0) == 0) return true;
  if (errno == ENOENT) return false;
  return failure("remove", file, errno);
}

base::Result<bool> RejectedDirectory::remove(const RejectedName& name) const {
  auto had_lines = unlink(lines_file(name));
  if (!had_lines) return had_lines;
  const auto had_sidecar = unlink(sidecar_file(name));
  if (!had_sidecar) return had_sidecar;
  return had_lines;
}

void RejectedDirectory::unlink_if_abandoned(const std::string& file) const {
  const base::Descriptor found(
      ::openat(descriptor_.get(), file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!found.valid() || ::flock(found.get(), LOCK_EX | LOCK_NB) != 0) return;
  struct stat opened {};
  struct stat named {};
  const bool same = ::fstat(found.get(), &opened) == 0 &&
                    ::fstatat(descriptor_.get(), file.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
                    opened.st_ino == named.st_ino;
  if (same) (void)unlink(file);
}

base::Status RejectedDirectory::tidy(std::string_view reader) const {
  const auto names = file_names();
  if (!names) return tl::unexpected(names.error());
  for (const std::string& file : *names) {
    const auto owner = owner_of_temporary(file);
    if (owner && owner->reader == reader) unlink_if_abandoned(file);
  }
  const auto batches = list();
  if (!batches) return tl::unexpected(batches.error());
  for (const RejectedFile& batch : *batches) {
    if (batch.has_lines || batch.name.reader != reader) continue;
    // Somebody may be about to publish the lines, or just have done so: looked at in that order.
    const std::string lines = lines_file(batch.name);
    if (exists(temporary_of(lines)) || exists(lines)) continue;
    if (auto gone = unlink(sidecar_file(batch.name)); !gone) return tl::unexpected(gone.error());
  }
  return base::ok();
}

}  // namespace holdfast::outputs

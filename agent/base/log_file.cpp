// The log file: append, rotate, remove what is too many.
#include "agent/base/log_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <regex>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::base {
namespace {

namespace fs = std::filesystem;

WallTime wall_of(const timespec& time) {
  return WallTime(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

void make_parent(const fs::path& path) {
  const fs::path parent = path.parent_path();
  std::error_code failed;  // if so the file cannot be opened, which is reported
  if (parent.empty() || fs::exists(parent, failed)) return;
  make_parent(parent);
  ::mkdir(parent.c_str(), 0700);
}

}  // namespace

LogFile::LogFile(LogFileOptions options, const Clock& clock)
    : options_(std::move(options)), clock_(clock) {}

LogFile::~LogFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::unique_ptr<LogFile>> LogFile::open(const LogFileOptions& options, const Clock& clock) {
  std::unique_ptr<LogFile> file(new LogFile(options, clock));
  make_parent(options.path);
  if (auto opened = file->reopen(); !opened) return tl::unexpected(opened.error());
  return file;
}

Status LogFile::reopen() {
  const int opened = ::open(options_.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (opened < 0) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc's is safe for known numbers
    return fail(ErrorCode::kIo, "cannot open the log file {}: {}", options_.path,
                std::strerror(errno));
  }
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = opened;
  struct stat info {};
  ::fstat(descriptor_, &info);
  size_ = static_cast<std::uint64_t>(info.st_size);
  begun_ = size_ == 0 ? clock_.wall() : wall_of(info.st_mtim);
  return ok();
}

bool LogFile::due(std::size_t more) const {
  if (size_ == 0) return false;
  const bool large = options_.rotation_max_size > 0 && size_ + more > options_.rotation_max_size;
  const bool old = options_.rotation_interval > Duration::zero() &&
                   clock_.wall() - begun_ >= options_.rotation_interval;
  return large || old;
}

bool LogFile::write(std::string_view line) {
  if (due(line.size() + 1)) rotate();
  std::string text(line);
  text += '\n';
  const ssize_t written = ::write(descriptor_, text.data(), text.size());
  if (written > 0) size_ += static_cast<std::uint64_t>(written);
  return written == static_cast<ssize_t>(text.size());
}

void LogFile::rotate() {
  const fs::path path(options_.path);
  const WallTime now = clock_.wall();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  const fs::path archive = path.parent_path() / fmt::format("{}.{}-{}{}", path.stem().string(),
                                                            format_utc(now).substr(0, 10), seconds,
                                                            path.extension().string());
  std::error_code failed;
  // Not a second time in one second: the file grows a little larger instead.
  if (fs::exists(archive, failed)) return;
  fs::rename(path, archive, failed);
  if (failed) return;
  if (!reopen()) return;  // lines go on into the archive, and nothing is lost
  remove_old_archives();
}

void LogFile::remove_old_archives() const {
  if (options_.max_archives < 0) return;
  const fs::path path(options_.path);
  const std::string head = path.stem().string() + ".";
  const std::string tail = path.extension().string();
  static const std::regex form(R"(\d{4}-\d{2}-\d{2}-(\d+))");
  std::vector<std::pair<long long, fs::path>> archives;  // by age
  std::error_code failed;
  const fs::path folder = path.parent_path().empty() ? "." : path.parent_path();
  for (fs::directory_iterator at(folder, failed); !failed && at != fs::directory_iterator();
       at.increment(failed)) {
    const std::string name = at->path().filename().string();
    if (name.size() <= head.size() + tail.size() || !name.starts_with(head) ||
        !name.ends_with(tail)) {
      continue;
    }
    const std::string middle = name.substr(head.size(), name.size() - head.size() - tail.size());
    std::smatch match;
    if (!std::regex_match(middle, match, form) || match[1].length() > 18) continue;
    archives.emplace_back(std::stoll(match[1]), at->path());
  }
  std::sort(archives.begin(), archives.end());
  const auto keep = static_cast<std::size_t>(options_.max_archives);
  for (std::size_t i = 0; i + keep < archives.size(); ++i) fs::remove(archives[i].second, failed);
}

}  // namespace holdfast::base

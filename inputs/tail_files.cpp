// The job's part: which files there are, what became of them, and their records.
#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

#include "inputs/tail_service.h"

namespace holdfast::inputs {
namespace {

// A file whose name leads elsewhere may be written to until its writer has noticed.
constexpr base::Duration kLinger = std::chrono::minutes(1);
// Positions of files that are not there (a disk that is not mounted) are kept for so long.
constexpr std::int64_t kKeepAbsentS = std::int64_t{7} * 24 * 3600;
constexpr std::size_t kMaxAbsent = 10'000;

std::optional<tail::FileId> id_at(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return tail::id_of(info);
}

std::uint64_t size_of(const base::Descriptor& file) {
  struct stat info {};
  return ::fstat(file.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

}  // namespace

void TailService::work(const Wanted& wanted) {
  if (stopping_) return;
  for (Followed& one : files_) {
    one.touched = one.touched || wanted.all || wanted.files.contains(one.watch);
  }
  if (wanted.scan) scan();
  // At once: if it is moved away while nobody looks, its position is what it is known by.
  if (new_files_ && position_file_) save_positions();
  read_files();
  if (wanted.scan) let_go();
  // Reading has paused: what it waits for shall not wait for its block to fill.
  if (undelivered_ >= settings_->max_undelivered) context_.sink.flush();
  if (wanted.save && position_file_) save_positions();
}

void TailService::report(const base::Error& error) {
  Accumulator points = feed_->open();
  points.add_error(error);
  feed_->submit(std::move(points), buffer::Origin::kReceived, WhenRefused::kDrop);
}

std::vector<tail::FileId> TailService::open_ids() const {
  std::vector<tail::FileId> ids;
  for (const Followed& one : files_) ids.push_back(one.file.mark().id);
  return ids;
}

void TailService::scan() {
  const files::FileFinder::Found found = settings_->finder.find();
  watch_folders(found.folders);
  if (found.too_many) {
    report({base::ErrorCode::kTooLarge,
            fmt::format("`files`: the search ended at {} names", files::FileFinder::kMaxEntries)});
  }
  notice_moved();
  for (const std::string& path : found.paths) {
    const auto id = id_at(path);
    const auto ids = open_ids();
    if (id && std::find(ids.begin(), ids.end(), *id) == ids.end()) adopt_new(path);
  }
  if (std::exchange(first_scan_, false)) rescue_missing();
}

void TailService::watch_folders(const std::vector<std::string>& folders) {
  if (!watch_) return;
  for (const std::string& folder : folders) {
    const auto added = watch_->add_folder(folder);
    if (added || std::exchange(watch_fails_, true)) continue;
    log_.warn("new files are found at each interval only: {}", added.error().message);
  }
}

// Renamed, removed, or the link leads elsewhere.
void TailService::notice_moved() {
  for (Followed& one : files_) {
    const bool away = id_at(one.path) != one.file.mark().id;
    if (away && !one.leaving) one.leaving_since = clock_.boot();
    one.leaving = away;
  }
}

// Those that were moved away, are read to their end, and have not grown for long.
void TailService::let_go() {
  for (std::size_t i = files_.size(); i-- > 0;) {
    const Followed& one = files_[i];
    if (!one.leaving || one.touched || one.file.more()) continue;
    if (clock_.boot() - std::max(one.leaving_since, one.file.last_growth()) >= kLinger) give_up(i);
  }
}

void TailService::adopt_new(const std::string& path) {
  base::Descriptor file = tail::open_to_read(path);
  struct stat info {};
  if (!file.valid() || ::fstat(file.get(), &info) != 0) {
    if (errno != ENOENT && failing_.insert(path).second) {
      report({base::ErrorCode::kIo, fmt::format("{}: {}", path, base::errno_text(errno))});
    }
    return;
  }
  const bool is_pipe = S_ISFIFO(info.st_mode);
  if (is_pipe ? !settings_->pipe : !S_ISREG(info.st_mode)) {
    if (!failing_.insert(path).second) return;
    report({base::ErrorCode::kUnsupported,
            is_pipe ? fmt::format("{} is a named pipe, and `pipe` is not set", path)
                    : fmt::format("{} is no file that can be followed", path)});
    return;
  }
  failing_.erase(path);
  // Opened for writing too, so that it has no end when its writers go.
  if (is_pipe) {
    file = base::Descriptor(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (file.valid()) follow(path, std::move(file), 0, false, files_.size());
    return;
  }
  std::vector<tail::Position> saved = take_saved(path);
  const bool known = !saved.empty();
  const auto since_ns = last_change(path, saved);
  const auto offset = offset_at_start(path, file, saved);
  follow_saved(path, std::move(saved));
  if (since_ns && !offset) {
    auto taken = open_ids();
    taken.push_back(tail::id_of(info));
    follow_rotated(path, *since_ns, std::move(taken), files_.size(), std::nullopt);
  }
  const bool skip = first_scan_ && !known &&
                    (settings_->first_offset == FirstOffset::kEnd ||
                     settings_->first_offset == FirstOffset::kSavedOrEnd);
  const std::uint64_t otherwise = skip ? size_of(file) : 0;
  follow(path, std::move(file), offset.value_or(otherwise), false, files_.size());
}

// When what had this path last had changed last, as far as that was seen.
std::optional<std::int64_t> TailService::last_change(
    const std::string& path, const std::vector<tail::Position>& saved) const {
  std::optional<std::int64_t> newest;
  const auto note = [&](const tail::FileMark& mark) {
    newest = std::max(newest.value_or(mark.changed_ns), mark.changed_ns);
  };
  for (const tail::Position& one : saved) note(one.mark);
  for (const Followed& one : files_) {
    if (one.path == path && !one.file.is_pipe()) note(one.file.mark());
  }
  return newest;
}

// Files that had this path for a while, and lost it before anybody looked: all of them is new, but
// of copies of the original. From `at` on; where the next one would stand.
std::size_t TailService::follow_rotated(const std::string& path, std::int64_t since_ns,
                                        std::vector<tail::FileId> taken, std::size_t at,
                                        std::optional<std::size_t> original) {
  for (const tail::Rotated& one : tail::rotated_since(path, since_ns, taken)) {
    base::Descriptor file = tail::open_to_read(one.path);
    if (!file.valid()) continue;
    if (original && files_[*original].file.begins_like(file.get())) continue;
    log_.info("{} was {} in the meantime", one.path, path);
    if (follow(path, std::move(file), 0, true, at)) ++at;
  }
  return at;
}

// Positions of this path, if they count at all.
std::vector<tail::Position> TailService::take_saved(const std::string& path) {
  std::vector<tail::Position> mine;
  std::erase_if(saved_, [&](const tail::Position& one) {
    if (one.path != path) return false;
    mine.push_back(one);
    return true;
  });
  const bool count = settings_->first_offset == FirstOffset::kSavedOrBeginning ||
                     settings_->first_offset == FirstOffset::kSavedOrEnd;
  if (!count) mine.clear();
  return mine;
}

// Where this file was left, if it is one of those saved, which is taken off.
std::optional<std::uint64_t> TailService::offset_at_start(
    const std::string& path, const base::Descriptor& file,
    std::vector<tail::Position>& saved) const {
  const auto id = id_at(path);
  const auto same = std::find_if(saved.begin(), saved.end(), [&](const tail::Position& one) {
    return id && one.mark.id.inode == id->inode && tail::begins_as(file.get(), one.mark);
  });
  if (same == saved.end()) return std::nullopt;
  const std::uint64_t offset = same->mark.offset;
  saved.erase(same);
  return offset;
}

// Files that had this path when they were read last, and were moved away since.
void TailService::follow_saved(const std::string& path, std::vector<tail::Position> saved) {
  for (const tail::Position& one : saved) {
    base::Descriptor file = tail::find_beside(path, one.mark, open_ids());
    if (file.valid()) {
      log_.info("{} was moved while nobody looked: going on at byte {} of the file it was", path,
                one.mark.offset);
      follow(path, std::move(file), one.mark.offset, true, files_.size());
    } else {
      log_.warn("{} is not the file it was; what came behind byte {} of that one is not found",
                path, one.mark.offset);
    }
  }
}

// At the start: files whose path is not there any more, but whose content may be.
void TailService::rescue_missing() {
  std::set<std::string> missing;
  for (const tail::Position& one : saved_) {
    if (!id_at(one.path)) missing.insert(one.path);
  }
  for (const std::string& path : missing) {
    std::vector<tail::Position> left;
    const std::vector<tail::Position> mine = take_saved(path);
    const auto since_ns = last_change(path, mine);
    for (const tail::Position& one : mine) {
      base::Descriptor file = tail::find_beside(path, one.mark, open_ids());
      if (!file.valid() || !follow(path, std::move(file), one.mark.offset, true, files_.size())) {
        left.push_back(one);
      }
    }
    if (left.empty() && since_ns) {
      follow_rotated(path, *since_ns, open_ids(), files_.size(), std::nullopt);
    }
    saved_.insert(saved_.end(), left.begin(), left.end());
  }
}

bool TailService::follow(const std::string& path, base::Descriptor file, std::uint64_t offset,
                         bool leaving, std::size_t at) {
  auto opened = tail::FollowedFile::open(std::move(file), offset, settings_->text);
  if (!opened) {
    report({opened.error().code, fmt::format("{}: {}", path, opened.error().message)});
    return false;
  }
  Followed one{path, std::move(*opened), settings_->make_parser(), nullptr};
  one.leaving = leaving;
  one.leaving_since = clock_.boot();
  if (!one.file.is_pipe()) {
    one.progress = std::make_shared<Progress>();
    one.progress->path = path;
    one.progress->stored = one.file.mark();
    const std::lock_guard lock(mutex_);
    progress_.push_back(one.progress);
  }
  if (watch_) {
    const auto number = watch_->add_file(one.file.descriptor());
    if (number) one.watch = *number;
    if (!number && !std::exchange(watch_fails_, true)) {
      log_.warn("files are looked at at each interval only: {}", number.error().message);
    }
  }
  if (offset > 0 && settings_->head_lines > 0) show_head(one);
  new_files_ = true;
  log_.debug("{}: following from byte {}", path, offset);
  files_.insert(files_.begin() + static_cast<std::ptrdiff_t>(at), std::move(one));
  return true;
}

void TailService::show_head(Followed& one) const {
  base::Descriptor again(::fcntl(one.file.descriptor(), F_DUPFD_CLOEXEC, 0));
  if (!again.valid()) return;
  auto head = tail::FollowedFile::open(std::move(again), 0, settings_->text);
  if (!head) return;
  std::size_t bytes = tail::kMaxLineBytes;
  for (std::size_t line = 0; line < settings_->head_lines; ++line) {
    const auto record = head->next(bytes);
    if (!record || record->end > one.file.mark().offset) return;
    // What is wrong with it was said when it was read for the first time.
    (void)one.parser->parse_line(record->text, [](line::Point&) {});
  }
}

// Truncated, or written anew: it begins again. If it was copied before, the rest of what it held is
// in the copy.
void TailService::replace(std::size_t at) {
  const std::string path = files_[at].path;
  const tail::FileMark mark = files_[at].file.mark();
  const bool leaving = files_[at].leaving;
  const std::size_t unfinished = files_[at].file.unfinished();
  base::Descriptor again(::fcntl(files_[at].file.descriptor(), F_DUPFD_CLOEXEC, 0));
  base::Descriptor copy = tail::find_beside(path, mark, open_ids());
  log_.info("{} was truncated at byte {}{}", path, mark.offset,
            copy.valid() ? "; the rest of it is in a copy" : "");
  if (!copy.valid() && unfinished > 0) {
    report({base::ErrorCode::kInvalid,
            fmt::format("{}: a line of {} bytes was cut off by truncation", path, unfinished)});
  }
  // It is needed to know copies by: closed last.
  std::size_t next = at + 1;
  if (copy.valid() && follow(path, std::move(copy), mark.offset, true, next)) ++next;
  next = follow_rotated(path, mark.changed_ns, open_ids(), next, at);
  close(at);
  at = next - 1;
  if (again.valid()) follow(path, std::move(again), 0, leaving, at);
}

// Nobody writes to it any more.
void TailService::give_up(std::size_t at) {
  Followed& one = files_[at];
  Accumulator points = feed_->open();
  std::size_t lines = 0;
  while (const auto record = one.file.next_of_rest()) {
    parse(one, *record, points);
    ++lines;
  }
  one.file.mark_turn(clock_.boot());
  if (lines > 0) submit(one, std::move(points), lines);
  close(at);
}

void TailService::close(std::size_t at) {
  Followed& one = files_[at];
  if (watch_ && one.watch >= 0) watch_->remove(one.watch);
  if (one.progress) {
    const std::lock_guard lock(mutex_);
    one.progress->open = false;
  }
  files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(at));
}

std::vector<tail::Position> TailService::positions() {
  const std::int64_t now_s = clock_.wall_ns() / 1'000'000'000;
  std::erase_if(saved_,
                [&](const tail::Position& one) { return now_s - one.seen_s > kKeepAbsentS; });
  if (saved_.size() > kMaxAbsent) saved_.resize(kMaxAbsent);
  std::vector<tail::Position> all = saved_;
  const std::lock_guard lock(mutex_);
  std::erase_if(progress_, [](const auto& one) { return !one->open && one->batches.empty(); });
  for (const auto& one : progress_) all.push_back({one->path, one->stored, now_s});
  return all;
}

void TailService::save_positions() {
  new_files_ = false;
  const auto saved = position_file_->save(positions());
  std::uint64_t before = 0;
  if (saved) return;
  ++context_.counters.errors;
  context_.counters.set_last_error(saved.error().message);
  if (save_throttle_.allow(clock_.boot(), before)) {
    log_.error("positions not saved, lines may come twice after a restart: {} ({} times before)",
               saved.error().message, before);
  }
}

}  // namespace holdfast::inputs

// Whoever wakes it, the timer or the kernel, it looks at the files itself: so both ways notice the
// same, and an event that changes nothing (an editor's swap file) is none.
#include "agent/config_watch.h"

#include <array>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/stat.h>

namespace holdfast::agent {
namespace {

namespace fs = std::filesystem;

constexpr base::Duration kFallbackPoll = std::chrono::seconds(1);
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_CREATE | IN_DELETE |
                                  IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;

std::string mark_of(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return "absent";
  // A directory changes with every swap file in it; its files speak for themselves.
  if (S_ISDIR(found.st_mode)) return "directory";
  return fmt::format("{} {} {}.{:09}", found.st_ino, found.st_size, found.st_mtim.tv_sec,
                     found.st_mtim.tv_nsec);
}

bool is_configuration(const fs::path& path) {
  return path.extension() == ".conf" || path.extension() == ".toml";
}

}  // namespace

ConfigWatch::ConfigWatch(asio::io_context& io, WatchOptions options, std::function<void()> changed,
                         const base::Logger& log)
    : options_(std::move(options)),
      changed_(std::move(changed)),
      log_(log),
      inotify_(io),
      timer_(io) {
  if (options_.poll) poll_ = *options_.poll;
  if (!options_.poll && !start_inotify()) poll_ = kFallbackPoll;
  told_ = seen_ = look();
  watch_all(seen_);
  // What changed before the kernel was asked to tell shows at this first look.
  wait(poll_ > base::Duration::zero() ? poll_ : options_.debounce);
}

ConfigWatch::~ConfigWatch() = default;

ConfigWatch::Marks ConfigWatch::look() const {
  Marks marks;
  for (const std::string& path : options_.paths) {
    marks[path] = mark_of(path);
    std::error_code failed;
    auto walk = fs::recursive_directory_iterator(
        path, fs::directory_options::skip_permission_denied, failed);
    for (; !failed && walk != fs::recursive_directory_iterator(); walk.increment(failed)) {
      std::error_code ignored;
      if (is_configuration(walk->path()) || walk->is_directory(ignored)) {
        marks[walk->path().string()] = mark_of(walk->path().string());
      }
    }
  }
  return marks;
}

bool ConfigWatch::start_inotify() {
  const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (descriptor < 0) {
    log_.warn("inotify is not available: looking at the configuration every {}",
              base::format_duration(kFallbackPoll));
    return false;
  }
  inotify_.assign(descriptor);
  wait_for_event();
  return true;
}

// Files, and the directories they are in: editors write a new file and rename it. Watching again
// what is watched already changes nothing.
void ConfigWatch::watch_all(const Marks& marks) {
  if (!inotify_.is_open()) return;
  for (const auto& [path, mark] : marks) {
    const std::string parent = fs::absolute(path).parent_path().string();
    (void)::inotify_add_watch(inotify_.native_handle(), parent.c_str(), kEvents);
    (void)::inotify_add_watch(inotify_.native_handle(), path.c_str(), kEvents);
  }
}

void ConfigWatch::wait_for_event() {
  const std::weak_ptr<const bool> alive = alive_;
  inotify_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [this, alive](const std::error_code& error) {
                        if (alive.expired() || error) return;
                        // What the events say does not matter.
                        std::array<char, 4096> events{};
                        while (::read(inotify_.native_handle(), events.data(), events.size()) > 0) {
                        }
                        wait_for_event();
                        wait(options_.debounce);
                      });
}

void ConfigWatch::wait(base::Duration time) {
  const std::weak_ptr<const bool> alive = alive_;
  timer_.expires_after(time);
  timer_.async_wait([this, alive](const std::error_code& cancelled) {
    if (!alive.expired() && !cancelled) tick();
  });
}

void ConfigWatch::tick() {
  Marks now = look();
  watch_all(now);
  const bool rests = now == seen_;
  const bool differs = now != told_;
  seen_ = std::move(now);
  if (differs && rests) {
    told_ = seen_;
    changed_();
  }
  if (differs && !rests) return wait(options_.debounce);
  if (poll_ > base::Duration::zero()) wait(poll_);
}

}  // namespace holdfast::agent

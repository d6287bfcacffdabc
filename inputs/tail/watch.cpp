#include "inputs/tail/watch.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/core.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace holdfast::tail {
namespace {

constexpr std::uint32_t kNames = IN_CREATE | IN_MOVED_TO;

}  // namespace

base::Result<std::unique_ptr<Watch>> Watch::open() {
  base::Descriptor inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify.valid()) return base::fail_errno("inotify", errno);
  return std::unique_ptr<Watch>(new Watch(std::move(inotify)));
}

Watch::Watch(base::Descriptor inotify) : inotify_(std::move(inotify)) {}

base::Result<int> Watch::add_file(int descriptor) {
  const std::string path = fmt::format("/proc/self/fd/{}", descriptor);
  const int number = ::inotify_add_watch(inotify_.get(), path.c_str(), IN_MODIFY);
  if (number < 0) return base::fail_errno("inotify", errno);
  return number;
}

base::Status Watch::add_folder(const std::string& path) {
  if (::inotify_add_watch(inotify_.get(), path.c_str(), kNames | IN_ONLYDIR) >= 0) {
    return base::ok();
  }
  return base::fail_errno("inotify " + path, errno);
}

void Watch::remove(int number) { (void)::inotify_rm_watch(inotify_.get(), number); }

Watch::Events Watch::read() {
  Events events;
  alignas(inotify_event) std::array<char, 65536> room;  // NOLINT: read into
  while (true) {
    const ssize_t got = ::read(inotify_.get(), room.data(), room.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return events;
    std::size_t at = 0;
    while (at + sizeof(inotify_event) <= static_cast<std::size_t>(got)) {
      inotify_event event{};
      std::memcpy(&event, room.data() + at, sizeof event);
      at += sizeof event + event.len;
      if ((event.mask & IN_Q_OVERFLOW) != 0) events.missed = true;
      if ((event.mask & kNames) != 0) events.names = true;
      if ((event.mask & IN_MODIFY) != 0) events.files.insert(event.wd);
    }
  }
}

}  // namespace holdfast::tail

// ConfigWatch: says when files of the configuration have changed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

#include "agent/base/clock.h"
#include "agent/base/log.h"

namespace holdfast::agent {

struct WatchOptions {
  std::vector<std::string> paths;      // files and directories, these with all below them
  std::optional<base::Duration> poll;  // look so often; nothing: let the kernel say (inotify)
  base::Duration debounce{};           // > 0: how long nothing may have changed
};

// I/O thread. `changed` is called once for each change, after it has come to rest; never from
// within a function of the watch. What is noticed is what stat(2) shows: a file that comes or goes,
// its size, time of modification, inode. Links are followed.
class ConfigWatch {
 public:
  ConfigWatch(asio::io_context& io, WatchOptions options, std::function<void()> changed,
              const base::Logger& log);
  ~ConfigWatch();
  ConfigWatch(const ConfigWatch&) = delete;
  ConfigWatch& operator=(const ConfigWatch&) = delete;

 private:
  using Marks = std::map<std::string, std::string>;  // path -> what stat(2) shows

  [[nodiscard]] Marks look() const;
  [[nodiscard]] bool start_inotify();
  void watch_all(const Marks& marks);
  void wait_for_event();
  void wait(base::Duration time);
  void tick();

  const WatchOptions options_;
  const std::function<void()> changed_;
  base::Logger log_;
  asio::posix::stream_descriptor inotify_;
  asio::steady_timer timer_;
  Marks told_;             // as it was at the last call of `changed`
  Marks seen_;             // as it was at the last look
  base::Duration poll_{};  // 0: told by the kernel
  // Handlers may run after this object is gone: they look at this first.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace holdfast::agent

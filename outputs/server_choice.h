// ServerChoice: which of several servers an attempt asks, and in which order: the preferred one as
// long as it works, the next ones when it fails, nobody during the wait he has asked for.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "agent/base/clock.h"

namespace holdfast::outputs {

// Not thread-safe. Servers are numbered in the order of preference.
class ServerChoice {
 public:
  // So long after its failure a server that is preferred to the one in use is tried again.
  static constexpr base::Duration kReturnAfter = std::chrono::seconds(60);

  explicit ServerChoice(std::size_t count) : servers_(count) {}

  // Those that may be asked now, best first: preferred ones whose failure is long ago, the one in
  // use, the others.
  [[nodiscard]] std::vector<std::size_t> order(base::BootTime now) const;
  // Until when it has asked not to be asked, if that is in the future.
  [[nodiscard]] std::optional<base::BootTime> waits_until(std::size_t server,
                                                          base::BootTime now) const;
  // Of those that are waiting: until the first may be asked; nothing if none is.
  [[nodiscard]] std::optional<base::Duration> shortest_wait(base::BootTime now) const;

  // It took the request. Returns true if another one was in use until now.
  bool worked(std::size_t server);
  void failed(std::size_t server, base::BootTime now);
  void asked_for_wait(std::size_t server, base::BootTime until);

  [[nodiscard]] std::size_t in_use() const { return in_use_; }

 private:
  struct Server {
    std::optional<base::BootTime> failed_at;
    std::optional<base::BootTime> not_before;
  };

  std::vector<Server> servers_;
  std::size_t in_use_ = 0;
};

}  // namespace holdfast::outputs

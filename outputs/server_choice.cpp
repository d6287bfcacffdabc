// The order of servers for one attempt.
#include "outputs/server_choice.h"

#include <algorithm>

namespace holdfast::outputs {

std::optional<base::BootTime> ServerChoice::waits_until(std::size_t server,
                                                        base::BootTime now) const {
  const auto& until = servers_[server].not_before;
  return until && now < *until ? until : std::nullopt;
}

std::vector<std::size_t> ServerChoice::order(base::BootTime now) const {
  std::vector<std::size_t> order;
  std::vector<std::size_t> last;  // preferred, but failed a moment ago
  const auto add = [&](std::size_t server, std::vector<std::size_t>& to) {
    if (!waits_until(server, now)) to.push_back(server);
  };
  for (std::size_t i = 0; i < in_use_; ++i) {
    const auto& failed_at = servers_[i].failed_at;
    add(i, !failed_at || now - *failed_at >= kReturnAfter ? order : last);
  }
  for (std::size_t i = in_use_; i < servers_.size(); ++i) add(i, order);
  order.insert(order.end(), last.begin(), last.end());
  return order;
}

std::optional<base::Duration> ServerChoice::shortest_wait(base::BootTime now) const {
  std::optional<base::Duration> shortest;
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    const auto until = waits_until(i, now);
    if (!until) continue;
    const base::Duration left = *until - now;
    shortest = shortest ? std::min(*shortest, left) : left;
  }
  return shortest;
}

bool ServerChoice::worked(std::size_t server) {
  servers_[server] = {};
  const bool moved = server != in_use_;
  in_use_ = server;
  return moved;
}

void ServerChoice::failed(std::size_t server, base::BootTime now) {
  servers_[server].failed_at = now;
}

void ServerChoice::asked_for_wait(std::size_t server, base::BootTime until) {
  servers_[server].not_before = until;
}

}  // namespace holdfast::outputs

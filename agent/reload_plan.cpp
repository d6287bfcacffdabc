// Comparing two configurations; nothing is started or stopped here.
#include "agent/reload_plan.h"

#include <deque>
#include <map>

namespace holdfast::agent {

Matches match(const std::vector<std::string_view>& running,
              const std::vector<std::string_view>& next) {
  std::map<std::string_view, std::deque<std::size_t>> free;
  for (std::size_t i = 0; i < running.size(); ++i) free[running[i]].push_back(i);
  Matches matches;
  std::vector<bool> wanted(running.size(), false);
  for (const std::string_view content : next) {
    auto& kept = matches.kept.emplace_back();
    const auto found = free.find(content);
    if (found == free.end() || found->second.empty()) continue;
    kept = found->second.front();
    found->second.pop_front();
    wanted[*kept] = true;
  }
  for (std::size_t i = 0; i < running.size(); ++i) {
    if (!wanted[i]) matches.stopped.push_back(i);
  }
  return matches;
}

std::vector<std::string> fixed_changes(const Configuration& running, const Configuration& next) {
  std::vector<std::string> names;
  const auto compare = [&names](const char* name, const auto& now, const auto& wanted) {
    if (!(now == wanted)) names.emplace_back(name);
  };
  const BufferOptions& now = running.buffer;
  const BufferOptions& wanted = next.buffer;
  compare("[buffer] path", now.path, wanted.path);
  compare("[buffer] size", now.size, wanted.size);
  compare("[buffer] sync", now.sync, wanted.sync);
  compare("[buffer] mode", now.mode, wanted.mode);
  compare("[buffer] spill_after", now.spill_after, wanted.spill_after);
  compare("[buffer] overflow", now.overflow, wanted.overflow);
  compare("[buffer] compression", now.compression, wanted.compression);
  compare("[buffer] compression_level", now.compression_level, wanted.compression_level);
  compare("[status] listen", running.status.listen, next.status.listen);
  compare("[status] socket", running.status.socket, next.status.socket);
  return names;
}

}  // namespace holdfast::agent

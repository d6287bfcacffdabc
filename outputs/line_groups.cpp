// Splitting lines by tags, converting their timestamps, and what is delivered of them.
#include "outputs/line_groups.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

#include <fmt/core.h>

#include "agent/line/cursor.h"

namespace holdfast::outputs {
namespace {

using line::KeyValue;
using line::LineParts;
using line::PairCursor;
using line::PairKind;

// Which route a tag belongs to; the first one counts.
const Route* route_of(std::string_view key, const std::vector<Route>& routes,
                      std::string& scratch) {
  line::unescape(key, scratch);
  for (const Route& route : routes) {
    if (route.tag == scratch) return &route;
  }
  return nullptr;
}

// One line on its way out: where it goes and which of its tags go with it.
struct Routed {
  Parameters parameters;
  std::string tags;  // with a comma before each
};

Routed route_line(const LineParts& parts, const std::vector<Route>& routes) {
  Routed routed;
  std::string scratch;
  PairCursor tags(parts.tags, PairKind::kTags);
  while (const auto tag = tags.next()) {
    const Route* const route = route_of(tag->key, routes, scratch);
    if (route != nullptr) {
      line::unescape(tag->value, scratch);
      routed.parameters[route->parameter] = scratch;
    }
    if (route != nullptr && route->exclude) continue;
    routed.tags += fmt::format(",{}={}", tag->key, tag->value);
  }
  return routed;
}

// The timestamp in the unit of `precision`; as it stands if it is no number.
void append_timestamp(std::string_view text, line::Precision precision, std::string& out) {
  std::int64_t time = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), time);
  if (error != std::errc{} || end != text.data() + text.size()) {
    out += text;
    return;
  }
  fmt::format_to(std::back_inserter(out), "{}", time / static_cast<std::int64_t>(precision));
}

}  // namespace

std::vector<LineGroup> group_lines(std::string_view lines, const LineRules& rules) {
  std::vector<LineGroup> groups;
  std::map<Parameters, std::size_t> places;
  line::LineCursor cursor(lines);
  while (const auto parts = cursor.next()) {
    Routed routed;
    if (rules.routes.empty()) {
      if (!parts->tags.empty()) routed.tags = fmt::format(",{}", parts->tags);
    } else {
      routed = route_line(*parts, rules.routes);
    }
    const auto [place, added] = places.try_emplace(routed.parameters, groups.size());
    if (added) groups.push_back({.parameters = std::move(routed.parameters), .lines = {}});
    LineGroup& group = groups[place->second];
    group.lines += parts->measurement;
    group.lines += routed.tags;
    group.lines += ' ';
    group.lines += parts->fields;
    group.lines += ' ';
    append_timestamp(parts->timestamp, rules.precision, group.lines);
    group.lines += '\n';
    ++group.points;
  }
  return groups;
}

GroupProgress::Done GroupProgress::done(const LineGroup& group) const {
  const auto found = ahead_.find(group.parameters);
  if (found == ahead_.end()) return {};
  // A retry may have more lines than the first attempt had, or fewer; otherwise it is no retry.
  const Ahead& ahead = found->second;
  if (group.lines.starts_with(ahead.lines)) {
    return {ahead.lines.size(), ahead.points, ahead.rejected};
  }
  if (!ahead.lines.starts_with(group.lines)) return {};
  return {group.lines.size(), group.points, std::min(ahead.rejected, group.points)};
}

void GroupProgress::add(const LineGroup& group, std::uint64_t rejected) {
  // Places that never come again would otherwise be remembered for ever.
  if (bytes_ > kMaxBytes || ahead_.empty()) {
    ahead_.clear();
    bytes_ = 0;
  }
  ahead_[group.parameters] = {group.lines, group.points, rejected};
  bytes_ += group.lines.size();
}

void GroupProgress::forget_refused(const std::vector<LineGroup>& groups) {
  for (const LineGroup& group : groups) {
    if (done(group).rejected >= group.points) ahead_.erase(group.parameters);
  }
}

void GroupProgress::settle(const std::vector<LineGroup>& groups) {
  for (const LineGroup& group : groups) {
    const auto found = ahead_.find(group.parameters);
    if (found == ahead_.end()) continue;
    Ahead& ahead = found->second;
    if (ahead.lines.size() > group.lines.size() && ahead.lines.starts_with(group.lines)) {
      ahead.lines.erase(0, group.lines.size());
      ahead.points -= std::min(ahead.points, group.points);
      ahead.rejected -= std::min(ahead.rejected, group.points);
    } else {
      ahead_.erase(found);
    }
  }
}

}  // namespace holdfast::outputs

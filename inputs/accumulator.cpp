// From a plugin's point to a finished line: name rules, tags, rounded time, one encoding.
#include "inputs/accumulator.h"

#include <utility>
#include <variant>

namespace holdfast::inputs {
namespace {

// True when the rules change the measurement's name.
bool renames(const PointRules& rules) {
  return !rules.name_override.empty() || !rules.name_prefix.empty() || !rules.name_suffix.empty();
}

std::string final_name(std::string_view name, const PointRules& rules) {
  std::string text = rules.name_prefix;
  text += rules.name_override.empty() ? name : std::string_view(rules.name_override);
  text += rules.name_suffix;
  return text;
}

void copy_with_name(const line::Point& from, std::string_view name, line::Point& to) {
  to.reset(name);
  for (const auto& tag : from.tags()) to.tag(from.text(tag.key), from.text(tag.value));
  for (const auto& field : from.fields()) {
    const auto key = from.text(field.key);
    std::visit(
        [&](const auto& value) {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, line::Point::Text>) {
            to.field(key, from.text(value));
          } else {
            to.field(key, value);
          }
        },
        field.value);
  }
}

}  // namespace

void InputCounters::set_last_error(std::string text) {
  const std::lock_guard lock(mutex_);
  last_error_ = std::move(text);
}

std::string InputCounters::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

std::int64_t round_time(std::int64_t time_ns, base::Duration precision) {
  const std::int64_t unit = precision.count();
  if (unit <= 1) return time_ns;
  std::int64_t past = time_ns % unit;
  if (past < 0) past += unit;
  const std::int64_t missing = unit - past;
  std::int64_t down = 0;
  std::int64_t up = 0;
  const bool no_down = __builtin_sub_overflow(time_ns, past, &down);
  const bool no_up = __builtin_add_overflow(time_ns, missing, &up);
  // At the ends of the range only one neighbour exists; of the two at least one always does,
  // unless the unit is most of the range.
  if (no_down && no_up) return time_ns;
  if (no_down) return up;
  if (no_up) return down;
  return past >= missing ? up : down;
}

base::Duration automatic_precision(base::Duration interval) {
  using namespace std::chrono_literals;
  if (interval >= 1s) return 1s;
  if (interval >= 1ms) return 1ms;
  if (interval >= 1us) return 1us;
  return 1ns;
}

Accumulator::Accumulator(const PointRules& rules, buffer::BlockLimits limits, std::int64_t now_ns,
                         InputCounters& counters)
    : rules_(rules),
      now_ns_(now_ns),
      counters_(counters),
      chunks_(limits.raw_bytes, limits.points) {}

void Accumulator::add(const line::Point& point) {
  if (rules_.time_source == TimeSource::kCollectionEnd) return waiting_.push_back(point);
  const bool own_time = rules_.time_source == TimeSource::kMetric;
  encode_at(point, own_time ? point.time().value_or(now_ns_) : now_ns_);
}

void Accumulator::finish(std::int64_t end_ns) {
  for (const line::Point& point : waiting_) encode_at(point, end_ns);
  waiting_.clear();
}

void Accumulator::encode_at(const line::Point& point, std::int64_t time_ns) {
  const line::Point* final_point = &point;
  if (renames(rules_)) {
    copy_with_name(point, final_name(point.measurement(), rules_), renamed_);
    final_point = &renamed_;
  }
  const std::int64_t rounded_ns = round_time(time_ns, rules_.precision);
  if (!line::encode(*final_point, rules_.extra_tags, rounded_ns, rules_.encode, chunks_.open())) {
    chunks_.rollback();
    return;
  }
  chunks_.commit(rounded_ns);
  counters_.gathered.fetch_add(1, std::memory_order_relaxed);
}

void Accumulator::add_error(const base::Error& error) {
  counters_.errors.fetch_add(1, std::memory_order_relaxed);
  counters_.set_last_error(error.message);
  errors_.push_back(error);
}

}  // namespace holdfast::inputs

// From a plugin's point to a finished line: name rules, tags, rounded time, one encoding.
#include "inputs/accumulator.h"

#include <utility>
#include <variant>

namespace holdfast::inputs {
namespace {

// The point under another name, with what the filter keeps of it.
void copy_kept(const line::Point& from, std::string_view name, const line::MetricFilter& filter,
               line::Point& to) {
  to.reset(name);
  for (const auto& tag : from.tags()) {
    if (filter.keeps_tag(from.text(tag.key))) to.tag(from.text(tag.key), from.text(tag.value));
  }
  for (const auto& field : from.fields()) {
    const auto key = from.text(field.key);
    if (!filter.keeps_field(key)) continue;
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

std::vector<buffer::Lines> views_of(const std::vector<line::LineChunk>& chunks) {
  std::vector<buffer::Lines> views;
  views.reserve(chunks.size());
  for (const line::LineChunk& chunk : chunks) {
    views.push_back({chunk.bytes, chunk.points, chunk.oldest_ns, chunk.newest_ns});
  }
  return views;
}

Accumulator::Accumulator(const PointRules& rules, buffer::BlockLimits limits, std::int64_t now_ns,
                         InputCounters& counters)
    : rules_(rules),
      now_ns_(now_ns),
      counters_(counters),
      chunks_(limits.raw_bytes, limits.points) {}

bool Accumulator::selected(const line::Point& point) {
  if (rules_.filter.selects_all()) return true;
  tags_.clear();
  for (const auto& tag : point.tags()) {
    tags_.push_back({point.text(tag.key), point.text(tag.value)});
  }
  return rules_.filter.selects(point.measurement(), tags_);
}

const line::Point* Accumulator::edited(const line::Point& point) {
  if (rules_.names.empty() && rules_.filter.keeps_all()) return &point;
  copy_kept(point, rules_.names.apply(point.measurement()), rules_.filter, edited_);
  return edited_.fields().empty() && !point.fields().empty() ? nullptr : &edited_;
}

void Accumulator::add(const line::Point& point) {
  if (rules_.time_source == TimeSource::kCollectionEnd) return waiting_.push_back(point);
  const bool own_time = rules_.time_source == TimeSource::kMetric;
  const bool has_time = own_time && point.time().has_value();
  encode_at(point, has_time ? *point.time() : fresh_time());
}

std::int64_t Accumulator::fresh_time() {
  if (last_ns_ == nullptr) return now_ns_;
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t last_ns = *last_ns_;
  std::int64_t fresh_ns = now_ns_;
  do {
    // A clock that was set back is believed.
    const bool ahead = last_ns >= now_ns_ && last_ns - now_ns_ < kSecond;
    fresh_ns = ahead ? last_ns + 1 : now_ns_;
  } while (!last_ns_->compare_exchange_weak(last_ns, fresh_ns));
  return fresh_ns;
}

void Accumulator::finish(std::int64_t end_ns) {
  for (const line::Point& point : waiting_) encode_at(point, end_ns);
  waiting_.clear();
}

void Accumulator::encode_at(const line::Point& point, std::int64_t time_ns) {
  const line::Point* const kept = selected(point) ? edited(point) : nullptr;
  if (kept == nullptr) {
    counters_.filtered.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  const std::int64_t rounded_ns = round_time(time_ns, rules_.precision);
  if (!line::encode(*kept, rules_.extra_tags, rounded_ns, rules_.encode, chunks_.open())) {
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

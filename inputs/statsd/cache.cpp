#include "inputs/statsd/cache.h"

#include <cmath>
#include <limits>
#include <utility>

#include <fmt/core.h>

namespace holdfast::statsd {
namespace {

// What a series or a text costs besides its letters.
constexpr std::size_t kOverheadBytes = 256;

std::size_t size_of(const Name& name) {
  std::size_t bytes = name.measurement.size() + name.field.size() + kOverheadBytes;
  for (const auto& [key, value] : name.tags) bytes += key.size() + value.size() + 64;
  return bytes;
}

// Cut off towards zero, and at the ends of what there is.
std::int64_t to_whole(double number) {
  constexpr auto kLimit = static_cast<double>(std::numeric_limits<std::int64_t>::max());
  if (number >= kLimit) return std::numeric_limits<std::int64_t>::max();
  if (number <= -kLimit) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(number);
}

std::int64_t add_bounded(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<std::int64_t>::max()
               : std::numeric_limits<std::int64_t>::min();
}

std::string key_of(Kind kind, const std::string& measurement, const Tags& tags) {
  std::string key = fmt::format("{}\n{}", static_cast<int>(kind), measurement);
  for (const auto& [name, value] : tags) key += "\n" + name + "\n" + value;
  return key;
}

void add_tags(const Tags& tags, line::Point& point) {
  for (const auto& [key, value] : tags) point.tag(key, value);
}

}  // namespace

Cache::Cache(CacheOptions options, const base::Clock& clock, base::Random random)
    : options_(std::move(options)),
      clock_(clock),
      random_(std::move(random)),
      since_ns_(clock.wall_ns()) {}

Tags Cache::tags_of(const Sample& sample, const Name& name) const {
  Tags tags = name.tags;
  tags.insert_or_assign("metric_type", std::string(name_of(sample.kind)));
  if (options_.temporality && sample.kind == Kind::kCounter) {
    tags.insert_or_assign("temporality", options_.delete_counters ? "delta" : "cumulative");
  }
  return tags;
}

base::Status Cache::take_room(std::size_t bytes) {
  if (bytes_ + bytes > kMaxBytes) {
    return base::fail(base::ErrorCode::kFull, "over {} bytes of different metrics in an interval",
                      kMaxBytes);
  }
  bytes_ += bytes;
  return base::ok();
}

Cache::Value Cache::fresh(Kind kind) const {
  if (kind == Kind::kCounter) return Counter{};
  if (kind == Kind::kGauge) return 0.0;
  if (kind == Kind::kSet) return Texts{};
  return Statistics(options_.percentile_limit);
}

base::Status Cache::update(Value& value, const Sample& sample, Series& series) {
  if (auto* counter = std::get_if<Counter>(&value)) {
    const double scaled = sample.rate > 0 ? sample.number / sample.rate : sample.number;
    const bool exact = sample.is_whole && sample.rate <= 0;
    // Each value is cut off by itself, and before its rate: as Telegraf does.
    const double cut = sample.rate > 0 ? std::trunc(sample.number) / sample.rate : sample.number;
    counter->whole = add_bounded(counter->whole, exact ? sample.whole : to_whole(cut));
    counter->number += scaled;
  } else if (auto* gauge = std::get_if<double>(&value)) {
    *gauge = sample.relative ? *gauge + sample.number : sample.number;
  } else if (auto* texts = std::get_if<Texts>(&value)) {
    if (texts->contains(sample.text)) return base::ok();
    const std::size_t bytes = sample.text.size() + kOverheadBytes / 2;
    if (auto room = take_room(bytes); !room) return room;
    series.bytes += bytes;
    texts->emplace(sample.text);
  } else if (auto* values = std::get_if<Statistics>(&value)) {
    const std::size_t before = values->sampled();
    const auto times = sample.rate > 0 ? static_cast<std::uint64_t>(1 / sample.rate) : 1;
    values->add(sample.number, std::max<std::uint64_t>(times, 1), random_);
    const std::size_t bytes = (values->sampled() - before) * sizeof(double);
    bytes_ += bytes;  // bounded by percentile_limit for each series
    series.bytes += bytes;
  }
  return base::ok();
}

base::Status Cache::add(const Sample& sample, const Name& name) {
  Tags tags = tags_of(sample, name);
  const std::string key = key_of(sample.kind, name.measurement, tags);
  const std::lock_guard lock(mutex_);
  if (sample.kind == Kind::kDistribution) {
    if (!options_.distributions) return base::ok();
    if (auto room = take_room(size_of(name)); !room) return room;
    distributions_.push_back({name.measurement, std::move(tags), sample.number});
    return base::ok();
  }
  auto place = series_.find(key);
  if (place == series_.end()) {
    const std::size_t bytes = size_of(name) + key.size();
    if (auto room = take_room(bytes); !room) return room;
    Series series{sample.kind, name.measurement, std::move(tags), {}, bytes, {}};
    place = series_.emplace(key, std::move(series)).first;
  }
  Series& series = place->second;
  auto field = series.fields.find(name.field);
  if (field == series.fields.end()) {
    const std::size_t bytes = name.field.size() + kOverheadBytes;
    if (auto room = take_room(bytes); !room) return room;
    series.bytes += bytes;
    field = series.fields.emplace(name.field, fresh(sample.kind)).first;
  }
  series.updated = clock_.boot();
  return update(field->second, sample, series);
}

base::Status Cache::add(line::Point point) {
  const std::lock_guard lock(mutex_);
  if (auto room = take_room(kOverheadBytes * 4); !room) return room;
  points_.push_back(std::move(point));
  return base::ok();
}

bool Cache::is_deleted(Kind kind) const {
  switch (kind) {
    case Kind::kCounter:
      return options_.delete_counters;
    case Kind::kGauge:
      return options_.delete_gauges;
    case Kind::kSet:
      return options_.delete_sets;
    default:
      return options_.delete_timings;
  }
}

// Under mutex_. What stays is copied.
std::map<std::string, Cache::Series> Cache::take() {
  std::map<std::string, Series> taken;
  const base::BootTime now = clock_.boot();
  for (auto next = series_.begin(); next != series_.end();) {
    const auto one = next++;
    const bool old =
        options_.max_ttl > base::Duration::zero() && now - one->second.updated > options_.max_ttl;
    if (old || is_deleted(one->second.kind)) {
      bytes_ -= one->second.bytes;
      taken.insert(taken.end(), series_.extract(one));
    } else {
      taken.insert(taken.end(), *one);
    }
  }
  return taken;
}

void Cache::add_statistics(const std::string& field, Statistics& values, line::Point& point) const {
  const std::string prefix = field == "value" ? "" : field + "_";
  values.settle();
  point.field(prefix + "mean", values.mean());
  point.field(prefix + "median", values.median());
  point.field(prefix + "stddev", values.stddev());
  point.field(prefix + "sum", values.sum());
  point.field(prefix + "upper", values.upper());
  point.field(prefix + "lower", values.lower());
  if (options_.float_timings) {
    point.field(prefix + "count", static_cast<double>(values.count()));
  } else {
    point.field(prefix + "count", static_cast<std::int64_t>(values.count()));
  }
  for (const double percent : options_.percentiles) {
    point.field(fmt::format("{}{}_percentile", prefix, percent), values.percentile(percent));
  }
}

void Cache::add_fields(Series& series, line::Point& point) const {
  for (auto& [field, value] : series.fields) {
    if (auto* counter = std::get_if<Counter>(&value)) {
      if (options_.float_counters) {
        point.field(field, counter->number);
      } else {
        point.field(field, counter->whole);
      }
    } else if (auto* gauge = std::get_if<double>(&value)) {
      point.field(field, *gauge);
    } else if (auto* texts = std::get_if<Texts>(&value)) {
      const auto count = static_cast<std::int64_t>(texts->size());
      if (options_.float_sets) {
        point.field(field, static_cast<double>(count));
      } else {
        point.field(field, count);
      }
    } else if (auto* values = std::get_if<Statistics>(&value)) {
      add_statistics(field, *values, point);
    }
  }
}

void Cache::emit(const std::function<void(line::Point&)>& out) {
  std::map<std::string, Series> series;
  std::vector<Distribution> distributions;
  std::vector<line::Point> points;
  std::int64_t since_ns = 0;
  {
    const std::lock_guard lock(mutex_);
    distributions.swap(distributions_);
    points.swap(points_);
    series = take();
    bytes_ = 0;
    for (const auto& [key, kept] : series_) bytes_ += kept.bytes;
    since_ns = std::exchange(since_ns_, clock_.wall_ns());
  }
  const std::string start =
      options_.temporality ? base::format_utc(base::WallTime(base::Duration(since_ns))) : "";
  line::Point point("");
  const auto finish = [&](const Tags& tags) {
    add_tags(tags, point);
    if (options_.temporality) point.field("start_time", start);
    out(point);
  };
  for (line::Point& one : points) out(one);
  for (const Distribution& one : distributions) {
    point.reset(one.measurement);
    point.field("value", one.value);
    finish(one.tags);
  }
  for (auto& [key, one] : series) {
    if (one.fields.empty()) continue;
    point.reset(one.measurement);
    add_fields(one, point);
    finish(one.tags);
  }
}

}  // namespace holdfast::statsd

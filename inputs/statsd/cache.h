// Cache: the values of an interval, until it is over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/random.h"
#include "agent/base/result.h"
#include "agent/line/point.h"
#include "inputs/statsd/line.h"
#include "inputs/statsd/names.h"
#include "inputs/statsd/statistics.h"

namespace holdfast::statsd {

struct CacheOptions {
  // Whether values begin anew after each interval.
  bool delete_gauges = true;
  bool delete_counters = true;
  bool delete_sets = true;
  bool delete_timings = true;
  bool float_counters = false;
  bool float_timings = false;
  bool float_sets = false;
  bool distributions = false;  // else they are left out
  std::vector<double> percentiles{};
  std::size_t percentile_limit = 1000;
  base::Duration max_ttl{};  // 0: none
  bool temporality = false;
};

// Thread-safe; adding waits for nothing but other adding and the copying of what stays.
class Cache {
 public:
  // Bytes of names, tags and texts, roughly. What has no room is refused (kFull).
  static constexpr std::size_t kMaxBytes = std::size_t{64} * 1024 * 1024;

  Cache(CacheOptions options, const base::Clock& clock, base::Random random);

  [[nodiscard]] base::Status add(const Sample& sample, const Name& name);
  // A point that is whole, to be given out with the next ones.
  [[nodiscard]] base::Status add(line::Point point);
  // What is added while it is held belongs to one interval.
  [[nodiscard]] std::unique_lock<std::recursive_mutex> hold() { return std::unique_lock(mutex_); }
  // The points of the interval that ends now.
  void emit(const std::function<void(line::Point&)>& out);

 private:
  struct Counter {
    std::int64_t whole = 0;
    double number = 0;
  };
  using Texts = std::set<std::string, std::less<>>;
  using Value = std::variant<Counter, double, Texts, Statistics>;
  struct Series {
    Kind kind = Kind::kCounter;
    std::string measurement;
    Tags tags;  // with metric_type
    std::map<std::string, Value> fields;
    std::size_t bytes = 0;
    base::BootTime updated{};
  };
  struct Distribution {
    std::string measurement;
    Tags tags;
    double value = 0;
  };

  [[nodiscard]] Tags tags_of(const Sample& sample, const Name& name) const;
  [[nodiscard]] Value fresh(Kind kind) const;
  [[nodiscard]] base::Status update(Value& value, const Sample& sample, Series& series);
  [[nodiscard]] base::Status take_room(std::size_t bytes);
  [[nodiscard]] bool is_deleted(Kind kind) const;
  [[nodiscard]] std::map<std::string, Series> take();
  void add_fields(Series& series, line::Point& point) const;
  void add_statistics(const std::string& field, Statistics& values, line::Point& point) const;

  const CacheOptions options_;
  const base::Clock& clock_;
  std::recursive_mutex mutex_;
  base::Random random_;
  std::map<std::string, Series> series_;  // by kind, measurement and tags
  std::vector<Distribution> distributions_;
  std::vector<line::Point> points_;
  std::size_t bytes_ = 0;
  std::int64_t since_ns_;  // when the interval began
};

}  // namespace holdfast::statsd

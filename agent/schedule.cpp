#include "agent/schedule.h"

namespace holdfast::agent {

base::WallTime Schedule::aligned(base::WallTime now) const {
  const std::int64_t interval = options_.interval.count();
  const std::int64_t guarded = now.time_since_epoch().count() + interval / 100;
  const std::int64_t past = ((guarded % interval) + interval) % interval;
  return base::WallTime(base::Duration(past == 0 ? guarded : guarded - past + interval));
}

base::WallTime Schedule::due(base::Random& random) const {
  return base_ + options_.offset + random.below(options_.jitter);
}

base::WallTime Schedule::first(base::WallTime now, base::Random& random) {
  base_ = options_.round ? aligned(now) : now;
  return due(random);
}

base::WallTime Schedule::next(base::WallTime now, base::Random& random) {
  base_ += options_.interval;
  const base::WallTime since = now - options_.offset;
  if (base_ < since || base_ > since + 2 * options_.interval) {
    base_ = options_.round ? aligned(since) : since + options_.interval;
  }
  return due(random);
}

}  // namespace holdfast::agent

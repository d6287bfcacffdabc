// The gathers of one tick share a block: it is closed when all are done and no other has begun for
// a moment, after one second at the latest.
#include "agent/gatherer.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <asio/post.hpp>

namespace holdfast::agent {
namespace {

constexpr base::Duration kOpenBlockAge = std::chrono::seconds(1);
// The timers of one tick do not run out in the same instant: a fast gather is done before the next
// one begins.
constexpr base::Duration kQuiet = std::chrono::milliseconds(50);
constexpr base::Duration kErrorLogInterval = std::chrono::minutes(1);

// A plugin that throws (out of memory, a bug) costs its gather, not the agent.
base::Status guarded_gather(inputs::Input& input, inputs::Accumulator& accumulator) {
  try {
    return input.gather(accumulator);
  } catch (const std::exception& error) {
    return base::fail(base::ErrorCode::kInvalid, "the gather failed: {}", error.what());
  }
}

}  // namespace

void add_chunks(buffer::BlockSink& sink, const std::vector<line::LineChunk>& chunks,
                buffer::BlockSink::Done done) {
  sink.add(inputs::views_of(chunks), buffer::Origin::kGathered, std::move(done));
}

bool gather_once(ConfiguredInput& input, const buffer::BlockLimits& limits,
                 const base::Clock& clock, const base::Logger& log,
                 const std::function<void(std::vector<line::LineChunk>)>& use) {
  inputs::InputCounters& counters = *input.counters;
  const base::BootTime begin = clock.boot();
  inputs::Accumulator accumulator(input.rules, limits, clock.wall_ns(), counters);
  const base::Status status = guarded_gather(*input.input, accumulator);
  accumulator.finish(clock.wall_ns());
  if (!status) accumulator.add_error(status.error());
  ++counters.gathers;
  counters.gather_ns = (clock.boot() - begin).count();
  counters.gather_total_ns += counters.gather_ns;
  for (const base::Error& error : accumulator.errors()) log.error("{}", error.message);
  const bool failed = !accumulator.errors().empty();
  use(accumulator.take());
  return !failed;
}

struct Gatherer::Shared {
  asio::io_context& io;
  buffer::BlockSink& sink;
  const base::Clock& clock;
  std::atomic<int> running{0};
};

struct Gatherer::Task {
  Task(std::shared_ptr<ConfiguredInput> which, asio::io_context& io, const ScheduleOptions& options,
       base::Logger logger)
      : input(std::move(which)), schedule(options), timer(io), log(std::move(logger)) {}

  std::shared_ptr<ConfiguredInput> input;
  Schedule schedule;
  asio::steady_timer timer;
  base::Logger log;
  std::atomic<bool> busy{false};
  base::LogThrottle skip_throttle{kErrorLogInterval};
  base::LogThrottle error_throttle{kErrorLogInterval};
  base::LogThrottle refuse_throttle{kErrorLogInterval};
};

Gatherer::Gatherer(asio::io_context& io, Pool pool, buffer::BlockSink& sink,
                   const base::Clock& clock, const base::Logger& log)
    : pool_(std::move(pool)),
      clock_(clock),
      random_(base::Random::from_system()),
      shared_(std::make_shared<Shared>(io, sink, clock)),
      log_(log),
      flush_timer_(io) {}

Gatherer::~Gatherer() = default;

void Gatherer::add(std::shared_ptr<ConfiguredInput> input, bool round) {
  const ScheduleOptions schedule{input->interval, input->jitter, input->offset, round};
  const base::Logger log = log_.named(input->display);
  tasks_.push_back(std::make_shared<Task>(std::move(input), shared_->io, schedule, log));
  const auto& task = tasks_.back();
  arm(task, task->schedule.first(clock_.wall(), random_));
}

void Gatherer::remove(const ConfiguredInput& input) {
  std::erase_if(tasks_, [&](const auto& task) { return task->input.get() == &input; });
}

void Gatherer::stop() {
  stopped_ = true;
  for (const auto& task : tasks_) task->timer.cancel();
  flush_timer_.cancel();
}

int Gatherer::running() const { return shared_->running; }

// The timer must not keep its task: removing that from the list ends it.
void Gatherer::arm(const std::shared_ptr<Task>& task, base::WallTime due) {
  task->timer.expires_after(due - clock_.wall());
  const std::weak_ptr<const bool> alive = alive_;
  task->timer.async_wait(
      [this, alive, weak = std::weak_ptr(task)](const std::error_code& cancelled) {
        if (alive.expired() || cancelled || stopped_) return;
        const auto due_task = weak.lock();
        if (!due_task || !is_listed(*due_task)) return;
        tick(due_task);
        arm(due_task, due_task->schedule.next(clock_.wall(), random_));
      });
}

// A task that was removed may live on in a gather, and its timer with it.
bool Gatherer::is_listed(const Task& task) const {
  return std::any_of(tasks_.begin(), tasks_.end(),
                     [&](const auto& listed) { return listed.get() == &task; });
}

void Gatherer::tick(const std::shared_ptr<Task>& task) {
  inputs::InputCounters& counters = *task->input->counters;
  if (task->busy.exchange(true)) {
    ++counters.skipped;
    std::uint64_t before = 0;
    if (task->skip_throttle.allow(clock_.boot(), before)) {
      task->log.warn("still gathering after its interval of {}: this tick is skipped ({} before)",
                     base::format_duration(task->input->interval), before);
    }
    return;
  }
  ++shared_->running;
  if (!open_since_) {
    open_since_ = clock_.boot();
    flush_at(*open_since_ + kOpenBlockAge);
  }
  const std::weak_ptr<const bool> alive = alive_;
  pool_([this, task, shared = shared_, alive] {
    gather(task, shared);
    task->busy = false;
    if (--shared->running > 0) return;
    asio::post(shared->io, [this, alive] {
      if (!alive.expired()) settled();
    });
  });
}

// On the pool.
void Gatherer::gather(const std::shared_ptr<Task>& task, const std::shared_ptr<Shared>& shared) {
  inputs::InputCounters& counters = *task->input->counters;
  const std::uint64_t errors = counters.errors;
  const auto use = [&](const std::vector<line::LineChunk>& chunks) {
    add_chunks(shared->sink, chunks,
               [task, shared](const base::Status& status, std::uint64_t refused) {
                 if (status) return;
                 task->input->counters->not_accepted += refused;
                 std::uint64_t more = 0;
                 if (task->refuse_throttle.allow(shared->clock.boot(), more)) {
                   task->log.error("{} points not accepted: {} ({} times before)", refused,
                                   status.error().message, more);
                 }
               });
  };
  gather_once(*task->input, shared->sink.limits(), shared->clock, base::Logger(), use);
  // Errors of a broken collector repeat at each gather: one line a minute is enough.
  std::uint64_t before = 0;
  if (counters.errors != errors && task->error_throttle.allow(shared->clock.boot(), before)) {
    task->log.error("{} ({} times before)", counters.last_error(), before);
  }
}

void Gatherer::settled() {
  if (!open_since_ || shared_->running > 0) return;
  flush_at(std::min(clock_.boot() + kQuiet, *open_since_ + kOpenBlockAge));
}

void Gatherer::flush_at(base::BootTime due) {
  flush_timer_.expires_after(due - clock_.boot());
  const std::weak_ptr<const bool> alive = alive_;
  flush_timer_.async_wait([this, alive](const std::error_code& cancelled) {
    if (alive.expired() || cancelled || stopped_) return;
    // It had run out when the end of a gather set it anew: the first of the two closed the block.
    if (!open_since_) return;
    const base::BootTime now = clock_.boot();
    const bool old = now - *open_since_ >= kOpenBlockAge;
    // A gather that has begun meanwhile shares the block; a slow one does not hold it up.
    if (shared_->running > 0 && !old) return flush_at(*open_since_ + kOpenBlockAge);
    pool_([shared = shared_] { shared->sink.flush(); });
    open_since_.reset();
    if (shared_->running == 0) return;
    open_since_ = now;
    flush_at(now + kOpenBlockAge);
  });
}

}  // namespace holdfast::agent

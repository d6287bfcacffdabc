// The I/O thread's part: what there is to do, one job at a time, and the end.
#include "inputs/tail_service.h"

#include <utility>

#include <asio/post.hpp>

namespace holdfast::inputs {
namespace {

constexpr base::Duration kPollInterval = std::chrono::milliseconds(250);
// New names come in swarms; one look is enough for them.
constexpr base::Duration kScanDelay = std::chrono::milliseconds(100);
constexpr base::Duration kSaveInterval = std::chrono::seconds(1);
constexpr base::Duration kErrorLogInterval = std::chrono::minutes(1);

}  // namespace

TailService::TailService(std::shared_ptr<const TailSettings> settings,
                         const ServiceContext& context, const base::Clock& clock, base::Logger log)
    : settings_(std::move(settings)),
      context_(context),
      clock_(clock),
      log_(std::move(log)),
      feed_(std::make_shared<Feed>(context, clock, log_)),
      events_(context.io),
      poll_timer_(context.io),
      scan_timer_(context.io),
      save_timer_(context.io),
      lines_timer_(context.io),
      save_throttle_(kErrorLogInterval) {}

TailService::~TailService() {
  // The watch closes it.
  if (events_.is_open()) events_.release();
}

base::Status TailService::start() {
  if (!settings_->state_directory.empty()) {
    if (auto opened = open_positions(); !opened) return opened;
  }
  if (!settings_->poll) {
    auto watch = tail::Watch::open();
    if (watch) {
      watch_ = std::move(*watch);
      events_.assign(watch_->descriptor());
      wait_for_events();
    } else {
      log_.warn("{}: files are looked at every {}", watch.error().message,
                base::format_duration(kPollInterval));
    }
  }
  if (!watch_) wait_for_poll();
  wanted_.scan = wanted_.all = true;
  kick();
  return base::ok();
}

base::Status TailService::open_positions() {
  auto file = tail::PositionFile::open(settings_->state_directory, settings_->state_name);
  if (!file) {
    const base::Error& error = file.error();
    const bool device =
        error.code == base::ErrorCode::kNoSpace || error.code == base::ErrorCode::kIo;
    if (!device) return tl::unexpected(error);
    log_.error("positions are not kept until the next start: {}", error.message);
    return base::ok();
  }
  position_file_.emplace(std::move(*file));
  saved_ = position_file_->found();
  if (const auto& problem = position_file_->problem()) {
    ++context_.counters.errors;
    context_.counters.set_last_error(problem->message);
    log_.error("the positions are lost, set aside in {}.bad: {}", settings_->state_name,
               problem->message);
  }
  return base::ok();
}

void TailService::rescan() {
  asio::post(context_.io, [self = shared_from_this()] {
    self->wanted_.scan = self->wanted_.all = true;
    self->kick();
  });
}

void TailService::wait_for_events() {
  events_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](const std::error_code& cancelled) {
                       if (cancelled || self->stopping_) return;
                       const tail::Watch::Events events = self->watch_->read();
                       self->wanted_.files.insert(events.files.begin(), events.files.end());
                       if (events.missed) self->wanted_.scan = self->wanted_.all = true;
                       if (events.names) {
                         self->look_soon(self->scan_timer_, self->scan_armed_, kScanDelay,
                                         [](Wanted& wanted) { wanted.scan = wanted.all = true; });
                       }
                       self->kick();
                       self->wait_for_events();
                     });
}

void TailService::wait_for_poll() {
  poll_timer_.expires_after(kPollInterval);
  poll_timer_.async_wait([self = shared_from_this()](const std::error_code& cancelled) {
    if (cancelled || self->stopping_) return;
    self->wanted_.all = true;
    self->kick();
    self->wait_for_poll();
  });
}

void TailService::look_soon(asio::steady_timer& timer, bool& armed, base::Duration after,
                            const std::function<void(Wanted&)>& want) {
  if (armed || stopping_) return;
  armed = true;
  timer.expires_after(after);
  timer.async_wait([self = shared_from_this(), &armed, want](const std::error_code& cancelled) {
    armed = false;
    if (cancelled || self->stopping_) return;
    want(self->wanted_);
    self->kick();
  });
}

void TailService::kick() {
  if (running_ || stopping_ || !wanted_.any()) return;
  running_ = true;
  context_.pool([self = shared_from_this(), wanted = std::exchange(wanted_, {})] {
    self->work(wanted);
    bool more = false;
    bool waits_for_lines = false;
    for (const Followed& one : self->files_) {
      more = more || one.file.more();
      waits_for_lines = waits_for_lines || one.file.waits_for_lines();
    }
    asio::post(self->context_.io,
               [self, more, waits_for_lines] { self->job_done(more, waits_for_lines); });
  });
}

void TailService::job_done(bool more, bool waits_for_lines) {
  running_ = false;
  if (stopping_) return finish();
  // Else settled() goes on.
  if (more && undelivered_ < settings_->max_undelivered) wanted_.resume = true;
  if (waits_for_lines) {
    look_soon(lines_timer_, lines_armed_, settings_->text.rule->options().timeout,
              [](Wanted& wanted) { wanted.resume = true; });
  }
  // Of a file that was read to its end too: an event may have come before its watch.
  kick();
}

void TailService::settled(const std::shared_ptr<Progress>& progress, std::uint64_t number,
                          std::size_t lines, bool accepted) {
  undelivered_ -= lines;
  if (progress) {
    const std::lock_guard lock(mutex_);
    for (Progress::Batch& batch : progress->batches) {
      // Refused while nothing ends: it never would get in.
      if (batch.number == number) batch.stored = accepted || !stopping_;
    }
    while (!progress->batches.empty() && progress->batches.front().stored) {
      progress->stored = progress->batches.front().end;
      progress->batches.pop_front();
    }
  }
  if (stopping_) return;
  if (progress && position_file_) {
    look_soon(save_timer_, save_armed_, kSaveInterval, [](Wanted& wanted) { wanted.save = true; });
  }
  wanted_.resume = true;
  kick();
}

void TailService::stop(std::function<void()> stopped) {
  stopped_ = std::move(stopped);
  stopping_ = true;
  if (events_.is_open()) events_.cancel();
  for (auto* timer : {&poll_timer_, &scan_timer_, &save_timer_, &lines_timer_}) timer->cancel();
  if (!running_) finish();
}

// The last positions are those of what the ring has taken up to the end.
void TailService::finish() {
  feed_->close([self = shared_from_this()] {
    self->context_.pool([self] {
      if (self->position_file_) self->save_positions();
      self->files_.clear();
      self->position_file_.reset();
      asio::post(self->context_.io, [self] { std::exchange(self->stopped_, {})(); });
    });
  });
}

}  // namespace holdfast::inputs

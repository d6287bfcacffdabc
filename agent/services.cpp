// Starting listeners, also later than planned.
#include "agent/services.h"

#include <utility>

#include <asio/steady_timer.hpp>

namespace holdfast::agent {
namespace {

constexpr base::Duration kErrorLogInterval = std::chrono::minutes(1);

void count_failure(ConfiguredInput& input, const base::Error& error) {
  ++input.counters->errors;
  input.counters->set_last_error("cannot start: " + error.message);
}

}  // namespace

struct Services::Retry {
  Retry(std::shared_ptr<ConfiguredInput> which, asio::io_context& io, base::Logger logger)
      : input(std::move(which)), timer(io), log(std::move(logger)) {}

  std::shared_ptr<ConfiguredInput> input;
  asio::steady_timer timer;
  base::Logger log;
  base::LogThrottle throttle{kErrorLogInterval};
};

Services::Services(asio::io_context& io, Pool pool, buffer::BlockSink& sink,
                   const base::Clock& clock, const base::Logger& log)
    : io_(io), pool_(std::move(pool)), sink_(sink), clock_(clock), log_(log) {}

Services::~Services() = default;

base::Status Services::start_one(const std::shared_ptr<ConfiguredInput>& input) {
  const inputs::ServiceContext context{io_, pool_, sink_, input->rules, *input->counters};
  if (auto started = input->service()->start(context); !started) return started;
  started_.push_back(input);
  return base::ok();
}

base::Status Services::start(const std::shared_ptr<ConfiguredInput>& input) {
  if (input->service() == nullptr) return base::ok();
  const auto started = start_one(input);
  if (started) return started;
  const base::Error& error = started.error();
  if (input->startup_errors == StartupErrors::kFail) {
    return base::fail(error.code, "{}: {}", input->display, error.message);
  }
  count_failure(*input, error);
  const base::Logger log = log_.named(input->display, input->log_level);
  if (input->startup_errors == StartupErrors::kIgnore) {
    log.error("cannot start, and is left out until the next start of the agent: {}", error.message);
    input->input.reset();
    return base::ok();
  }
  retries_.push_back(std::make_shared<Retry>(input, io_, log));
  log.error("cannot start; tried again every {}: {}", base::format_duration(input->interval),
            error.message);
  retry_later(retries_.back());
  return base::ok();
}

// The timer must not keep its attempt: taken off the list it is over.
void Services::retry_later(const std::shared_ptr<Retry>& retry) {
  retry->timer.expires_after(retry->input->interval);
  retry->timer.async_wait([this, weak = std::weak_ptr(retry)](const std::error_code& cancelled) {
    const auto still = weak.lock();
    if (still && !cancelled) try_again(still);
  });
}

void Services::try_again(const std::shared_ptr<Retry>& retry) {
  const auto started = start_one(retry->input);
  if (started) {
    retry->log.info("started after all");
    std::erase(retries_, retry);
    return;
  }
  count_failure(*retry->input, started.error());
  std::uint64_t before = 0;
  if (retry->throttle.allow(clock_.boot(), before)) {
    retry->log.error("still cannot start: {} ({} times before)", started.error().message, before);
  }
  retry_later(retry);
}

std::shared_ptr<const std::size_t> Services::stop(const Inputs& which) {
  // Outlives this object in what the inputs call at their end.
  const auto open = std::make_shared<std::size_t>(0);
  for (const auto& input : which) {
    std::erase_if(retries_, [&](const auto& retry) { return retry->input == input; });
    if (std::erase(started_, input) == 0) continue;
    ++*open;
    input->service()->stop([open] { --*open; });
  }
  return open;
}

Services::Inputs Services::all() const {
  Inputs all = started_;
  for (const auto& retry : retries_) all.push_back(retry->input);
  return all;
}

}  // namespace holdfast::agent

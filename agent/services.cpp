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
  Retry(ConfiguredInput& which, asio::io_context& io, base::Logger logger)
      : input(which), timer(io), log(std::move(logger)) {}

  ConfiguredInput& input;
  asio::steady_timer timer;
  base::Logger log;
  base::LogThrottle throttle{kErrorLogInterval};
};

Services::Services(asio::io_context& io, Pool pool, std::vector<ConfiguredInput>& inputs,
                   buffer::BlockSink& sink, const base::Clock& clock, const base::Logger& log)
    : io_(io), pool_(std::move(pool)), inputs_(inputs), sink_(sink), clock_(clock), log_(log) {}

Services::~Services() = default;

base::Status Services::start_one(ConfiguredInput& input) {
  inputs::ServiceInput* service = input.service();
  const inputs::ServiceContext context{io_, pool_, sink_, input.rules, *input.counters};
  if (auto started = service->start(context); !started) return started;
  started_.push_back(service);
  ++*open_;
  return base::ok();
}

base::Status Services::start() {
  for (ConfiguredInput& input : inputs_) {
    if (input.service() == nullptr) continue;
    const auto started = start_one(input);
    if (started) continue;
    const base::Error& error = started.error();
    if (input.startup_errors == StartupErrors::kFail) {
      return base::fail(error.code, "{}: {}", input.display, error.message);
    }
    count_failure(input, error);
    const base::Logger log = log_.named(input.display, input.log_level);
    if (input.startup_errors == StartupErrors::kIgnore) {
      log.error("cannot start, and is left out until the next start of the agent: {}",
                error.message);
      input.input.reset();
      continue;
    }
    retries_.push_back(std::make_unique<Retry>(input, io_, log));
    log.error("cannot start; tried again every {}: {}", base::format_duration(input.interval),
              error.message);
    retry_later(*retries_.back());
  }
  return base::ok();
}

void Services::retry_later(Retry& retry) {
  retry.timer.expires_after(retry.input.interval);
  const std::weak_ptr<const bool> alive = alive_;
  retry.timer.async_wait([this, &retry, alive](const std::error_code& cancelled) {
    if (!alive.expired() && !cancelled) try_again(retry);
  });
}

void Services::try_again(Retry& retry) {
  const auto started = start_one(retry.input);
  if (started) return retry.log.info("started after all");
  count_failure(retry.input, started.error());
  std::uint64_t before = 0;
  if (retry.throttle.allow(clock_.boot(), before)) {
    retry.log.error("still cannot start: {} ({} times before)", started.error().message, before);
  }
  retry_later(retry);
}

void Services::stop() {
  retries_.clear();
  alive_.reset();
  for (inputs::ServiceInput* service : started_) {
    service->stop([open = open_] { --*open; });
  }
  started_.clear();
}

}  // namespace holdfast::agent

// A new configuration for the running agent. Inputs come first: an address may be in use, and then
// the old ones go on as if nothing had been. After that nothing is expected to fail.
#include <algorithm>
#include <utility>

#include <asio/post.hpp>

#include "agent/pipeline.h"

namespace holdfast::agent {
namespace {

// A worker whose time is over needs a moment to give up its request.
constexpr base::Duration kToGiveUp = std::chrono::seconds(1);

bool claims(const std::vector<ConfiguredOutput>& outputs, const std::string& reader_id) {
  return std::any_of(outputs.begin(), outputs.end(),
                     [&](const ConfiguredOutput& output) { return output.reader_id == reader_id; });
}

template <class List, class Get>
std::vector<std::string_view> contents(const List& list, Get get) {
  std::vector<std::string_view> all;
  for (const auto& item : list) all.push_back(get(item).content);
  return all;
}

const auto kItself = [](const auto& item) -> const auto& { return item; };
const auto kPointee = [](const auto& item) -> const auto& { return *item; };

}  // namespace

base::Status Pipeline::apply(Configuration next) {
  if (next.outputs.size() > buffer::kMaxReaders) {
    return base::fail(base::ErrorCode::kTooLarge,
                      "{} outputs are configured, the ring has room for {}", next.outputs.size(),
                      buffer::kMaxReaders);
  }
  const Matches plan = match(contents(outputs_, kItself), contents(next.outputs, kItself));
  const auto fresh = std::count(plan.kept.begin(), plan.kept.end(), std::nullopt);
  auto waiters = make_waiters(static_cast<std::size_t>(fresh));
  if (!waiters) return tl::unexpected(waiters.error());
  hide_numbers();
  auto replaced = replace_inputs(next);
  if (replaced) {
    replaced = replace_outputs(next, plan, std::move(*waiters));
    adopt(std::move(next));
  }
  report_numbers();
  return replaced;
}

base::Status Pipeline::replace_inputs(Configuration& next) {
  const Matches plan = match(contents(inputs_, kPointee), contents(next.inputs, kItself));
  Inputs stopped;
  for (const std::size_t i : plan.stopped) {
    if (inputs_[i]->service() != nullptr) stopped.push_back(inputs_[i]);
  }
  stop_services(stopped, clock_.boot() + configuration_.agent.shutdown_timeout / 2);
  Inputs all;
  Inputs fresh;
  for (std::size_t i = 0; i < next.inputs.size(); ++i) {
    if (plan.kept[i]) {
      all.push_back(inputs_[*plan.kept[i]]);
      continue;
    }
    fresh.push_back(std::make_shared<ConfiguredInput>(std::move(next.inputs[i])));
    all.push_back(fresh.back());
    if (auto started = services_.start(fresh.back()); !started) {
      fresh.pop_back();
      go_back(fresh, stopped);
      return started;
    }
  }
  for (const std::size_t i : plan.stopped) {
    log_.info("reload: {} stopped", inputs_[i]->display);
    gatherer_->remove(*inputs_[i]);
  }
  for (const auto& input : fresh) {
    log_.info("reload: {} started", input->display);
    run(input, next.agent.round_interval);
  }
  inputs_ = std::move(all);
  next.inputs.clear();
  return base::ok();
}

// One address could not be had: the listeners that were stopped for the new ones come back.
void Pipeline::go_back(const Inputs& started, const Inputs& stopped) {
  stop_services(started, clock_.boot() + configuration_.agent.shutdown_timeout / 2);
  for (const auto& input : stopped) {
    if (auto again = services_.start(input); !again) log_.error("{}", again.error().message);
  }
}

base::Status Pipeline::replace_outputs(Configuration& next, const Matches& plan, Waiters waiters) {
  writer_.set_limits(block_limits(next));
  end_outputs(plan.stopped, next);
  base::Status result = settle_readers(next.outputs);
  std::vector<RunningOutput> before = std::exchange(outputs_, {});
  std::vector<outputs::Worker*> fresh;
  for (std::size_t i = 0; i < next.outputs.size(); ++i) {
    if (plan.kept[i]) {
      outputs_.push_back(std::move(before[*plan.kept[i]]));
      continue;
    }
    auto made = make_output(next.outputs[i], std::move(waiters[fresh.size()]));
    if (!made) {
      result = tl::unexpected(made.error());
      waiters.erase(waiters.begin() + static_cast<std::ptrdiff_t>(fresh.size()));
      continue;
    }
    log_.info("reload: {} started", made->display);
    outputs_.push_back(std::move(*made));
    fresh.push_back(outputs_.back().worker.get());
  }
  announce_appends();  // before those that ended go
  for (outputs::Worker* worker : fresh) worker->start();
  // As at the start; here it must not hold up the I/O thread.
  asio::post(pool_, [this] {
    if (auto synced = store_.ring->sync(true); !synced) log_.error("{}", synced.error().message);
  });
  return result;
}

// What a changed output has not sent, its successor sends: it only ends the request it is at.
void Pipeline::end_outputs(const std::vector<std::size_t>& which, const Configuration& next) {
  const base::BootTime deadline = clock_.boot() + configuration_.agent.shutdown_timeout;
  for (const std::size_t i : which) {
    const bool goes_on = claims(next.outputs, outputs_[i].reader_id);
    outputs_[i].worker->request_stop(deadline,
                                     goes_on ? outputs::LastFlush::kNo : outputs::LastFlush::kYes);
  }
  run_io_until(deadline + kToGiveUp, [&] {
    return std::all_of(which.begin(), which.end(),
                       [&](std::size_t i) { return outputs_[i].worker->ended(); });
  });
  for (const std::size_t i : which) {
    outputs_[i].worker->join();
    log_.info("reload: {} stopped", outputs_[i].display);
    if (!claims(next.outputs, outputs_[i].reader_id)) store_.ring->detach(outputs_[i].reader);
  }
}

// What can change while the ring is open does; the rest stays, and is named.
void Pipeline::adopt(Configuration next) {
  reloads_.pending = fixed_changes(configuration_, next);
  for (const std::string& option : reloads_.pending) {
    log_.warn("reload: {} takes effect at the next start", option);
  }
  BufferOptions buffer = configuration_.buffer;
  buffer.max_age = next.buffer.max_age;
  buffer.sync_interval = next.buffer.sync_interval;
  store_.ring->set_max_age(buffer.max_age);
  sync_->set_interval(buffer.sync_interval);
  next.buffer = std::move(buffer);
  next.status = configuration_.status;
  configuration_ = std::move(next);
  reloads_.loaded_ns = clock_.wall_ns();
  ++reloads_.reloads;
  reloads_.failing_since_ns = 0;
  reloads_.failed_why.clear();
}

void Pipeline::reload_failed(const std::string& why) {
  ++reloads_.failures;
  if (reloads_.failing_since_ns == 0) reloads_.failing_since_ns = clock_.wall_ns();
  reloads_.failed_why = why;
  log_.error("reload failed, the configuration before goes on: {}", why);
}

}  // namespace holdfast::agent

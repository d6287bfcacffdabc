// One attempt over the servers of a target: the batch as it lies in the ring, or its lines in
// groups; from one server to the next while they fail.
#include "outputs/write_output.h"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "agent/base/codes.h"
#include "outputs/deflate.h"
#include "outputs/line_groups.h"
#include "outputs/server_choice.h"
#include "outputs/text.h"
#include "outputs/url.h"
#include "outputs/write_server.h"

namespace holdfast::outputs {
namespace {

struct Failure {
  std::size_t server = 0;
  Decision decision;
};

// One attempt: who is still to be asked, best first, and what came of it so far.
struct Round {
  Attempt& attempt;
  const StopSignal& stop;
  std::string trace;
  std::deque<std::size_t> left;
  std::vector<Failure> failures;
};

// Another server may take what this one could not. Whoever refuses the points, or wants a person to
// act, has understood the request.
bool try_elsewhere(Action action) { return action == Action::kRetry || action == Action::kWait; }

bool settled(Action action) { return action == Action::kDelivered || action == Action::kRejected; }

Decision unreadable(const base::Error& error) {
  Decision decision;
  decision.action = Action::kRejected;
  decision.reason = error.message;
  return decision;
}

class WriteOutput final : public Output {
 public:
  WriteOutput(WriteTarget target, const OutputContext& context)
      : target_(std::move(target)),
        clock_(context.clock),
        log_(context.log),
        max_wait_(context.max_retry_after),
        choice_(target_.servers.size()) {}

  [[nodiscard]] base::Status connect(const HttpClientFactory& make_client) {
    for (const WriteServer& server : target_.servers) {
      auto client = make_client(server);
      if (!client) return tl::unexpected(client.error());
      servers_.emplace_back(target_, server, std::move(*client), clock_, log_);
    }
    return base::ok();
  }

  [[nodiscard]] Attempt deliver(Batch& batch, const StopSignal& stop) override {
    Attempt attempt;
    const auto order = choice_.order(clock_.boot());
    Round round{attempt, stop, {}, {order.begin(), order.end()}, {}};
    if (target_.trace) round.trace = fmt::format("{:016x}", base::hash64(batch.gzip()));
    attempt.decision =
        target_.rules.empty() ? deliver_whole(batch, round) : deliver_groups(batch, round);
    if (!round.trace.empty()) tell_trace(batch, round);
    return attempt;
  }

  [[nodiscard]] std::vector<ServerWait> waits() const override {
    std::vector<ServerWait> waits;
    for (std::size_t i = 0; servers_.size() > 1 && i < servers_.size(); ++i) {
      if (const auto until = choice_.waits_until(i, clock_.boot())) {
        waits.push_back({key_of(i), *until});
      }
    }
    return waits;
  }

  void resume(const ServerWait& wait) override {
    for (std::size_t i = 0; i < servers_.size(); ++i) {
      if (key_of(i) == wait.server) choice_.asked_for_wait(i, wait.until);
    }
  }

  [[nodiscard]] std::string destination() const override {
    return target_.servers[choice_.in_use()].write_url + query_string(target_.parameters);
  }

  [[nodiscard]] std::optional<bool> unsigned_fields() const override {
    return target_.unsigned_fields;
  }

 private:
  [[nodiscard]] std::uint32_t key_of(std::size_t server) const {
    return static_cast<std::uint32_t>(base::hash64(target_.servers[server].write_url));
  }

  void tell_trace(const Batch& batch, Round& round) const {
    std::string& reason = round.attempt.decision.reason;
    if (reason.empty()) {
      log_.debug("{} points delivered, trace {}", batch.sent_points(), round.trace);
    } else {
      reason += fmt::format(" (trace {})", round.trace);
    }
  }

  [[nodiscard]] Decision deliver_whole(Batch& batch, Round& round) {
    WriteBody body{{}, batch.gzip(), target_.gzip, batch.sent_points(), round.trace};
    if (!target_.gzip) {
      const auto lines = batch.lines();
      if (!lines) return unreadable(lines.error());
      body.bytes = *lines;
    }
    return write(body, round);
  }

  // Every group is a request. What is delivered is remembered until all groups are. What was
  // refused is not: it may be split, and only then is it known which points are lost.
  [[nodiscard]] Decision deliver_groups(Batch& batch, Round& round) {
    const auto lines = batch.lines();
    if (!lines) return unreadable(lines.error());
    const std::vector<LineGroup> groups = group_lines(*lines, target_.rules);
    Decision whole;
    whole.action = Action::kDelivered;
    for (const LineGroup& group : groups) {
      const GroupProgress::Done done = progress_.done(group);
      std::uint64_t rejected = done.rejected;
      if (done.bytes < group.lines.size()) {
        Decision decision = deliver_group(group, done, round);
        if (!settled(decision.action)) {
          progress_.forget_refused(groups);
          return decision;
        }
        // Its number of the bad line is one within the group.
        if (groups.size() > 1 || done.bytes > 0) decision.bad_line = 0;
        rejected += decision.rejected;
        progress_.add(group, rejected);
        add_refusal(decision, whole);
      }
      if (rejected >= group.points) whole.action = Action::kRejected;
      whole.rejected += rejected;
    }
    if (whole.action == Action::kRejected && whole.rejected < batch.sent_points()) {
      progress_.forget_refused(groups);
      return whole;
    }
    progress_.settle(groups);
    if (whole.action == Action::kRejected) whole.rejected = 0;  // all of them
    return whole;
  }

  // The first refusal speaks for all, but for what any of them may mean for the rest.
  static void add_refusal(const Decision& of_group, Decision& whole) {
    const std::uint64_t rejected = whole.rejected;
    const Action action = whole.action;
    const bool may_be_stored = whole.may_be_stored || of_group.may_be_stored;
    const bool lower = whole.lower_batch_size || of_group.lower_batch_size;
    if (whole.reason.empty()) whole = of_group;
    whole.rejected = rejected;
    whole.action = action;
    whole.may_be_stored = may_be_stored;
    whole.lower_batch_size = lower;
  }

  // What is not yet done of the group. Of a refusal `rejected` says how many.
  [[nodiscard]] Decision deliver_group(const LineGroup& group, const GroupProgress::Done& done,
                                       Round& round) {
    const std::string_view lines = std::string_view(group.lines).substr(done.bytes);
    WriteBody body{group.parameters, lines, target_.gzip, group.points - done.points, round.trace};
    std::string packed;
    if (target_.gzip) {
      auto made = gzip(lines);
      if (!made) return unreadable(made.error());
      packed = std::move(*made);
      body.bytes = packed;
    }
    Decision decision = write(body, round);
    if (decision.action == Action::kRejected) decision.rejected = body.points;
    return decision;
  }

  // To the first server that does not fail; no server is asked twice in one attempt.
  [[nodiscard]] Decision write(const WriteBody& body, Round& round) {
    while (!round.left.empty() && !round.stop.expired(clock_.boot())) {
      const std::size_t server = round.left.front();
      Decision decision = servers_[server].write(body, round.attempt, round.stop);
      if (settled(decision.action)) {
        note_success(server, round);
        return decision;
      }
      round.left.pop_front();
      note_failure(server, decision);
      round.failures.push_back({server, std::move(decision)});
      if (!try_elsewhere(round.failures.back().decision.action)) break;
    }
    return outcome(round);
  }

  void note_success(std::size_t server, const Round& round) {
    const std::size_t before = choice_.in_use();
    if (!choice_.worked(server)) return;
    if (server < before) {
      log_.info("writing to {} again", servers_[server].name());
    } else if (round.failures.empty()) {
      log_.warn("writing to {} while {} has asked for a wait", servers_[server].name(),
                servers_[before].name());
    } else {
      log_.warn("writing to {}: {}", servers_[server].name(), reasons(round));
    }
  }

  void note_failure(std::size_t server, const Decision& decision) {
    const base::BootTime now = clock_.boot();
    choice_.failed(server, now);
    if (decision.action == Action::kWait) {
      choice_.asked_for_wait(server, now + std::min(decision.wait, max_wait_));
    }
  }

  // The most hopeful of what was answered: backoff if any server may work at any moment.
  [[nodiscard]] Decision outcome(const Round& round) const {
    if (servers_.size() == 1 && !round.failures.empty()) return round.failures.front().decision;
    const auto any = [&round](Action action) {
      return std::any_of(round.failures.begin(), round.failures.end(),
                         [action](const Failure& f) { return f.decision.action == action; });
    };
    Decision decision;
    decision.reason = reasons(round);
    decision.ambiguous = std::all_of(round.failures.begin(), round.failures.end(),
                                     [](const Failure& f) { return f.decision.ambiguous; });
    if (any(Action::kRetry)) return decision;
    if (any(Action::kMisconfigured)) {
      decision.action = Action::kMisconfigured;
      return decision;
    }
    if (!round.left.empty()) return decision;  // the agent stops
    decision.action = Action::kWait;
    decision.wait = choice_.shortest_wait(clock_.boot()).value_or(base::Duration::zero());
    return decision;
  }

  [[nodiscard]] std::string reasons(const Round& round) const {
    if (round.failures.empty()) {
      return round.left.empty() ? "every server has asked for a wait" : "given up: the agent stops";
    }
    std::string text;
    for (const Failure& failure : round.failures) {
      if (!text.empty()) text += "; ";
      text += servers_[failure.server].name() + ": " + failure.decision.reason;
    }
    return one_line(text);
  }

  WriteTarget target_;
  const base::Clock& clock_;
  base::Logger log_;
  base::Duration max_wait_;
  ServerChoice choice_;
  std::deque<ServerConnection> servers_;  // as in the target
  GroupProgress progress_;
};

}  // namespace

base::Result<std::unique_ptr<Output>> make_write_output(WriteTarget target,
                                                        const HttpClientFactory& make_client,
                                                        const OutputContext& context) {
  auto output = std::make_unique<WriteOutput>(std::move(target), context);
  if (auto connected = output->connect(make_client); !connected) {
    return tl::unexpected(connected.error());
  }
  return output;
}

base::Result<std::unique_ptr<Output>> make_write_output(WriteTarget target,
                                                        const OutputContext& context) {
  return make_write_output(
      std::move(target),
      [&context](const WriteServer& server) {
        return make_http_client(server.client, context.clock);
      },
      context);
}

std::unique_ptr<Output> create_write_output(std::optional<WriteTarget> target,
                                            const config::Table& table,
                                            config::Diagnostics& diagnostics,
                                            const OutputContext& context, std::string& identity) {
  if (!target) return nullptr;
  identity = target->identity;
  auto output = make_write_output(std::move(*target), context);
  if (output) return std::move(*output);
  diagnostics.error(table.where(), output.error().message);
  return nullptr;
}

}  // namespace holdfast::outputs
